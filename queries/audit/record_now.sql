-- record_now: every record of a person as it stands.
-- Grain: source x stream x record_id. Columns: the key; person_id; email (in lower case), status, lifecycle_stage, lead_score,
--   lead_source, owner_id; created_at (or when it was first seen); rank; live (neither deleted nor merged into another),
--   converted.
with version as (
    select
        source, stream, record_id, lower(trim(email)) as email, status, lifecycle_stage, lead_score, lead_source, owner_id,
        rank, deleted, merged_into, converted_to,
        coalesce(created_at, min(valid_from) over (partition by source, stream, record_id)) as created_at,
        row_number() over (partition by source, stream, record_id order by valid_from desc) as place
    from record_version
)
select
    v.source, v.stream, v.record_id, p.person_id, nullif(v.email, '') as email, v.status, v.lifecycle_stage, v.lead_score,
    v.lead_source, v.owner_id, v.created_at, v.rank, not v.deleted and v.merged_into is null as live,
    v.converted_to is not null as converted
from version v
join person_record p on p.source = v.source and p.stream = v.stream and p.record_id = v.record_id
where v.place = 1
