-- entry: stage entries that are not carried, with what the measures ask of them.
-- Grain: stage entry.
-- Columns: those of measured_entry (stage_entry's that a measure needs, and members, its configured dimensions in one
--   column), and
--   observed    neither implied nor censored;
--   counted     what reports count: observed and net-new, at the last stage also won;
--   again       the person entered the stage in an earlier cycle;
--   in_time     not confirmed more than a day after it was implied: its instant may stand in velocity;
--   cycle_open  its cycle has not ended.
with cycle_state as (
    select person_id, cycle, bool_or(outcome = 'open') as open
    from measured_entry
    group by person_id, cycle
),
first_entry as (
    select person_id, stage, min(cycle) as cycle
    from measured_entry
    where not carried
    group by person_id, stage
)
select
    e.*,
    not e.implied and not e.censored as observed,
    not e.implied and not e.censored and e.net_new and (not s.last or e.outcome = 'won') as counted,
    e.cycle > f.cycle as again,
    coalesce(cast(e.confirmed_at as bigint) - cast(e.entered_at as bigint) <= 86400000000, true) as in_time,
    c.open as cycle_open
from measured_entry e
join stage s on s.id = e.stage
join cycle_state c on c.person_id = e.person_id and c.cycle = e.cycle
join first_entry f on f.person_id = e.person_id and f.stage = e.stage
where not e.carried
