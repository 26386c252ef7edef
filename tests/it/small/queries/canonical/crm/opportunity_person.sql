-- Grain: one row per deal and lead.
select
    record_id as opportunity_id,
    'crm.lead:' || leadid as record_key,
    'Lead' as role,
    true as converted,
    createdat as linked_at
from crm.deal
