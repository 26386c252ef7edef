-- stock: persons in a stage at a day's end, carried and censored ones too.
-- Grain: period x stage_order x member_no (0 is the total; see member): at the end of each week, month, quarter and fiscal
--   year that has ended, and of the last 60 days (a member: of the as-of day).
-- Columns: the key; n (persons). The total has a row for every period; a member where n > 0.
-- A running sum over slots of who came and who went: no join of every stay with every period's end.
with taken as (
    select slot, period, period_start, period_end
    from period
    where last_slot and period_end <= $as_of
        and period in ('day', 'week', 'month', 'quarter', 'fiscal_year')
),
moved as (
    select slot, stage_order, member_no, step from stay_slot
    union all
    select t.slot, k.stage_order, k.member_no, 0
    from (select distinct slot, period = 'day' and period_end < $as_of as past_day from taken) t
    cross join (
        select stage_order, member_no from stay_slot group by stage_order, member_no
        union all
        select stage_order, 0 from stage
    ) k
    where k.member_no = 0 or not t.past_day
),
running as (
    select
        slot, stage_order, member_no,
        sum(sum(step)) over (partition by stage_order, member_no order by slot) as n
    from moved
    group by slot, stage_order, member_no
)
select t.period, t.period_start, t.period_end, r.stage_order, r.member_no, r.n
from running r
join taken t on t.slot = r.slot
where r.member_no = 0 or (r.n > 0 and (t.period <> 'day' or t.period_end = $as_of))
