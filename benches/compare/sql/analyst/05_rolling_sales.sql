-- shop: window: attributed sales by day and channel with a rolling mean of seven days
SELECT ordered_on,
       channel,
       sales,
       round(CAST(avg(sales) OVER (PARTITION BY channel ORDER BY ordered_on ROWS BETWEEN 6 PRECEDING AND CURRENT ROW)
                  AS NUMERIC(18, 6)), 2) AS rolling
FROM (
    SELECT ordered_on, channel, CAST(sum(attributed_value) AS DOUBLE PRECISION) AS sales
    FROM attributed_orders
    GROUP BY ordered_on, channel
) AS days
ORDER BY ordered_on, channel
