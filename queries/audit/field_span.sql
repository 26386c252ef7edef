-- field_span: the same fields over time, of persons whom two sources hold and who have a version in the last 90 days.
-- Grain: record x field x version. Columns: person_id, source, stream, record_id, field, value (as text); at, until (instants; until
--   is null for the version that stands); changed (the record's version before held another value, or a blank); recent
--   (at lies in the last 90 days).
with active as (
    select person_id
    from record_version
    group by person_id
    having min(source) < max(source) and max(valid_from) > day_end($as_of - 90)
),
long as (
    select
        v.person_id, v.source, v.stream, v.record_id, v.valid_from as at, v.valid_to as until, v.version_no > 1 as later,
        unnest(['status', 'lifecycle_stage', 'lead_score', 'lead_source', 'owner_id', 'email']) as field,
        unnest([
            v.status, v.lifecycle_stage, cast(v.lead_score as varchar), v.lead_source, v.owner_id, lower(v.email)
        ]) as value,
        unnest([
            b.status, b.lifecycle_stage, cast(b.lead_score as varchar), b.lead_source, b.owner_id, lower(b.email)
        ]) as before
    from record_version v
    join active a on a.person_id = v.person_id
    left join record_version b on b.record_no = v.record_no and b.version_no = v.version_no - 1
    where not v.deleted
)
select
    person_id, source, stream, record_id, field, trim(value) as value, at, until,
    later and trim(value) is distinct from trim(before) as changed, at > day_end($as_of - 90) as recent
from long
where trim(value) <> ''
