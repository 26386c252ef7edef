-- person_version of Olist: leads qualified by marketing.
-- Grain: one row per lead and version. `mql_at` is a date. A blank origin stays null; `unknown` is what
-- the source says and stays a value of its own.
select
    'qualified_lead' as stream,
    record_id,
    origin as lead_source,
    landing_page_id,
    first_contact_date as mql_at,
    day_start(first_contact_date) as created_at,
    valid_from,
    seen_after,
    known_at,
    deleted,
    via,
    censored,
    imported
from olist.qualified_lead_history
