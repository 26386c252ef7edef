-- opportunity_version of Maven: the pipeline.
-- Grain: one row per opportunity and version. What is sold stands for the source, one product under
-- one name. A lost deal's value is written as 0 and means none.
select
    record_id as opportunity_id,
    account as account_id,
    case product when 'GTXPro' then 'GTX Pro' else product end as lead_source,
    sales_agent as owner_id,
    deal_stage as stage,
    case when deal_stage = 'Won' then close_value end as amount,
    engage_date as engaged_on,
    close_date,
    deal_stage in ('Won', 'Lost') as is_closed,
    deal_stage = 'Won' as is_won,
    valid_from,
    seen_after,
    known_at,
    deleted,
    via,
    censored,
    imported
from maven.pipeline_history
