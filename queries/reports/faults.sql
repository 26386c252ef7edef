-- faults: the streams that are missing from this run.
-- Grain: stream. Columns: source, stream, outcome, message, last_good: see fault.
select source, stream, outcome, message, last_good
from fault
order by source, stream
