-- audit_duplicate: records that stand twice for one person in one stream, and addresses that several persons share.
-- Grain: record x cause. Columns: cause (same_person: further live, unconverted records of the person in the same stream;
--   shared_address: live records of other persons carry the same address, which therefore joins nobody); source, stream,
--   record_id, person_id; group_id (the smallest record key of those that belong together), group_n (how many they are).
with one as (
    select 'same_person' as cause, concat(source, '.', stream, '/', person_id) as shared, source, stream, record_id, person_id
    from record_now
    where live and not converted
    union all
    select 'shared_address', email, source, stream, record_id, person_id
    from record_now
    where live and email is not null
),
grouped as (
    select
        cause, shared, min(concat(source, '.', stream, ':', record_id)) as group_id, count(*) as group_n,
        min(person_id) < max(person_id) as several
    from one
    group by cause, shared
    having count(*) > 1
)
select o.cause, o.source, o.stream, o.record_id, o.person_id, g.group_id, g.group_n
from one o
join grouped g on g.cause = o.cause and g.shared = o.shared
where o.cause = 'same_person' or g.several
order by o.cause, g.group_id, o.source, o.stream, o.record_id
