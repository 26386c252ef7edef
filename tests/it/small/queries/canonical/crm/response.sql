-- Grain: one row per form sent.
select
    record_id as response_id,
    'crm.lead:' || leadid as record_key,
    'form' as kind,
    form <> 'unsubscribe' as success,
    submittedat as occurred_at,
    known_at,
    imported
from crm.form
