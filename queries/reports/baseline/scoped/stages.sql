-- stages: every stage of each scope against the baseline.
-- Grain: scope x stage, in order. Columns: scope_no; those of the whole's stages.
-- Of the normal distribution's 97.5 % point z: z² = 3.8415, z² / 2 = 1.9207, z² / 4 = 0.9604.
with rated as (
    select
        scope_no, stage,
        ratio(rate * rate_n + 1.9207294103470627, rate_n + 3.8414588206941254) as middle,
        ratio(
            1.959963984540054 * sqrt(rate * (1 - rate) * rate_n + 0.9603647051735313), rate_n + 3.8414588206941254
        ) as half
    from scope_comparison
    where rate is not null
)
select
    c.scope_no, s.id as stage, s.term, s.stage_order, c.entered_28, c.baseline_28, c.volume_verdict,
    n.term as next_term, c.rate, c.rate_n,
    case when c.rate is not null then greatest(r.middle - r.half, 0) end as rate_low,
    case when c.rate is not null then least(r.middle + r.half, 1) end as rate_high,
    c.baseline_rate, c.baseline_rate_n, c.rate_verdict,
    c.median_days, c.median_n, c.baseline_median_days, c.days_verdict
from stage s
join scope_comparison c on c.stage = s.id
left join stage n on n.stage_order = s.stage_order + 1
left join rated r on r.scope_no = c.scope_no and r.stage = s.id
order by c.scope_no, s.stage_order
