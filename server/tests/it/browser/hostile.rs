//! A shop whose shoppers and producers mean no good: what they write is shown as text, and does nothing.

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::numbers::listed;
use super::session::Browser;
use super::stage::Stage;
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
        "  spaces around  ",
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
            json!({"type": "product_recommended", "product_ids": [text]}),
            json!({"type": "order_placed", "order_id": id, "profile_id": text, "value": "12.34", "product_ids": [text]}),
            json!({"type": "conversation_escalated", "reason": text, "category": text, "procedure": text}),
            json!({"type": "conversation_closed", "reason": text}),
            json!({"type": "conversation_rated", "rating": 3, "comment": text}),
        ];
        stamped(HOSTILE, &id, begin, TimeDelta::seconds(30), events)
    })
}

/// Whether anything of what was written ran, or asks for anything.
async fn assert_tame(browser: &Browser) {
    let at = browser.at().await;
    assert!(browser.get_alert_text().await.is_err(), "{at}");
    let script = "return [document.scripts.length, document.querySelectorAll('img, iframe, object, embed, b > b').length, \
        Array.from(document.querySelectorAll('*')).flatMap(element => Array.from(element.attributes)).filter(attribute => \
            attribute.name.startsWith('on') || attribute.name === 'style' || \
            (['href', 'src', 'action', 'formaction'].includes(attribute.name) && !/^(\\/|#|https?:|data:image\\/svg)/.test(attribute.value)) \
        ).map(attribute => `${attribute.name}=${attribute.value.slice(0, 100)}`)]";
    let found = browser.say(script, vec![]).await;
    assert_eq!(found, json!([1, 0, []]), "{at}");
    browser.assert_harmless(&at).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_means_no_good_is_text() {
    let Some(stage) = Stage::set() else { return };
    let browser = stage.user(HOSTILE).await;
    browser.resize(390).await;
    // Newest first.
    let texts: Vec<String> = texts().into_iter().rev().collect();
    let shown: Vec<String> = texts.iter().cloned().map(listed).collect();
    browser.to("/performance").await;
    assert_eq!(browser.text_of(".eyebrow").await, NAME);
    assert_eq!(browser.texts(".convs tbody th").await, shown);
    for column in [2, 5] {
        let cells = browser
            .texts(&format!(".convs tbody td:nth-child({column})"))
            .await;
        for (cell, text) in cells.iter().zip(&shown) {
            assert!(
                cell.contains(text.trim_end_matches('…')),
                "{cell:?} {text:?}"
            );
        }
    }
    assert_tame(&browser).await;
    // Each text as a filter lists the conversation that has it; but for the one that is no part of an address.
    for table in [".procs tbody", ".escs tbody"] {
        browser.to("/performance").await;
        let mut named = browser.texts(&format!("{table} th")).await;
        named.sort();
        let mut expected = shown.clone();
        expected.sort();
        assert_eq!(named, expected, "{table}");
        let links = browser.attributes(&format!("{table} a"), "href").await;
        assert_eq!(links.len(), texts.len() - 1, "{table}");
        for link in links.iter().step_by(2) {
            browser.to(link).await;
            assert_eq!(browser.texts(".convs tbody th").await.len(), 1, "{link}");
            assert_tame(&browser).await;
        }
    }
    browser.to("/performance").await;
    let links = browser.attributes(".convs tbody th a", "href").await;
    for (link, text) in links.iter().zip(&texts) {
        browser.to(link).await;
        let plain = text.split_whitespace().collect::<Vec<_>>().join(" ");
        for message in browser.texts(".msg p").await {
            assert_eq!(message, plain, "{link:.300}");
        }
        assert_eq!(browser.texts(".msg p").await.len(), 2, "{link:.300}");
        assert_tame(&browser).await;
        let width = "return document.documentElement.scrollWidth";
        assert_eq!(browser.say(width, vec![]).await, json!(390), "{link:.300}");
    }
    browser.to("/sales").await;
    assert_eq!(browser.texts(".ords tbody th").await.len(), texts.len());
    for link in browser.attributes(".ords tbody th a", "href").await {
        browser.to(&link).await;
        assert!(
            browser.text_of("h1").await.starts_with("Order "),
            "{link:.300}"
        );
        assert_tame(&browser).await;
    }
}
