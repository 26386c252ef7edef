-- stuck: entries that have waited longer for the next stage than nine in ten did.
-- Grain: stage that has such entries. Columns: stage, term; n (open entries older than p90_days), oldest_days; p90_days (of
--   the transitions to the next stage completed in the last 365 days; a stage with fewer of them than the floor is
--   left out). Carried entries rest where they were put back and are not stuck. Where a stage is committed, only it and
--   the later ones are shown: nobody is asked to move those who are not handed to sales.
with handed as (
    select coalesce(max(committed.stage_order), 1) as stage_order
    from setting
    left join stage committed on committed.id = setting.stage
),
pace as (
    select
        t.stage_order, s.floor, count(*) as n,
        quantile(t.elapsed_us, 0.9) as p90_us
    from transition t
    cross join setting s
    where t.to_next and t.elapsed_us is not null and t.to_on > $as_of - 365
    group by t.stage_order, s.floor
),
waiting as (
    select stage_order, cast($as_of_end as bigint) - cast(entered_at as bigint) as age_us
    from entry
    where outcome = 'open'
)
select
    s.id as stage, s.term, count(*) as n,
    max(w.age_us) / 86400000000.0 as oldest_days, p.p90_us / 86400000000 as p90_days
from waiting w
join pace p on p.stage_order = w.stage_order
join stage s on s.stage_order = w.stage_order
cross join handed h
where p.n >= p.floor and w.age_us > p.p90_us and s.stage_order >= h.stage_order
group by s.id, s.term, s.stage_order, p.p90_us
order by s.stage_order
