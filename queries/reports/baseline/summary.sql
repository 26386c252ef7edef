-- summary: the baseline that everything is compared with.
-- Grain: one row. Columns: baseline_name, baseline_from, baseline_to, baseline_imported, baseline_definition (null without a
--   baseline); definition, horizon_days, floor.
select
    b.baseline as baseline_name, b.first_day as baseline_from, b.last_day as baseline_to, b.imported as baseline_imported,
    b.definition as baseline_definition, s.definition, s.horizon_us / 86400000000 as horizon_days, s.floor
from setting s
left join (
    select distinct baseline, definition, first_day, last_day, imported from baseline
) b on b.baseline = s.baseline
