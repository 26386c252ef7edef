-- score_difference: how far a score and the vendor's agree, at the end of the as-of day.
-- Grain: score × band of ten of its points; band null is the total. Deleted persons are left out.
-- Columns: score, band (its lowest points), persons;
--   both, own_only, vendor_only, neither   persons by who holds them for qualified; they sum to persons;
--   compared             persons whom the vendor gives points;
--   mean_points, mean_vendor_points, correlation   over those; the correlation is Pearson's, null where one of the two
--                        never varies. Sums are whole numbers, divided once.
with banded as (
    -- Integer division goes to zero: a band below it begins at its lowest points all the same.
    select
        *, points - ((points % 10) + 10) % 10 as band
    from person_qualified
    where vendor_qualified is not null
),
counted as (
    select
        score, band,
        count(*) as persons,
        count(*) filter (where qualified and vendor_qualified) as both,
        count(*) filter (where qualified and not vendor_qualified) as own_only,
        count(*) filter (where not qualified and vendor_qualified) as vendor_only,
        count(*) filter (where not qualified and not vendor_qualified) as neither,
        count(vendor_points) as compared,
        cast(sum(points) filter (where vendor_points is not null) as decimal(38, 0)) as x,
        cast(sum(vendor_points) as decimal(38, 0)) as y,
        cast(sum(points * points) filter (where vendor_points is not null) as decimal(38, 0)) as xx,
        cast(sum(vendor_points * vendor_points) as decimal(38, 0)) as yy,
        cast(sum(points * vendor_points) as decimal(38, 0)) as xy
    from banded
    group by grouping sets ((score, band), (score))
),
spread as (
    select
        *,
        cast(compared * xx - x * x as double) as spread_x,
        cast(compared * yy - y * y as double) as spread_y,
        cast(compared * xy - x * y as double) as together
    from counted
)
select
    score, band, persons, both, own_only, vendor_only, neither, compared,
    ratio(x, compared) as mean_points,
    ratio(y, compared) as mean_vendor_points,
    together / sqrt(nullif(spread_x, 0) * nullif(spread_y, 0)) as correlation
from spread
order by score, band nulls first
