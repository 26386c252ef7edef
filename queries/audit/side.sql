-- side: the record that stands for a person in each source: of several live ones that of the smallest rank, then the newest.
-- Grain: person_id x source. Columns: the key; stream, record_id; created_at (of the first live record there); status,
--   lifecycle_stage, lead_score, lead_source, owner_id, email.
with placed as (
    select
        *,
        row_number() over (partition by person_id, source order by rank, created_at desc, stream, record_id) as place,
        min(created_at) over (partition by person_id, source) as first_at
    from record_now
    where live
)
select person_id, source, stream, record_id, first_at as created_at, status, lifecycle_stage, lead_score, lead_source, owner_id,
    email
from placed
where place = 1
