-- stay_slot: how many more persons a slot's days left in a stage than they found there.
-- Grain: slot x stage_order x member_no (0 is the total; see member). Columns: the key; step (came less left).
with moved as (
    select start_slot as slot, stage_order, member_no, count(*) as step
    from stay_dimension
    group by start_slot, stage_order, member_no
    union all
    select until_slot, stage_order, member_no, -count(*)
    from stay_dimension
    where until_slot is not null
    group by until_slot, stage_order, member_no
)
select slot, stage_order, member_no, sum(step) as step
from moved
group by slot, stage_order, member_no
