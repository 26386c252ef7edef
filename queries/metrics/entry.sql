-- entry: stage entries that are not carried, with what the measures ask of them.
-- Grain: stage entry.
-- Columns: those of measured_entry (stage_entry's that a measure needs; cycle_no, a number for its person and cycle;
--   members, the numbers of its members by dimension), and
--   again       the person entered the stage in an earlier cycle;
--   observed    neither implied nor censored;
--   counted     what reports count: observed and net-new, at the last stage also won;
--   in_time     not confirmed more than a day after it was implied: its instant may stand in velocity;
--   slot        the slot of entered_on: what periods are added up from (see day_slot and period).
with numbered as (
    select *, false as again
    from measured_entry
    where cycle = 1 and not carried
    union all
    select e.*, f.cycle is not null as again
    from measured_entry e
    left join (
        select b.person_id, b.stage, b.cycle
        from measured_entry b
        join measured_entry a on a.person_id = b.person_id and a.stage = b.stage and a.cycle < b.cycle
        where b.cycle > 1 and not a.carried
        group by b.person_id, b.stage, b.cycle
    ) f on f.person_id = e.person_id and f.stage = e.stage and f.cycle = e.cycle
    where e.cycle > 1 and not e.carried
)
select
    n.*,
    not implied and not censored as observed,
    not implied and not censored and net_new and (stage_order < s.stages or outcome = 'won') as counted,
    coalesce(cast(confirmed_at as bigint) - cast(entered_at as bigint) <= 86400000000, true) as in_time,
    d.slot
from numbered n
left join day_slot d on d.date = n.entered_on
cross join setting s
