-- activity of Salesforce: finished tasks and calendar events.
-- Grain: one row per touch. `occurred_at` (UTC) is when a task was completed, never when it was made
-- or due, and when an event starts. Ids that begin with 00Q are leads, 003 contacts, 006 opportunities.
select
    t.record_id as activity_id,
    case left(t.whoid, 3)
        when '00Q' then 'salesforce.lead:' || t.whoid
        when '003' then 'salesforce.contact:' || t.whoid
    end as record_key,
    case when t.whatid like '006%' then t.whatid end as opportunity_id,
    case lower(t.tasksubtype)
        when 'call' then 'call'
        when 'email' then 'email'
        when 'listemail' then 'email'
        when 'task' then 'task'
        else 'other'
    end as kind,
    case
        when t.calltype is not null then lower(t.calltype)
        when lower(t.tasksubtype) in ('email', 'listemail') then 'outbound'
    end as direction,
    coalesce(u.usertype = 'AutomatedProcess', false)
        or coalesce(lower(t.tasksubtype) = 'listemail', false) as automated,
    t.ownerid as actor_id,
    t.completeddatetime as occurred_at,
    coalesce(t.calldisposition, t.status) as outcome,
    t.known_at,
    t.imported
from salesforce.task t
left join salesforce."user" u on u.record_id = t.ownerid
where t.completeddatetime is not null
union all
select
    e.record_id,
    case left(e.whoid, 3)
        when '00Q' then 'salesforce.lead:' || e.whoid
        when '003' then 'salesforce.contact:' || e.whoid
    end,
    case when e.whatid like '006%' then e.whatid end,
    'meeting',
    cast(null as varchar),
    coalesce(u.usertype = 'AutomatedProcess', false),
    e.ownerid,
    e.startdatetime,
    cast(null as varchar),
    e.known_at,
    e.imported
from salesforce.event e
left join salesforce."user" u on u.record_id = e.ownerid
