"""The measures of `queries/metrics` as DuckDB's best SQL, over the same stage entries.

`duckdb_measures.py ENTRIES AS_OF ANSWERS`: ENTRIES names the Parquet files of `stage_entry`, ANSWERS the
Parquet file of `metric` that the program made. Days are UTC, weeks begin on Monday, the fiscal year in
January, the horizon is 90 days. Prints seconds, peak of memory in MiB and how many figures agree; any
other figure is an error.
"""

import calendar
import datetime
import resource
import sys
import time

import duckdb

DIMENSIONS = ["lead_source", "segment", "region", "owner_id", "channel"]
MARKS = [7, 14, 30, 60, 90, 180]
DAY = 86_400_000_000
HORIZON = 90 * DAY


def periods(first, as_of):
    """(period, first day, last day), as `src/metrics/period.rs` has them."""
    one = datetime.timedelta(days=1)
    found = set()
    day = first
    while day <= as_of:
        if (as_of - day).days < 60:
            found.add(("day", day, day))
        monday = day - one * day.weekday()
        if (as_of - monday).days < 371:
            found.add(("week", monday, monday + 6 * one))
        for name, months in (("month", 1), ("quarter", 3), ("fiscal_year", 12)):
            month = (day.month - 1) // months * months + 1
            last = month + months - 1
            end = datetime.date(day.year, last, calendar.monthrange(day.year, last)[1])
            found.add((name, datetime.date(day.year, month, 1), end))
        day += one
    for days in (7, 28, 90, 365):
        found.add((f"rolling_{days}", as_of - (days - 1) * one, as_of))
    return sorted(found)


def slots(spans, first, as_of):
    """Days by the longest runs that no period cuts."""
    one = datetime.timedelta(days=1)
    cuts = {start for _, start, _ in spans} | {end + one for _, _, end in spans}
    days, starts, day = [], [], first
    while day <= as_of:
        if not starts or day in cuts:
            starts.append(day)
        days.append((day, len(starts) - 1))
        day += one
    rows = [
        (slot, name, start, end)
        for name, start, end in spans
        for slot, begins in enumerate(starts)
        if start <= begins <= end
    ]
    return days, rows


def sets(*keys):
    """The total and each dimension."""
    groups = [", ".join(keys)] + [", ".join([*keys, name]) for name in DIMENSIONS]
    return "grouping sets (" + ", ".join(f"({group})" for group in groups) + ")"


def member():
    dimension = " ".join(f"when grouping({name}) = 0 then '{name}'" for name in DIMENSIONS)
    value = " ".join(f"when grouping({name}) = 0 then {name}" for name in DIMENSIONS)
    return f"case {dimension} end as dimension, case {value} end as member"


KEY = "period, period_start, period_end"
NAMES = ", ".join(DIMENSIONS)


def prepare(db, entries, as_of):
    blank = ", ".join(f"coalesce(nullif(trim({name}), ''), 'blank') as {name}" for name in DIMENSIONS)
    db.sql(f"""create temp table entry as
        select row_number() over () as id, person_id, cycle, stage, cast(stage_order as int) as stage_order,
            epoch_us(entered_at) as at_us, entered_on, epoch_us(exited_at) as left_at,
            cast(exited_at as date) as left_on, outcome, net_new, implied, carried, censored,
            not implied and not carried and not censored as observed, confirmed_at,
            coalesce(epoch_us(confirmed_at) - epoch_us(entered_at) <= {DAY}, true) as in_time, {blank}
        from read_parquet('{entries}')""")
    first = db.sql("select min(entered_on) from entry").fetchall()[0][0]
    start = first.replace(month=1, day=1)
    days, rows = slots(periods(first, as_of), start, as_of)
    db.execute("create temp table day_slot (day date, slot int)")
    db.execute("create temp table period (slot int, period text, period_start date, period_end date)")
    for table, values in (("day_slot", days), ("period", rows)):
        marks = ", ".join(
            "(" + ", ".join(f"'{v}'" if not isinstance(v, int) else str(v) for v in row) + ")" for row in values
        )
        db.execute(f"insert into {table} values {marks}")
    end = int(datetime.datetime.combine(as_of, datetime.time(), datetime.timezone.utc).timestamp())
    return (end + 86_400) * 1_000_000 - 1


def volume():
    return f"""
        select measure, {KEY}, stage, cast(null as varchar) as to_stage, dimension, member, n, cast(n as double) as value
        from (
            select {KEY}, stage, dimension, member, sum(volume) as volume, sum(net_new) as volume_net_new,
                sum(implied) as volume_implied
            from (
                select slot, stage, {member()}, count(*) filter (observed) as volume,
                    count(*) filter (observed and net_new) as net_new, count(*) filter (implied) as implied
                from entry join day_slot on day = entered_on where not carried
                group by {sets('slot', 'stage')}
            ) join period using (slot)
            group by all
        ) unpivot (n for measure in (volume, volume_net_new, volume_implied))
        where n > 0"""


def transitions(end):
    return f"""create temp table transition as
        with cycles as (
            select person_id, cycle, case when not bool_or(outcome = 'open') then max(left_at) end as ended_at
            from entry group by all
        ), last as (select max(stage_order) as last from entry),
        pair as (
            select a.stage, a.stage_order, t.to_order, a.{', a.'.join(DIMENSIONS)}, s.slot, d.slot as to_slot, a.at_us,
                b.stage_order is not null and (t.to_order < last or b.outcome = 'won') as arrived,
                b.at_us - a.at_us as us, coalesce(b.observed, false) and a.in_time and b.in_time as exact,
                greatest(c.ended_at - a.at_us, 0) as ended_us, c.ended_at is null as going
            from entry a
            join cycles c using (person_id, cycle)
            cross join last
            join (select unnest(range(2, 20)) as to_order) t
                on t.to_order > a.stage_order and t.to_order <= last and t.to_order in (a.stage_order + 1, last)
            join day_slot s on s.day = a.entered_on
            left join entry b on b.person_id = a.person_id and b.cycle = a.cycle and b.stage_order = t.to_order
                and not b.carried
            left join day_slot d on d.day = b.entered_on
            where a.observed
        )
        select pair.*, n.stage as to_stage, case when arrived and us >= 0 then us end as reached,
            case when arrived and us >= 0 then us when not going then ended_us else {end} - at_us end as spell,
            case when arrived and us >= 0 then 0 when not going then 1 else 2 end as fate
        from pair join (select distinct stage, stage_order from entry) n on n.stage_order = pair.to_order"""


def conversion():
    return f"""
        select 'conversion' as measure, {KEY}, stage, to_stage, dimension, member, sum(n) as n,
            sum(converted) / sum(n) as value
        from (
            select slot, stage, to_stage, {member()}, count(*) as n, count(*) filter (reached <= {HORIZON}) as converted
            from transition group by {sets('slot', 'stage', 'to_stage')}
        ) join period using (slot)
        where period <> 'day'
        group by all"""


def velocity():
    return f"""
        select unnest(['velocity_mean', 'velocity_median', 'velocity_p90']) as measure, {KEY}, stage, to_stage,
            dimension, member, n, unnest([mean / {DAY}, q[1] / {DAY}, q[2] / {DAY}]) as value
        from (
            select {KEY}, stage, to_stage, {member()}, count(*) as n, avg(us) as mean,
                quantile_cont(cast(us as double), [0.5, 0.9]) as q
            from transition join period on period.slot = to_slot and period <> 'day'
            where arrived and exact and us >= 0
            group by {sets('period', 'period_start', 'period_end', 'stage', 'to_stage')}
        )"""


def incidence(horizon_marks):
    shares = ", ".join(
        f"case when {mark * DAY} <= max(spell) or min(waiting * (1 - (came + lost) / at_risk)) < 1e-12 "
        f"then coalesce(max(cif) filter (spell <= {mark * DAY}), 0) end"
        for mark in horizon_marks
    )
    names = ", ".join(f"'incidence_{mark}'" for mark in horizon_marks)
    keys = f"{KEY}, stage, to_stage, dimension, member"
    return f"""
        with step as (
            select {KEY}, stage, to_stage, {member()}, spell, count(*) as c, count(*) filter (fate = 0) as came,
                count(*) filter (fate = 1) as lost
            from transition join period using (slot)
            where period <> 'day'
            group by {sets('period', 'period_start', 'period_end', 'stage', 'to_stage', 'spell')}
        ), kept as (
            select * from step
            where dimension is null or period in ('quarter', 'fiscal_year', 'rolling_90', 'rolling_365')
        ), risk as (
            select *, sum(c) over (partition by {keys} order by spell desc) as at_risk from kept
        ), left_over as (
            select *, coalesce(product(1 - (came + lost) / at_risk) over (
                partition by {keys} order by spell rows between unbounded preceding and 1 preceding), 1) as waiting
            from risk
        ), curve as (
            select *, sum(waiting * came / at_risk) over (partition by {keys} order by spell) as cif from left_over
        ), whole as (
            select {keys}, cast(sum(c) as bigint) as n, [{shares}] as shares,
                min(spell) filter (came > 0 and cif >= 0.5 - 1e-12) / {DAY} as median
            from curve group by all
        )
        select unnest([{names}, 'time_to_convert']) as measure, {keys}, n,
            unnest(list_append(shares, median)) as value
        from whole"""


def stock(as_of):
    taken = f"period_end <= '{as_of}' and (period in ('month', 'quarter', 'fiscal_year') or (period = 'day' and period_end = '{as_of}'))"
    return f"""
        with ends as (select distinct {KEY} from period where {taken}),
        there as (
            select {KEY}, stage, {member()}, count(*) as n,
                avg(epoch_us(cast(period_end as timestamp)) + {DAY} - 1 - at_us) filter (not censored) as mean,
                quantile_cont(cast(epoch_us(cast(period_end as timestamp)) + {DAY} - 1 - at_us as double), [0.5, 0.9])
                    filter (not censored) as q
            from entry join ends on entered_on <= period_end and (left_on is null or left_on > period_end)
            group by {sets('period', 'period_start', 'period_end', 'stage')}
        )
        select unnest(['stock', 'stock_age_mean', 'stock_age_median', 'stock_age_p90']) as measure, {KEY}, stage,
            cast(null as varchar) as to_stage, dimension, member, n,
            unnest([cast(n as double), mean / {DAY}, q[1] / {DAY}, q[2] / {DAY}]) as value
        from there"""


def main():
    entries, as_of, answers = sys.argv[1], datetime.date.fromisoformat(sys.argv[2]), sys.argv[3]
    began = time.perf_counter()
    db = duckdb.connect()
    db.sql("set timezone = 'UTC'")
    end = prepare(db, entries, as_of)
    db.sql(transitions(end))
    parts = [volume(), conversion(), velocity(), incidence(MARKS), stock(as_of)]
    columns = f"measure, {KEY}, stage, to_stage, dimension, member, n, value"
    for number, part in enumerate(parts):
        verb = "create temp table found as" if number == 0 else "insert into found"
        db.sql(f"{verb} select {columns} from ({part})")
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    same = """a.measure = b.measure and a.period = b.period and a.period_start = b.period_start and a.stage = b.stage
        and a.to_stage is not distinct from b.to_stage and a.dimension is not distinct from b.dimension
        and a.member is not distinct from b.member"""
    measures = "(select distinct measure from found)"
    ours = f"""(select * from read_parquet('{answers}') where measure in {measures} and (n > 0)
        and not (measure = 'stock' and period in ('day', 'week') and period_end <> '{as_of}'))"""
    agreed = db.sql(f"select count(*) from found a join {ours} b on {same}").fetchall()[0][0]
    wrong = db.sql(f"""select * from found a full join {ours} b on {same}
        where a.n is distinct from b.n or (a.value is null) <> (b.value is null)
            or abs(a.value - b.value) > 1e-6 * greatest(1, abs(a.value)) limit 5""").fetchall()
    if wrong:
        sys.exit(f"the answers differ: {wrong}")
    print(seconds, peak, agreed)


main()
