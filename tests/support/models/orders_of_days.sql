-- description: Orders by day, over the regions
-- refresh: by date
SELECT date_partition, sum(orders) AS orders, map_agg(region, amount) AS amounts
FROM orders_by_day
GROUP BY date_partition
