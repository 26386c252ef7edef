-- stay_month: stays by the months in which they began and ended.
-- Grain: stage_order x member_no x start_month x until_month. Columns: the key; n; until_month is null while open.
with ended as (
    select
        stage_order, member_no, start_month, case when until_on <= $as_of then until_month end as until_month
    from stay_dimension
)
select stage_order, member_no, start_month, until_month, count(*) as n
from ended
group by stage_order, member_no, start_month, until_month
