-- Attributed sales by currency, because money is never converted (A10). The headline counts only the account's currency.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column currency : the orders' currency
-- column sales : attributed sales in that currency, gross (A9)
-- column attributed_orders : sum of the orders' credits, summed exactly and rounded once (A7)
SELECT account_id, currency, sales, round_credit(credits) AS attributed_orders
FROM currency_sales($from, $to, $channel)
ORDER BY account_id, currency
