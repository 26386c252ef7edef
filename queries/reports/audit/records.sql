-- records: how many records of one person say different things in two sources, or stand in one alone.
-- Grain: kind x field x source x other_source. Columns: the key; n; oldest_days (null where all are older than 90 days);
--   examples (the ids of the three that differ the longest, and of the records beside them).
with placed as (
    select
        *,
        row_number() over (
            partition by kind, field, source, other_source order by days desc nulls first, record_id, other_record_id
        ) as place
    from audit_sync_record
)
select
    kind, field, source, other_source, count(*) as n, max(days) as oldest_days,
    string_agg(concat_ws(' / ', record_id, other_record_id), ', ' order by place) filter (where place <= 3) as examples
from placed
group by kind, field, source, other_source
order by kind, n desc, field, source
