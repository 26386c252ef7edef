-- stages: every stage as it stands, against what was expected and against the baseline.
-- Grain: stage, in order. Columns: stage, term, stage_order;
--   stock       persons at the as-of day's end; null at the last stage;
--   entered     counted entries of the as-of day (at the last stage won); expected_low, expected_high, recovered: see
--     expected;
--   entered_28, baseline_28, volume_verdict; next_term, rate, rate_n, baseline_rate, baseline_rate_n, rate_verdict;
--   median_days, median_n, baseline_median_days, days_verdict: see recent and comparison. Nothing follows the last stage.
select
    s.id as stage, s.term, s.stage_order, case when not s.last then coalesce(m.n, 0) end as stock,
    coalesce(e.entered, 0) as entered, e.low as expected_low, e.high as expected_high, e.recovered,
    c.entered_28, c.baseline_28, c.volume_verdict,
    n.term as next_term, c.rate, c.rate_n, c.baseline_rate, c.baseline_rate_n, c.rate_verdict,
    c.median_days, c.median_n, c.baseline_median_days, c.days_verdict
from stage s
left join stage n on n.stage_order = s.stage_order + 1
left join metric m
    on m.stage = s.id and m.measure = 'stock' and m.period = 'day' and m.period_end = $as_of
    and m.dimension is null
left join expected e on e.stage = s.id
left join comparison c on c.stage = s.id
order by s.stage_order
