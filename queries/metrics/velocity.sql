-- velocity: days from one stage to a later one, exact, of the transitions completed in a period.
-- Grain: measure (velocity_mean, velocity_median, velocity_p90) x period of the arrival (quarter; month for the total
--   only) x stage_order x to_order (the next stage, and the last) x member_no at the earlier entry.
-- Counted: pairs of observed entries in one cycle, in order, neither confirmed more than a day late; into the last stage
--   only won. Columns: the key; n; value in days (elapsed µs / 86,400,000,000, divided once; quantiles of type 7);
--   detail: JSON, the pairs left out because they were observed out of order.
with summed as (
    select
        p.period, p.period_start, p.period_end, t.stage_order, t.to_order, t.member_no,
        count(t.elapsed_us) as n,
        sum(cast(t.elapsed_us as decimal(20, 0))) as total,
        quantile(t.elapsed_us, 0.5) as median,
        quantile(t.elapsed_us, 0.9) as p90,
        count(*) filter (where t.out_of_order) as out_of_order
    from transition_dimension t
    join period p on p.part = 'month' and p.part_start = t.to_month
    where (t.elapsed_us is not null or t.out_of_order) and (p.period = 'quarter' or t.member_no = 0)
    group by p.period, p.period_start, p.period_end, t.stage_order, t.to_order, t.member_no
)
select
    m.measure, period, period_start, period_end, stage_order, to_order, member_no, n,
    case m.measure
        when 'velocity_mean' then ratio(total, n * 86400000000)
        when 'velocity_median' then median / 86400000000
        else p90 / 86400000000
    end as value,
    concat('{"out_of_order":', out_of_order, '}') as detail
from summed
cross join (values ('velocity_mean'), ('velocity_median'), ('velocity_p90')) as m(measure)
