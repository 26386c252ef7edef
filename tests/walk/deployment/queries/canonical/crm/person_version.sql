-- Grain: one row per lead and version.
select
    'lead' as stream,
    record_id,
    email,
    source as lead_source,
    region,
    status,
    reason as recycle_reason,
    score as lead_score,
    mqlat as mql_at,
    demoon as demo_on,
    owner as owner_id,
    accountid as account_id,
    createdat as created_at,
    valid_from,
    seen_after,
    known_at,
    deleted,
    via,
    censored,
    imported
from crm.lead_history
