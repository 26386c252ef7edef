-- stages: every stage against the baseline.
-- Grain: stage, in order. Columns: stage, term, stage_order; entered_28, baseline_28, volume_verdict; next_term, rate, rate_n,
--   baseline_rate, baseline_rate_n, rate_verdict; median_days, median_n, baseline_median_days, days_verdict: see recent and
--   comparison; rate_low, rate_high (Wilson's 95 % interval of rate; null without one).
-- Of the normal distribution's 97.5 % point z: z² = 3.8415, z² / 2 = 1.9207, z² / 4 = 0.9604.
with rated as (
    select
        stage,
        ratio(rate * rate_n + 1.9207294103470627, rate_n + 3.8414588206941254) as middle,
        ratio(
            1.959963984540054 * sqrt(rate * (1 - rate) * rate_n + 0.9603647051735313), rate_n + 3.8414588206941254
        ) as half
    from comparison
    where rate is not null
)
select
    s.id as stage, s.term, s.stage_order, c.entered_28, c.baseline_28, c.volume_verdict,
    n.term as next_term, c.rate, c.rate_n,
    case when c.rate is not null then greatest(r.middle - r.half, 0) end as rate_low,
    case when c.rate is not null then least(r.middle + r.half, 1) end as rate_high,
    c.baseline_rate, c.baseline_rate_n, c.rate_verdict,
    c.median_days, c.median_n, c.baseline_median_days, c.days_verdict
from stage s
left join stage n on n.stage_order = s.stage_order + 1
left join comparison c on c.stage = s.id
left join rated r on r.stage = s.id
order by s.stage_order
