//! The numbers of the views *Service* and *Commerce* are those of their queries (SPEC M7 to M11).

use super::numbers::{Asking, listed_of};
use super::wire::Asked;

impl Asking<'_> {
    /// Asserts that the view's figures are a query's columns, in this order. Durations are told in words, so their exact
    /// values are compared alone.
    async fn assert_figures(&self, query: &str, columns: &[&str]) {
        let at = self.browser.at().await;
        let alerts = self.browser.texts("[role=alert]").await;
        assert!(alerts.is_empty(), "{at}: {alerts:?}");
        let values = self
            .query(query)
            .row(self.client, &columns.join(", "))
            .await;
        let shown = self.shown(".metric .value").await;
        assert_eq!(shown.len(), values.len(), "{at}");
        for ((shown, value), column) in shown.iter().zip(&values).zip(columns) {
            let what = format!("{column} at {at}");
            match value {
                Some(_) if column.starts_with("median") => {
                    assert_eq!(&shown.exact, value, "{what}");
                }
                _ => shown.assert_is(value.as_deref(), &what),
            }
        }
    }

    /// Asserts all numbers of the service page.
    pub async fn assert_service(&self) {
        let columns = [
            "containment_rate",
            "resolved_rate",
            "reopened",
            "recontact_rate",
            "csat",
            "average_rating",
            "median_seconds_to_resolution",
            "median_seconds_to_human",
        ];
        self.assert_figures("service_quality", &columns).await;
    }

    /// Asserts all numbers of the commerce page.
    pub async fn assert_commerce(&self) {
        let columns = [
            "conversion_rate",
            "revenue_per_conversation",
            "median_seconds_to_order",
            "sales_share",
            "sales",
            "net_sales",
            "attributed_orders",
            "avg_order_value",
        ];
        self.assert_figures("commerce", &columns).await;

        let mut attributions = Vec::new();
        for (name, value, told) in [
            ("preset", "current", "Windows of preset current"),
            ("preset", "legacy", "Windows of preset legacy"),
            ("model", "last_touch", "Model last touch"),
            ("model", "linear", "Model linear"),
        ] {
            let mut arguments = self.arguments.clone();
            arguments.push((name, value));
            let asked = Asked::of("attribution_comparison", &arguments);
            let ask = async |columns: &str| asked.row(self.client, columns).await;
            if attributions.is_empty() {
                let columns = "'In force', sales, NULL, attributed_orders, NULL, NULL";
                attributions.push(ask(columns).await);
            }
            let columns = format!(
                "'{told}', compared_sales, sales_change, compared_orders, only_compared, only_in_force"
            );
            attributions.push(ask(&columns).await);
        }
        let columns = ["text", "sales", "change", "orders", "here", "in force"];
        self.assert_table(
            "[aria-labelledby=attributions] .data",
            &columns,
            &attributions,
        )
        .await;

        let columns =
            "product_id, recommended, conversations, bought, bought_conversations, purchase_rate";
        let mut products = self
            .query("recommendation_results")
            .rows(self.client, columns)
            .await;
        products.truncate(25);
        let columns = [
            "text",
            "recommended",
            "conversations",
            "bought",
            "in",
            "rate",
        ];
        self.assert_table(
            "[aria-labelledby=products] .data",
            &columns,
            &listed_of(products),
        )
        .await;
    }
}
