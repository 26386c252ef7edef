-- faults: the streams that are missing from this run. They bear on every scope.
-- Grain: stream. Columns: scope_no (null: for everyone), source, stream, outcome, last_good: see fault; message (null: what was
--   wrong with a stream may tell of all its rows).
select cast(null as bigint) as scope_no, source, stream, outcome, cast(null as varchar) as message, last_good
from fault
order by source, stream
