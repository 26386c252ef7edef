-- opportunity_version of Salesforce.
-- Grain: one row per opportunity and version. Amounts in the opportunity's own currency;
-- probability from 0 to 1; instants are UTC; `close_date` is a local date.
select
    record_id as opportunity_id,
    accountid as account_id,
    name,
    stagename as stage,
    cast(amount as decimal(18, 4)) as amount,
    currencyisocode as currency,
    cast(probability as double) / 100 as probability,
    forecastcategoryname as forecast_category,
    type,
    ownerid as owner_id,
    nextstep as next_step,
    leadsource as lead_source,
    createddate as created_at,
    cast(closedate as date) as close_date,
    cast(isclosed as boolean) as is_closed,
    cast(iswon as boolean) as is_won,
    valid_from,
    seen_after,
    known_at,
    deleted or coalesce(cast(isdeleted as boolean), false) as deleted,
    via,
    censored,
    imported
from salesforce.opportunity_history
