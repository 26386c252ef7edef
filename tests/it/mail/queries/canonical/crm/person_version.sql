-- Leads of the exports in this fixture.
-- Grain: one row per lead and version.
select
    'lead' as stream, record_id, email, last_name, status, created as created_at,
    valid_from, seen_after, known_at, deleted, via, censored, imported
from crm.lead_history
