-- trend: counted entries (observed, net-new; at the last stage won) of the last 26 complete weeks, 0 where none.
-- Grain: week x stage. Columns: week_start, stage, term, stage_order, n.
select d.week_start, d.stage, s.term, s.stage_order, sum(d.n) as n
from stage_day d
join stage s on s.id = d.stage
where d.week_start + 6 between $as_of - 181 and $as_of
group by d.week_start, d.stage, s.term, s.stage_order
order by d.week_start, s.stage_order
