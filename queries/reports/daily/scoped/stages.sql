-- stages: every stage of each scope as it stands, against what was expected and against the baseline.
-- Grain: scope x stage, in order. Columns: scope_no; those of the whole's stages, of the entries in the scope.
select
    x.scope_no, s.id as stage, s.term, s.stage_order, case when not s.last then m.n end as stock,
    e.entered, e.low as expected_low, e.high as expected_high, e.recovered,
    c.entered_28, c.baseline_28, c.volume_verdict,
    n.term as next_term, c.rate, c.rate_n, c.baseline_rate, c.baseline_rate_n, c.rate_verdict,
    c.median_days, c.median_n, c.baseline_median_days, c.days_verdict
from scope x
cross join stage s
left join stage n on n.stage_order = s.stage_order + 1
left join scope_stock m on m.scope_no = x.scope_no and m.stage = s.id
left join scope_expected e on e.scope_no = x.scope_no and e.stage = s.id
left join scope_comparison c on c.scope_no = x.scope_no and c.stage = s.id
order by x.scope_no, s.stage_order
