-- crm_user of Salesforce, as it stands.
-- Grain: one row per user or queue. `kind` is `person`, `queue` or `automated`.
select
    record_id as user_id,
    name,
    email,
    cast(isactive as boolean) as active,
    case usertype when 'Queue' then 'queue' when 'AutomatedProcess' then 'automated' else 'person' end as kind,
    team__c as team,
    managerid as manager_id,
    region__c as region,
    timezonesidkey as timezone,
    createddate as created_at
from salesforce."user"
