-- person_version of ServiceNow: incidents.
-- Grain: one row per incident and version. `resolved_at` and `closed_at` of this log are final values
-- written back into earlier rows, so nothing is taken from them.
select
    'incident' as stream,
    record_id,
    ident_state as status,
    contact_type as channel,
    priority,
    category,
    category_2 as subcategory,
    assigned_to as owner_id,
    opened_at as created_at,
    valid_from,
    seen_after,
    known_at,
    deleted,
    via,
    censored,
    imported
from servicenow.incident_history
