-- values: the values in use in the columns that stages and exits read, and what each maps to.
-- Grain: source_table x field x value; those that map to nothing or to two stages first, then those that most have now.
--   A field of more than 100 values is free text, and left out. Columns: source_table, field, value (null: blank), ever, now,
--   first_on, stages, exits, at_once, maps_to: see audit_value; fresh (first seen in the last 28 days).
select
    source_table, field, value, ever, now, first_on, stages, exits, at_once, maps_to,
    coalesce(first_on > $as_of - 28, false) as fresh
from audit_value
where values_n <= 100
order by source_table <> 'person_version', source_table, field, maps_to = 'one', now desc, value
