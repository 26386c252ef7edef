-- summary: the facts of the first sentences for each scope.
-- Grain: scope. Columns: scope_no; those of the whole's summary. What was promised is the company's, so quarter, commitment,
--   attained and expected_to_date are null; those of the baseline are null where none is kept for the scope.
with source as (
    select
        e.scope_no, coalesce(nullif(e.lead_source, ''), 'blank') as member, count(*) as n,
        row_number() over (
            partition by e.scope_no order by count(*) desc, coalesce(nullif(e.lead_source, ''), 'blank')
        ) as place
    from scope_entry e
    join setting s on s.stage = e.stage
    where e.counted and e.entered_on = $as_of
    group by e.scope_no, coalesce(nullif(e.lead_source, ''), 'blank')
)
select
    x.scope_no, $as_of as as_of, to_char($as_of, '%A') as weekday, s.stage, g.term,
    e.entered, e.low as expected_low, e.high as expected_high,
    o.member as top_source, o.n as top_source_n,
    cast(null as varchar) as quarter, cast(null as bigint) as commitment, cast(null as bigint) as attained,
    cast(null as double) as expected_to_date,
    b.baseline as baseline_name, b.first_day as baseline_from, b.last_day as baseline_to,
    b.imported as baseline_imported, b.definition as baseline_definition,
    s.definition
from scope x
cross join setting s
left join stage g on g.id = s.stage
left join scope_expected e on e.scope_no = x.scope_no and e.stage = s.stage
left join source o on o.scope_no = x.scope_no and o.place = 1
left join (
    select distinct baseline, definition, first_day, last_day, imported from baseline
) b on b.baseline = s.baseline and x.dimension is not null
order by x.scope_no
