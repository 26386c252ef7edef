-- fault: the streams that are missing from the as-of date's extracts.
-- Grain: stream. Columns: source, stream; outcome (missing, quarantined); message; last_good (the last as-of date
--   before this one whose extract of the stream was complete; null if none is known).
with good as (
    select source, stream, max(as_of) as last_good
    from job_extract
    where as_of < $as_of and outcome not in ('missing', 'quarantined')
    group by source, stream
)
select j.source, j.stream, j.outcome, j.message, g.last_good
from job_extract j
left join good g on g.source = j.source and g.stream = j.stream
where j.as_of = $as_of and j.outcome in ('missing', 'quarantined')
