-- The attributed sales of a range beside those that another preset of windows or another model would give (M11), in the
-- account's currency: one row for each visible account, also where nothing happened.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- param preset one of current, legacy = null : the preset to compare with; null for the account's windows
-- param model one of last_touch, linear = null : the model to compare with; null for the account's
-- column account_id : the account
-- column sales : attributed sales by the settings in force, gross (M4, A9)
-- column compared_sales : attributed sales by the other preset and model
-- column sales_change : compared_sales - sales
-- column attributed_orders : sum of the credits by the settings in force (M4)
-- column compared_orders : sum of the credits by the other preset and model
-- column only_in_force : orders that are attributed by the settings in force alone
-- column only_compared : orders that are attributed by the other preset and model alone
SELECT account_id,
       CAST(sum(sales) AS DECIMAL(28, 4)) AS sales,
       CAST(sum(compared_sales) AS DECIMAL(28, 4)) AS compared_sales,
       CAST(sum(compared_sales) - sum(sales) AS DECIMAL(28, 4)) AS sales_change,
       round_credit(sum(credits)) AS attributed_orders,
       round_credit(sum(compared_credits)) AS compared_orders,
       count(*) FILTER (WHERE in_force > 0 AND compared = 0) AS only_in_force,
       count(*) FILTER (WHERE in_force = 0 AND compared > 0) AS only_compared
FROM (
    SELECT account_id,
           order_id,
           count(sales) AS in_force,
           sum(sales) AS sales,
           sum(credits) AS credits,
           count(compared_sales) AS compared,
           sum(compared_sales) AS compared_sales,
           sum(compared_credits) AS compared_credits
    FROM (
        -- A row of nothing for each account, so that accounts where nothing happened get a row.
        SELECT account_id,
               CAST(NULL AS VARCHAR) AS order_id,
               CAST(0 AS DECIMAL(18, 4)) AS sales,
               CAST(0 AS DECIMAL(38, 24)) AS credits,
               CAST(0 AS DECIMAL(18, 4)) AS compared_sales,
               CAST(0 AS DECIMAL(38, 24)) AS compared_credits
        FROM accounts
        UNION ALL
        SELECT account_id, order_id, attributed_value, exact_credit(units), NULL, NULL
        FROM stored.attributed_orders
        WHERE in_account_currency
          AND ordered_on BETWEEN $from AND $to
          AND ($channel IS NULL OR array_has($channel, CAST(channel AS VARCHAR)))
        UNION ALL
        SELECT account_id, order_id, NULL, NULL, attributed_value, credit
        FROM attribution_under($from, $to, $preset, $model)
        WHERE $channel IS NULL OR array_has($channel, channel)
    )
    GROUP BY account_id, order_id
)
GROUP BY account_id
ORDER BY account_id
