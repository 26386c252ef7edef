-- stages: the stages by id and term.
-- Grain: stage, in order. Columns: stage, term.
select id as stage, term
from stage
order by stage_order
