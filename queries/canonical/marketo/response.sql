-- response of Marketo: what people did on the web, with e-mails and at webinars.
-- Grain: one row per response. `success` marks a response that shows intent. Instants are UTC.
select
    record_id as response_id,
    'marketo.lead:' || cast(leadid as varchar) as record_key,
    cast(programid as varchar) as campaign_id,
    case activitytype
        when 'Visit Webpage' then 'web'
        when 'Fill Out Form' then 'form'
        when 'Click Email' then 'email_click'
        when 'Open Email' then 'email_open'
        when 'Attend Webinar' then 'webinar'
        else 'other'
    end as kind,
    coalesce(activitytype in ('Fill Out Form', 'Click Email', 'Attend Webinar'), false) as success,
    activitydate as occurred_at,
    known_at,
    imported
from marketo.activity
where activitytype is distinct from 'Send Email'
