-- record_now: every record of a person as it stands.
-- Grain: source x stream x record_id. Columns: the key; person_id; email (in lower case), status, lifecycle_stage, lead_score,
--   lead_source, owner_id; created_at (or when it was first seen); rank; live (neither deleted nor merged into another),
--   converted.
select
    v.source, v.stream, v.record_id, v.person_id, nullif(lower(trim(v.email)), '') as email, v.status, v.lifecycle_stage,
    v.lead_score, v.lead_source, v.owner_id, coalesce(v.created_at, f.valid_from) as created_at, v.rank,
    not v.deleted and v.merged_into is null as live, v.converted_to is not null as converted
from record_version v
join record_version f on f.record_no = v.record_no and f.version_no = 1
where v.valid_to is null
