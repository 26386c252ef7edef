-- person_version of Salesforce: leads and contacts.
-- Grain: one row per record and version. Instants are UTC; addresses are in lower case, so that rules
-- over them hold however they were typed.
-- `rank` orders the records of one person, smallest first: the first value that is not blank wins.
-- A lead still open comes first (the newest of several), then the contact, then a converted lead.
select
    'lead' as stream,
    record_id,
    lower(trim(email)) as email,
    lastname as last_name,
    trim(concat_ws(' ', firstname, lastname)) as name,
    company,
    country,
    region__c as region,
    segment__c as segment,
    industry,
    cast(numberofemployees as bigint) as employees,
    title,
    leadsource as lead_source,
    channel__c as channel,
    status,
    status_reason__c as status_reason,
    recycle_reason__c as recycle_reason,
    cast(lead_score__c as bigint) as lead_score,
    mql_date__c as mql_at,
    ownerid as owner_id,
    convertedaccountid as account_id,
    createddate as created_at,
    'salesforce.contact:' || convertedcontactid as converted_to,
    'salesforce.lead:' || masterrecordid as merged_into,
    case when cast(isconverted as boolean) then 3 else 1 end as rank,
    valid_from,
    seen_after,
    known_at,
    deleted or coalesce(cast(isdeleted as boolean), false) as deleted,
    via,
    censored,
    imported
from salesforce.lead_history
union all by name
select
    'contact' as stream,
    c.record_id,
    lower(trim(c.email)) as email,
    c.lastname as last_name,
    trim(concat_ws(' ', c.firstname, c.lastname)) as name,
    a.name as company,
    c.mailingcountry as country,
    a.industry,
    cast(a.numberofemployees as bigint) as employees,
    c.title,
    c.leadsource as lead_source,
    c.ownerid as owner_id,
    c.accountid as account_id,
    c.createddate as created_at,
    'salesforce.contact:' || c.masterrecordid as merged_into,
    2 as rank,
    c.valid_from,
    c.seen_after,
    c.known_at,
    c.deleted or coalesce(cast(c.isdeleted as boolean), false) as deleted,
    c.via,
    c.censored,
    c.imported
from salesforce.contact_history c
left join salesforce.account_history a
    on a.record_id = c.accountid
    and a.valid_from <= c.valid_from
    and (a.valid_to is null or a.valid_to > c.valid_from)
