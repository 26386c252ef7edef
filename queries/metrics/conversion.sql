-- conversion: what became of the observed entries of a period, by the stage they should reach.
-- Grain: period of the entry (all but day) x stage_order x to_order x member_no at entry (0 is the total; see member); no
--   entries, no row. Columns: the key; n = converted + lost + open; late_after (part of lost), mature (part of n),
--   left_out (not in n): see transition.
with counted as (
    select
        slot, stage_order, to_order, member_no,
        count(*) filter (where not left_out) as n,
        count(*) filter (where converted) as converted,
        count(*) filter (where lost) as lost,
        count(*) filter (where open) as open,
        count(*) filter (where late_after) as late_after,
        count(*) filter (where mature and not left_out) as mature,
        count(*) filter (where left_out) as left_out
    from transition_dimension
    group by slot, stage_order, to_order, member_no
)
select
    p.period, p.period_start, p.period_end, c.stage_order, c.to_order, c.member_no,
    sum(c.n) as n, sum(c.converted) as converted, sum(c.lost) as lost, sum(c.open) as open,
    sum(c.late_after) as late_after, sum(c.mature) as mature, sum(c.left_out) as left_out
from counted c
join period p on p.slot = c.slot and p.period <> 'day'
group by p.period, p.period_start, p.period_end, c.stage_order, c.to_order, c.member_no
