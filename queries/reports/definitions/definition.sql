-- definition: the definition in force.
-- Grain: one row. Columns: definition, effective_from, hash, skipped_stages (reached_or_passed, strict, any), deleted (stay, drop),
--   after_close_to, after_close_term (the stage up to which a cycle after a close is carried), quiet_days;
--   scope_no (null: the same in every scope).
select
    cast(null as bigint) as scope_no, d.definition, d.effective_from, d.hash, d.skipped_stages, d.deleted, d.after_close_to,
    s.term as after_close_term, d.quiet_days
from definition d
join stage s on s.id = d.after_close_to
where d.current
