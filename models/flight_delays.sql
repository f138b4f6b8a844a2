-- description: Flights and their delays by airline and day
-- refresh: by date
-- lookup: airlines
SELECT
  f.date_partition,
  f.carrier,
  a.name AS airline,
  count(*) AS flights,
  count_if(f.dep_delay > 15) AS late_departures,
  round(avg(f.dep_delay), 1) AS mean_departure_delay,
  round(avg(f.arr_delay), 1) AS mean_arrival_delay
FROM flights AS f
LEFT JOIN airlines AS a ON a.carrier = f.carrier
GROUP BY f.date_partition, f.carrier, a.name
