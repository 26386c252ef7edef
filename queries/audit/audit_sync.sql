-- audit_sync: how two sources hold the same persons: who is where, what differs now, and how long a change takes.
-- Grain: source x other_source x field; field is null for the persons themselves. Columns: the key;
--   both      persons whom both sources have (with a value of the field on both sides);
--   here_only persons whom only `source` has; null for a field;
--   differ    of both, those with another value; null for the persons themselves;
--   changes   changes made in source in the last 90 days, of persons for whom the other side had the field by then, that it
--             did not hold already (for the persons themselves: persons whom source had first, created in the last 90 days);
--   arrived   of them, those that the other side took over before the next change; minutes_p50, minutes_p90, minutes_max
--             (double) of them;
--   overtaken of them, those that the next change of source overtook;
--   waiting   of them, those that are not there yet; oldest_days (double) of the longest.
with pair as (
    select a.source, b.source as other_source
    from (select distinct source from side) a
    join (select distinct source from side) b on b.source <> a.source
),
present as (
    select
        p.source, p.other_source, cast(null as varchar) as field,
        count(b.person_id) as both, count(*) - count(b.person_id) as here_only, cast(null as bigint) as differ
    from pair p
    join side a on a.source = p.source
    left join side b on b.person_id = a.person_id and b.source = p.other_source
    group by p.source, p.other_source
),
compared as (
    select
        a.source, b.source as other_source, a.field, count(*) as both, cast(null as bigint) as here_only,
        count(*) filter (where a.value <> b.value) as differ
    from field_now a
    join field_now b on b.person_id = a.person_id and b.field = a.field and b.source <> a.source
    group by a.source, b.source, a.field
),
held as (
    select person_id, source, field, min(at) as at
    from field_span
    group by person_id, source, field
),
-- A change counts where it was made first: not where the other side already held the value.
change as (
    select
        c.source, p.other_source, c.field, c.person_id, c.stream, c.record_id, c.value, c.at,
        lead(c.at) over (partition by c.source, p.other_source, c.stream, c.record_id, c.field order by c.at) as next_at
    from field_span c
    join pair p on p.source = c.source
    join held h on h.person_id = c.person_id and h.source = p.other_source and h.field = c.field and h.at <= c.at
    where c.changed and c.recent
),
made as (
    select
        c.source, c.other_source, c.field, c.person_id, c.record_id, c.at, c.next_at,
        min(o.at) filter (where o.changed and o.at >= c.at and (c.next_at is null or o.at < c.next_at)) as arrived_at
    from change c
    left join field_span o
        on o.person_id = c.person_id and o.source = c.other_source and o.field = c.field and o.value = c.value
    group by c.source, c.other_source, c.field, c.person_id, c.record_id, c.at, c.next_at
    having not coalesce(bool_or(o.at < c.at and (o.until is null or o.until > c.at)), false)
),
created as (
    select
        p.source, p.other_source, cast(null as varchar) as field, a.person_id, a.record_id, a.created_at as at,
        cast(null as timestamp) as next_at, b.created_at as arrived_at
    from pair p
    join side a on a.source = p.source and a.created_at > day_end($as_of - 90)
    left join side b on b.person_id = a.person_id and b.source = p.other_source
    where b.person_id is null or b.created_at > a.created_at
),
judged as (
    select
        source, other_source, field, at, next_at, arrived_at,
        (cast(arrived_at as bigint) - cast(at as bigint)) as lag_us
    from (
        select source, other_source, field, person_id, record_id, at, next_at, arrived_at from made
        union all
        select source, other_source, field, person_id, record_id, at, next_at, arrived_at from created
    ) every
),
lagged as (
    select
        source, other_source, field, count(*) as changes, count(lag_us) as arrived,
        quantile(lag_us, 0.5) / 60000000 as minutes_p50, quantile(lag_us, 0.9) / 60000000 as minutes_p90,
        max(lag_us) / 60000000.0 as minutes_max,
        count(*) filter (where lag_us is null and next_at is not null) as overtaken,
        count(*) filter (where lag_us is null and next_at is null) as waiting,
        max(cast($as_of_end as bigint) - cast(at as bigint)) filter (where lag_us is null and next_at is null)
            / 86400000000.0 as oldest_days
    from judged
    group by source, other_source, field
)
select
    k.source, k.other_source, k.field, k.both, k.here_only, k.differ,
    coalesce(l.changes, 0) as changes, coalesce(l.arrived, 0) as arrived, l.minutes_p50, l.minutes_p90, l.minutes_max,
    coalesce(l.overtaken, 0) as overtaken, coalesce(l.waiting, 0) as waiting, l.oldest_days
from (
    select * from present
    union all
    select * from compared
) k
left join lagged l
    on l.source = k.source and l.other_source = k.other_source and l.field is not distinct from k.field
order by k.source, k.other_source, k.field
