//! Explains why a conversation has its status: the rules of SPEC C3 in their order, and the first that holds.

use askama::Template;

use crate::page::numbers::Local;
use crate::page::orders::anchor;
use crate::page::rows::Row;
use crate::page::visit::Visit;
use crate::pg::PgError;

/// Represents a rule as the card lists it.
struct Rule {
    status: &'static str,
    condition: String,
    holds: bool,
    verdict: &'static str,
}

/// Represents the card that explains a conversation's status.
#[derive(Template)]
#[template(path = "conversation/ruling.html")]
pub struct Ruling {
    before: &'static str,
    link: Option<(String, String)>,
    after: String,
    rules: Vec<Rule>,
}

impl Ruling {
    /// Makes the card from a row of `explain_conversation`.
    pub fn of(visit: &Visit, row: Row<'_>) -> Result<Ruling, PgError> {
        let shop = &visit.shop;
        let rule = row.count("rule")?;
        let local = |name| Ok::<_, PgError>(row.instant(name)?.map(|at| shop.local(at)));
        let at = local("decided_at")?;
        let event = row.text("decided_by")?;
        let href = |event: &str| format!("#{}", anchor(event));
        let link = at.map(|at: Local| (event.map(href).unwrap_or_default(), at.minute(shop.today)));
        let idle = row.text("idle_timeout")?;
        let shopper = row.text("last_shopper_event")?.is_some();
        let quiet = match shopper {
            true => ", and the shopper wrote nothing after that.",
            false => ".",
        };
        let escalated = row.instant("escalated_at")?.is_some();
        let (before, after) = match rule {
            1 if escalated => (
                "It was escalated on ",
                ". That is final: it is never resolved by AI.".to_owned(),
            ),
            1 => (
                "A person wrote on ",
                ". That is final: it is never resolved by AI.".to_owned(),
            ),
            2 => ("The agent resolved it on ", quiet.to_owned()),
            3 => ("It was closed on ", quiet.to_owned()),
            4 => (
                "Nothing happened for so long that it counts as closed since ",
                ".".to_owned(),
            ),
            _ => (
                "It is neither resolved nor closed, or the shopper has written since.",
                String::new(),
            ),
        };
        let mut rules = vec![
            Rule {
                status: "Routed",
                condition: "if escalated, or a person wrote.".to_owned(),
                holds: rule == 1,
                verdict: "Neither happened.",
            },
            Rule {
                status: "Resolved",
                condition: "if the agent resolved it, and the shopper wrote nothing after that."
                    .to_owned(),
                holds: rule == 2,
                verdict: "It did not, or the shopper did.",
            },
            Rule {
                status: "Closed",
                condition: "if closed after the last shopper message.".to_owned(),
                holds: rule == 3,
                verdict: "It was not.",
            },
        ];
        if let Some(idle) = idle {
            rules.push(Rule {
                status: "Closed",
                condition: format!("if nothing happened for {idle}."),
                holds: rule == 4,
                verdict: "Something did.",
            });
        }
        rules.push(Rule {
            status: "Open",
            condition: "otherwise.".to_owned(),
            holds: rule == 5,
            verdict: "",
        });
        // The rules after the first that holds do not matter, so nothing is said of them.
        let decided = rules
            .iter()
            .position(|rule| rule.holds)
            .unwrap_or(rules.len());
        for later in rules.iter_mut().skip(decided + 1) {
            later.verdict = "";
        }
        Ok(Ruling {
            before,
            link: link.filter(|_| rule <= 4),
            after,
            rules,
        })
    }
}
