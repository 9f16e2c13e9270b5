//! The reasons that `explain_order` gives for each touch that won, lost or was left out; each case has a shopper of its own.

use chrono::Duration;
use rapport_engine::session::Identity;
use serde_json::{Value, json};

use super::rows;
use super::stream::{now, start};
use crate::support::{TestLake, block_on};

/// Describes the touches of one shopper, in hours before the order, and their expected outcomes, latest first.
struct Case {
    rule: &'static str,
    account: &'static str,
    touches: &'static [(&'static str, i64)],
    expected: &'static [&'static str],
}

/// The cases, with windows of the preset `current`. Account `split` is linear, `strict` excludes all that can be excluded,
/// `lax` nothing.
const CASES: &[Case] = &[
    Case {
        rule: "A6: a later marketing touch takes an SMS order",
        account: "acme",
        touches: &[
            ("sms message", 3),
            ("email opened", 1),
            ("email clicked", 2),
        ],
        expected: &[
            "email_opened lost marketing",
            "email_clicked lost earlier",
            "sms_delivered lost later_marketing",
        ],
    },
    Case {
        rule: "A6: and an email one",
        account: "acme",
        touches: &[("email click", 3), ("push opened", 1)],
        expected: &[
            "push_opened lost marketing",
            "email_clicked lost later_marketing",
        ],
    },
    Case {
        rule: "A6: and a WhatsApp one",
        account: "acme",
        touches: &[("whatsapp click", 3), ("sms clicked", 1)],
        expected: &[
            "sms_clicked lost marketing",
            "whatsapp_clicked lost later_marketing",
        ],
    },
    Case {
        rule: "A6: never a web chat one",
        account: "acme",
        touches: &[
            ("web_chat message", 2),
            ("email clicked", 1),
            ("sms message", 4),
        ],
        expected: &[
            "web_chat won web_chat_holds",
            "email_clicked lost web_chat_won",
            "sms_delivered lost later_web_chat",
        ],
    },
    Case {
        rule: "A5: the latest of the agent's",
        account: "acme",
        touches: &[
            ("sms click", 1),
            ("sms message", 2),
            ("web_chat message", 3),
        ],
        expected: &[
            "sms_clicked won latest",
            "sms_delivered lost earlier",
            "web_chat lost earlier",
        ],
    },
    Case {
        rule: "A3: the next where the last is outside its window",
        account: "acme",
        touches: &[
            ("sms message", 13),
            ("sms click", 48),
            ("email clicked", 130),
        ],
        expected: &[
            "sms_clicked won latest",
            "sms_delivered left_out outside_window",
            "email_clicked left_out outside_window",
        ],
    },
    Case {
        rule: "A2: classes without a window",
        account: "acme",
        touches: &[
            ("email message", 1),
            ("push clicked", 2),
            ("email delivered", 3),
        ],
        expected: &[
            "email_delivered left_out no_window",
            "push_clicked left_out no_window",
            "email_delivered left_out no_window",
        ],
    },
    Case {
        rule: "A2: bots' clicks, the agent's and marketing's alike",
        account: "acme",
        touches: &[
            ("sms click by a bot", 1),
            ("email clicked by a bot", 2),
            ("sms click", 3),
        ],
        expected: &[
            "sms_clicked won latest",
            "sms_clicked left_out bot",
            "email_clicked left_out bot",
        ],
    },
    Case {
        rule: "A2: machine opens and transactional touches where they are excluded",
        account: "strict",
        touches: &[
            ("email opened by a machine", 1),
            ("sms delivered in a transaction", 2),
            ("sms click", 3),
        ],
        expected: &[
            "sms_clicked won latest",
            "email_opened left_out machine_open",
            "sms_delivered left_out transactional",
        ],
    },
    Case {
        rule: "A2: none of them where nothing is excluded",
        account: "lax",
        touches: &[
            ("email opened by a machine", 1),
            ("sms delivered in a transaction", 2),
            ("sms click by a bot", 3),
        ],
        expected: &[
            "email_opened lost marketing",
            "sms_delivered lost earlier",
            "sms_clicked lost later_marketing",
        ],
    },
    Case {
        rule: "A7: units share; marketing's part is no row",
        account: "split",
        touches: &[
            ("sms click", 1),
            ("sms message", 2),
            ("email clicked", 3),
            ("email click", 4),
        ],
        expected: &[
            "sms_clicked won shares 0.333333333 3.3334",
            "email_clicked won shares 0.333333333 3.3333",
            "sms_delivered lost earlier",
            "email_clicked lost marketing 0.333333333 3.3333",
        ],
    },
    Case {
        rule: "A7: web chat takes it all where no agent touch of another class is later",
        account: "split",
        touches: &[
            ("web_chat message", 2),
            ("email clicked", 1),
            ("sms click", 3),
        ],
        expected: &[
            "web_chat won web_chat_holds",
            "email_clicked lost web_chat_won",
            "sms_clicked lost later_web_chat",
        ],
    },
    Case {
        rule: "A1: what is no touch",
        account: "acme",
        touches: &[
            ("web_chat click", 1),
            ("sms human", 1),
            ("sms shopper", 1),
            ("sms click", -1),
            ("sms click", 2),
        ],
        expected: &["sms_clicked won latest"],
    },
    Case {
        rule: "A3: before what is considered",
        account: "acme",
        touches: &[("sms click", 24 * 7), ("sms click", 24 * 7 + 1)],
        expected: &["sms_clicked left_out outside_window"],
    },
];

/// Returns the events of a case, whose shopper, conversations and order are named after its number.
fn events(number: usize, case: &Case) -> Vec<Value> {
    let ordered = start() + Duration::hours(200);
    let profile = format!("p{number}");
    let mut events = vec![json!({
        "type": "order_placed", "order_id": format!("o{number}"), "profile_id": profile, "value": "10", "occurred_at": ordered,
    })];
    for (touch, hours) in case.touches {
        let at = ordered - Duration::hours(*hours);
        let (channel, what) = touch.split_once(' ').unwrap();
        let (what, by) = what.split_once(' ').unwrap_or((what, ""));
        let conversation = format!("{channel}-{number}");
        let mut event = match what {
            "message" => {
                json!({"type": "message_sent", "sender": "agent", "conversation_id": conversation})
            }
            "human" | "shopper" => {
                json!({"type": "message_sent", "sender": what, "conversation_id": conversation})
            }
            "click" => json!({"type": "link_clicked", "conversation_id": conversation}),
            kind => {
                json!({"type": "touch", "profile_id": profile, "channel": channel, "kind": kind, "message_id": "m",
                           "is_machine_open": by == "by a machine", "is_transactional": by == "in a transaction"})
            }
        };
        event["is_bot"] = json!(by == "by a bot");
        event["occurred_at"] = json!(at);
        if event["type"] != "touch" {
            events.push(json!({"type": "conversation_started", "conversation_id": conversation, "channel": channel,
                               "profile_id": profile, "occurred_at": ordered - Duration::hours(199)}));
        }
        events.push(event);
    }
    for (i, event) in events.iter_mut().enumerate() {
        event["event_id"] = json!(format!("e{number}-{i}"));
        event["account_id"] = json!(case.account);
    }
    events
}

#[test]
fn each_touch_has_its_reason() {
    block_on(async {
        let lake = TestLake::new(now()).await;
        let strict = json!({"exclude_bot_clicks": true, "exclude_machine_opens": true, "exclude_transactional": true});
        let others = [
            ("split", json!({"attribution_model": "linear"})),
            ("strict", strict),
            ("lax", json!({"exclude_bot_clicks": false})),
        ];
        let settings = others.map(|(account, mut settings)| {
            settings["account_id"] = json!(account);
            settings.to_string()
        });
        lake.put(&settings).await;
        let events = CASES
            .iter()
            .enumerate()
            .flat_map(|(number, case)| events(number, case));
        lake.land(&events.map(|event| event.to_string()).collect::<Vec<_>>())
            .await;
        lake.derive().await;
        for (number, case) in CASES.iter().enumerate() {
            let session = lake
                .engine
                .session(Identity::of_account("ann", case.account))
                .await
                .unwrap();
            let told: Vec<String> = rows(
                &session,
                &format!("SELECT * FROM explain_order('o{number}')"),
            )
            .await
            .iter()
            .map(|row| {
                let text = |column: &str| row[column].as_str().unwrap().to_owned();
                let mut told = [text("touch_class"), text("outcome"), text("reason")].join(" ");
                if let Some(credit) = row
                    .get("credit")
                    .and_then(Value::as_f64)
                    .filter(|credit| *credit < 1.0)
                {
                    told.push_str(
                        &format!(" {credit} {}", row["attributed_value"]).replace('"', ""),
                    );
                }
                told
            })
            .collect();
            assert_eq!(told, case.expected, "{}", case.rule);
        }
    });
}
