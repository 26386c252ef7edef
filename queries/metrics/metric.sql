-- metric: every measured number, one a row.
-- Grain: as_of x measure x period x stage x to_stage x dimension x member.
-- Columns: as_of (date); definition in force; measure; period (day, week, month, quarter), period_start, period_end;
--   stage, to_stage; dimension, member (both null for the total; a blank value is the member 'blank'); n; value; low and
--   high (95 %); detail (JSON). Counts repeat n as value. A missing denominator is null, never 0.
with measured as (
    select
        measure, period, period_start, period_end, stage, cast(null as varchar) as to_stage, dimension, member, n,
        cast(n as double) as value, cast(null as double) as low, cast(null as double) as high,
        cast(null as varchar) as detail
    from volume
    union all
    select measure, period, period_start, period_end, stage, to_stage, dimension, member, n, value, low, high, detail
    from rate
    union all
    select measure, period, period_start, period_end, stage, to_stage, dimension, member, n, value, null, null, detail
    from velocity
    union all
    select measure, period, period_start, period_end, stage, null, dimension, member, n, value, null, null, null
    from stock
)
select $as_of as as_of, s.definition, m.*
from measured m
cross join setting s
