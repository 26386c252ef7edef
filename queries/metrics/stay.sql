-- stay: the days on whose end a person was in a stage; overlapping cycles of one person count once.
-- Grain: entry (carried and censored ones too) that adds a day's end.
-- Columns: stage_order, entered_at, censored, members of the entry; start_on (the first day at whose end the person was in the
--   stage), until_on (the first at whose end not any more; 9999-12-31 while open); start_month; until_month (of
--   until_on, at most the as-of date's).
with whole as (
    select
        person_id, cycle, stage_order, entered_at, entered_on, censored, members,
        coalesce(local_date(exited_at), date '9999-12-31') as until_on
    from measured_entry
),
-- Until when the person was in the stage through cycles that were there before.
covered as (
    select e.person_id, e.stage_order, e.cycle, max(b.until_on) as until_on
    from whole e
    join whole b on b.person_id = e.person_id and b.stage_order = e.stage_order and b.cycle <> e.cycle
    where b.entered_on < e.entered_on or (b.entered_on = e.entered_on and b.cycle < e.cycle)
    group by e.person_id, e.stage_order, e.cycle
),
stays as (
    select
        e.stage_order, e.entered_at, e.censored, e.members, e.until_on,
        greatest(e.entered_on, coalesce(c.until_on, e.entered_on)) as start_on
    from whole e
    left join covered c on c.person_id = e.person_id and c.stage_order = e.stage_order and c.cycle = e.cycle
)
select
    *,
    cast(date_trunc('month', start_on) as date) as start_month,
    cast(date_trunc('month', least(until_on, $as_of)) as date) as until_month
from stays
where until_on > start_on
