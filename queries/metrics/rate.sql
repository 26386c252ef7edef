-- rate: shares between 0 and 1, and one ratio that may pass 1.
-- Grain: measure x period (week, month, quarter) x stage_order x to_order x member_no; measure is
--   conversion   converted over n of the cohort that entered in the period; low and high are Wilson's 95 % interval;
--                detail is JSON with converted, lost, open, late_after, mature, left_out and mature_share;
--   win_rate     won over closed, of the closes in the period (at the last stage, to_order null); Wilson likewise;
--   period_rate  entries of the next stage over entries of the stage, both in the period (won, where the next is the
--                last); may pass 1 and is never clipped; n counts the entries of the stage.
-- Columns: the key; n (the denominator), value, low, high, detail. A value over n = 0 is null.
with share as (
    select
        'conversion' as measure, period, period_start, period_end, stage_order, to_order, member_no, n, converted,
        concat(
            '{"converted":', converted, ',"lost":', lost, ',"open":', open, ',"late_after":', late_after,
            ',"mature":', mature, ',"left_out":', left_out,
            ',"mature_share":', coalesce(cast(round(ratio(mature, n), 4) as varchar), 'null'), '}'
        ) as detail
    from conversion
    union all
    select
        'win_rate', v.period, v.period_start, v.period_end, v.stage_order, null, v.member_no,
        sum(case when v.measure = 'volume' then v.n else 0 end),
        sum(case when v.measure = 'volume_won' then v.n else 0 end),
        null
    from volume v
    cross join setting s
    where v.stage_order = s.stages and v.measure in ('volume', 'volume_won') and v.period <> 'day'
    group by v.period, v.period_start, v.period_end, v.stage_order, v.member_no
),
-- Of the normal distribution's 97.5 % point z: z² = 3.8415, z² / 2 = 1.9207, z² / 4 = 0.9604.
scored as (
    select
        *,
        ratio(converted + 1.9207294103470627, n + 3.8414588206941254) as middle,
        ratio(
            1.959963984540054 * sqrt(ratio(cast(converted as double) * (n - converted), n) + 0.9603647051735313),
            n + 3.8414588206941254
        ) as half
    from share
),
-- An entry stands below the line in its own stage's ratio, above it in that of the stage before.
part as (
    select
        v.period, v.period_start, v.period_end, v.member_no, v.stage_order - side.above as stage_order,
        case when side.above = 0 then v.n else 0 end as below,
        case when side.above = 1 then v.n else 0 end as above
    from volume v
    cross join setting s
    cross join (values (0), (1)) as side(above)
    where v.measure = case when v.stage_order = s.stages then 'volume_won' else 'volume' end and v.period <> 'day'
        and v.stage_order - side.above between 1 and s.stages - 1
)
select
    measure, period, period_start, period_end, stage_order, to_order, member_no, n,
    ratio(converted, n) as value,
    case when n > 0 then greatest(middle - half, 0) end as low,
    case when n > 0 then least(middle + half, 1) end as high,
    detail
from scored
union all
select
    'period_rate', period, period_start, period_end, stage_order, stage_order + 1, member_no, sum(below),
    ratio(sum(above), sum(below)), null, null, null
from part
group by period, period_start, period_end, stage_order, member_no
