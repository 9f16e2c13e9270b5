//! Addresses of the views of one conversation and of one order.

use url::form_urlencoded::byte_serialize;

use super::filter::url;
use super::visit::Visit;

/// Writes the address of a conversation's view.
pub fn conversation(visit: &Visit, id: &str) -> String {
    view(visit, "conversations", id)
}

/// Writes the address of an order's view.
pub fn order(visit: &Visit, id: &str) -> String {
    view(visit, "orders", id)
}

/// Writes the address of a view by an id, which may have any characters; an operator's has the chosen account.
fn view(visit: &Visit, path: &str, id: &str) -> String {
    let escaped: String = byte_serialize(id.as_bytes()).collect();
    // In a path a space is `%20`, not a plus sign.
    let path = format!("/{path}/{}", escaped.replace('+', "%20"));
    let account = visit.filter.account.iter().map(|id| ("account", id));
    url(&path, &account.collect::<Vec<_>>())
}
