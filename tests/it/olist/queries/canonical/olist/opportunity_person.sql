-- opportunity_person of Olist: a deal bears the id of the lead that became it.
-- Grain: one row per deal.
select
    record_id as opportunity_id,
    'olist.qualified_lead:' || record_id as record_key,
    'Converted lead' as role,
    true as is_primary,
    true as converted,
    won_date as linked_at
from olist.closed_deal
