-- baseline_row: what a baseline keeps of its window.
-- Grain: measure x stage x to_stage x member x period_start; measure is
--   volume       n: counted entries (observed, net-new; at the last stage won) of the whole window;
--   volume_week  n: the same of each whole week in the window (period_start); the total has a row for every week;
--   conversion   n: observed entries of the window at least a horizon old when frozen; converted: of them, within the
--                horizon; value: the share;
--   duration     n: transitions completed in the window; value: median days; durations: every one of them in µs,
--                ascending, separated by commas.
-- Columns: the key; n, converted, value, durations.
with week as (
    select d.week_start
    from calendar_day d
    cross join baseline_window w
    where d.date between w.first_day and w.last_day
    group by d.week_start
    having count(*) = 7
),
counted as (
    select e.stage_order, e.member_no, e.week_start
    from entry_dimension e
    cross join baseline_window w
    where e.counted and e.entered_on between w.first_day and w.last_day
),
weekly as (
    select stage_order, member_no, week_start, 1 as step from counted
    union all
    select s.stage_order, 0, week.week_start, 0 from stage s cross join week
),
kept as (
    select
        'volume' as measure, stage_order, cast(null as bigint) as to_order, member_no,
        cast(null as date) as period_start, count(*) as n, cast(null as bigint) as converted,
        cast(null as double) as value, cast(null as varchar) as durations
    from counted
    group by stage_order, member_no
    union all
    select 'volume_week', e.stage_order, null, e.member_no, e.week_start, sum(e.step), null, null, null
    from weekly e
    join week on week.week_start = e.week_start
    group by e.stage_order, e.member_no, e.week_start
    union all
    select
        'conversion', t.stage_order, t.to_order, t.member_no, null,
        count(*), count(*) filter (where t.converted), ratio(count(*) filter (where t.converted), count(*)), null
    from transition_dimension t
    cross join baseline_window w
    where t.mature and not t.left_out and t.entered_on between w.first_day and w.last_day
    group by t.stage_order, t.to_order, t.member_no
    union all
    select
        'duration', t.stage_order, t.to_order, t.member_no, null, count(*), null,
        quantile(t.elapsed_us, 0.5) / 86400000000,
        string_agg(cast(t.elapsed_us as varchar), ',' order by t.elapsed_us)
    from transition_dimension t
    cross join baseline_window w
    where t.elapsed_us is not null and t.to_on between w.first_day and w.last_day
    group by t.stage_order, t.to_order, t.member_no
)
select
    k.measure, s.id as stage, t.id as to_stage, m.dimension, m.member, k.period_start, k.n, k.converted, k.value,
    k.durations
from kept k
join stage s on s.stage_order = k.stage_order
left join stage t on t.stage_order = k.to_order
join member m on m.member_no = k.member_no
order by k.measure, k.stage_order, k.to_order, k.member_no, k.period_start
