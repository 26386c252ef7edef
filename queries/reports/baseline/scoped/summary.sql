-- summary: the baseline that each scope is compared with.
-- Grain: scope. Columns: scope_no; those of the whole's summary; those of the baseline are null where none is kept for the
--   scope.
select
    x.scope_no,
    b.baseline as baseline_name, b.first_day as baseline_from, b.last_day as baseline_to, b.imported as baseline_imported,
    b.definition as baseline_definition, s.definition, s.horizon_us / 86400000000 as horizon_days, s.floor
from scope x
cross join setting s
left join (
    select distinct baseline, definition, first_day, last_day, imported from baseline
) b on b.baseline = s.baseline and x.dimension is not null
order by x.scope_no
