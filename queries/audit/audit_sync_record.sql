-- audit_sync_record: records of one person that say different things in two sources, or that only one of them has.
-- Grain: kind x field x pair of sources x record. Columns: kind (differs, missing), field (null for missing); person_id; source,
--   stream, record_id, value; other_source, other_stream, other_record_id, other_value (null where missing; addresses are
--   never shown); since (differs: the last change of either side, null if older than 90 days; missing: when the record was
--   created), days (from since to the as-of day's end). A record that stands on one side only is told when the person
--   reached the stage of the commitment, or the last if none is promised: before, marketing may keep it to itself.
with changed as (
    select source, stream, record_id, field, max(at) as at
    from field_span
    where changed and recent
    group by source, stream, record_id, field
),
differs as (
    select
        'differs' as kind, a.field, a.person_id, a.source, a.stream, a.record_id, a.value,
        b.source as other_source, b.stream as other_stream, b.record_id as other_record_id, b.value as other_value,
        greatest(x.at, y.at) as since
    from field_now a
    join field_now b on b.person_id = a.person_id and b.field = a.field and b.source > a.source
    left join changed x
        on x.source = a.source and x.stream = a.stream and x.record_id = a.record_id and x.field = a.field
    left join changed y
        on y.source = b.source and y.stream = b.stream and y.record_id = b.record_id and y.field = b.field
    where a.value <> b.value
),
reached as (
    select distinct e.person_id
    from stage_entry e
    cross join setting s
    left join stage promised on promised.id = s.stage
    where e.stage_order >= coalesce(promised.stage_order, s.stages)
),
missing as (
    select
        'missing' as kind, cast(null as varchar) as field, a.person_id, a.source, a.stream, a.record_id,
        cast(null as varchar) as value, o.source as other_source, cast(null as varchar) as other_stream,
        cast(null as varchar) as other_record_id, cast(null as varchar) as other_value, a.created_at as since
    from side a
    join reached r on r.person_id = a.person_id
    join (select distinct source from side) o on o.source <> a.source
    left join side b on b.person_id = a.person_id and b.source = o.source
    where b.person_id is null
),
found as (
    select * from differs
    union all
    select * from missing
)
select
    kind, field, person_id, source, stream, record_id, case when field = 'email' then null else value end as value,
    other_source, other_stream, other_record_id, case when field = 'email' then null else other_value end as other_value,
    since, (cast($as_of_end as bigint) - cast(since as bigint)) / 86400000000.0 as days
from found
order by kind, field, source, other_source, record_id, other_record_id
