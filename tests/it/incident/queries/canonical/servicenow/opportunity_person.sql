-- opportunity_person of ServiceNow: an incident stands for itself.
-- Grain: one row per incident.
select
    record_id as opportunity_id,
    'servicenow.incident:' || record_id as record_key,
    true as is_primary,
    opened_at as linked_at
from servicenow.incident
