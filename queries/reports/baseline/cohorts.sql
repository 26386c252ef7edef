-- cohorts: what became of those who entered a stage in each of the last 12 months.
-- Grain: month of entry x stage but the last. Columns: month (its first day), stage, term, stage_order, next_term; n (observed
--   entries), converted (to the next stage, within the horizon), open (of n, at most so many still can: not a horizon old,
--   their cycle goes on), rate (converted of n): see conversion.
select
    c.period_start as month, s.id as stage, s.term, s.stage_order, t.term as next_term, c.n, c.converted,
    least(c.open, c.n - c.mature) as open,
    ratio(c.converted, c.n) as rate
from conversion c
join stage s on s.stage_order = c.stage_order
join stage t on t.stage_order = c.to_order and t.stage_order = s.stage_order + 1
where c.period = 'month' and c.member_no = 0 and c.period_start > $as_of - 366
order by c.period_start, s.stage_order
