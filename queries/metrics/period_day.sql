-- period_day: the periods that a local day belongs to.
-- Grain: day x period, no day after the as-of date.
-- Columns: date; period (day, week, month, quarter); period_start, period_end (dates, both in the period;
--   the running period ends after the as-of date).
-- Days: the last 60. Weeks: the last 53, the running one among them. Months and fiscal quarters: all.
with today as (
    select week_start from calendar_day where date = $as_of
)
select date, 'day' as period, date as period_start, date as period_end
from calendar_day
where date <= $as_of and date > $as_of - 60
union all
select date, 'week', calendar_day.week_start, calendar_day.week_start + 6
from calendar_day cross join today
where date <= $as_of and calendar_day.week_start > today.week_start - 371
union all
select date, 'month', month_start, month_end
from calendar_day
where date <= $as_of
union all
select date, 'quarter', quarter_start, quarter_end
from calendar_day
where date <= $as_of
