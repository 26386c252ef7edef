-- volume: entries by the day they were entered on.
-- Grain: measure x period x stage x member; measure is
--   volume          observed entries;
--   volume_net_new  of them, net-new;
--   volume_reentry  of them, in a stage that the person had entered in an earlier cycle;
--   volume_implied  entries implied by a later stage (not in volume);
--   volume_won      of the observed entries into the last stage, the won ones.
-- Columns: the key; n. The total (dimension and member null) has a row for every period since the first entry; a member
--   has rows where n > 0. Days have the total only.
with known as (
    select stage, dimension, member, entered_on, observed, implied, net_new, again, outcome, 1 as step
    from entry_dimension
    union all
    select s.id, null, null, d.date, false, false, false, false, null, 0
    from stage s
    cross join setting
    join calendar_day d on d.date between setting.first_day and $as_of
),
summed as (
    select
        p.period, p.period_start, p.period_end, k.stage, k.dimension, k.member,
        count(*) filter (where k.observed) as volume,
        count(*) filter (where k.observed and k.net_new) as net_new,
        count(*) filter (where k.observed and k.again) as reentry,
        count(*) filter (where k.implied) as implied,
        count(*) filter (where k.observed and k.outcome = 'won') as won
    from known k
    join period_day p on p.date = k.entered_on
    where k.dimension is null or p.period <> 'day'
    group by p.period, p.period_start, p.period_end, k.stage, k.dimension, k.member
),
long as (
    select
        m.measure, period, period_start, period_end, stage, dimension, member,
        case m.measure
            when 'volume' then volume
            when 'volume_net_new' then net_new
            when 'volume_reentry' then reentry
            when 'volume_implied' then implied
            else won
        end as n
    from summed
    cross join (values
        ('volume'), ('volume_net_new'), ('volume_reentry'), ('volume_implied'), ('volume_won')
    ) as m(measure)
)
select l.*
from long l
join stage s on s.id = l.stage
where (l.dimension is null or l.n > 0) and (l.measure <> 'volume_won' or s.last)
