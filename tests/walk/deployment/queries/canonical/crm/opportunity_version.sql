-- Grain: one row per deal and version.
select
    record_id as opportunity_id,
    accountid as account_id,
    stage,
    amount,
    'USD' as currency,
    type,
    owner as owner_id,
    createdat as created_at,
    closedate as close_date,
    stage in ('Won', 'Lost') as is_closed,
    stage = 'Won' as is_won,
    valid_from,
    seen_after,
    known_at,
    deleted,
    via,
    censored,
    imported
from crm.deal_history
