-- former: what stages were called before.
-- Grain: stage x definition before the one in force that used another term or other words. Columns: stage, term, words,
--   definition, effective_from; gone (the definition in force has no such stage);
--   scope_no (null: the same in every scope).
select
    cast(null as bigint) as scope_no, o.stage, o.term, o.words, o.definition, o.effective_from, d.stage is null as gone
from definition_stage o
join definition c on c.current and o.effective_from < c.effective_from
left join definition_stage d on d.definition = c.definition and d.stage = o.stage
where d.stage is null or d.term <> o.term or d.words <> o.words
order by o.effective_from desc, o.stage
