-- opportunity_person of Salesforce: the leads converted into opportunities, and contact roles.
-- Grain: one row per opportunity and record. `converted` marks the lead that became the opportunity.
select
    convertedopportunityid as opportunity_id,
    'salesforce.lead:' || record_id as record_key,
    'Converted lead' as role,
    false as is_primary,
    true as converted,
    min(valid_from) as linked_at
from salesforce.lead_history
where convertedopportunityid is not null
group by convertedopportunityid, record_id
union all
select
    opportunityid,
    'salesforce.contact:' || contactid,
    role,
    coalesce(cast(isprimary as boolean), false),
    false,
    createddate
from salesforce.opportunity_contact_role
where not coalesce(cast(isdeleted as boolean), false)
