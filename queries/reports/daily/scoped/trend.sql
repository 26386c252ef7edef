-- trend: counted entries of each scope of the last 26 complete weeks, 0 where none.
-- Grain: scope x week x stage. Columns: scope_no; those of the whole's trend.
with week as (
    select distinct week_start
    from calendar_day
    where week_start + 6 between $as_of - 181 and $as_of
),
counted as (
    select scope_no, stage, week_start, sum(n) as n
    from scope_stage_day
    group by scope_no, stage, week_start
)
select x.scope_no, w.week_start, s.id as stage, s.term, s.stage_order, coalesce(c.n, 0) as n
from scope x
cross join week w
cross join stage s
left join counted c on c.scope_no = x.scope_no and c.stage = s.id and c.week_start = w.week_start
order by x.scope_no, w.week_start, s.stage_order
