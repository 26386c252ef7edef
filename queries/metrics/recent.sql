-- recent: the figures of each stage that are compared with the baseline.
-- Grain: stage. Columns: stage, to_stage (the next; null at the last);
--   entered_28   counted entries of the 28 days up to the as-of date;
--   mature_n, converted   of the observed entries that became a horizon old in the last 90 days, those that reached
--                         to_stage within the horizon; without a horizon, of the entries of the last 90 days;
--   durations    the µs of the transitions to to_stage completed in the last 90 days, ascending, separated by commas;
--   duration_n, median_days of them;
--   industry_rate, industry_median_days, industry_source  what others report of the way to to_stage (see industry_average).
with entered as (
    select stage, sum(n) as n
    from stage_day
    where date > $as_of - 28
    group by stage
),
cohort as (
    select
        t.stage_order,
        count(*) filter (where mature and age_us < coalesce(s.horizon_us, 0) + 7776000000000 and not left_out) as n,
        count(*) filter (where mature and age_us < coalesce(s.horizon_us, 0) + 7776000000000 and converted) as converted,
        count(elapsed_us) filter (where to_on > $as_of - 90) as duration_n,
        quantile(elapsed_us, 0.5) filter (where to_on > $as_of - 90) as median_us,
        string_agg(cast(elapsed_us as varchar), ',' order by elapsed_us) filter (where to_on > $as_of - 90) as durations
    from transition t
    cross join setting s
    where to_next
    group by t.stage_order
)
select
    s.id as stage, n.id as to_stage, s.stage_order,
    coalesce(e.n, 0) as entered_28,
    coalesce(c.n, 0) as mature_n, coalesce(c.converted, 0) as converted,
    coalesce(c.duration_n, 0) as duration_n, c.median_us / 86400000000 as median_days, c.durations,
    i.conversion as industry_rate, i.median_days as industry_median_days, i.source as industry_source
from stage s
left join stage n on n.stage_order = s.stage_order + 1
left join entered e on e.stage = s.id
left join cohort c on c.stage_order = s.stage_order
left join industry_average i on i.stage = s.id and i.to_stage = n.id
