-- expected: how many counted entries a day like the as-of day usually brings.
-- Grain: stage. Columns: stage; entered (on the as-of day); days (compared with); low, high (null until 8 such days).
-- Method: the same weekday of the last 26 complete weeks since the first entry, holidays against holidays only. Mean m and
--   variance v of their counts; the 90 % range is m -/+ 1.645 sqrt(max(m, v) (1 + 1/days)): a Poisson count, spread out
--   when the past was; widened to whole numbers, never below 0.
with alike as (
    select d.stage, count(*) as days, cast(sum(d.n) as double) as total, cast(sum(d.n * d.n) as double) as squares
    from stage_day d
    join calendar_day t on t.weekday = d.weekday and t.working = d.working and t.week_start > d.date
    cross join setting s
    where t.date = $as_of and d.week_start >= s.first_day
    group by d.stage
),
spread as (
    select
        stage, days, total / days as mean,
        sqrt(greatest(total / days, (days * squares - total * total) / days / (days - 1)) * (1 + 1.0 / days)) as deviation
    from alike
    where days >= 8
)
select
    d.stage, d.n as entered, s.days,
    case when s.days > 0 then cast(greatest(floor(s.mean - 1.645 * s.deviation), 0) as bigint) end as low,
    cast(ceil(s.mean + 1.645 * s.deviation) as bigint) as high
from stage_day d
left join spread s on s.stage = d.stage
where d.date = $as_of
