//! `conversation_ruling(type, sender, occurred_at, event_id)`: explains why a conversation has its status (SPEC C3).
//!
//! Its state is that of `conversation_status` and the earliest routing event. So the rule that it names is always the one
//! that gave the status.

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, Int64Builder, NullBufferBuilder, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;
use datafusion::logical_expr::Documentation;

use super::conversation_status::{Events, StatusState};
use super::event::Kind;
use super::status::Resolution;
use crate::columns::{Parameter, instant_type};
use crate::grouped::{
    Decoder, Encoder, Fold, Pool, SECTION, Stamp, Text, TextBuilder, instant_builder,
};

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

/// Holds the state of `conversation_ruling` for one conversation.
#[derive(Debug, Default)]
pub(super) struct RulingState {
    seen: bool,
    resolution: Resolution,
    /// The earliest escalation or message by a human.
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

    fn read_events(arguments: &[ArrayRef]) -> Result<Events<'_>> {
        StatusState::read_events(arguments)
    }

    #[inline]
    fn add(&mut self, events: &Events<'_>, row: usize, pool: &mut Pool) {
        let kind = events.kinds[row];
        let Some(at) = events.at.get(row).filter(|_| kind != Kind::Other) else {
            return;
        };
        self.seen = true;
        let id = || events.ids.get(row).unwrap_or_default().as_bytes();
        let routes = self
            .resolution
            .add(kind, || events.senders[row], at, id, pool);
        if routes {
            self.routed.keep_earlier(at, id(), pool);
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
                self.routed.keep_earlier(at, id, pool);
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
        let (mut ids, mut shopper_ids) = (TextBuilder::new(rows), TextBuilder::new(rows));
        let (mut at, mut shopper_at) = (instant_builder(rows), instant_builder(rows));
        for group in groups {
            let ruling = group.resolution.ruling(pool);
            // `routed` holds an event exactly where rule 1 holds.
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
