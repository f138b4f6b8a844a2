-- description: Orders and their amounts in all
-- refresh: whole
SELECT count(*) AS orders, sum(amount) AS amount, array_agg(DISTINCT region) AS regions
FROM curated_orders
