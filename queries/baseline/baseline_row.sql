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
    select e.stage, e.dimension, e.member, e.entered_on
    from entry_dimension e
    cross join baseline_window w
    where e.counted and e.entered_on between w.first_day and w.last_day
),
weekly as (
    select c.stage, c.dimension, c.member, d.week_start, 1 as step
    from counted c
    join calendar_day d on d.date = c.entered_on
    union all
    select s.id, null, null, week.week_start, 0 from stage s cross join week
)
select
    'volume' as measure, stage, cast(null as varchar) as to_stage, dimension, member, cast(null as date) as period_start,
    count(*) as n, cast(null as bigint) as converted, cast(null as double) as value, cast(null as varchar) as durations
from counted
group by stage, dimension, member
union all
select 'volume_week', e.stage, null, e.dimension, e.member, e.week_start, sum(e.step), null, null, null
from weekly e
join week on week.week_start = e.week_start
group by e.stage, e.dimension, e.member, e.week_start
union all
select
    'conversion', t.stage, t.to_stage, t.dimension, t.member, null,
    count(*), count(*) filter (where t.converted), ratio(count(*) filter (where t.converted), count(*)), null
from transition_dimension t
cross join baseline_window w
where t.mature and not t.left_out and t.entered_on between w.first_day and w.last_day
group by t.stage, t.to_stage, t.dimension, t.member
union all
select
    'duration', t.stage, t.to_stage, t.dimension, t.member, null, count(*), null,
    median(cast(t.elapsed_us as double)) / 86400000000,
    string_agg(cast(t.elapsed_us as varchar), ',' order by t.elapsed_us)
from transition_dimension t
cross join baseline_window w
where t.elapsed_us is not null and t.to_on between w.first_day and w.last_day
group by t.stage, t.to_stage, t.dimension, t.member
