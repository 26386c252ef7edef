-- summary: the facts of the report's first sentences.
-- Grain: one row. Columns: as_of, weekday; stage, term (of the commitment in force); entered,
--   expected_low, expected_high (as in stages); top_source, top_source_n (the lead source of most of the day's counted
--   entries); quarter, commitment, attained, expected_to_date (all of these null without a commitment); baseline_name,
--   baseline_from, baseline_to, baseline_imported, baseline_definition (null without a baseline); definition.
with source as (
    select coalesce(nullif(e.lead_source, ''), 'blank') as member, count(*) as n
    from entry e
    join setting s on s.stage = e.stage
    where e.counted and e.entered_on = $as_of
    group by coalesce(nullif(e.lead_source, ''), 'blank')
    order by n desc, member
    limit 1
),
quarter as (
    select
        w.quarter, sum(w.commitment) as commitment, sum(w.attained) as attained,
        ratio(sum(w.commitment) * sum(w.weight_done), sum(w.weight)) as expected_to_date
    from sla_week w
    join commitment c on c.quarter = w.quarter and c.stage = w.stage
    where c.current
    group by w.quarter
)
select
    $as_of as as_of, to_char($as_of, '%A') as weekday, s.stage, g.term,
    e.entered, e.low as expected_low, e.high as expected_high,
    o.member as top_source, o.n as top_source_n,
    q.quarter, q.commitment, q.attained, q.expected_to_date,
    b.baseline as baseline_name, b.first_day as baseline_from, b.last_day as baseline_to,
    b.imported as baseline_imported, b.definition as baseline_definition,
    s.definition
from setting s
left join stage g on g.id = s.stage
left join expected e on e.stage = s.stage
left join source o on true
left join quarter q on true
left join (
    select distinct baseline, definition, first_day, last_day, imported from baseline
) b on b.baseline = s.baseline
