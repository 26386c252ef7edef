-- contrast: two definitions side by side over the same history.
-- Grain: stage of either definition, matched by id; in the order of the second, then those that only the first has.
-- Columns: stage; of each definition, as <figure>_before and <figure>_after (null where it has no such stage): entered
--   (observed entries), persons, next_rate (conversion to the next stage; null without entries), close_rate (to a won
--   close), median_days (to the next stage); enter, leave, other_day (persons; see moved).
select
    coalesce(a.stage, b.stage) as stage,
    b.entered as entered_before, a.entered as entered_after,
    b.persons as persons_before, a.persons as persons_after,
    round(ratio(b.converted, b.n), 4) as next_rate_before, round(ratio(a.converted, a.n), 4) as next_rate_after,
    round(ratio(b.closed, b.closed_n), 4) as close_rate_before, round(ratio(a.closed, a.closed_n), 4) as close_rate_after,
    round(b.median_days, 2) as median_days_before, round(a.median_days, 2) as median_days_after,
    coalesce(m.enter, 0) as enter, coalesce(m.leave, 0) as leave, coalesce(m.other_day, 0) as other_day
from effect_before b
full join effect_after a on a.stage = b.stage
left join moved m on m.stage = coalesce(a.stage, b.stage)
order by a.stage_order nulls last, b.stage_order
