-- expected: how many counted entries a day like the as-of day usually brings, and whether an unusual day is over.
-- Grain: stage. Columns: stage; entered (on the as-of day); days (compared with); low, high (null until 8 such days);
--   recovered (above or below: the day before was so, and this one is within; else null).
-- Method: the same weekday of the last 26 complete weeks since the first entry, holidays against holidays only, the last three
--   worked days of a month left out. Mean m and variance v of their counts; for such a last day both times the month-end
--   factor: what those days brought over what their weekdays bring otherwise, ten entries added to both so that few say
--   little. The 99 % range is m -/+ 2.576 sqrt(max(m, v) (1 + 1/days)): a Poisson count, spread out when the past was; widened
--   to whole numbers, never below 0.
with month_end as (
    select date
    from (
        select date, row_number() over (partition by month_start order by date desc) as number
        from calendar_day
        where working
    )
    where number <= 3
),
judged as (
    select t.date, t.weekday, t.working, t.week_start, m.date is not null as month_end
    from calendar_day t
    left join month_end m on m.date = t.date
    where t.date in ($as_of, $as_of - 1)
),
past as (
    select d.stage, d.week_start, d.weekday, d.working, d.n, m.date is not null as month_end
    from stage_day d
    cross join setting s
    join judged a on a.date = $as_of and d.week_start < a.week_start
    left join month_end m on m.date = d.date
    where d.week_start >= s.first_day
),
usual as (
    select stage, weekday, working, cast(cast(sum(n) as double) / count(*) as decimal(18, 6)) as n
    from past
    where not month_end
    group by stage, weekday, working
),
ends as (
    select p.stage, cast(sum(p.n) + 10 as double) / cast(sum(u.n) + 10 as double) as factor
    from past p
    join usual u on u.stage = p.stage and u.weekday = p.weekday and u.working = p.working
    where p.month_end
    group by p.stage
),
alike as (
    select
        p.stage, a.date, a.month_end, count(*) as days,
        cast(sum(p.n) as double) as total, cast(sum(p.n * p.n) as double) as squares
    from past p
    join judged a on a.weekday = p.weekday and a.working = p.working and p.week_start < a.week_start
    where not p.month_end
    group by p.stage, a.date, a.month_end
),
spread as (
    select
        a.stage, a.date, a.days, a.total / a.days * case when a.month_end then coalesce(e.factor, 1) else 1 end as mean,
        sqrt(
            greatest(a.total / a.days, (a.days * a.squares - a.total * a.total) / a.days / (a.days - 1))
            * case when a.month_end then coalesce(e.factor, 1) else 1 end * (1 + 1.0 / a.days)
        ) as deviation
    from alike a
    left join ends e on e.stage = a.stage
    where a.days >= 8
),
bounds as (
    select
        stage, date, days, cast(greatest(floor(mean - 2.576 * deviation), 0) as bigint) as low,
        cast(ceil(mean + 2.576 * deviation) as bigint) as high
    from spread
)
select
    d.stage, d.n as entered, r.days, r.low, r.high,
    case
        when d.n not between r.low and r.high then null
        when b.n > q.high then 'above'
        when b.n < q.low then 'below'
    end as recovered
from stage_day d
left join bounds r on r.stage = d.stage and r.date = d.date
left join stage_day b on b.stage = d.stage and b.date = $as_of - 1
left join bounds q on q.stage = d.stage and q.date = b.date
where d.date = $as_of
