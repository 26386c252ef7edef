-- faults: the streams that are missing from this run.
-- Grain: stream. Columns: source, stream, outcome, message, last_good: see fault; scope_no
--   (null: they bear on every scope).
select cast(null as bigint) as scope_no, source, stream, outcome, message, last_good
from fault
order by source, stream
