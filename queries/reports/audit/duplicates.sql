-- duplicates: records that stand twice for one person in one stream, and addresses that several persons share.
-- Grain: cause x stream (all streams together for a shared address). Columns: cause, stream; n (records), groups (persons, or
--   addresses); examples (the ids of the three largest groups' first records).
with grouped as (
    select
        cause, case when cause = 'same_person' then concat(source, '.', stream) else 'all streams' end as stream,
        group_id, count(*) as n
    from audit_duplicate
    group by cause, case when cause = 'same_person' then concat(source, '.', stream) else 'all streams' end, group_id
),
placed as (
    select *, row_number() over (partition by cause, stream order by n desc, group_id) as place from grouped
)
select
    cause, stream, sum(n) as n, count(*) as groups,
    string_agg(group_id, ', ' order by place) filter (where place <= 3) as examples
from placed
group by cause, stream
order by cause, stream
