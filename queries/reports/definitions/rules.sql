-- rules: the triggers, exits and exclusions of the definition in force.
-- Grain: rule, in the order of the file. Columns: kind, stage, term (of the stage), name, event, expression, at, won, reason: see
--   the table definition_rule; scope_no (null: the same in every scope).
select cast(null as bigint) as scope_no, r.kind, r.stage, s.term, r.name, r.event, r.expression, r.at, r.won, r.reason
from definition_rule r
left join stage s on s.id = r.stage
order by r.number
