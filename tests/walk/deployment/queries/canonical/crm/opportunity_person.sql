-- Grain: one row per deal and lead, as linked now.
select
    record_id as opportunity_id,
    leadkey as record_key,
    true as is_primary,
    createdat as linked_at
from crm.deal
where leadkey is not null
