-- description: Orders and their amounts by day and region
-- refresh: by date
-- lookup: curated_regions
SELECT
  o.date_partition,
  r.name AS region,
  count(*) AS orders,
  sum(o.amount) AS amount
FROM curated_orders AS o
JOIN curated_regions AS r ON r.region = o.region
GROUP BY o.date_partition, r.name
