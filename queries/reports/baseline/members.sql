-- members: every stage and member of a dimension against the baseline.
-- Grain: dimension x member x stage, where either side has entries. Columns: the key; term, stage_order, next_term,
--   entered_28, baseline_28, rate_n, baseline_rate_n, median_days, median_n, baseline_median_days: see member_side;
--   rate, rate_low, rate_high, baseline_rate   conversion to the next stage; low and high are Wilson's 95 % interval;
--   rate_verdict few (either side is below the floor), up or down (more than chance, over all members together), same; null
--                without a baseline to compare with: see member_comparison.
-- Of the normal distribution's 97.5 % point z: z² = 3.8415, z² / 2 = 1.9207, z² / 4 = 0.9604.
with scored as (
    select
        *,
        ratio(converted + 1.9207294103470627, rate_n + 3.8414588206941254) as middle,
        ratio(
            1.959963984540054 * sqrt(ratio(cast(converted as double) * (rate_n - converted), rate_n) + 0.9603647051735313),
            rate_n + 3.8414588206941254
        ) as half
    from member_side
)
select
    c.dimension, c.member, c.stage, c.term, c.stage_order, c.next_term, c.entered_28, c.baseline_28,
    ratio(c.converted, c.rate_n) as rate, c.rate_n,
    case when c.rate_n > 0 then greatest(c.middle - c.half, 0) end as rate_low,
    case when c.rate_n > 0 then least(c.middle + c.half, 1) end as rate_high,
    ratio(c.baseline_converted, c.baseline_rate_n) as baseline_rate, c.baseline_rate_n, v.rate_verdict,
    c.median_days, c.median_n, c.baseline_median_days
from scored c
left join member_comparison v on v.dimension = c.dimension and v.member = c.member and v.stage = c.stage
order by c.dimension, c.member, c.stage_order
