-- hostile: what a CRM may hold, and what a spreadsheet may take for something else.
-- Grain: person. Columns: person_id; "=evil", phone, handle, two: text that would run; created_at; amount; big: more
--   digits than a spreadsheet keeps.
select
    person_id, '=1+1' as "=evil", '+49 30' as phone, '  @x' as handle, name || chr(13) || '=2' as two, created_at,
    arrow_cast(12.5, 'Decimal128(18, 4)') as amount, 9007199254740993 as big, is_customer
from person
order by person_id
