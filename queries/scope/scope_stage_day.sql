-- scope_stage_day: counted entries of each scope by day, of the running week and the 26 weeks before it.
-- Grain: scope x stage x day that has any. Columns: scope_no, stage, date, week_start, month_start, n: see stage_day.
select e.scope_no, e.stage, d.date, d.week_start, d.month_start, count(*) as n
from scope_entry e
join calendar_day d on d.date = e.entered_on
cross join (select week_start from calendar_day where date = $as_of) t
where e.counted and d.date between t.week_start - 182 and $as_of
group by e.scope_no, e.stage, d.date, d.week_start, d.month_start
