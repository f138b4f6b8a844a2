{{ config(materialized='view') }}

select
    category,
    count(*) as products,
    round(avg(price), 2) as average_price
from {{ source('lake', 'processed_table') }}
group by category
