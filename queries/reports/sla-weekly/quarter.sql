-- quarter: the commitment in force, as it stands.
-- Grain: one row; none without a commitment. Columns: quarter, first_day, last_day; stage, term; commitment; attained (=
--   gross: the entries that count), rejected, pending, net; expected_to_date (the commitment's part for completed
--   days, unrounded), pace (attained over it; null before the first working day); completed_days; working_days,
--   working_days_done; remaining_weeks (remaining working days in weeks of the quarter's fullest week), needed_per_week
--   (what is missing over remaining_weeks, 0 when nothing is; null when none remain).
with total as (
    select
        w.quarter, w.stage, sum(w.commitment) as commitment,
        sum(w.gross) as gross, sum(w.rejected) as rejected, sum(w.pending) as pending, sum(w.net) as net,
        sum(w.working_days) as working_days, sum(w.working_days_done) as working_days_done,
        ratio(sum(w.commitment) * sum(w.weight_done), sum(w.weight)) as expected_to_date,
        ratio(sum(w.weight) - sum(w.weight_done), max(w.weight)) as remaining_weeks
    from sla_week w
    group by w.quarter, w.stage
)
select
    t.quarter, c.first_day, c.last_day, t.stage, s.term, t.commitment,
    t.gross as attained, t.gross, t.rejected, t.pending, t.net,
    t.expected_to_date, ratio(t.gross, t.expected_to_date) as pace,
    d.n as completed_days, t.remaining_weeks,
    ratio(greatest(t.commitment - t.gross, 0), t.remaining_weeks) as needed_per_week,
    t.working_days, t.working_days_done
from total t
join commitment c on c.quarter = t.quarter and c.stage = t.stage
join stage s on s.id = t.stage
cross join (
    select count(*) as n
    from calendar_day k
    join commitment m on k.date between m.first_day and m.last_day
    where m.current and k.date <= $as_of
) d
where c.current
