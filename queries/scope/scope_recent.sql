-- scope_recent: the figures of each scope and stage that are compared with the baseline.
-- Grain: scope x stage. Columns: scope_no; those of recent, which says what they are. Others' averages are of no scope.
with entered as (
    select scope_no, stage, sum(n) as n
    from scope_stage_day
    where date > $as_of - 28
    group by scope_no, stage
),
cohort as (
    select
        t.scope_no, t.stage_order,
        count(*) filter (where mature and age_us < coalesce(s.horizon_us, 0) + 7776000000000 and not left_out) as n,
        count(*) filter (where mature and age_us < coalesce(s.horizon_us, 0) + 7776000000000 and converted) as converted,
        count(elapsed_us) filter (where to_on > $as_of - 90) as duration_n,
        quantile(elapsed_us, 0.5) filter (where to_on > $as_of - 90) as median_us,
        string_agg(cast(elapsed_us as varchar), ',' order by elapsed_us) filter (where to_on > $as_of - 90) as durations
    from scope_transition t
    cross join setting s
    where to_next
    group by t.scope_no, t.stage_order
)
select
    x.scope_no, s.id as stage, n.id as to_stage, s.stage_order,
    coalesce(e.n, 0) as entered_28,
    coalesce(c.n, 0) as mature_n, coalesce(c.converted, 0) as converted,
    coalesce(c.duration_n, 0) as duration_n, c.median_us / 86400000000 as median_days, c.durations,
    cast(null as double) as industry_rate, cast(null as double) as industry_median_days,
    cast(null as varchar) as industry_source
from scope x
cross join stage s
left join stage n on n.stage_order = s.stage_order + 1
left join entered e on e.scope_no = x.scope_no and e.stage = s.id
left join cohort c on c.scope_no = x.scope_no and c.stage_order = s.stage_order
