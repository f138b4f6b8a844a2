-- description: Products, average and total price by category and day
-- refresh: by date
SELECT
  date_partition,
  category,
  count(*) AS products,
  round(avg(price), 2) AS average_price,
  round(sum(price), 2) AS total_price
FROM processed_table
GROUP BY date_partition, category
