-- campaign of Salesforce, as it stands.
-- Grain: one row per campaign. `cost` in the organisation's currency.
select
    record_id as campaign_id,
    name,
    type as kind,
    status,
    cast(startdate as date) as start_date,
    cast(actualcost as decimal(18, 4)) as cost,
    createddate as created_at
from salesforce.campaign
