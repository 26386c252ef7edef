-- audit_value: the values in use in every text column that a stage or an exit reads, and what each maps to.
-- Grain: source_table x field x value (null: blank). Columns: source_table (person_version, opportunity_version, activity,
--   response), field, value; ever (persons or opportunities that had the value), now (that have it at the as-of day's end;
--   of events, in its last 28 days); first_on, last_on (dates); stages, exits (ids of those whose conditions read the field
--   and held with this value, or that an event with it gave evidence for; null: none); at_once (versions on which the
--   conditions of two stages held together); maps_to (none, one, several; nothing holds, one stage or exit does, or two
--   stages did at once); values_n (of the field). Columns that name a person are left out.
with event as (
    select 'activity' as source_table, activity_id as event_id, kind as value, person_id, occurred_at from activity
    union all
    select 'response', response_id, kind, person_id, occurred_at from response
),
told as (
    select v.source_table, v.value, e.stage, e.stage_order
    from event v
    join evidence e on e.record_id = v.event_id and e.person_id = v.person_id and e.via = 'event'
    group by v.source_table, v.value, e.stage, e.stage_order
),
mapped as (
    select source_table, value, string_agg(stage, ', ' order by stage_order) as stages, count(*) as stages_n
    from told
    group by source_table, value
),
happened as (
    select
        v.source_table, nullif(trim(v.value), '') as value, count(distinct v.person_id) as ever,
        count(distinct v.person_id) filter (where local_date(v.occurred_at) > $as_of - 28) as now,
        min(v.occurred_at) as first_seen, max(v.occurred_at) as last_seen
    from event v
    where v.source_table in (select event from definition_rule) and v.occurred_at <= $as_of_end
    group by v.source_table, nullif(trim(v.value), '')
),
used as (
    select source_table, field, value, ever, now, first_seen, last_seen, stages, exits, stages_n, at_once
    from term_use
    union all
    select h.source_table, 'kind', h.value, h.ever, h.now, h.first_seen, h.last_seen, m.stages, null, m.stages_n, 0
    from happened h
    left join mapped m on m.source_table = h.source_table and m.value = h.value
)
select
    source_table, field, value, ever, now, local_date(first_seen) as first_on, local_date(last_seen) as last_on,
    stages, exits, at_once,
    case
        when at_once > 0 then 'several'
        when stages is null and exits is null then 'none'
        else 'one'
    end as maps_to,
    count(*) over (partition by source_table, field) as values_n
from used
order by source_table, field, value
