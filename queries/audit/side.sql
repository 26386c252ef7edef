-- side: the record that stands for a person in each source: of several live ones that of the smallest rank, then the newest.
-- Grain: person_id x source. Columns: the key; stream, record_id; created_at (of the first live record there); status,
--   lifecycle_stage, lead_score, lead_source, owner_id, email.
with held as (
    select person_id, source, count(*) as n, min(created_at) as first_at
    from record_now
    where live
    group by person_id, source
),
-- Most have one: only where there are several is anything put in order.
several as (
    select
        r.*, h.first_at,
        row_number() over (partition by r.person_id, r.source order by r.rank, r.created_at desc, r.stream, r.record_id) as place
    from record_now r
    join held h on h.person_id = r.person_id and h.source = r.source
    where r.live and h.n > 1
)
select
    r.person_id, r.source, r.stream, r.record_id, h.first_at as created_at, r.status, r.lifecycle_stage, r.lead_score,
    r.lead_source, r.owner_id, r.email
from record_now r
join held h on h.person_id = r.person_id and h.source = r.source
where r.live and h.n = 1
union all
select person_id, source, stream, record_id, first_at, status, lifecycle_stage, lead_score, lead_source, owner_id, email
from several
where place = 1
