-- stock: persons in a stage at a day's end, carried and censored ones too.
-- Grain: measure x period x stage_order x member_no (0 is the total; see member); measure is
--   stock      persons at the end of each complete month (period month) and of the as-of day (period day);
--   stock_age  median days since entry of those in the stage at the as-of day's end, censored ones left out.
-- Columns: the key; n (persons); value (persons, or days). The total has a row for every month; a member where n > 0.
-- A running sum over months of who came and who went: no join of every stay with every month's end.
with moved as (
    select
        case when side.step = 1 then start_month else until_month end as month_start,
        stage_order, member_no, n * side.step as step
    from stay_month
    cross join (values (1), (-1)) as side(step)
    where side.step = 1 or until_month is not null
    union all
    select p.period_start, k.stage_order, k.member_no, 0
    from period p
    cross join (
        select stage_order, member_no from stay_month group by stage_order, member_no
        union all
        select stage_order, 0 from stage
    ) k
    where p.period = 'month'
),
running as (
    select
        month_start, stage_order, member_no,
        sum(sum(step)) over (partition by stage_order, member_no order by month_start) as n
    from moved
    group by month_start, stage_order, member_no
)
select
    'stock' as measure, p.period, p.period_start, p.period_end,
    r.stage_order, r.member_no, r.n, cast(r.n as double) as value
from running r
join (
    select period_start as month_start, period, period_start, period_end
    from period
    where period = 'month' and period_end <= $as_of
    union all
    select cast(date_trunc('month', $as_of) as date), 'day', $as_of, $as_of
) p on p.month_start = r.month_start
where r.member_no = 0 or r.n > 0
union all
select
    'stock_age', 'day', $as_of, $as_of, stage_order, member_no, count(*),
    quantile(cast($as_of_end as bigint) - cast(entered_at as bigint), 0.5) / 86400000000
from stay_dimension
where until_on > $as_of and not censored
group by stage_order, member_no
