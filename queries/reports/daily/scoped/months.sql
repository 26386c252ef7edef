-- months: counted entries of each scope, of the running month and the one before.
-- Grain: scope x stage x month, in order. Columns: scope_no; those of the whole's months.
with counted as (
    select scope_no, stage, month_start, sum(n) as n
    from scope_stage_day
    group by scope_no, stage, month_start
)
select
    x.scope_no, 'volume_counted' as measure, p.period, p.period_start, p.period_end, s.id as stage, s.term, s.stage_order,
    coalesce(c.n, 0) as n, p.period_end <= $as_of as complete
from scope x
cross join stage s
cross join (
    select distinct period, period_start, period_end
    from period
    where period = 'month' and period_start <= $as_of and period_end > date_trunc('month', $as_of) - interval '2 days'
) p
left join counted c on c.scope_no = x.scope_no and c.stage = s.id and c.month_start = p.period_start
order by x.scope_no, s.stage_order, p.period_start
