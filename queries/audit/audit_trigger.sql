-- audit_trigger: what every trigger and exit of the definition in force brought forth.
-- Grain: kind x stage (exits of one kind back to one stage together). Columns: kind (stamp, when, on, recycle, disqualify); stage,
--   stage_order (of an exit: the stage it goes back to); event, expression (as the definition has it);
--   n, persons   evidence it gave, and of how many persons; what exclusions took is left out;
--   n_28, n_before  the evidence of the last 28 days, and of the 182 days before them;
--   first_on, last_on  its first and last day;
--   state        never (no evidence at all), silent (none in 28 days where at least 5 were usual), fires;
--   ordered, backwards  persons with a dated first sign of this trigger and of a higher stage; of them, those whose sign of
--                the higher stage came first; a date without time is no earlier than the end of its day there;
--   backwards_days  median days between the two signs of those;
--   implied      entries of the stage that rest on a later stage alone (of a trigger).
with sign as (
    select
        person_id, at, stage, stage_order, censored,
        case
            when kind <> 'enter' then kind
            when via = 'stamp' then 'stamp'
            when via = 'event' or opportunity_id is not null then 'on'
            else 'when'
        end as kind,
        case when date_only then day_end(local_date(at)) else at end as latest
    from evidence
    where not excluded and kind in ('enter', 'recycle', 'disqualify')
),
rule as (
    select
        r.kind, r.stage, s.stage_order, min(r.event) as event,
        string_agg(r.expression, ' or ' order by r.number) as expression
    from definition_rule r
    join stage s on s.id = r.stage
    group by r.kind, r.stage, s.stage_order
),
counted as (
    select
        kind, stage, count(*) as n, count(distinct person_id) as persons,
        count(*) filter (where local_date(at) > $as_of - 28) as n_28,
        count(*) filter (where local_date(at) between $as_of - 209 and $as_of - 28) as n_before,
        local_date(min(at)) as first_on, local_date(max(at)) as last_on
    from sign
    group by kind, stage
),
first_sign as (
    select person_id, kind, stage_order, min(at) as at
    from sign
    where not censored and kind in ('stamp', 'when', 'on')
    group by person_id, kind, stage_order
),
first_stage as (
    select person_id, stage_order, min(latest) as at
    from sign
    where not censored and kind in ('stamp', 'when', 'on')
    group by person_id, stage_order
),
higher as (
    select f.person_id, f.kind, f.stage_order, f.at, min(h.at) as higher_at
    from first_sign f
    join first_stage h on h.person_id = f.person_id and h.stage_order > f.stage_order
    group by f.person_id, f.kind, f.stage_order, f.at
),
turned as (
    select
        kind, stage_order, count(*) as ordered, count(*) filter (where higher_at < at) as backwards,
        quantile(cast(at as bigint) - cast(higher_at as bigint), 0.5) filter (where higher_at < at) / 86400000000
            as backwards_days
    from higher
    group by kind, stage_order
),
implied as (
    select stage, count(*) as n from stage_entry where implied group by stage
)
select
    r.kind, r.stage, r.stage_order, r.event, r.expression,
    coalesce(c.n, 0) as n, coalesce(c.persons, 0) as persons, coalesce(c.n_28, 0) as n_28, coalesce(c.n_before, 0) as n_before,
    c.first_on, c.last_on,
    case
        when c.n is null then 'never'
        when c.n_28 = 0 and c.n_before * 28 >= 5 * 182 then 'silent'
        else 'fires'
    end as state,
    coalesce(t.ordered, 0) as ordered, coalesce(t.backwards, 0) as backwards, t.backwards_days,
    case when r.kind in ('stamp', 'when', 'on') then coalesce(i.n, 0) end as implied
from rule r
left join counted c on c.kind = r.kind and c.stage = r.stage
left join turned t on t.kind = r.kind and t.stage_order = r.stage_order
left join implied i on i.stage = r.stage
order by r.stage_order, r.kind
