-- The attributed sales of a range by currency, gross and net (A9); money is never converted (A10). The account's currency
-- comes first, with a row also where nothing happened, then the others by code.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column currency : the orders' currency
-- column in_account_currency : whether that is the account's currency, which the headline counts
-- column sales : attributed sales in that currency, gross (A9)
-- column net_sales : the same, less refunds and cancellations (A9)
-- column attributed_orders : sum of the orders' credits, summed exactly and rounded once (A7)
SELECT account_id,
       currency,
       bool_or(in_account_currency) AS in_account_currency,
       CAST(sum(sales) AS DECIMAL(28, 4)) AS sales,
       CAST(sum(net_sales) AS DECIMAL(28, 4)) AS net_sales,
       round_credit(sum(credits)) AS attributed_orders
FROM (
    SELECT account_id, currency, in_account_currency, sales, net_sales, credits
    FROM currency_sales($from, $to, $channel)
    UNION ALL
    -- An empty row for each account, so that its currency gets a row.
    SELECT account_id, currency, true, CAST(0 AS DECIMAL(28, 4)), CAST(0 AS DECIMAL(28, 4)), CAST(0 AS DECIMAL(38, 24))
    FROM stored.applied_accounts
)
GROUP BY account_id, currency
ORDER BY account_id, in_account_currency DESC, currency
