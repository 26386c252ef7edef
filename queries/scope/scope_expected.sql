-- scope_expected: how many counted entries a day like the as-of day usually brings in each scope.
-- Grain: scope x stage. Columns: scope_no, stage; entered, low, high: see expected, whose method it is.
with alike as (
    select d.date
    from calendar_day d
    join calendar_day t on t.weekday = d.weekday and t.working = d.working and t.week_start > d.date
    cross join setting s
    where t.date = $as_of and d.date >= t.week_start - 182 and d.week_start >= s.first_day
),
known as (
    select count(*) as days from alike
),
summed as (
    select d.scope_no, d.stage, cast(sum(d.n) as double) as total, cast(sum(d.n * d.n) as double) as squares
    from scope_stage_day d
    join alike a on a.date = d.date
    group by d.scope_no, d.stage
),
spread as (
    select
        x.scope_no, s.id as stage, k.days, coalesce(m.total, 0) / k.days as mean,
        sqrt(
            greatest(
                coalesce(m.total, 0) / k.days,
                (k.days * coalesce(m.squares, 0) - coalesce(m.total, 0) * coalesce(m.total, 0)) / k.days / (k.days - 1)
            ) * (1 + 1.0 / k.days)
        ) as deviation
    from scope x
    cross join stage s
    cross join known k
    left join summed m on m.scope_no = x.scope_no and m.stage = s.id
    where k.days >= 8
)
select
    x.scope_no, s.id as stage, coalesce(d.n, 0) as entered,
    case when p.days > 0 then cast(greatest(floor(p.mean - 1.645 * p.deviation), 0) as bigint) end as low,
    cast(ceil(p.mean + 1.645 * p.deviation) as bigint) as high
from scope x
cross join stage s
left join scope_stage_day d on d.scope_no = x.scope_no and d.stage = s.id and d.date = $as_of
left join spread p on p.scope_no = x.scope_no and p.stage = s.id
