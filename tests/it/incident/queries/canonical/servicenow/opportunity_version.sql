-- opportunity_version of ServiceNow: what closing does to an incident.
-- Grain: one row per incident and version.
select
    record_id as opportunity_id,
    ident_state as stage,
    opened_at as created_at,
    ident_state = 'Closed' as is_closed,
    ident_state = 'Closed' as is_won,
    valid_from,
    seen_after,
    known_at,
    deleted,
    via,
    censored,
    imported
from servicenow.incident_history
