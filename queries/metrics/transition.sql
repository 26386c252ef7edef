-- transition: what became of each observed entry, towards the next stage and towards the last.
-- Grain: observed entry x later stage of the two (one row where they are the same).
-- Columns: stage_order, entered_on, slot, members of the entry; to_order, to_next (it is the next stage), to_on and
--   to_slot (of its entry in the same cycle);
--   reached_us  bigint µs until the later stage was entered, at the same instant or later, implied or not, in the same
--               cycle; into the last stage only won counts; null if it was not;
--   to_censored the later stage is known from a first snapshot: reached at some time up to reached_us, nobody knows when;
--   ended_us    bigint µs until the cycle ended; null while it goes on;
--   age_us      bigint µs from entry to the as-of day's end;
--   converted   reached, within the horizon if one is set;
--   late_after  reached, but after the horizon;
--   left_out    to_censored, first seen after the horizon: counted nowhere else;
--   lost        not converted and cannot be any more: its cycle ended, or late_after;
--   open        not converted, and its cycle goes on;
--   mature      at least a horizon old at the as-of day's end (always, without a horizon);
--   elapsed_us  bigint µs between two observed entries in time and in order; else null: what velocity counts;
--   out_of_order  the later stage was observed before the entry.
with cycle_state as (
    select
        cycle_no,
        case when not bool_or(outcome = 'open') then max(cast(exited_at as bigint)) end as ended_at
    from measured_entry
    group by cycle_no
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
        e.stage_order, e.entered_on, e.slot, e.members, t.to_order, t.to_next, b.entered_on as to_on, b.slot as to_slot,
        t.horizon_us, coalesce(b.censored, false) as to_censored,
        coalesce(not t.into_last or b.outcome = 'won', false) as arrived,
        coalesce(b.observed, false) and e.in_time and b.in_time as exact,
        cast(b.entered_at as bigint) - cast(e.entered_at as bigint) as us,
        case when c.ended_at is not null then greatest(c.ended_at - cast(e.entered_at as bigint), 0) end as ended_us,
        cast($as_of_end as bigint) - cast(e.entered_at as bigint) as age_us
    from entry e
    join cycle_state c on c.cycle_no = e.cycle_no
    join target t on t.stage_order = e.stage_order
    left join entry b on b.cycle_no = e.cycle_no and b.stage_order = t.to_order
    where e.observed
),
judged as (
    select
        *,
        case when arrived and us >= 0 then us end as reached_us,
        coalesce(arrived and us >= 0 and (horizon_us is null or us <= horizon_us), false) as converted,
        coalesce(arrived and us >= 0 and us > horizon_us, false) as after_horizon
    from pair
)
select
    stage_order, entered_on, slot, members, to_order, to_next, to_on, to_slot, reached_us, to_censored, ended_us, age_us,
    converted,
    after_horizon and not to_censored as late_after,
    after_horizon and to_censored as left_out,
    not converted and not (after_horizon and to_censored) and (after_horizon or ended_us is not null) as lost,
    not converted and not after_horizon and ended_us is null as open,
    horizon_us is null or age_us >= horizon_us as mature,
    case when arrived and exact and us >= 0 then us end as elapsed_us,
    coalesce(arrived and exact and us < 0, false) as out_of_order
from judged
