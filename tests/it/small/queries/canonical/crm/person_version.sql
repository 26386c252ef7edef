-- Grain: one row per lead and version.
select
    'lead' as stream,
    record_id,
    lower(email) as email,
    name,
    lastname as last_name,
    company,
    source as lead_source,
    status,
    reason as recycle_reason,
    score as lead_score,
    mqlat as mql_at,
    owner as owner_id,
    createdat as created_at,
    valid_from,
    seen_after,
    known_at,
    deleted,
    via,
    censored,
    imported
from crm.lead_history
