-- audit_rule: what the rules did with evidence, records and persons, by rule.
-- Grain: kind x name. Columns: kind (evidence: what became of the rows of evidence, every row once; waiting: evidence dated after
--   the as-of day; exclusion: persons who meet an exclusion now; identity: records and what joined them, addresses that
--   several persons share, links and events that name a record which is not there); name; n; total (rows of evidence;
--   persons; records; null for waiting).
with named as (
    select
        name, n,
        case
            when name = 'evidence_waiting' then 'waiting'
            when name in ('records', 'persons', 'addresses_shared', 'links_unknown', 'events_unknown')
                or starts_with(name, 'records_') then 'identity'
            else 'evidence'
        end as kind
    from derived_count
),
total as (
    select
        sum(n) filter (where kind = 'evidence') as evidence,
        sum(n) filter (where name = 'persons') as persons,
        sum(n) filter (where name = 'records') as records
    from named
)
select
    n.kind, n.name, n.n, case n.kind when 'evidence' then t.evidence when 'identity' then t.records end as total
from named n
cross join total t
union all
select 'exclusion', e.name, e.now, t.persons
from exclusion_use e
cross join total t
order by kind, name
