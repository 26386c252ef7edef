-- restated: volumes that have changed since this report told them last.
-- Grain: period x stage, the shortest periods first. Columns: measure, period (day, week, month), period_start,
--   period_end, until (the last day that was counted), stage, term; told_on; n_then, n_now, difference and its causes: see
--   restated.
select
    r.measure, r.period, r.period_start, r.period_end, r.until, r.stage, s.term, r.told_on, r.n_then, r.n_now, r.difference,
    r.merged, r.split, r.deleted, r.re_dated, r.redefined, r.reopened, r.linked, r.confirmed, r.late, r.erased,
    r.unexplained
from restated r
join stage s on s.id = r.stage
where r.report = 'daily' and r.scope is null and r.last_told and r.fresh <> 0 and r.difference <> 0
    and r.measure = 'volume_counted' and r.dimension is null and r.period in ('day', 'week', 'month')
order by
    case r.period when 'month' then 1 when 'week' then 2 else 3 end, r.period_start desc, s.stage_order
