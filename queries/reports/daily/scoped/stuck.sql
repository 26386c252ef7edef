-- stuck: entries of each scope that have waited longer for the next stage than nine in ten of the scope's did.
-- Grain: scope x stage that has such entries. Columns: scope_no; those of the whole's stuck.
with handed as (
    select coalesce(max(committed.stage_order), 1) as stage_order
    from setting
    left join stage committed on committed.id = setting.stage
),
pace as (
    select
        t.scope_no, t.stage_order, s.floor, count(*) as n,
        quantile(t.elapsed_us, 0.9) as p90_us
    from scope_transition t
    cross join setting s
    where t.to_next and t.elapsed_us is not null and t.to_on > $as_of - 365
    group by t.scope_no, t.stage_order, s.floor
),
waiting as (
    select scope_no, stage_order, cast($as_of_end as bigint) - cast(entered_at as bigint) as age_us
    from scope_entry
    where outcome = 'open'
)
select
    w.scope_no, s.id as stage, s.term, count(*) as n,
    max(w.age_us) / 86400000000.0 as oldest_days, p.p90_us / 86400000000 as p90_days
from waiting w
join pace p on p.scope_no = w.scope_no and p.stage_order = w.stage_order
join stage s on s.stage_order = w.stage_order
cross join handed h
where p.n >= p.floor and w.age_us > p.p90_us and s.stage_order >= h.stage_order
group by w.scope_no, s.id, s.term, s.stage_order, p.p90_us
order by w.scope_no, s.stage_order
