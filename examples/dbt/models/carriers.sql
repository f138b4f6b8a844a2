select
    carrier,
    count(*) as flights,
    round(avg(dep_delay), 1) as mean_delay,
    max(distance) as longest_distance
from {{ source('lake', 'flights') }}
group by carrier
