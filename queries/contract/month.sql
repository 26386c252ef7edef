-- month: observed entries of each stage in the last twelve months, the running one last.
-- Grain: stage x month; 0 where none. Columns: stage, month (its first day), n.
with recent as (
    select distinct period_start as month
    from volume
    where period = 'month'
    order by month desc
    limit 12
)
select s.id as stage, v.period_start as month, v.n
from volume v
join stage s on s.stage_order = v.stage_order
join recent r on r.month = v.period_start
where v.measure = 'volume' and v.period = 'month' and v.member_no = 0
order by s.stage_order, v.period_start
