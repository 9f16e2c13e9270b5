//! A shop whose shoppers and producers mean no good: what they write is shown as text, and does nothing.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::world::{HOSTILE, instant, stamped};

/// The account's own name.
pub const NAME: &str = "<b>Trouble</b> & \"Sons\" </title><script>alert(0)</script>";

/// What is written, wherever anything can be.
pub fn texts() -> Vec<String> {
    [
        "<script>alert(1)</script>",
        "\"><img src=x onerror=alert(2)>",
        "=cmd()|' /C calc'!A0",
        "@SUM(1+1)*cmd|' /C calc'!A0",
        "\"quoted\" & 'quoted' &amp; &lt;b&gt;",
        "مرحبا \u{202e}exe.gnp\u{202c} بكم",
        "\u{200f}\u{2067}שלום ‏world\u{2069}\u{200e}",
        "{{7*7}} ${7*7} <!-- ]]> %3Cscript%3E javascript:alert(3)",
        "../..?a=b&c=d#e;f%2F%00\\",
        "one\nline\r\nand\tanother",
    ]
    .map(str::to_owned)
    .into_iter()
    .chain(["x".repeat(64 << 10)])
    .collect()
}

/// A conversation for each text, which has it in every field that takes one.
pub fn events() -> impl Iterator<Item = Value> {
    (0..).zip(texts()).flat_map(|(number, text)| {
        let begin = instant("2026-11-14T12:00:00Z") + TimeDelta::hours(number);
        // Where it is the name of a page, it is one that an address can hold.
        let id: String = text.chars().take(500).collect();
        let events = vec![
            json!({"type": "conversation_started", "channel": "web_chat", "profile_id": text, "first_message": text}),
            json!({"type": "message_sent", "sender": "shopper", "text": text}),
            json!({"type": "message_sent", "sender": "agent", "text": text}),
            json!({"type": "procedure_started", "procedure": text}),
            json!({"type": "product_recommended", "product_ids": [text]}),
            json!({"type": "link_clicked", "url": format!("javascript:alert(4)//{text}")}),
            json!({"type": "added_to_cart", "product_id": text}),
            json!({"type": "tag_added", "tag": text}),
            json!({"type": "order_placed", "order_id": id, "profile_id": text, "value": "12.34"}),
            json!({"type": "conversation_escalated", "reason": text, "category": text, "procedure": text}),
            json!({"type": "conversation_closed", "reason": text}),
        ];
        stamped(HOSTILE, &id, begin, TimeDelta::seconds(30), events)
    })
}
