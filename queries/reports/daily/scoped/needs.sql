-- needs: what somebody should see to today in each scope, at the stage of the commitment.
-- Grain: scope x kind that has cases. Columns: scope_no; those of the whole's needs. Whether somebody came back too soon is
--   judged by the entries in the scope.
with headline as (
    select stage, minimum_days from commitment where current
),
recent as (
    select distinct scope_no, person_id from scope_entry where observed and entered_on > $as_of - 7
),
entered as (
    select
        e.scope_no, e.stage, e.entered_on, e.entered_at, e.owner_id, e.outcome, h.minimum_days,
        lag(e.outcome) over (partition by e.scope_no, e.person_id order by e.entered_at, e.cycle) as before,
        lag(e.exited_at) over (partition by e.scope_no, e.person_id order by e.entered_at, e.cycle) as before_at
    from scope_entry e
    join headline h on h.stage = e.stage
    join recent r on r.scope_no = e.scope_no and r.person_id = e.person_id
    where e.observed
),
needed as (
    select scope_no, concat(stage, '_unowned') as kind, entered_at
    from entered
    where entered_on = $as_of and owner_id is null and outcome = 'open'
    union all
    select scope_no, concat(stage, '_resubmitted'), entered_at
    from entered
    where entered_on > $as_of - 7 and before in ('recycled', 'disqualified')
        and entered_on < local_date(before_at) + minimum_days
)
select
    scope_no, kind, count(*) as n,
    max(cast($as_of_end as bigint) - cast(entered_at as bigint)) / 3600000000.0 as oldest_hours
from needed
group by scope_no, kind
order by scope_no, kind
