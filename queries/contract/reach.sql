-- reach: what became of the observed entries of each stage, towards every later stage, over the whole history.
-- Grain: stage x later stage. Columns: stage, to_stage; n (observed entries), reached (the later stage was entered at
--   the same instant or later, in the same cycle, within the horizon if one is set; into the last stage only won counts).
-- A censored entry of the later stage, first seen after the horizon, is left out of n, as in transition.
with pair as (
    select
        a.id as stage, a.stage_order, b.id as to_stage, b.stage_order as to_order, s.horizon_us,
        coalesce((not b.last or later.outcome = 'won') and later.entered_at >= e.entered_at, false) as there,
        coalesce(later.censored, false) as censored,
        cast(later.entered_at as bigint) - cast(e.entered_at as bigint) as us
    from entry e
    join stage a on a.stage_order = e.stage_order
    join stage b on b.stage_order > a.stage_order
    cross join setting s
    left join entry later
        on later.person_id = e.person_id and later.cycle = e.cycle and later.stage_order = b.stage_order
    where e.observed
)
select
    stage, to_stage,
    count(*) filter (where not (there and censored and horizon_us is not null and us > horizon_us)) as n,
    count(*) filter (where there and (horizon_us is null or us <= horizon_us)) as reached
from pair
group by stage, stage_order, to_stage, to_order
order by stage_order, to_order
