-- months: counted entries of the running month and the one before.
-- Grain: stage x month, in order. Columns: measure (volume_counted), period (month), period_start, period_end, stage, term,
--   stage_order, n: see volume; complete (the month is over).
select
    m.measure, m.period, m.period_start, m.period_end, m.stage, s.term, s.stage_order, m.n, m.period_end <= $as_of as complete
from metric m
join stage s on s.id = m.stage
where m.measure = 'volume_counted' and m.period = 'month' and m.dimension is null
    and m.period_end > date_trunc('month', $as_of) - interval '2 days'
order by s.stage_order, m.period_start
