//! The views of the page, each where it has something to show.

use super::stage::Stage;
use super::world::{CLOCKS, EMPTY, HOSTILE, LARGE, LINEAR, OPERATOR};
use crate::support::rows;

/// A view: its name, who looks at it, and its address.
#[derive(Clone, Debug)]
pub struct View {
    pub name: &'static str,
    /// None: nobody is logged in.
    pub user: Option<&'static str>,
    pub path: String,
}

/// Every view.
pub async fn all(stage: &Stage) -> Vec<View> {
    let (order, conversation) = credited(stage, LARGE).await;
    let (shared, sharing) = credited(stage, LINEAR).await;
    let view = |name, user, path: &str| View {
        name,
        user,
        path: path.to_owned(),
    };
    let mut views = vec![
        view("login", None, "/login"),
        view("performance", Some(LARGE), "/performance"),
        view(
            "conversation",
            Some(LARGE),
            &format!("/conversations/{conversation}"),
        ),
        view("sales", Some(LARGE), "/sales"),
        view("service", Some(LARGE), "/service"),
        view("commerce", Some(LARGE), "/commerce"),
        view("order", Some(LARGE), &format!("/orders/{order}")),
        view("shared-order", Some(LINEAR), &format!("/orders/{shared}")),
        view(
            "sharing-conversation",
            Some(LINEAR),
            &format!("/conversations/{sharing}"),
        ),
        view(
            "narrowed",
            Some(LARGE),
            "/performance?range=90-days&channel=email,sms&status=routed,open&search=a&sort=messages&order=ascending&procedures=escalated",
        ),
        view(
            "one-day",
            Some(CLOCKS),
            "/performance?from=2026-11-01&to=2026-11-01",
        ),
        view(
            "nothing",
            Some(CLOCKS),
            "/performance?from=2026-05-01&to=2026-05-31",
        ),
        view(
            "nothing-sold",
            Some(CLOCKS),
            "/sales?from=2026-05-01&to=2026-05-31",
        ),
        view("empty", Some(EMPTY), "/performance"),
        view(
            "nothing-served",
            Some(CLOCKS),
            "/service?from=2026-05-01&to=2026-05-31",
        ),
        view(
            "nothing-brought",
            Some(CLOCKS),
            "/commerce?from=2026-05-01&to=2026-05-31",
        ),
        view("empty-service", Some(EMPTY), "/service"),
        view("empty-commerce", Some(EMPTY), "/commerce"),
        view("empty-sales", Some(EMPTY), "/sales"),
        view("hostile", Some(HOSTILE), "/performance"),
        view("hostile-sales", Some(HOSTILE), "/sales"),
        view("hostile-service", Some(HOSTILE), "/service"),
        view("hostile-commerce", Some(HOSTILE), "/commerce"),
        view("operator", Some(OPERATOR), "/performance"),
        view("unreadable", Some(LARGE), "/performance?range=never"),
        view("unknown", Some(LARGE), "/nowhere"),
    ];
    // Whose texts are the worst.
    let client = stage.world.client(HOSTILE).await;
    let longest =
        "SELECT conversation_id FROM conversations ORDER BY length(first_question) DESC LIMIT 2";
    for row in rows(&client, longest).await {
        let path = format!("/conversations/{}", escaped(row[0].as_deref().unwrap()));
        views.push(view("hostile-conversation", Some(HOSTILE), &path));
    }
    views
}

/// An order that is credited, and a conversation that has its credit, with as many touches as there are.
async fn credited(stage: &Stage, account: &str) -> (String, String) {
    let client = stage.world.client(account).await;
    let sql = "SELECT order_id, conversation_id FROM attributed_orders \
               WHERE ordered_on > current_date - 20 ORDER BY credit, channel, seconds_to_order DESC, order_id LIMIT 1";
    let mut found = rows(&client, sql).await.remove(0);
    (found[0].take().unwrap(), found[1].take().unwrap())
}

/// A text as a part of an address.
pub fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'-' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
