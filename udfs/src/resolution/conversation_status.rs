//! `conversation_status(type, sender, occurred_at, event_id)`: returns the status of a conversation (SPEC C3).

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, StringArray};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::common::utils::take_function_args;
use datafusion::logical_expr::Documentation;

use super::event::{Kind, Sender};
use super::status::Resolution;
use crate::columns::{self, Instants, Parameter, TextColumn};
use crate::grouped::{Decoder, Encoder, Fold, Pool, SECTION, Text};

static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "The status of a conversation from its events: `routed` where it was escalated or a human wrote in it, else \
         `resolved` or `closed` where that is the last word, else `open`. Idle timeouts are not applied. The order of the \
         events does not matter; events of other types are left out, and null is returned where there are no others.",
        "conversation_status(type, sender, occurred_at, event_id)",
    )
    .with_sql_example(
        "```sql\n> SELECT conversation_id, conversation_status(type, sender, occurred_at, event_id) AS status\n  \
         FROM raw.conversation_events GROUP BY account_id, conversation_id;\n\
         +-----------------+----------+\n| conversation_id | status   |\n+-----------------+----------+\n\
         | c1              | resolved |\n+-----------------+----------+\n```",
    )
    .with_argument("type", "The event's type, such as `message_sent`.")
    .with_argument("sender", "Who sent a message: `shopper`, `agent` or `human`.")
    .with_argument("occurred_at", "The event's instant.")
    .with_argument("event_id", "The event's id, which orders events of one instant bytewise.")
    .with_related_udf("conversation_fold")
    .build()
});

/// Holds the state of `conversation_status` for one conversation.
#[derive(Debug, Default)]
pub(super) struct StatusState {
    seen: bool,
    resolution: Resolution,
}

/// Reads the argument columns of a batch of events.
pub(super) struct Events<'a> {
    pub(super) kinds: Vec<Kind>,
    pub(super) senders: Vec<Sender>,
    pub(super) at: Instants<'a>,
    pub(super) ids: TextColumn<'a>,
}

impl Fold for StatusState {
    const NAME: &'static str = "conversation_status";

    const PARAMETERS: &'static [Parameter] = &[
        Parameter::new("type", columns::Kind::Text),
        Parameter::new("sender", columns::Kind::Text),
        Parameter::new("occurred_at", columns::Kind::Instant),
        Parameter::new("event_id", columns::Kind::Text),
    ];

    type Events<'a> = Events<'a>;

    fn result_type() -> DataType {
        DataType::Utf8
    }

    fn documentation() -> &'static Documentation {
        &DOCUMENTATION
    }

    fn read_events(arguments: &[ArrayRef]) -> Result<Events<'_>> {
        let [kinds, senders, at, ids] = take_function_args(Self::NAME, arguments)?;
        Ok(Events {
            kinds: TextColumn::new(kinds)?.codes(kinds.len(), Kind::of),
            senders: TextColumn::new(senders)?.codes(senders.len(), Sender::of),
            at: Instants::new(at)?,
            ids: TextColumn::new(ids)?,
        })
    }

    #[inline]
    fn add(&mut self, events: &Events<'_>, row: usize, pool: &mut Pool) {
        let kind = events.kinds[row];
        let Some(at) = events.at.get(row).filter(|_| kind != Kind::Other) else {
            return;
        };
        self.seen = true;
        let id = || events.ids.get(row).unwrap_or_default().as_bytes();
        self.resolution
            .add(kind, || events.senders[row], at, id, pool);
    }

    fn encode(&self, pool: &Pool, out: &mut Encoder) {
        out.flag(self.seen);
        if self.seen {
            self.resolution.encode(pool, out);
        }
    }

    fn merge(&mut self, state: &mut Decoder<'_>, pool: &mut Pool) -> Result<()> {
        if state.flag()? {
            self.seen = true;
            self.resolution.merge(state, pool)?;
        }
        Ok(())
    }

    fn visit(&mut self, visit: &mut dyn FnMut(&mut Text)) {
        self.resolution.visit(visit);
    }

    fn results(groups: &[Self], pool: &Pool) -> Result<ArrayRef> {
        let names = groups
            .iter()
            .map(|group| group.seen.then(|| group.resolution.status(pool).name()));
        Ok(Arc::new(names.collect::<StringArray>()))
    }
}
