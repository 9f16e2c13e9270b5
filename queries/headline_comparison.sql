-- The headline metrics of a range, of the equally long range just before it, and the change of each number: a difference in
-- the number's own unit, null where one of the two is null.
-- param from date = current_date - 6 : first day of the range, in the account's time zone
-- param to date = current_date : last day of the range, included
-- param channel list of web_chat, email, sms, whatsapp = null : channels to count; null for all
-- column account_id : the account
-- column conversations : conversations that started in the range (M1)
-- column previous_conversations : the same for the range before
-- column conversations_change : conversations - previous_conversations
-- column resolved_by_ai : those with status resolved (M2)
-- column previous_resolved_by_ai : the same for the range before
-- column resolved_by_ai_change : resolved_by_ai - previous_resolved_by_ai
-- column resolved_rate : resolved_by_ai / conversations, 0 to 1; null where there are none (M2)
-- column previous_resolved_rate : the same for the range before
-- column resolved_rate_change : resolved_rate - previous_resolved_rate
-- column ai_generated_sales : attributed sales in the account's currency, gross (M4, A9, A10)
-- column previous_ai_generated_sales : the same for the range before
-- column ai_generated_sales_change : ai_generated_sales - previous_ai_generated_sales
-- column attributed_orders : sum of the credits of the orders in the account's currency (M4)
-- column previous_attributed_orders : the same for the range before
-- column attributed_orders_change : attributed_orders - previous_attributed_orders
-- column avg_order_value : ai_generated_sales / attributed_orders; null where there are none (M4)
-- column previous_avg_order_value : the same for the range before
-- column avg_order_value_change : avg_order_value - previous_avg_order_value
-- column add_to_carts : additions to the cart in the range (M5)
-- column previous_add_to_carts : the same for the range before
-- column add_to_carts_change : add_to_carts - previous_add_to_carts
-- column link_clicks : counted link clicks in the range (M5, C9)
-- column previous_link_clicks : the same for the range before
-- column link_clicks_change : link_clicks - previous_link_clicks
-- column other_currency_orders : distinct attributed orders in other currencies (A10)
-- column previous_other_currency_orders : the same for the range before
-- column other_currency_orders_change : other_currency_orders - previous_other_currency_orders
SELECT this.account_id,
       this.conversations,
       previous.conversations AS previous_conversations,
       this.conversations - previous.conversations AS conversations_change,
       this.resolved_by_ai,
       previous.resolved_by_ai AS previous_resolved_by_ai,
       this.resolved_by_ai - previous.resolved_by_ai AS resolved_by_ai_change,
       this.resolved_rate,
       previous.resolved_rate AS previous_resolved_rate,
       this.resolved_rate - previous.resolved_rate AS resolved_rate_change,
       this.ai_generated_sales,
       previous.ai_generated_sales AS previous_ai_generated_sales,
       this.ai_generated_sales - previous.ai_generated_sales AS ai_generated_sales_change,
       this.attributed_orders,
       previous.attributed_orders AS previous_attributed_orders,
       round(this.attributed_orders - previous.attributed_orders, 9) AS attributed_orders_change,
       this.avg_order_value,
       previous.avg_order_value AS previous_avg_order_value,
       this.avg_order_value - previous.avg_order_value AS avg_order_value_change,
       this.add_to_carts,
       previous.add_to_carts AS previous_add_to_carts,
       this.add_to_carts - previous.add_to_carts AS add_to_carts_change,
       this.link_clicks,
       previous.link_clicks AS previous_link_clicks,
       this.link_clicks - previous.link_clicks AS link_clicks_change,
       this.other_currency_orders,
       previous.other_currency_orders AS previous_other_currency_orders,
       this.other_currency_orders - previous.other_currency_orders AS other_currency_orders_change
FROM headline_metrics($from, $to, $channel) AS this
JOIN headline_metrics($from - ($to - $from) - 1, $from - 1, $channel) AS previous ON previous.account_id = this.account_id
ORDER BY this.account_id
