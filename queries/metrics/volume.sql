-- volume: entries by the day they were entered on.
-- Grain: measure x period x stage_order x member_no (0 is the total; see member); measure is
--   volume          observed entries;
--   volume_net_new  of them, net-new;
--   volume_reentry  of them, in a stage that the person had entered in an earlier cycle;
--   volume_implied  entries implied by a later stage (not in volume);
--   volume_won      of the observed entries into the last stage, the won ones;
--   volume_counted  what reports count: of the net-new ones, at the last stage the won.
-- Columns: the key; n. The total has a row for every period; a member has rows where n > 0.
with counted as (
    select
        slot, stage_order, member_no,
        count(*) filter (where observed) as volume,
        count(*) filter (where observed and net_new) as net_new,
        count(*) filter (where observed and again) as reentry,
        count(*) filter (where implied) as implied,
        count(*) filter (where observed and outcome = 'won') as won,
        count(*) filter (where counted) as counting
    from entry_dimension
    group by slot, stage_order, member_no
    union all
    select p.slot, s.stage_order, 0, 0, 0, 0, 0, 0, 0
    from period p
    cross join stage s
    where p.last_slot
),
added as (
    select
        p.period, p.period_start, p.period_end, c.stage_order, c.member_no,
        sum(c.volume) as volume, sum(c.net_new) as net_new, sum(c.reentry) as reentry, sum(c.implied) as implied,
        sum(c.won) as won, sum(c.counting) as counting
    from counted c
    join period p on p.slot = c.slot
    group by p.period, p.period_start, p.period_end, c.stage_order, c.member_no
),
long as (
    select
        period, period_start, period_end, stage_order, member_no,
        unnest([
            'volume', 'volume_net_new', 'volume_reentry', 'volume_implied', 'volume_won', 'volume_counted'
        ]) as measure,
        unnest([volume, net_new, reentry, implied, won, counting]) as n
    from added
)
select l.measure, l.period, l.period_start, l.period_end, l.stage_order, l.member_no, l.n
from long l
cross join setting s
where (l.member_no = 0 or l.n > 0) and (l.measure <> 'volume_won' or l.stage_order = s.stages)
