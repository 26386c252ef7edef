-- stages: the stages of the definition in force, for each scope.
-- Grain: scope x stage, in order. Columns: scope_no; those of the whole's stages: stage, term, words,
--   required_fields (separated by a comma and a space), stage_order; stock (persons in it at the as-of
--   day's end; null at the last), entered_28 (see scope_recent), since.
with told as (
    select
        o.stage, max(o.effective_from) filter (where o.term <> d.term or o.words <> d.words) as changed_from,
        min(o.effective_from) as first_from
    from definition_stage o
    join definition c on c.current
    join definition_stage d on d.definition = c.definition and d.stage = o.stage
    where o.effective_from <= c.effective_from
    group by o.stage
),
since as (
    select t.stage, min(o.effective_from) as since
    from told t
    join definition_stage o on o.stage = t.stage and (t.changed_from is null or o.effective_from > t.changed_from)
    group by t.stage
)
select
    x.scope_no, s.id as stage, s.term, d.words, d.required_fields, s.stage_order,
    case when not s.last then m.n end as stock, r.entered_28, w.since
from scope x
cross join stage s
join definition c on c.current
join definition_stage d on d.definition = c.definition and d.stage = s.id
left join since w on w.stage = s.id
left join scope_recent r on r.scope_no = x.scope_no and r.stage = s.id
left join scope_stock m on m.scope_no = x.scope_no and m.stage = s.id
order by x.scope_no, s.stage_order
