-- sync: how two sources hold the same persons.
-- Grain: source x other_source x field, the persons themselves first. Columns: see audit_sync.
select
    source, other_source, field, both, here_only, differ, changes, arrived, minutes_p50, minutes_p90, minutes_max, waiting,
    oldest_days
from audit_sync
order by source, other_source, field nulls first
