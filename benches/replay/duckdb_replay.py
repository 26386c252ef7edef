"""The stage walk as DuckDB's best query, over the same evidence.

`duckdb_replay.py EVIDENCE OUT`: EVIDENCE names Parquet files, also by a pattern, in the order of their names
sorted by person and instant. Writes the stage entries to the Parquet file OUT and prints seconds and peak of
memory in MiB.

What it counts on, so only this company can be walked so: eight stages, of which whoever is in one passed the
lower ones; recycling is to the third; no opportunities, and all instants known and distinct; after a close
nothing that would begin another cycle. Days are UTC.

Evidence is sorted, so all that is known of a person before a row is running totals and maxima over the rows
as they lie: no sort, no hash. DuckDB streams these on one thread, so each thread takes persons of its own.
"""

import concurrent.futures
import os
import resource
import sys
import time

import duckdb

STAGES = ["anonymous", "known", "responded", "mql", "sal", "sql", "opportunity", "closed"]
LAST = len(STAGES)
TO = 3
# What an entry takes from its row of evidence, beside the person and the instant.
TAKEN = "via, seen_after, known_at, customer, new_business, imported, amount, won, reason,"
SO_FAR = "over (rows unbounded preceding)"


def text(value):
    return "'" + value.replace("'", "''") + "'"


def parts(db, evidence):
    """Conditions that part the persons at borders of row groups, one part a processor."""
    found = db.sql(f"""select stats_min_value from parquet_metadata('{evidence}')
        where path_in_schema = 'person_id' order by all""")
    lowest = [text(value) for (value,) in found.fetchall()]
    count = os.cpu_count()
    borders = [lowest[part * len(lowest) // count] for part in range(1, count)]
    above = ["true"] + [f"person_id >= {border}" for border in borders]
    below = [f"person_id < {border}" for border in borders] + ["true"]
    return [f"{one} and {other}" for one, other in zip(above, below)]


def spans(evidence, part, taken):
    """Evidence with the highest stage before it in its span: since the latest recycling, effective or not.

    A recycling was effective if its span went above where it leads. `cycle` numbers cycles of all persons;
    what follows a close may get numbers too, but those of no cycle that counts.
    """
    return f"""
        select * exclude (starts, recycles, span, top), recycles and highest > {TO} as recycled,
            count(*) filter (where starts or recycles and highest > {TO}) {SO_FAR} as cycle
        from (
            select *, case when starts then 0 else lag(top) over () & 15 end as highest
            from (
                select *, max(span * 16 + stage_order) {SO_FAR} as top
                from (
                    select *, count(*) filter (where starts or recycles) {SO_FAR} as span
                    from (
                        select person_id, {taken} "at", kind = 'recycle' as recycles,
                            case when kind = 'recycle' then 0 else stage_order end as stage_order,
                            person_id is distinct from lag(person_id) over () as starts
                        from read_parquet('{evidence}') where not excluded and {part}))))"""


def reached(evidence, part):
    """The rows that make entries: those above all before them in their cycle, and effective recyclings.

    The highest of a row's entries, `high`, is left at the person's next such row; the others at once. The
    first cycle may have several spans, but none that counts after it went above the third stage; later
    cycles begin at the third. So the highest stage ever and that of the span tell that of the cycle.
    """
    return f"""
        select *, case when recycled then 1 else passed + 1 end as low,
            case when recycled then {TO} else stage_order end as high,
            cycle - max(case when ever = 0 then cycle end) {SO_FAR} + 1 as number,
            case when lead(person) over () = person then lead("at") over () end as left_at,
            lead(person) over () = person and lead(recycled) over () as left_recycled,
            lead(reason) over () as left_reason
        from (
            select *, case when ever <= {TO} then ever else greatest({TO}, highest) end as passed
            from (
                select *, case when starts then 0 else lag(top) over () & 15 end as ever
                from (
                    select *, max(person * 16 + stage_order) {SO_FAR} as top
                    from (
                        select *, count(*) filter (where starts) {SO_FAR} as person
                        from (
                            select *, person_id is distinct from lag(person_id) over () as starts
                            from ({spans(evidence, part, TAKEN)}) where recycled or stage_order > highest)))))
        where ever < {LAST} and (recycled or stage_order > passed)"""


def confirmed(evidence, part):
    """The first evidence of each stage in each cycle, where it may be later than that of a higher one.

    That is below the highest of its span; below the third also where an ineffective recycling lies between.
    """
    return f"""
        select cycle, stage_order, min("at") as first_at
        from ({spans(evidence, part, "")})
        where highest < {LAST} and stage_order > 0
            and (stage_order < highest or stage_order < {TO} and stage_order > highest)
        group by all"""


def entries(number):
    stages = "[" + ", ".join(text(stage) for stage in STAGES) + "]"
    return f"""
        select person_id, cast(null as varchar) as opportunity_id, number as cycle, {stages}[stage] as stage,
            stage as stage_order, "at" as entered_at, cast("at" as date) as entered_on,
            seen_after as entered_after,
            case when stage < high or high = {LAST} then "at" else left_at end as exited_at,
            case when stage < high then 'progressed'
                when high = {LAST} then case when coalesce(won, true) then 'won' else 'lost' end
                when left_at is null then 'open'
                when left_recycled then 'recycled' else 'progressed' end as outcome,
            case when stage < high or left_at is not null and not left_recycled
                then {stages}[stage + 1] end as next_stage,
            case when stage = high and left_recycled then left_reason end as reason, via,
            implied and first_at is null as implied, case when implied then first_at end as confirmed_at,
            recycled as carried, false as censored,
            cast("at" as date) < cast(known_at as date) and not imported as late, false as direct,
            not recycled and stage > ever and not customer and new_business as net_new, customer, amount,
            'bench' as definition, known_at
        from (
            select reached.*, first_at, stage < high and not recycled as implied
            from (select *, unnest(range(low, high + 1)) as stage from reached_{number}) reached
            left join confirmed_{number} confirmed
                on confirmed.cycle = reached.cycle and confirmed.stage_order = stage)"""


def prepare(db, evidence, number, part):
    session = db.cursor()
    session.execute(f"create table reached_{number} as {reached(evidence, part)}")
    session.execute(f"create table confirmed_{number} as {confirmed(evidence, part)}")


def main():
    evidence, out = sys.argv[1:3]
    began = time.perf_counter()
    db = duckdb.connect()
    persons = parts(db, evidence)
    with concurrent.futures.ThreadPoolExecutor() as threads:
        tasks = [threads.submit(prepare, db, evidence, number, part) for number, part in enumerate(persons)]
        for task in tasks:
            task.result()
    db.execute("set timezone = 'UTC'")
    # From here on nothing hangs on the order of rows.
    db.execute("set preserve_insertion_order = false")
    found = " union all ".join(entries(number) for number in range(len(persons)))
    db.execute(f"copy ({found}) to '{out}' (format parquet, compression zstd)")
    seconds = time.perf_counter() - began
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)


main()
