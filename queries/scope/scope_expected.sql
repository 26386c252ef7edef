-- scope_expected: how many counted entries a day like the as-of day usually brings in each scope, and whether an unusual
--   day is over.
-- Grain: scope x stage. Columns: scope_no, stage; entered, days, low, high, recovered: see expected, whose method it is.
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
scope_day as (
    select x.scope_no, d.stage, d.date, d.week_start, d.weekday, d.working, coalesce(n.n, 0) as n
    from stage_day d
    cross join scope x
    left join scope_stage_day n on n.scope_no = x.scope_no and n.stage = d.stage and n.date = d.date
),
past as (
    select d.scope_no, d.stage, d.week_start, d.weekday, d.working, d.n, m.date is not null as month_end
    from scope_day d
    cross join setting s
    join judged a on a.date = $as_of and d.week_start < a.week_start
    left join month_end m on m.date = d.date
    where d.week_start >= s.first_day
),
usual as (
    select scope_no, stage, weekday, working, cast(cast(sum(n) as double) / count(*) as decimal(18, 6)) as n
    from past
    where not month_end
    group by scope_no, stage, weekday, working
),
ends as (
    select p.scope_no, p.stage, cast(sum(p.n) + 10 as double) / cast(sum(u.n) + 10 as double) as factor
    from past p
    join usual u
        on u.scope_no = p.scope_no and u.stage = p.stage and u.weekday = p.weekday and u.working = p.working
    where p.month_end
    group by p.scope_no, p.stage
),
alike as (
    select
        p.scope_no, p.stage, a.date, a.month_end, count(*) as days,
        cast(sum(p.n) as double) as total, cast(sum(p.n * p.n) as double) as squares
    from past p
    join judged a on a.weekday = p.weekday and a.working = p.working and p.week_start < a.week_start
    where not p.month_end
    group by p.scope_no, p.stage, a.date, a.month_end
),
spread as (
    select
        a.scope_no, a.stage, a.date, a.days,
        a.total / a.days * case when a.month_end then coalesce(e.factor, 1) else 1 end as mean,
        sqrt(
            greatest(a.total / a.days, (a.days * a.squares - a.total * a.total) / a.days / (a.days - 1))
            * case when a.month_end then coalesce(e.factor, 1) else 1 end * (1 + 1.0 / a.days)
        ) as deviation
    from alike a
    left join ends e on e.scope_no = a.scope_no and e.stage = a.stage
    where a.days >= 8
),
bounds as (
    select
        scope_no, stage, date, days, cast(greatest(floor(mean - 2.576 * deviation), 0) as bigint) as low,
        cast(ceil(mean + 2.576 * deviation) as bigint) as high
    from spread
)
select
    d.scope_no, d.stage, d.n as entered, r.days, r.low, r.high,
    case
        when d.n not between r.low and r.high then null
        when b.n > q.high then 'above'
        when b.n < q.low then 'below'
    end as recovered
from scope_day d
left join bounds r on r.scope_no = d.scope_no and r.stage = d.stage and r.date = d.date
left join scope_day b on b.scope_no = d.scope_no and b.stage = d.stage and b.date = $as_of - 1
left join bounds q on q.scope_no = d.scope_no and q.stage = d.stage and q.date = b.date
where d.date = $as_of
