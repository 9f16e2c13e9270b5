//! Wording of touches and of an order's attribution.

use super::Order;
use super::touches::Touch;
use crate::page::numbers::{duration, percent, whole_duration};

/// Writes a window's length; `none` for a class without a window.
pub fn window_name(seconds: Option<i64>) -> String {
    match seconds {
        None => "none".to_owned(),
        Some(seconds) if seconds % 86_400 == 0 && seconds > 86_400 => {
            format!("{} days", seconds / 86_400)
        }
        Some(seconds) if seconds % 3_600 == 0 => format!("{} h", seconds / 3_600),
        Some(seconds) => duration(seconds),
    }
}

/// Returns an attribution model's name on the page.
pub fn model_name(model: &str) -> String {
    match model {
        "last_touch" => "Last touch".to_owned(),
        "linear" => "Linear".to_owned(),
        other => other.to_owned(),
    }
}

fn channel_noun(channel: &str) -> &str {
    match channel {
        "web_chat" => "Web chat message",
        "email" => "Email",
        "sms" => "SMS",
        "whatsapp" => "WhatsApp",
        "push" => "Push",
        other => other,
    }
}

/// Names a class of touches: `Email click`, `Web chat message`.
pub fn class_name(class: &str) -> String {
    let Some((on, kind)) = class.rsplit_once('_').filter(|_| class != "web_chat") else {
        return channel_noun(class).to_owned();
    };
    let kind = match kind {
        "clicked" => "click",
        "opened" => "open",
        "delivered" => "sent",
        other => other,
    };
    format!("{} {kind}", channel_noun(on))
}

/// Names a touch: `Email click, agent`, `Machine email open, flow`.
pub fn touch_name(touch: &Touch) -> String {
    let by = match (&touch.source, touch.by_agent) {
        (_, true) => "agent",
        (Some(source), false) => source,
        (None, false) => "marketing",
    };
    let name = format!("{}, {by}", class_name(&touch.class));
    match touch.reason.as_str() {
        "machine_open" => format!("Machine {}", lower_first(&name)),
        "transactional" => format!("Transactional {}", lower_first(&name)),
        _ => name,
    }
}

fn lower_first(text: &str) -> String {
    let keeps = text.starts_with("SMS") || text.starts_with("WhatsApp");
    let mut chars = text.chars();
    match chars.next() {
        Some(first) if !keeps => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// Says why a touch won, lost or does not count.
pub fn outcome(touch: &Touch) -> String {
    if touch.reason == "marketing" {
        return match touch.credit.filter(|credit| *credit < 1.0) {
            Some(credit) => format!("Marketing’s part: {}", percent(credit)),
            None => "Marketing took the order".to_owned(),
        };
    }
    let reason = match touch.reason.as_str() {
        "latest" => "Latest that counts",
        "web_chat_holds" => "Web chat holds",
        "shares" => "Shares the order",
        "earlier" => "earlier",
        "later_marketing" => "a later marketing touch took it",
        "later_web_chat" => "web chat came later",
        "web_chat_won" => "web chat took it",
        "outside_window" => "past its window",
        "no_window" => "no window",
        "bot" => "by a bot",
        "machine_open" => "opened by a machine",
        "transactional" => "transactional",
        "after_order" => "after the order",
        other => other,
    };
    let reason = reason.replace('_', " ");
    match touch.outcome.as_str() {
        "won" => match touch.credit.filter(|credit| *credit < 1.0) {
            Some(credit) => format!("{reason}: {}", percent(credit)),
            None => reason,
        },
        "lost" => format!("Lost: {reason}"),
        _ => format!("Left out: {reason}"),
    }
}

/// Says what the winning touch was, and names its class in the plural.
fn winning_act(class: &str) -> (&'static str, &'static str) {
    match class {
        "web_chat" => ("The agent wrote in web chat", "Web chat messages"),
        "email_clicked" => (
            "The shopper clicked a link in the agent’s email",
            "Email clicks",
        ),
        "email_opened" => ("The shopper opened the agent’s email", "Email opens"),
        "sms_clicked" => (
            "The shopper clicked a link in the agent’s SMS",
            "SMS clicks",
        ),
        "sms_opened" => ("The shopper opened the agent’s SMS", "SMS opens"),
        "sms_delivered" => ("The agent’s SMS reached the shopper", "SMS messages"),
        "whatsapp_clicked" => (
            "The shopper clicked a link in the agent’s WhatsApp message",
            "WhatsApp clicks",
        ),
        "whatsapp_opened" => (
            "The shopper opened the agent’s WhatsApp message",
            "WhatsApp opens",
        ),
        _ => ("The agent touched the shopper", "Touches of its class"),
    }
}

/// Says in a sentence why an order is credited, or not.
pub fn sentence(order: &Order, winner: Option<&Touch>, touches: &[Touch], model: &str) -> String {
    let Some(winner) = winner else {
        return no_winner(touches);
    };
    let (act, class) = winning_act(&winner.class);
    let between = whole_duration(winner.seconds);
    let counts = winner
        .window
        .map(|seconds| format!("{class} count for {}", window_name(Some(seconds))));
    let counts = counts.unwrap_or_default();
    let credit = order
        .credited
        .as_ref()
        .map_or(winner.credit.unwrap_or(1.0), |part| part.credit);
    let then = match model {
        "linear" if credit < 1.0 => format!(
            "The model is linear: each conversation and message that touched the shopper shares the order, so {} of it is the agent’s here.",
            percent(credit)
        ),
        "linear" => {
            "The model is linear, and no other touch shares the order, so all of it is the agent’s."
                .to_owned()
        }
        _ => "The model is last touch, so the whole order is the agent’s.".to_owned(),
    };
    let last = match (winner.reason.as_str(), model) {
        ("web_chat_holds", _) => ", and marketing never takes an order from web chat",
        (_, "linear") => "",
        _ => ", and nothing that counts came after it",
    };
    format!("{act} {between} before the order. {counts}{last}. {then}")
}

/// Says why no touch of the agent's won an order.
fn no_winner(touches: &[Touch]) -> String {
    let agents = || touches.iter().filter(|touch| touch.by_agent);
    if touches.is_empty() {
        return "No touch of this shopper is known before the order, so nothing of it is the agent’s.".to_owned();
    }
    if agents().next().is_none() {
        return "The agent never touched this shopper before the order: marketing alone did."
            .to_owned();
    }
    if agents().any(|touch| touch.reason == "later_marketing") {
        return "The agent touched the shopper, but a marketing touch that counts came later and took the order.".to_owned();
    }
    if agents().all(|touch| touch.outcome == "left_out") {
        return "The agent touched the shopper, but none of its touches counts for this order: the table says why.".to_owned();
    }
    "Another touch took the order: the table says which.".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn touch(class: &str, outcome: &str, reason: &str) -> Touch {
        Touch {
            model: "last_touch".to_owned(),
            by_agent: true,
            conversation: Some("c".to_owned()),
            class: class.to_owned(),
            source: None,
            event: None,
            at: chrono::DateTime::UNIX_EPOCH,
            seconds: 82_189,
            window: Some(432_000),
            outcome: outcome.to_owned(),
            reason: reason.to_owned(),
            credit: Some(1.0),
        }
    }

    #[test]
    fn touches_and_their_outcomes_are_named() {
        let won = touch("email_clicked", "won", "latest");
        assert_eq!(
            (touch_name(&won).as_str(), outcome(&won).as_str()),
            ("Email click, agent", "Latest that counts")
        );
        let open = Touch {
            by_agent: false,
            source: Some("flow".to_owned()),
            ..touch("email_opened", "left_out", "machine_open")
        };
        assert_eq!(touch_name(&open), "Machine email open, flow");
        assert_eq!(outcome(&open), "Left out: opened by a machine");
        let half = Touch {
            credit: Some(0.5),
            ..touch("sms_delivered", "won", "shares")
        };
        assert_eq!(outcome(&half), "Shares the order: 50.0%");
        let taken = Touch {
            by_agent: false,
            ..touch("email_clicked", "lost", "marketing")
        };
        assert_eq!(outcome(&taken), "Marketing took the order");
        let part = Touch {
            credit: Some(0.25),
            ..taken
        };
        assert_eq!(outcome(&part), "Marketing’s part: 25.0%");
        assert_eq!(window_name(Some(43_200)), "12 h");
        assert_eq!(window_name(Some(86_400)), "24 h");
        assert_eq!(window_name(Some(432_000)), "5 days");
    }

    #[test]
    fn an_order_that_no_touch_won_says_why() {
        let mut mine = touch("sms_delivered", "lost", "later_marketing");
        assert!(no_winner(&[mine.clone()]).contains("took the order"));
        mine.by_agent = false;
        assert!(no_winner(&[mine]).contains("marketing alone"));
        assert!(
            no_winner(&[touch("email_delivered", "left_out", "no_window")])
                .contains("none of its touches")
        );
        assert!(no_winner(&[]).contains("No touch"));
    }
}
