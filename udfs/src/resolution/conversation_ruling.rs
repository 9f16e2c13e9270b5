//! `conversation_ruling(type, sender, occurred_at, event_id)`: why a conversation has its status (SPEC C3).
//!
//! It keeps the state that the status is read from, and the one event more that explains it. So the rule that it names is
//! the one that gave the status, whatever the events are.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int64Builder, NullBufferBuilder, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;
use datafusion::logical_expr::Documentation;

use super::conversation_status::{Events, StatusState};
use super::event::Kind;
use super::status::Resolution;
use crate::columns::{Parameter, instant_type};
use crate::grouped::{Decoder, Encoder, Fold, Pool, SECTION, Stamp, Text, Texts, instants};

static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "Why a conversation has its status, as a struct: the `rule` (of C3: 1 routed, 2 resolved, 3 closed, 5 open; idle \
         timeouts, rule 4, are not applied), the `event_id` and `occurred_at` of the event that decided it (of rule 1 the \
         earliest escalation or message by a human; null for rule 5), and `shopper_event_id` and `shopper_at` of the \
         shopper's latest message. The order of the events does not matter; events of other types are left out, and null \
         is returned where there are no others.",
        "conversation_ruling(type, sender, occurred_at, event_id)",
    )
    .with_sql_example(
        "```sql\n> SELECT conversation_id, r['rule'] AS rule, r['event_id'] AS decided_by FROM (\n    \
         SELECT conversation_id, conversation_ruling(type, sender, occurred_at, event_id) AS r\n    \
         FROM raw.conversation_events GROUP BY account_id, conversation_id);\n\
         +-----------------+------+------------+\n| conversation_id | rule | decided_by |\n\
         +-----------------+------+------------+\n| c1              | 2    | e7         |\n\
         +-----------------+------+------------+\n```",
    )
    .with_argument("type", "The event's type, such as `message_sent`.")
    .with_argument("sender", "Who sent a message: `shopper`, `agent` or `human`.")
    .with_argument("occurred_at", "The event's instant.")
    .with_argument("event_id", "The event's id, which orders events of one instant bytewise.")
    .with_related_udf("conversation_status")
    .build()
});

static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    [
        ("rule", DataType::Int64),
        ("event_id", DataType::Utf8View),
        ("occurred_at", instant_type()),
        ("shopper_event_id", DataType::Utf8View),
        ("shopper_at", instant_type()),
    ]
    .into_iter()
    .map(|(name, data_type)| Field::new(name, data_type, true))
    .collect()
});

/// The state of `conversation_ruling`.
#[derive(Debug, Default)]
pub(super) struct RulingState {
    seen: bool,
    resolution: Resolution,
    /// The earliest event that routes the conversation.
    routed: Stamp,
}

impl Fold for RulingState {
    const NAME: &'static str = "conversation_ruling";

    const PARAMETERS: &'static [Parameter] = StatusState::PARAMETERS;

    type Events<'a> = Events<'a>;

    fn result_type() -> DataType {
        DataType::Struct(FIELDS.clone())
    }

    fn documentation() -> &'static Documentation {
        &DOCUMENTATION
    }

    fn events(arguments: &[ArrayRef]) -> Result<Events<'_>> {
        StatusState::events(arguments)
    }

    #[inline]
    fn add(&mut self, events: &Events<'_>, row: usize, pool: &mut Pool) {
        let kind = events.kinds[row];
        let Some(at) = events.at.get(row).filter(|_| kind != Kind::Foreign) else {
            return;
        };
        self.seen = true;
        let id = || events.ids.get(row).unwrap_or_default().as_bytes();
        let routes = self
            .resolution
            .add(kind, || events.senders[row], at, id, pool);
        if routes {
            self.routed.lower(at, id(), pool);
        }
    }

    fn encode(&self, pool: &Pool, out: &mut Encoder) {
        out.flag(self.seen);
        if self.seen {
            self.resolution.encode(pool, out);
            self.routed.encode(pool, out);
        }
    }

    fn merge(&mut self, state: &mut Decoder<'_>, pool: &mut Pool) -> Result<()> {
        if state.flag()? {
            self.seen = true;
            self.resolution.merge(state, pool)?;
            if let Some((at, id)) = Stamp::decode(state)? {
                self.routed.lower(at, id, pool);
            }
        }
        Ok(())
    }

    fn visit(&mut self, visit: &mut dyn FnMut(&mut Text)) {
        self.resolution.visit(visit);
        self.routed.visit(visit);
    }

    fn results(groups: &[Self], pool: &Pool) -> Result<ArrayRef> {
        let rows = groups.len();
        let mut seen = NullBufferBuilder::new(rows);
        let mut rules = Int64Builder::with_capacity(rows);
        let (mut ids, mut shopper_ids) = (Texts::new(rows), Texts::new(rows));
        let (mut at, mut shopper_at) = (instants(rows), instants(rows));
        for group in groups {
            let ruling = group.resolution.ruling(pool);
            // An event routes where the resolution is routed, and only there.
            let event = match ruling.rule {
                1 => group.routed,
                _ => ruling.event,
            };
            let shopper = group.resolution.shopper;
            seen.append(group.seen);
            rules.append_option(group.seen.then_some(ruling.rule));
            ids.push(event.id(pool))?;
            at.append_option(event.at());
            shopper_ids.push(shopper.id(pool))?;
            shopper_at.append_option(shopper.at());
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(rules.finish()),
            ids.finish(),
            Arc::new(at.finish()),
            shopper_ids.finish(),
            Arc::new(shopper_at.finish()),
        ];
        let rulings = StructArray::try_new(FIELDS.clone(), columns, seen.finish())?;
        Ok(Arc::new(rulings))
    }
}
