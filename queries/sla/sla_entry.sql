-- sla_entry: the entries that count towards a commitment: observed, not of customers, and of one person only those
-- at least the agreed days (minimum_days_before_resubmission) after the last that counted.
-- Grain: counted entry. Columns: stage, person_id, entered_on, outcome (of the entry), lead_source.
with recursive agreed as (
    select stage, greatest(max(minimum_days), 1) as days
    from commitment
    group by stage
),
-- The first of a person's entries of a day.
candidate as (
    select
        e.stage, e.person_id, e.entered_on, a.days,
        first_value(e.outcome order by e.entered_at, e.cycle) as outcome,
        first_value(e.lead_source order by e.entered_at, e.cycle) as lead_source
    from entry e
    join agreed a on a.stage = e.stage
    where e.observed and not e.customer
    group by e.stage, e.person_id, e.entered_on, a.days
),
chosen as (
    select stage, person_id, min(entered_on) as entered_on
    from candidate
    group by stage, person_id
    union all
    select c.stage, c.person_id, min(c.entered_on)
    from chosen x
    join candidate c on c.stage = x.stage and c.person_id = x.person_id
    where c.entered_on >= x.entered_on + c.days
    group by c.stage, c.person_id
)
select x.stage, x.person_id, x.entered_on, c.outcome, c.lead_source
from chosen x
join candidate c on c.stage = x.stage and c.person_id = x.person_id and c.entered_on = x.entered_on
