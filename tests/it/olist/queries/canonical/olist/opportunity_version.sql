-- opportunity_version of Olist: the deals, all of them won.
-- Grain: one row per deal and version. `won_at` is UTC, `close_date` its local date.
select
    record_id as opportunity_id,
    seller_id as account_id,
    lead_type as type,
    business_segment,
    sr_id as owner_id,
    won_date as created_at,
    won_date as won_at,
    local_date(won_date) as close_date,
    true as is_closed,
    true as is_won,
    valid_from,
    seen_after,
    known_at,
    deleted,
    via,
    censored,
    imported
from olist.closed_deal_history
