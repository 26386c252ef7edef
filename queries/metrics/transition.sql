-- transition: what became of each observed entry, towards the next stage and towards the last.
-- Grain: observed entry x later stage of the two (one row where they are the same).
-- Columns: stage_order, entered_on, week_start, month_start, members of the entry; to_order, to_next (it is the next
--   stage), to_on and to_month (of its entry in the same cycle);
--   converted   the later stage was entered at the same instant or later, implied or not, in the same cycle, within the
--               horizon if one is set; into the last stage only won counts;
--   late_after  it was entered, but after the horizon;
--   left_out    a censored entry of the later stage, first seen after the horizon: nobody knows, counted nowhere else;
--   lost        not converted and cannot be any more: its cycle ended, or late_after;
--   open        not converted, and its cycle goes on;
--   mature      at least a horizon old at the as-of day's end (always, without a horizon);
--   age_us      bigint µs from entry to the as-of day's end;
--   elapsed_us  bigint µs between two observed entries in time and in order; else null: what velocity counts;
--   out_of_order  the later stage was observed before the entry.
with cycle_state as (
    select person_id, cycle, bool_or(outcome = 'open') as open
    from measured_entry
    group by person_id, cycle
),
target as (
    select
        a.stage_order, b.stage_order as to_order, b.stage_order = a.stage_order + 1 as to_next, b.last as into_last,
        s.horizon_us
    from stage a
    join stage b on b.stage_order > a.stage_order
    cross join setting s
    where b.last or b.stage_order = a.stage_order + 1
),
pair as (
    select
        e.stage_order, e.entered_on, e.week_start, e.month_start, e.members, c.open as cycle_open,
        t.to_order, t.to_next, b.entered_on as to_on, b.month_start as to_month, t.horizon_us,
        coalesce(b.censored, false) as to_censored,
        coalesce(not t.into_last or b.outcome = 'won', false) and b.entered_at >= e.entered_at as reached,
        coalesce(not t.into_last or b.outcome = 'won', false) and b.observed and e.in_time and b.in_time as exact,
        cast(b.entered_at as bigint) - cast(e.entered_at as bigint) as us,
        cast($as_of_end as bigint) - cast(e.entered_at as bigint) as age_us
    from entry e
    join cycle_state c on c.person_id = e.person_id and c.cycle = e.cycle
    join target t on t.stage_order = e.stage_order
    left join entry b on b.person_id = e.person_id and b.cycle = e.cycle and b.stage_order = t.to_order
    where e.observed
),
judged as (
    select
        *,
        coalesce(reached and (horizon_us is null or us <= horizon_us), false) as converted,
        coalesce(reached and us > horizon_us, false) as after_horizon
    from pair
)
select
    stage_order, entered_on, week_start, month_start, members, to_order, to_next, to_on, to_month, age_us, converted,
    after_horizon and not to_censored as late_after,
    after_horizon and to_censored as left_out,
    not converted and not (after_horizon and to_censored) and (after_horizon or not cycle_open) as lost,
    not converted and not after_horizon and cycle_open as open,
    horizon_us is null or age_us >= horizon_us as mature,
    case when exact and us >= 0 then us end as elapsed_us,
    coalesce(exact and us < 0, false) as out_of_order
from judged
