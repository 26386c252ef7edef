-- sources: where the entries that count towards the commitment in force came from, the quarter so far.
-- Grain: lead source at entry, the most first. Columns: member (a blank is 'blank'), n, share (0-1).
select
    coalesce(nullif(e.lead_source, ''), 'blank') as member, count(*) as n,
    ratio(count(*), sum(count(*)) over ()) as share
from sla_entry e
join commitment c on c.stage = e.stage and e.entered_on between c.first_day and c.last_day
where c.current
group by coalesce(nullif(e.lead_source, ''), 'blank')
order by n desc, member
