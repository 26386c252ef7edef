-- needs: what somebody should see to today, at the stage of the commitment.
-- Grain: kind that has cases. Columns: kind, n, oldest_hours (from the oldest entry to the as-of day's end); kind is
--   <stage>_unowned      entries of the as-of day without an owner at its end, still open;
--   <stage>_resubmitted  entries of the last 7 days that came back sooner after a rejection than agreed.
with headline as (
    select stage, minimum_days from commitment where current
),
recent as (
    select distinct person_id from entry where observed and entered_on > $as_of - 7
),
entered as (
    select
        e.stage, e.entered_on, e.entered_at, e.owner_id, e.outcome, h.minimum_days,
        lag(e.outcome) over (partition by e.person_id order by e.entered_at, e.cycle) as before,
        lag(e.exited_at) over (partition by e.person_id order by e.entered_at, e.cycle) as before_at
    from entry e
    join headline h on h.stage = e.stage
    join recent r on r.person_id = e.person_id
    where e.observed
),
needed as (
    select concat(stage, '_unowned') as kind, entered_at
    from entered
    where entered_on = $as_of and owner_id is null and outcome = 'open'
    union all
    select concat(stage, '_resubmitted'), entered_at
    from entered
    where entered_on > $as_of - 7 and before in ('recycled', 'disqualified')
        and entered_on < local_date(before_at) + minimum_days
)
select
    kind, count(*) as n,
    max(cast($as_of_end as bigint) - cast(entered_at as bigint)) / 3600000000.0 as oldest_hours
from needed
group by kind
order by kind
