-- person_version of Marketo: its leads.
-- Grain: one row per record and version. Instants are UTC; addresses are in lower case, so that rules
-- over them hold however they were typed.
-- `rank` 4: the CRM's records come first; what they leave blank is taken from here.
select
    'lead' as stream,
    record_id,
    lower(trim(email)) as email,
    lastname as last_name,
    trim(concat_ws(' ', firstname, lastname)) as name,
    company,
    country,
    title,
    originalsourcetype as lead_source,
    cast(leadscore as bigint) as lead_score,
    createdat as created_at,
    coalesce('salesforce.contact:' || sfdccontactid, 'salesforce.lead:' || sfdcleadid) as linked_to,
    4 as rank,
    valid_from,
    seen_after,
    known_at,
    deleted,
    via,
    censored,
    imported
from marketo.lead_history
