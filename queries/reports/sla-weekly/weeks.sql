-- weeks: the weeks of the commitment in force.
-- Grain: week of the quarter, in order. Columns: quarter, week_no, week_start, week_end (in the quarter), working_days;
--   commitment, attained, complete, verdict: see sla_week.
select
    w.quarter, w.week_no, w.week_start, w.week_end, w.working_days, w.commitment, w.attained, w.complete, w.verdict
from sla_week w
join commitment c on c.quarter = w.quarter and c.stage = w.stage
where c.current
order by w.week_no
