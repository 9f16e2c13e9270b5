-- The stored days of a range and of some channels, such that a sum over the rows counts everything once. An order in another
-- currency that is attributed in several channels has a row in each; the row lists the channels that sort before its own,
-- bytewise, and hold the order too, so that it is counted only in the first of the selected channels (A10).
-- private
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
SELECT account_id,
       date,
       CAST(channel AS VARCHAR) AS channel,
       conversations,
       resolved,
       link_clicks,
       cart_adds,
       credits,
       sales,
       CASE WHEN cardinality(counted_before) = 0 THEN other_currency_orders
            WHEN $channel IS NULL THEN 0
            WHEN array_has_any(counted_before, $channel) THEN 0
            ELSE other_currency_orders END AS other_currency_orders,
       procedures,
       tags
FROM stored.daily_metrics
WHERE date BETWEEN $from AND $to
  AND ($channel IS NULL OR array_has($channel, CAST(channel AS VARCHAR)))
