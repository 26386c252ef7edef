-- stock: persons in a stage at a day's end, carried and censored ones too.
-- Grain: measure x period x stage x member; measure is
--   stock      persons at the end of each complete month (period month) and of the as-of day (period day);
--   stock_age  median days since entry of those in the stage at the as-of day's end, censored ones left out.
-- Columns: the key; n (persons); value (persons, or days). The total has a row for every month; a member where n > 0.
-- A running sum over months of who came and who went: no join of every stay with every month's end.
with edge as (
    select stage, dimension, member, start_on as date, 1 as step from stay_dimension
    union all
    select stage, dimension, member, until_on, -1 from stay_dimension where until_on <= $as_of
),
month as (
    select d.month_start
    from calendar_day d
    cross join setting s
    where d.date = d.month_start and d.month_end >= s.first_day and d.month_start <= $as_of
),
moved as (
    select cast(date_trunc('month', date) as date) as month_start, stage, dimension, member, step
    from edge
    union all
    select m.month_start, k.stage, k.dimension, k.member, 0
    from month m
    cross join (
        select stage, dimension, member from stay_dimension group by stage, dimension, member
        union all
        select id, null, null from stage
    ) k
),
running as (
    select
        month_start, stage, dimension, member,
        cast(date_trunc('month', month_start) + interval '1 month' - interval '1 day' as date) as month_end,
        sum(sum(step)) over (partition by stage, dimension, member order by month_start) as n
    from moved
    group by month_start, stage, dimension, member
)
select
    'stock' as measure, p.period,
    case when p.period = 'day' then $as_of else r.month_start end as period_start,
    case when p.period = 'day' then $as_of else r.month_end end as period_end,
    r.stage, r.dimension, r.member, r.n, cast(r.n as double) as value
from running r
cross join (values ('day'), ('month')) as p(period)
where (r.dimension is null or r.n > 0)
    and case when p.period = 'day' then $as_of between r.month_start and r.month_end else r.month_end <= $as_of end
union all
select
    'stock_age', 'day', $as_of, $as_of, stage, dimension, member, count(*),
    median(cast(cast($as_of_end as bigint) - cast(entered_at as bigint) as double)) / 86400000000
from stay_dimension
where until_on > $as_of and not censored
group by stage, dimension, member
