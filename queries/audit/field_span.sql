-- field_span: the same fields over time, of persons with a version in the last 90 days.
-- Grain: record x field x version. Columns: person_id, source, stream, record_id, field, value (as text); at, until (instants; until
--   is null for the version that stands); changed (the record's version before held another value, or a blank); recent
--   (at lies in the last 90 days).
with version as (
    select
        v.*, lead(v.valid_from) over newer as until,
        lag(v.valid_from) over newer is not null as later,
        lag(v.status) over newer as status_before, lag(v.lifecycle_stage) over newer as lifecycle_stage_before,
        lag(v.lead_score) over newer as lead_score_before, lag(v.lead_source) over newer as lead_source_before,
        lag(v.owner_id) over newer as owner_id_before, lag(v.email) over newer as email_before
    from record_version v
    window newer as (partition by v.source, v.stream, v.record_id order by v.valid_from)
),
active as (
    select distinct p.person_id
    from record_version v
    join person_record p on p.source = v.source and p.stream = v.stream and p.record_id = v.record_id
    where v.valid_from > day_end($as_of - 90)
),
long as (
    select
        p.person_id, v.source, v.stream, v.record_id, v.valid_from as at, v.until, v.later,
        unnest(['status', 'lifecycle_stage', 'lead_score', 'lead_source', 'owner_id', 'email']) as field,
        unnest([
            v.status, v.lifecycle_stage, cast(v.lead_score as varchar), v.lead_source, v.owner_id, lower(v.email)
        ]) as value,
        unnest([
            v.status_before, v.lifecycle_stage_before, cast(v.lead_score_before as varchar), v.lead_source_before,
            v.owner_id_before, lower(v.email_before)
        ]) as before
    from version v
    join person_record p on p.source = v.source and p.stream = v.stream and p.record_id = v.record_id
    join active a on a.person_id = p.person_id
    where not v.deleted
)
select
    person_id, source, stream, record_id, field, trim(value) as value, at, until,
    later and trim(value) is distinct from trim(before) as changed, at > day_end($as_of - 90) as recent
from long
where trim(value) <> ''
