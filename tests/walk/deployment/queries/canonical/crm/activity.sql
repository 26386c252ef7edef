-- Grain: one row per call or meeting.
select
    record_id as activity_id,
    leadkey as record_key,
    kind,
    at as occurred_at,
    known_at,
    imported
from crm.call
