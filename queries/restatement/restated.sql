-- restated: what reports said of volume, beside what is known now, and why it differs.
-- Grain: report x scope x commit_no (that told it) x measure x period x period_start x stage x dimension x member: the
--   figures of published_metric of the last 400 days that are of everyone's rows (scope is null), but for the as-of day's
--   own, whose measure is volume, volume_net_new, volume_implied, volume_won or volume_counted (see volume).
-- Columns: as_of (date); report, scope, commit_no; told_on (the as-of date of who told it); definition (then);
--   measure, period, period_start, period_end, stage, dimension, member; until (the last day that it counted);
--   n_then, n_now (entries of the days from period_start until then); difference (n_now - n_then): the sum of
--   merged, split, deleted, re_dated, redefined, reopened, linked, confirmed, late, erased and unexplained (a defect), of
--   the changes since (see stage_entry_change);
--   fresh (the part of it that came since the report was last rendered); last_told (no later telling of the same figure).
with told as (
    select
        row_number() over (order by p.commit_no, p.report, p.scope, p.measure, p.period, p.period_start, p.stage,
            p.dimension, p.member) as no,
        p.*, least(p.period_end, p.as_of) as until, coalesce(p.dimension, '') as of_dimension,
        coalesce(p.member, '') as of_member,
        max(p.commit_no) over (partition by p.report, p.scope) as rendered,
        row_number() over (
            partition by p.report, p.scope, p.measure, p.period, p.period_start, p.stage, p.dimension, p.member
            order by p.commit_no desc
        ) = 1 as last_told
    from published_metric p
    where p.measure in ('volume', 'volume_net_new', 'volume_implied', 'volume_won', 'volume_counted')
        and p.as_of < $as_of and p.as_of > $as_of - 400 and p.scope is null
        and (p.dimension is null or p.dimension in (select dimension from member))
),
day as (
    select
        stage_order, member_no, entered_on,
        count(*) filter (where observed) as volume,
        count(*) filter (where observed and net_new) as net_new,
        count(*) filter (where implied) as implied,
        count(*) filter (where observed and outcome = 'won' and stage_order = s.stages) as won,
        count(*) filter (where counted) as counting
    from entry_dimension
    cross join setting s
    where not censored and entered_on >= (select min(period_start) from told)
    group by stage_order, member_no, entered_on
),
counted as (
    select
        s.id as stage, coalesce(m.dimension, '') as of_dimension, coalesce(m.member, '') as of_member, d.entered_on as day,
        unnest(['volume', 'volume_net_new', 'volume_implied', 'volume_won', 'volume_counted']) as measure,
        unnest([d.volume, d.net_new, d.implied, d.won, d.counting]) as n
    from day d
    join stage s on s.stage_order = d.stage_order
    join member m on m.member_no = d.member_no
),
bound as (
    select measure, stage, of_dimension, of_member, period_start - 1 as day from told
    union
    select measure, stage, of_dimension, of_member, until from told
),
-- A running sum tells of any two days what came between them: no join of every figure with its days.
running as (
    select
        measure, stage, of_dimension, of_member, day,
        sum(sum(n)) over (partition by measure, stage, of_dimension, of_member order by day) as n
    from (
        select measure, stage, of_dimension, of_member, day, n from counted
        union all
        select measure, stage, of_dimension, of_member, day, 0 from bound
    )
    group by measure, stage, of_dimension, of_member, day
),
now as (
    select t.no, last.n - before.n as n
    from told t
    join running last
        on last.measure = t.measure and last.stage = t.stage and last.of_dimension = t.of_dimension
        and last.of_member = t.of_member and last.day = t.until
    join running before
        on before.measure = t.measure and before.stage = t.stage and before.of_dimension = t.of_dimension
        and before.of_member = t.of_member and before.day = t.period_start - 1
),
side as (
    select
        commit_no, stage, dimension, cause, -1 as n, old_on as day, old_member as member, old_implied as implied,
        old_net_new as net_new, old_won as won
    from stage_entry_change
    where old_on is not null
    union all
    select commit_no, stage, dimension, cause, 1, new_on, new_member, new_implied, new_net_new, new_won
    from stage_entry_change
    where new_on is not null
),
weighed as (
    select
        c.commit_no, c.stage, coalesce(c.dimension, '') as of_dimension, coalesce(c.member, '') as of_member, c.cause, c.day,
        unnest(['volume', 'volume_net_new', 'volume_implied', 'volume_won', 'volume_counted']) as measure,
        unnest([
            case when not c.implied then c.n else 0 end,
            case when not c.implied and c.net_new then c.n else 0 end,
            case when c.implied then c.n else 0 end,
            case when not c.implied and c.won then c.n else 0 end,
            case when not c.implied and c.net_new and (c.won or coalesce(not g.last, true)) then c.n else 0 end
        ]) as n
    from side c
    left join stage g on g.id = c.stage
),
step as (
    select commit_no, stage, of_dimension, of_member, cause, day, measure, sum(n) as n
    from weighed
    group by commit_no, stage, of_dimension, of_member, cause, day, measure
    having sum(n) <> 0
),
why as (
    select
        t.no,
        coalesce(sum(c.n) filter (where c.cause = 'merged'), 0) as merged,
        coalesce(sum(c.n) filter (where c.cause = 'split'), 0) as split,
        coalesce(sum(c.n) filter (where c.cause = 'deleted'), 0) as deleted,
        coalesce(sum(c.n) filter (where c.cause = 're-dated'), 0) as re_dated,
        coalesce(sum(c.n) filter (where c.cause = 'redefined'), 0) as redefined,
        coalesce(sum(c.n) filter (where c.cause = 'reopened'), 0) as reopened,
        coalesce(sum(c.n) filter (where c.cause = 'linked'), 0) as linked,
        coalesce(sum(c.n) filter (where c.cause = 'confirmed'), 0) as confirmed,
        coalesce(sum(c.n) filter (where c.cause = 'late'), 0) as late,
        coalesce(sum(c.n) filter (where c.cause = 'erased'), 0) as erased,
        coalesce(sum(c.n) filter (where c.cause = 'unexplained'), 0) as unexplained,
        coalesce(sum(c.n) filter (where c.commit_no > t.rendered), 0) as fresh
    from told t
    join step c
        on c.measure = t.measure and c.stage = t.stage and c.of_dimension = t.of_dimension and c.of_member = t.of_member
    where c.day between t.period_start and t.until and c.commit_no > t.commit_no
    group by t.no
)
select
    $as_of as as_of, t.report, t.scope, t.commit_no, t.as_of as told_on, t.definition,
    t.measure, t.period, t.period_start, t.period_end, t.until, t.stage, t.dimension, t.member,
    t.n as n_then, coalesce(n.n, 0) as n_now, coalesce(n.n, 0) - t.n as difference,
    coalesce(w.merged, 0) as merged, coalesce(w.split, 0) as split, coalesce(w.deleted, 0) as deleted,
    coalesce(w.re_dated, 0) as re_dated, coalesce(w.redefined, 0) as redefined,
    coalesce(w.reopened, 0) as reopened, coalesce(w.linked, 0) as linked,
    coalesce(w.confirmed, 0) as confirmed, coalesce(w.late, 0) as late, coalesce(w.erased, 0) as erased,
    coalesce(w.unexplained, 0) as unexplained, coalesce(w.fresh, 0) as fresh, t.last_told
from told t
left join now n on n.no = t.no
left join why w on w.no = t.no
order by t.no
