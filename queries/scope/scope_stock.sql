-- scope_stock: persons of each scope in a stage at the as-of day's end, carried and censored ones too.
-- Grain: scope x stage. Columns: scope_no, stage, n (0 where none): see stock.
with held as (
    select scope_no, stage_order, count(*) as n
    from scope_stay
    where until_slot is null
    group by scope_no, stage_order
)
select x.scope_no, s.id as stage, coalesce(h.n, 0) as n
from scope x
cross join stage s
left join held h on h.scope_no = x.scope_no and h.stage_order = s.stage_order
