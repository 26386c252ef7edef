-- promise: whether each commitment of the quarter that holds the as-of date can still be met.
-- Grain: commitment. Columns: quarter, stage, commitment, attained; weekly (what counted in the 13 weeks before the as-of
--   date's week, a week), remaining_weeks (remaining working days, or days when even, in weeks of the quarter's fullest
--   week), needed_weekly (what is missing over remaining_weeks; null when none remain), reachable (attained + weekly x
--   remaining_weeks reaches the commitment).
with total as (
    select
        quarter, stage, sum(commitment) as commitment, sum(attained) as attained,
        coalesce(ratio(sum(weight) - sum(weight_done), max(weight)), 0) as remaining_weeks
    from sla_week
    group by quarter, stage
),
today as (
    select week_start from calendar_day where date = $as_of
),
lately as (
    select e.stage, count(*) as n
    from sla_entry e
    cross join today t
    where e.entered_on < t.week_start and e.entered_on >= t.week_start - 91
    group by e.stage
)
select
    t.quarter, t.stage, t.commitment, t.attained,
    ratio(coalesce(l.n, 0), 13) as weekly, t.remaining_weeks,
    ratio(greatest(t.commitment - t.attained, 0), t.remaining_weeks) as needed_weekly,
    t.attained + ratio(coalesce(l.n, 0), 13) * t.remaining_weeks >= t.commitment as reachable
from total t
join commitment c on c.quarter = t.quarter and c.stage = t.stage
left join lately l on l.stage = t.stage
where $as_of between c.first_day and c.last_day
order by t.stage
