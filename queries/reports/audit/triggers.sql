-- triggers: what every trigger and exit brought forth.
-- Grain: kind x stage, triggers before exits. Columns: kind, stage, term, event, expression, n, n_28, n_before, last_on, state,
--   ordered, backwards, backwards_days, implied: see audit_trigger.
select
    t.kind, t.stage, s.term, t.event, t.expression, t.n, t.n_28, t.n_before, t.last_on, t.state, t.ordered, t.backwards,
    t.backwards_days, t.implied
from audit_trigger t
join stage s on s.id = t.stage
order by t.kind in ('recycle', 'disqualify'), t.stage_order, t.kind
