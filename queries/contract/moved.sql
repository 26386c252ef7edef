-- moved: whom a change of definition brings into each stage, and whom it takes out.
-- Grain: stage of either definition. Columns: stage; enter, leave (persons who have an entry, not carried, under one
--   definition only), other_day (their first entry of the stage is on another day), same.
with before as (
    select person_id, stage, min(entered_on) as entered_on
    from entry_before
    where not carried
    group by person_id, stage
),
after as (
    select person_id, stage, min(entered_on) as entered_on
    from entry_after
    where not carried
    group by person_id, stage
)
select
    coalesce(b.stage, a.stage) as stage,
    count(*) filter (where b.person_id is null) as enter,
    count(*) filter (where a.person_id is null) as leave,
    count(*) filter (where a.entered_on <> b.entered_on) as other_day,
    count(*) filter (where a.entered_on = b.entered_on) as same
from before b
full join after a on a.person_id = b.person_id and a.stage = b.stage
group by coalesce(b.stage, a.stage)
