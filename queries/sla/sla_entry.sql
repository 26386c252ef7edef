-- sla_entry: the entries that count towards a commitment: observed, not of customers, and of one person only those
-- at least the agreed days (minimum_days_before_resubmission, of 24 hours) after the last that counted.
-- Grain: counted entry. Columns: stage, person_id, entered_on, lead_source; rejected (its cycle ended before a higher
--   stage: recycled, disqualified or deleted), pending (still in the stage).
with recursive agreed as (
    select stage, greatest(max(minimum_days) * 86400000000, 1) as gap_us
    from commitment
    group by stage
),
highest as (
    select person_id, cycle, max(stage_order) as stage_order
    from entry
    group by person_id, cycle
),
candidate as (
    select
        e.stage, e.person_id, cast(e.entered_at as bigint) as at_us, a.gap_us,
        first_value(e.entered_on order by e.cycle) as entered_on,
        first_value(e.lead_source order by e.cycle) as lead_source,
        first_value(e.outcome in ('recycled', 'disqualified', 'deleted') and h.stage_order = e.stage_order order by e.cycle)
            as rejected,
        first_value(e.outcome = 'open' order by e.cycle) as pending
    from entry e
    join agreed a on a.stage = e.stage
    join highest h on h.person_id = e.person_id and h.cycle = e.cycle
    where e.observed and not e.customer
    group by e.stage, e.person_id, e.entered_at, a.gap_us
),
chosen as (
    select stage, person_id, min(at_us) as at_us
    from candidate
    group by stage, person_id
    union all
    select c.stage, c.person_id, min(c.at_us)
    from chosen x
    join candidate c on c.stage = x.stage and c.person_id = x.person_id
    where c.at_us >= x.at_us + c.gap_us
    group by c.stage, c.person_id
)
select x.stage, x.person_id, c.entered_on, c.lead_source, c.rejected, c.pending
from chosen x
join candidate c on c.stage = x.stage and c.person_id = x.person_id and c.at_us = x.at_us
