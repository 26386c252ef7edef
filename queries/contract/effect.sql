-- effect: what one definition makes of the whole history, stage by stage.
-- Grain: stage. Columns: stage, stage_order; entered (observed entries), persons (with an entry that is not carried);
--   to_stage (the next; null at the last), n, converted (of the observed entries, as in transition); closed_n,
--   closed (the same towards the last stage, won); days_n, median_days (to the next stage, between observed entries).
with entered as (
    select
        stage_order,
        count(*) filter (where observed) as entered,
        count(distinct person_id) as persons
    from entry
    group by stage_order
),
onward as (
    select
        t.stage_order,
        count(*) filter (where to_next and not left_out) as n,
        count(*) filter (where to_next and converted) as converted,
        count(*) filter (where to_order = s.stages and not left_out) as closed_n,
        count(*) filter (where to_order = s.stages and converted) as closed,
        count(elapsed_us) filter (where to_next) as days_n,
        quantile(elapsed_us, 0.5) filter (where to_next) as median_us
    from transition t
    cross join setting s
    group by t.stage_order
)
select
    s.id as stage, s.stage_order, coalesce(e.entered, 0) as entered, coalesce(e.persons, 0) as persons,
    n.id as to_stage, coalesce(o.n, 0) as n, coalesce(o.converted, 0) as converted,
    coalesce(o.closed_n, 0) as closed_n, coalesce(o.closed, 0) as closed,
    coalesce(o.days_n, 0) as days_n, o.median_us / 86400000000 as median_days
from stage s
left join stage n on n.stage_order = s.stage_order + 1
left join entered e on e.stage_order = s.stage_order
left join onward o on o.stage_order = s.stage_order
order by s.stage_order
