//! The table of recommended products (SPEC M10), from the query `recommendation_results`.

use crate::page::chrome::clip;
use crate::page::numbers::{count, percent};
use crate::page::performance::Days;
use crate::page::rows::Rows;
use crate::page::visit::Visit;
use crate::pg::PgError;

/// How many products are listed; the export has all.
const MAX_ROWS: usize = 25;

/// Holds the most recommended products.
pub struct Products {
    /// The rows, most recommended first.
    pub rows: Vec<Product>,
    /// How many more there are.
    pub more: usize,
}

/// Represents a product's row.
pub struct Product {
    /// The product.
    pub id: String,
    /// Recommended, conversations, orders with it, conversations with such an order.
    pub counts: [String; 4],
    /// The exact purchase rate, and for people.
    pub rate: (String, String),
}

/// Reads the table.
pub async fn ask(visit: &Visit, days: Days) -> Result<Products, PgError> {
    let sql = days.call("recommendation_results", &visit.filter).sql();
    let rows = Rows::ask(&visit.inquiry, &sql).await?;
    let listed = rows.iter().take(MAX_ROWS).map(|row| {
        let number = |column| Ok::<_, PgError>(count(row.count(column)?));
        let rate = row.float("purchase_rate")?.unwrap_or_default();
        Ok(Product {
            id: clip(row.text("product_id")?.unwrap_or_default()),
            counts: [
                number("recommended")?,
                number("conversations")?,
                number("bought")?,
                number("bought_conversations")?,
            ],
            rate: (rate.to_string(), percent(rate)),
        })
    });
    let listed = listed.collect::<Result<Vec<_>, PgError>>()?;
    Ok(Products {
        more: rows.len() - listed.len(),
        rows: listed,
    })
}
