-- baseline_row: what a baseline keeps of its window.
-- Grain: measure x stage x to_stage x member x period_start x age_days; measure is
--   stage        observed_from: since when the stage has been watched (see observed); n: 1;
--   volume       n: counted entries (observed, net-new; at the last stage won) of the whole window; value: a week's share;
--   volume_week  n: the same of each whole week in the window (period_start); the total has a row for every week;
--   volume_month n: the same of each month (period_start), which the window may cut short; the total has every month;
--   conversion   n: observed entries of the window at least a horizon old when frozen; converted: of them, within the
--                horizon; value: the share;
--   conversion_by_age  the same for every horizon: n entries at least age_days old when frozen, converted within age_days;
--                a row holds until the next;
--   duration     n: transitions completed in the window; value: median days; durations: every one of them in µs,
--                ascending, separated by commas.
-- Columns: those of baseline_head (name, definition and its hash, commit, window, imported, horizon); the key; n, converted,
--   value, durations, observed_from.
with week as (
    select d.week_start
    from calendar_day d
    cross join baseline_head w
    where d.date between w.first_day and w.last_day
    group by d.week_start
    having count(*) = 7
),
counted as (
    select e.stage_order, e.member_no, d.week_start, d.month_start
    from entry_dimension e
    join calendar_day d on d.date = e.entered_on
    cross join baseline_head w
    where e.counted and e.entered_on between w.first_day and w.last_day
),
weekly as (
    select stage_order, member_no, week_start, 1 as step from counted
    union all
    select s.stage_order, 0, week.week_start, 0 from stage s cross join week
),
monthly as (
    select stage_order, member_no, month_start, 1 as step from counted
    union all
    select s.stage_order, 0, d.month_start, 0
    from stage s
    cross join calendar_day d
    cross join baseline_head w
    where d.date between w.first_day and w.last_day
),
-- Whole days: an entry is age days old; reached is the least horizon within which it converted.
aged as (
    select
        t.stage_order, t.to_order, t.member_no, t.age_us / 86400000000 as age,
        (t.reached_us + 86399999999) / 86400000000 as reached,
        t.to_censored and t.reached_us is not null as unknown
    from transition_dimension t
    cross join baseline_head w
    where t.entered_on between w.first_day and w.last_day
),
-- An entry counts from age 0 up to its own. Of a conversion known only from a first snapshot nobody knows when it was: it
-- counts for the horizons within which it was seen, and not at all for shorter ones.
stepped as (
    select
        stage_order, to_order, member_no, case when unknown then reached else 0 end as age_days, 1 as n, 0 as converted
    from aged
    where not unknown or reached <= age
    union all
    select stage_order, to_order, member_no, reached, 0, 1
    from aged
    where reached <= age
    union all
    select stage_order, to_order, member_no, age + 1, -1, case when reached <= age then -1 else 0 end
    from aged
    where not unknown or reached <= age
),
by_age as (
    select
        stage_order, to_order, member_no, age_days,
        sum(sum(n)) over (partition by stage_order, to_order, member_no order by age_days) as n,
        sum(sum(converted)) over (partition by stage_order, to_order, member_no order by age_days) as converted
    from stepped
    group by stage_order, to_order, member_no, age_days
),
kept as (
    select
        'stage' as measure, stage_order, cast(null as bigint) as to_order, 0 as member_no,
        cast(null as date) as period_start, cast(null as bigint) as age_days, 1 as n,
        cast(null as bigint) as converted, cast(null as double) as value, cast(null as varchar) as durations,
        observed_from
    from observed
    union all
    select
        'volume', c.stage_order, null, c.member_no, null, null, count(*), null,
        ratio(7 * count(*), max(w.days)), null, null
    from counted c
    cross join (
        select count(*) as days
        from calendar_day d
        cross join baseline_head h
        where d.date between h.first_day and h.last_day
    ) w
    group by c.stage_order, c.member_no
    union all
    select 'volume_week', e.stage_order, null, e.member_no, e.week_start, null, sum(e.step), null, null, null, null
    from weekly e
    join week on week.week_start = e.week_start
    group by e.stage_order, e.member_no, e.week_start
    union all
    select 'volume_month', stage_order, null, member_no, month_start, null, sum(step), null, null, null, null
    from monthly
    group by stage_order, member_no, month_start
    union all
    select
        'conversion', t.stage_order, t.to_order, t.member_no, null, null,
        count(*), count(*) filter (where t.converted), ratio(count(*) filter (where t.converted), count(*)), null, null
    from transition_dimension t
    cross join baseline_head w
    where t.mature and not t.left_out and t.entered_on between w.first_day and w.last_day
    group by t.stage_order, t.to_order, t.member_no
    union all
    select
        'conversion_by_age', stage_order, to_order, member_no, null, age_days, n, converted, ratio(converted, n), null,
        null
    from by_age
    union all
    select
        'duration', t.stage_order, t.to_order, t.member_no, null, null, count(*), null,
        quantile(t.elapsed_us, 0.5) / 86400000000,
        string_agg(cast(t.elapsed_us as varchar), ',' order by t.elapsed_us), null
    from transition_dimension t
    cross join baseline_head w
    where t.elapsed_us is not null and t.to_on between w.first_day and w.last_day
    group by t.stage_order, t.to_order, t.member_no
)
select
    h.baseline, h.definition, h.definition_hash, h.commit_no, h.first_day, h.last_day, h.imported, h.horizon_days,
    k.measure, s.id as stage, t.id as to_stage, m.dimension, m.member, k.period_start, k.age_days, k.n, k.converted,
    k.value, k.durations, k.observed_from
from kept k
cross join baseline_head h
join stage s on s.stage_order = k.stage_order
left join stage t on t.stage_order = k.to_order
join member m on m.member_no = k.member_no
order by k.measure, k.stage_order, k.to_order, k.member_no, k.period_start, k.age_days
