-- member_side: both sides of every member at every stage, the last days and the baseline.
-- Grain: dimension x member x stage, where either side has entries. Columns: the key; stage_order, term, next_term;
--   entered_28 (counted entries of the 28 days up to the as-of date), baseline_28 (what 28 days brought in the baseline's
--   window);
--   rate_n, converted, baseline_rate_n, baseline_converted   conversion to the next stage within the horizon in force, over
--                the same entries as in recent and, of the baseline, over those at least as old when it was frozen; the
--                baseline's are null without a horizon;
--   median_days, median_n, baseline_median_days   days to the next stage, of the transitions completed in the last 90 days.
with entered as (
    select stage_order, member_no, count(*) as n
    from entry_dimension
    where counted and entered_on > $as_of - 28
    group by stage_order, member_no
),
cohort as (
    select
        t.stage_order, t.member_no,
        count(*) filter (where mature and age_us < coalesce(s.horizon_us, 0) + 7776000000000 and not left_out) as n,
        count(*) filter (where mature and age_us < coalesce(s.horizon_us, 0) + 7776000000000 and converted) as converted,
        count(elapsed_us) filter (where to_on > $as_of - 90) as duration_n,
        quantile(elapsed_us, 0.5) filter (where to_on > $as_of - 90) / 86400000000 as median_days
    from transition_dimension t
    cross join setting s
    where t.to_next
    group by t.stage_order, t.member_no
),
of_next as (
    select b.*, s.horizon_us / 86400000000 as horizon
    from baseline b
    join setting s on s.baseline = b.baseline
    join stage g on g.id = b.stage
    left join stage n on n.stage_order = g.stage_order + 1
    where b.dimension is not null and (b.measure = 'volume' or b.to_stage = n.id)
),
-- A row holds until the next: the last one up to the horizon stands.
rated as (
    select
        stage, dimension, member,
        last_value(n order by age_days) as rate_n, last_value(converted order by age_days) as converted
    from of_next
    where measure = 'conversion_by_age' and age_days <= horizon
    group by stage, dimension, member
),
frozen as (
    select
        stage, dimension, member,
        sum(case when measure = 'volume' then n end) * 28.0 / (max(last_day) - min(first_day) + 1) as baseline_28,
        max(case when measure = 'duration' then value end) as median_days
    from of_next
    where measure in ('volume', 'duration')
    group by stage, dimension, member
)
select
    m.dimension, m.member, s.stage_order, s.id as stage, s.term, n.term as next_term,
    coalesce(e.n, 0) as entered_28, f.baseline_28,
    case when n.id is not null then coalesce(c.n, 0) end as rate_n, c.converted, r.rate_n as baseline_rate_n,
    r.converted as baseline_converted, c.median_days, coalesce(c.duration_n, 0) as median_n,
    f.median_days as baseline_median_days
from member m
cross join stage s
left join stage n on n.stage_order = s.stage_order + 1
left join entered e on e.stage_order = s.stage_order and e.member_no = m.member_no
left join cohort c on c.stage_order = s.stage_order and c.member_no = m.member_no
left join frozen f on f.stage = s.id and f.dimension = m.dimension and f.member = m.member
left join rated r on r.stage = s.id and r.dimension = m.dimension and r.member = m.member
where m.dimension is not null and (e.n > 0 or c.n > 0 or r.rate_n > 0 or f.baseline_28 > 0)
