-- stage_day: counted entries (observed, net-new; at the last stage won) of every stage on every day of the running week
-- and the 26 weeks before it, 0 where none.
-- Grain: stage x day. Columns: stage, date, week_start, weekday, working, n.
with today as (
    select week_start from calendar_day where date = $as_of
),
counted as (
    select stage, entered_on, count(*) as n
    from entry
    where counted
    group by stage, entered_on
)
select s.id as stage, d.date, d.week_start, d.weekday, d.working, coalesce(c.n, 0) as n
from stage s
cross join calendar_day d
cross join today t
left join counted c on c.stage = s.id and c.entered_on = d.date
where d.date between t.week_start - 182 and $as_of
