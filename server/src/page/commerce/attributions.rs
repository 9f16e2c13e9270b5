//! The sales in force beside those of other attributions (SPEC M11), from the query `attribution_comparison`.

use crate::page::numbers::{Money, count, credits};
use crate::page::performance::Days;
use crate::page::rows::Rows;
use crate::page::visit::Visit;
use crate::pg::PgError;

/// The attributions that are compared: the preset and model of each, and its name.
const COMPARED: [(Option<&str>, Option<&str>, &str); 4] = [
    (Some("current"), None, "Windows of preset current"),
    (Some("legacy"), None, "Windows of preset legacy"),
    (None, Some("last_touch"), "Model last touch"),
    (None, Some("linear"), "Model linear"),
];

/// Represents one attribution's row.
pub struct Attribution {
    /// Its name.
    pub name: &'static str,
    /// Its sales, exact and for people.
    pub sales: (String, String),
    /// How much more than in force, exact and for people; none for the one in force.
    pub change: Option<(String, String)>,
    /// Its orders, exact and for people.
    pub orders: (String, String),
    /// The orders that only it attributes, and that only the one in force does; none for the one in force.
    pub only: Option<(String, String)>,
}

/// Reads the attribution in force and those beside it.
pub async fn ask(visit: &Visit, days: Days) -> Result<Vec<Attribution>, PgError> {
    let asked = COMPARED.map(|(preset, model, _)| {
        let call = days.call("attribution_comparison", &visit.filter);
        let call = call.with_some("preset", preset).with_some("model", model);
        async move { Rows::ask(&visit.inquiry, &call.sql()).await }
    });
    let answers = futures::future::try_join_all(asked).await?;
    let currency = &visit.shop.currency;
    let money = |amount: Money| (amount.exact(), currency.cents(amount));
    let orders = |orders: f64| (orders.to_string(), credits(orders));
    let mut attributions = Vec::new();
    for (rows, (_, _, name)) in answers.iter().zip(COMPARED) {
        let Some(row) = rows.first() else { continue };
        let amount = |column| Ok::<_, PgError>(money(row.money(column)?.unwrap_or_default()));
        let sum = |column| Ok::<_, PgError>(orders(row.float(column)?.unwrap_or_default()));
        if attributions.is_empty() {
            attributions.push(Attribution {
                name: "In force",
                sales: amount("sales")?,
                change: None,
                orders: sum("attributed_orders")?,
                only: None,
            });
        }
        attributions.push(Attribution {
            name,
            sales: amount("compared_sales")?,
            change: Some(amount("sales_change")?),
            orders: sum("compared_orders")?,
            only: Some((
                count(row.count("only_compared")?),
                count(row.count("only_in_force")?),
            )),
        });
    }
    Ok(attributions)
}
