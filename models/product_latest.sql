-- description: What is known of each product last, by its timestamp
-- refresh: whole
SELECT id, name, category, price, "timestamp" AS updated_at
FROM (
  SELECT
    *,
    row_number() OVER (PARTITION BY id ORDER BY "timestamp" DESC, _source_key DESC) AS nth
  FROM processed_table
)
WHERE nth = 1
