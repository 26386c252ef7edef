-- Grain: one row per form.
select
    record_id as response_id,
    leadkey as record_key,
    campaign as campaign_id,
    'form' as kind,
    success,
    at as occurred_at,
    known_at,
    imported
from crm.form
