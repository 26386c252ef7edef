-- observed: since when each stage has been watched night by night.
-- Grain: stage. Columns: stage_order, stage; first_on (the first observed entry; null if there is none); observed_from (the
--   day of the last import that the stage's entries came with, else of the first night): what lies before was imported, and
--   may lack what the source did not keep.
-- An entry that became known after its day without being late came with an import.
with dated as (
    select
        stage_order, entered_on, observed, local_date(known_at) as known_on,
        not late and local_date(known_at) > entered_on as imported
    from entry
),
first_night as (
    select min(known_on) as known_on from dated
)
select
    s.stage_order, s.id as stage,
    min(d.entered_on) filter (where d.observed) as first_on,
    coalesce(max(d.known_on) filter (where d.imported), min(f.known_on)) as observed_from
from stage s
cross join first_night f
left join dated d on d.stage_order = s.stage_order
group by s.stage_order, s.id
