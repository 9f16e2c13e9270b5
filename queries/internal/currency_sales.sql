-- Attributed sales by currency (A9, A10), with exact credits (A7).
-- private
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
SELECT account_id,
       currency,
       bool_or(in_account_currency) AS in_account_currency,
       CAST(sum(attributed_value) AS DECIMAL(28, 4)) AS sales,
       CAST(sum(net_value) AS DECIMAL(28, 4)) AS net_sales,
       sum(exact_credit(units)) AS credits
FROM stored.attributed_orders
WHERE ordered_on BETWEEN $from AND $to
  AND ($channel IS NULL OR array_has($channel, CAST(channel AS VARCHAR)))
GROUP BY account_id, currency
