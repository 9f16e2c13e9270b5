//! What became of a touch, in words.

use super::Order;
use super::touches::Touch;
use crate::page::numbers::{duration, percent, whole_duration};

/// Names a window.
pub fn window(seconds: Option<i64>) -> String {
    match seconds {
        None => "none".to_owned(),
        Some(seconds) if seconds % 86_400 == 0 && seconds > 86_400 => {
            format!("{} days", seconds / 86_400)
        }
        Some(seconds) if seconds % 3_600 == 0 => format!("{} h", seconds / 3_600),
        Some(seconds) => duration(seconds),
    }
}

/// Names a model.
pub fn model(model: &str) -> String {
    match model {
        "last_touch" => "Last touch".to_owned(),
        "linear" => "Linear".to_owned(),
        other => other.to_owned(),
    }
}

fn channel(channel: &str) -> &str {
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
pub fn class(class: &str) -> String {
    let Some((on, kind)) = class.rsplit_once('_').filter(|_| class != "web_chat") else {
        return channel(class).to_owned();
    };
    let kind = match kind {
        "clicked" => "click",
        "opened" => "open",
        "delivered" => "sent",
        other => other,
    };
    format!("{} {kind}", channel(on))
}

/// Names a touch: `Email click, agent`, `Machine email open, flow`.
pub fn what(touch: &Touch) -> String {
    let by = match (&touch.source, touch.agents) {
        (_, true) => "agent",
        (Some(source), false) => source,
        (None, false) => "marketing",
    };
    let name = format!("{}, {by}", class(&touch.class));
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

/// What the winning touch was, and what its class is called.
fn act(class: &str) -> (&'static str, &'static str) {
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
        return nobody(touches);
    };
    let (act, class) = act(&winner.class);
    let between = whole_duration(winner.seconds);
    let counts = winner
        .window
        .map(|seconds| format!("{class} count for {}", window(Some(seconds))));
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

/// Says why an order is nobody's.
fn nobody(touches: &[Touch]) -> String {
    let agents = || touches.iter().filter(|touch| touch.agents);
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
            agents: true,
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
    fn touches_are_named_and_their_outcomes_told() {
        let won = touch("email_clicked", "won", "latest");
        assert_eq!(
            (what(&won).as_str(), outcome(&won).as_str()),
            ("Email click, agent", "Latest that counts")
        );
        let open = Touch {
            agents: false,
            source: Some("flow".to_owned()),
            ..touch("email_opened", "left_out", "machine_open")
        };
        assert_eq!(what(&open), "Machine email open, flow");
        assert_eq!(outcome(&open), "Left out: opened by a machine");
        let half = Touch {
            credit: Some(0.5),
            ..touch("sms_delivered", "won", "shares")
        };
        assert_eq!(outcome(&half), "Shares the order: 50.0%");
        let taken = Touch {
            agents: false,
            ..touch("email_clicked", "lost", "marketing")
        };
        assert_eq!(outcome(&taken), "Marketing took the order");
        let part = Touch {
            credit: Some(0.25),
            ..taken
        };
        assert_eq!(outcome(&part), "Marketing’s part: 25.0%");
        assert_eq!(window(Some(43_200)), "12 h");
        assert_eq!(window(Some(86_400)), "24 h");
        assert_eq!(window(Some(432_000)), "5 days");
    }

    #[test]
    fn an_order_that_is_nobodys_says_why() {
        let mut mine = touch("sms_delivered", "lost", "later_marketing");
        assert!(nobody(&[mine.clone()]).contains("took the order"));
        mine.agents = false;
        assert!(nobody(&[mine]).contains("marketing alone"));
        assert!(
            nobody(&[touch("email_delivered", "left_out", "no_window")])
                .contains("none of its touches")
        );
        assert!(nobody(&[]).contains("No touch"));
    }
}
