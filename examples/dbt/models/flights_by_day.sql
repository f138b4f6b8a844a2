{{ config(
    materialized='incremental',
    incremental_strategy='insert_overwrite',
    partitioned_by=['date_partition'],
) }}

select
    carrier,
    count(*) as flights,
    round(avg(dep_delay), 1) as mean_delay,
    sum(count(*)) over (partition by date_partition) as flights_of_day,
    cast(max(max("$file_modified_time")) over (partition by date_partition) as timestamp) as newest_file,
    date_partition
from {{ source('lake', 'flights') }}
{% if is_incremental() %}
-- The days that have other rows or a newer file than when they were made.
where date_partition in (
    select date_partition
    from (
        select date_partition, count(*), cast(max("$file_modified_time") as timestamp)
        from {{ source('lake', 'flights') }}
        group by date_partition
        except
        select date_partition, flights_of_day, newest_file
        from {{ this }}
    )
)
{% endif %}
group by carrier, date_partition
