-- rules: what the rules did with evidence, records and persons.
-- Grain: kind x name; what never happened is left out. Columns: kind, name, n, total: see audit_rule.
select kind, name, n, total
from audit_rule
where n > 0
order by kind, n desc, name
