-- regional_managers: users who lead others in a region; each may see that region.
-- Grain: manager. Columns: email, name, region (the scope), time_zone.
select distinct m.email, m.name, m.region, m.timezone as time_zone
from crm_user m
join crm_user u on u.manager_id = m.user_id
where m.active and u.active and m.kind = 'person' and m.region <> ''
