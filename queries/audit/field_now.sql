-- field_now: the fields that sources may hold of the same person, as they stand.
-- Grain: person_id x source x field whose value is not blank. Columns: the key; stream, record_id; value (as text).
with long as (
    select
        person_id, source, stream, record_id,
        unnest(['status', 'lifecycle_stage', 'lead_score', 'lead_source', 'owner_id', 'email']) as field,
        unnest([status, lifecycle_stage, cast(lead_score as varchar), lead_source, owner_id, email]) as value
    from side
)
select person_id, source, stream, record_id, field, trim(value) as value
from long
where trim(value) <> ''
