-- campaign of Marketo: its programs, as they stand.
-- Grain: one row per program.
select
    record_id as campaign_id,
    name,
    coalesce(channel, type) as kind,
    status,
    cast(startdate as date) as start_date,
    createdat as created_at
from marketo.program
