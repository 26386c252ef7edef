-- account of Salesforce, as it stands.
-- Grain: one row per account.
select
    record_id as account_id,
    name,
    type,
    industry,
    cast(numberofemployees as bigint) as employees,
    billingcountry as country,
    ownerid as owner_id,
    createddate as created_at
from salesforce.account
where not coalesce(cast(isdeleted as boolean), false)
