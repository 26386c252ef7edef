-- members: every stage and member of a dimension against the baseline.
-- Grain: dimension x member x stage, where either side has entries. Columns: the key; term, stage_order, next_term;
--   entered_28 (counted entries of the 28 days up to the as-of date), baseline_28 (what 28 days brought in the baseline's
--   window);
--   rate, rate_n, rate_low, rate_high, baseline_rate, baseline_rate_n   conversion to the next stage, over the same entries as
--                in recent; low and high are Wilson's 95 % interval;
--   rate_verdict few (either side is below the floor), up or down (the 95 % intervals of both sides do not meet), same; null
--                without a baseline of the same horizon;
--   median_days, median_n, baseline_median_days   days to the next stage, of the transitions completed in the last 90 days.
-- Of the normal distribution's 97.5 % point z: z² = 3.8415, z² / 2 = 1.9207, z² / 4 = 0.9604.
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
frozen as (
    select
        b.stage, b.dimension, b.member,
        sum(case when b.measure = 'volume' then b.n end) * 28.0 / (max(b.last_day) - min(b.first_day) + 1) as baseline_28,
        sum(case when b.measure = 'conversion' then b.n end) as rate_n,
        sum(case when b.measure = 'conversion' then b.converted end) as converted,
        max(case when b.measure = 'duration' then b.value end) as median_days
    from baseline b
    join setting s on s.baseline = b.baseline
    join stage g on g.id = b.stage
    left join stage n on n.stage_order = g.stage_order + 1
    where b.dimension is not null
        and (b.measure = 'volume' or b.to_stage = n.id and (b.measure = 'duration' or b.horizon_days * 86400000000 = s.horizon_us))
    group by b.stage, b.dimension, b.member
),
side as (
    select
        m.dimension, m.member, s.stage_order, s.id as stage, s.term, n.term as next_term,
        coalesce(e.n, 0) as entered_28, f.baseline_28,
        case when n.id is not null then coalesce(c.n, 0) end as rate_n, c.converted, f.rate_n as baseline_rate_n,
        f.converted as baseline_converted, c.median_days, coalesce(c.duration_n, 0) as median_n,
        f.median_days as baseline_median_days
    from member m
    cross join stage s
    left join stage n on n.stage_order = s.stage_order + 1
    left join entered e on e.stage_order = s.stage_order and e.member_no = m.member_no
    left join cohort c on c.stage_order = s.stage_order and c.member_no = m.member_no
    left join frozen f on f.stage = s.id and f.dimension = m.dimension and f.member = m.member
    where m.dimension is not null and (e.n > 0 or c.n > 0 or f.rate_n > 0 or f.baseline_28 > 0)
),
scored as (
    select
        *,
        ratio(converted + 1.9207294103470627, rate_n + 3.8414588206941254) as middle,
        ratio(
            1.959963984540054 * sqrt(ratio(cast(converted as double) * (rate_n - converted), rate_n) + 0.9603647051735313),
            rate_n + 3.8414588206941254
        ) as half,
        ratio(baseline_converted + 1.9207294103470627, baseline_rate_n + 3.8414588206941254) as baseline_middle,
        ratio(
            1.959963984540054
                * sqrt(ratio(cast(baseline_converted as double) * (baseline_rate_n - baseline_converted), baseline_rate_n)
                    + 0.9603647051735313),
            baseline_rate_n + 3.8414588206941254
        ) as baseline_half
    from side
)
select
    c.dimension, c.member, c.stage, c.term, c.stage_order, c.next_term, c.entered_28, c.baseline_28,
    ratio(c.converted, c.rate_n) as rate, c.rate_n,
    case when c.rate_n > 0 then greatest(c.middle - c.half, 0) end as rate_low,
    case when c.rate_n > 0 then least(c.middle + c.half, 1) end as rate_high,
    ratio(c.baseline_converted, c.baseline_rate_n) as baseline_rate, c.baseline_rate_n,
    case
        when c.next_term is null or c.baseline_rate_n is null then null
        when c.rate_n < s.floor or c.baseline_rate_n < s.floor then 'few'
        when c.middle - c.half > c.baseline_middle + c.baseline_half then 'up'
        when c.middle + c.half < c.baseline_middle - c.baseline_half then 'down'
        else 'same'
    end as rate_verdict,
    c.median_days, c.median_n, c.baseline_median_days
from scored c
cross join setting s
order by c.dimension, c.member, c.stage_order
