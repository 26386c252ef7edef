-- activity of Marketo: the e-mails it sent by itself, which are no touch of a salesperson.
-- Grain: one row per e-mail. Instants are UTC.
select
    record_id as activity_id,
    'marketo.lead:' || cast(leadid as varchar) as record_key,
    'email' as kind,
    'outbound' as direction,
    true as automated,
    activitydate as occurred_at,
    known_at,
    imported
from marketo.activity
where activitytype = 'Send Email'
