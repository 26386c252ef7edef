-- Grain: one row per call.
select
    record_id as activity_id,
    'crm.lead:' || leadid as record_key,
    'call' as kind,
    'outbound' as direction,
    false as automated,
    owner as actor_id,
    calledat as occurred_at,
    result as outcome,
    known_at,
    imported
from crm.call
