-- Gives the days whose flights are not all in the model, or are there twice.
with expected as (
    select date_partition, count(*) as flights
    from {{ source('lake', 'flights') }}
    group by date_partition
),

counted as (
    select date_partition, sum(flights) as flights
    from {{ ref('flights_by_day') }}
    group by date_partition
)

select coalesce(expected.date_partition, counted.date_partition) as date_partition
from expected
full join counted on expected.date_partition = counted.date_partition
where expected.flights is distinct from counted.flights
