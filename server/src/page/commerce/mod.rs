//! `/commerce`: what conversations brought (SPEC M9), what came of recommended products (M10), and the sales that another
//! attribution would give, side by side (M11).

mod attributions;
mod products;

use askama::Template;
use axum::response::Response;

use super::chrome::{Chrome, render};
use super::error::{PageError, Part};
use super::figures::{Figure, Figures};
use super::numbers::credits;
use super::performance::{Days, Export, Filters};
use super::rows::Rows;
use super::visit::Visit;
use crate::pg::PgError;

/// The view's path.
const PATH: &str = "/commerce";

#[derive(Template)]
#[template(path = "commerce/page.html")]
struct Page {
    chrome: Chrome,
    filters: Filters,
    brought: Part<Brought>,
    products: Part<products::Products>,
    attributions: Part<Vec<attributions::Attribution>>,
    export: Export,
    export_products: Export,
}

/// Holds the figures of the two cards.
struct Brought {
    conversion: Vec<Figure>,
    sales: Vec<Figure>,
}

/// Answers `GET /commerce`.
pub async fn show(visit: Visit) -> Result<Response, PageError> {
    let days = Days::of(&visit);
    let (brought, products, attributions) = tokio::join!(
        brought(&visit, days),
        products::ask(&visit, days),
        attributions::ask(&visit, days)
    );
    let chrome = Chrome::of(&visit, "Commerce", "commerce", PATH);
    let parameters = Export::common_parameters(&visit);
    let export = |id, what, query| Export::of(&visit, id, what, query, &parameters);
    let page = Page {
        filters: Filters::of(&visit, PATH, None),
        brought: brought.into(),
        products: products.into(),
        attributions: attributions.into(),
        export: export("export", "These numbers, as filtered", "commerce"),
        export_products: export(
            "export-products",
            "All recommended products, as filtered",
            "recommendation_results",
        ),
        chrome,
    };
    let html = render(&page)?;
    Ok(page.chrome.answer(html))
}

async fn brought(visit: &Visit, days: Days) -> Result<Brought, PgError> {
    let sql = days.call("commerce", &visit.filter).sql();
    let rows = Rows::ask(&visit.inquiry, &sql).await?;
    let Some(row) = rows.first() else {
        return Ok(Brought {
            conversion: Vec::new(),
            sales: Vec::new(),
        });
    };
    let currency = &visit.shop.currency;
    let figures = Figures { row, currency };
    let number = |column| figures.number(column);
    let amount = |column| {
        let amount = row.money(column)?.unwrap_or_default();
        Ok::<_, PgError>(currency.headline(amount))
    };
    Ok(Brought {
        conversion: vec![
            figures.rate(
                "Conversion",
                "conversion_rate",
                format!(
                    "{} of {} conversations earned an order",
                    number("converted")?,
                    number("conversations")?
                ),
            )?,
            figures.money(
                "Per conversation",
                "revenue_per_conversation",
                format!("Sales over {} conversations", number("conversations")?),
            )?,
            figures.duration(
                "Time to order",
                "median_seconds_to_order",
                "Median, from the touch that earned it".to_owned(),
            )?,
            figures.rate(
                "Share of all sales",
                "sales_share",
                format!(
                    "{} of {} in {} orders",
                    amount("sales")?,
                    amount("all_sales")?,
                    number("all_orders")?
                ),
            )?,
        ],
        sales: vec![
            figures.money("Gross", "sales", "Before refunds".to_owned())?,
            figures.money(
                "Net",
                "net_sales",
                "Of refunds and cancellations".to_owned(),
            )?,
            figures.float(
                "Orders",
                "attributed_orders",
                credits,
                format!("Of {} of the shop", number("all_orders")?),
            )?,
            figures.money(
                "Average order",
                "avg_order_value",
                "Gross over orders".to_owned(),
            )?,
        ],
    })
}
