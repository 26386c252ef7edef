-- stay: the days on whose end a person was in a stage; overlapping cycles of one person count once.
-- Grain: entry (carried and censored ones too) that adds a day's end.
-- Columns: stage_order, entered_at, censored, members of the entry; start_on (the first day at whose end the person was in the
--   stage), until_on (the first at whose end not any more; 9999-12-31 while open); start_slot, until_slot (their slots;
--   until_slot is null while the person is in the stage at the as-of day's end).
with whole as (
    select
        person_id, cycle, cycle_no, stage_order, entered_at, entered_on, censored, members,
        coalesce(local_date(exited_at), date '9999-12-31') as until_on
    from measured_entry
),
several as (
    select person_id, cycle, cycle_no, stage_order, entered_on, until_on
    from whole
    where person_id in (select person_id from measured_entry where cycle > 1)
),
-- Until when the person was in the stage through cycles that were there before.
covered as (
    select e.cycle_no, e.stage_order, max(b.until_on) as until_on
    from several e
    join several b on b.person_id = e.person_id and b.stage_order = e.stage_order and b.cycle <> e.cycle
    where b.entered_on < e.entered_on or (b.entered_on = e.entered_on and b.cycle < e.cycle)
    group by e.cycle_no, e.stage_order
),
stays as (
    select
        e.stage_order, e.entered_at, e.censored, e.members, e.until_on,
        greatest(e.entered_on, coalesce(c.until_on, e.entered_on)) as start_on
    from whole e
    left join covered c on c.cycle_no = e.cycle_no and c.stage_order = e.stage_order
)
select s.*, a.slot as start_slot, b.slot as until_slot
from stays s
left join day_slot a on a.date = s.start_on
left join day_slot b on b.date = s.until_on
where s.until_on > s.start_on
