-- stay: the days on whose end a person was in a stage; overlapping cycles of one person count once.
-- Grain: entry (carried and censored ones too) that adds a day's end.
-- Columns: stage, entered_at, censored, members of the entry; start_on (the first day at whose end the person was in the
--   stage), until_on (the first at whose end not any more; 9999-12-31 while open).
with whole as (
    select
        person_id, cycle, stage, entered_at, entered_on, censored, members,
        coalesce(local_date(exited_at), date '9999-12-31') as until_on
    from measured_entry
),
covered as (
    select
        *,
        max(until_on) over (
            partition by person_id, stage order by entered_on, cycle
            rows between unbounded preceding and 1 preceding
        ) as covered_on
    from whole
    where until_on > entered_on
)
select
    stage, entered_at, censored, members, until_on,
    greatest(entered_on, coalesce(covered_on, entered_on)) as start_on
from covered
where covered_on is null or until_on > covered_on
