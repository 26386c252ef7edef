-- sla_week: each commitment by week against what was attained.
-- Grain: quarter x stage x week; a week that straddles quarters is split by day, so week_start and week_end lie in the
--   quarter. Columns: as_of; quarter, stage, week_no (from 1), week_start, week_end; working_days, working_days_done (up
--   to the as-of date); weight, weight_done (what the commitment is split by: working days, or all days when even);
--   commitment (by largest remainder, ties to the earlier week: the weeks add up to the quarter's);
--   gross (counted entries, see sla_entry), of them rejected and pending, each in its entry's week; net (gross -
--   rejected), attained (= gross);
--   complete (the as-of date is past it or its last day); verdict (of a complete week met or short; of another ahead,
--   when its commitment is reached already, else open).
with slice as (
    select
        c.quarter, c.stage, c.commitment as promised, d.week_start as whole_week,
        min(d.date) as week_start, max(d.date) as week_end,
        count(*) filter (where d.working) as working_days,
        count(*) filter (where d.working and d.date <= $as_of) as working_days_done,
        count(*) filter (where d.working or c.split = 'even') as weight,
        count(*) filter (where (d.working or c.split = 'even') and d.date <= $as_of) as weight_done
    from commitment c
    join calendar_day d on d.date between c.first_day and c.last_day
    group by c.quarter, c.stage, c.commitment, d.week_start
),
weighed as (
    select
        *,
        row_number() over (partition by quarter, stage order by week_start) as week_no,
        nullif(sum(weight) over (partition by quarter, stage), 0) as whole
    from slice
),
floored as (
    select *, promised * weight / whole as base, promised * weight % whole as remainder
    from weighed
),
placed as (
    select
        *,
        promised - sum(base) over (partition by quarter, stage) as missing,
        row_number() over (partition by quarter, stage order by remainder desc, week_start) as place
    from floored
),
counted as (
    select
        c.quarter, c.stage, d.week_start as whole_week,
        count(*) as gross,
        count(*) filter (where e.rejected) as rejected,
        count(*) filter (where e.pending) as pending
    from sla_entry e
    join calendar_day d on d.date = e.entered_on
    join commitment c on c.stage = e.stage and e.entered_on between c.first_day and c.last_day
    group by c.quarter, c.stage, d.week_start
)
select
    $as_of as as_of, s.*, s.gross - s.rejected as net, s.gross as attained, s.week_end <= $as_of as complete,
    case
        when s.week_end <= $as_of and s.gross >= s.commitment then 'met'
        when s.week_end <= $as_of then 'short'
        when s.week_start <= $as_of and s.gross >= s.commitment then 'ahead'
        else 'open'
    end as verdict
from (
    select
        p.quarter, p.stage, p.week_no, p.week_start, p.week_end,
        p.working_days, p.working_days_done, p.weight, p.weight_done,
        p.base + case when p.place <= p.missing then 1 else 0 end as commitment,
        coalesce(c.gross, 0) as gross, coalesce(c.rejected, 0) as rejected, coalesce(c.pending, 0) as pending
    from placed p
    left join counted c on c.quarter = p.quarter and c.stage = p.stage and c.whole_week = p.whole_week
) s
