-- conversion: what became of the observed entries of a period, by the stage they should reach.
-- Grain: period of the entry (week, month, quarter) x stage x to_stage x member at entry; no entries, no row.
-- Columns: the key; n = converted + lost + open; late_after (part of lost), mature (part of n), left_out (not in n):
--   see transition.
select
    p.period, p.period_start, p.period_end, t.stage, t.to_stage, t.dimension, t.member,
    count(*) filter (where not t.left_out) as n,
    count(*) filter (where t.converted) as converted,
    count(*) filter (where t.lost) as lost,
    count(*) filter (where t.open) as open,
    count(*) filter (where t.late_after) as late_after,
    count(*) filter (where t.mature and not t.left_out) as mature,
    count(*) filter (where t.left_out) as left_out
from transition_dimension t
join period_day p on p.date = t.entered_on
where p.period <> 'day'
group by p.period, p.period_start, p.period_end, t.stage, t.to_stage, t.dimension, t.member
