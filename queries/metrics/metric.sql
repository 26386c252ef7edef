-- metric: every measured number, one a row.
-- Grain: as_of x measure x period x stage x to_stage x dimension x member.
-- Columns: as_of (date); definition in force; measure; period (day, week, month, quarter, fiscal_year, rolling_7,
--   rolling_28, rolling_90, rolling_365), period_start, period_end; stage, to_stage; dimension, member (both null for the
--   total; a blank value is the member 'blank'); n; value; low and high (95 %; of time_to_convert the quartiles); detail
--   (JSON). Counts repeat n as value. A missing denominator is null, never 0.
-- The measures, and what they count: volume, rate, stock, and of the durations velocity, time_to_convert, stock_age.
with name as (
    select s.stage_order, s.id as stage, t.to_order, t.to_stage, m.member_no, m.dimension, m.member
    from stage s
    cross join (
        select stage_order as to_order, id as to_stage from stage
        union all
        select 0, null
    ) t
    cross join member m
),
measured as (
    select
        measure, period, period_start, period_end, stage_order, 0 as to_order, member_no, n,
        cast(n as double) as value, cast(null as double) as low, cast(null as double) as high,
        cast(null as varchar) as detail
    from volume
    union all
    select
        'stock', period, period_start, period_end, stage_order, 0, member_no, n, cast(n as double), null, null, null
    from stock
    union all
    select measure, period, period_start, period_end, stage_order, coalesce(to_order, 0), member_no, n, value, low, high,
        detail
    from rate
    union all
    select measure, period, period_start, period_end, stage_order, to_order, member_no, n, value, low, high, detail
    from velocity
    union all
    select measure, period, period_start, period_end, stage_order, to_order, member_no, n, value, low, high, detail
    from time_to_convert
    union all
    select measure, period, period_start, period_end, stage_order, to_order, member_no, n, value, low, high, detail
    from stock_age
)
select
    $as_of as as_of, g.definition, m.measure, m.period, m.period_start, m.period_end, k.stage, k.to_stage,
    k.dimension, k.member, m.n, m.value, m.low, m.high, m.detail
from measured m
join name k on k.stage_order = m.stage_order and k.to_order = m.to_order and k.member_no = m.member_no
cross join setting g
order by m.measure, m.period, m.period_start, m.stage_order, m.to_order, m.member_no
