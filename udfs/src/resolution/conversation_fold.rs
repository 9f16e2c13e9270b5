//! `conversation_fold(type, occurred_at, event_id, …)`: a conversation from its events (SPEC section 4).

use std::sync::{Arc, LazyLock};

use arrow::array::{ArrayRef, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;
use datafusion::logical_expr::Documentation;

use super::conversation::{Conversation, Rare};
use super::status::Status;
use crate::columns::{Kind, Parameter, instant_type};
use crate::grouped::{Pool, SECTION, Text, counts, flags, instants, labels, lists, seen, texts};

/// The parameters, named as the fields of an event.
pub(super) const PARAMETERS: [Parameter; 15] = [
    Parameter::new("type", Kind::Text),
    Parameter::new("occurred_at", Kind::Instant),
    Parameter::new("event_id", Kind::Text),
    Parameter::new("profile_id", Kind::Text),
    Parameter::new("channel", Kind::Text),
    Parameter::new("mode", Kind::Text),
    Parameter::new("sender", Kind::Text),
    Parameter::new("first_message", Kind::Text),
    Parameter::new("text", Kind::Text),
    Parameter::new("procedure", Kind::Text),
    Parameter::new("tag", Kind::Text),
    Parameter::new("tags", Kind::Texts),
    Parameter::new("reason", Kind::Text),
    Parameter::new("category", Kind::Text),
    Parameter::new("is_bot", Kind::Flag),
];

/// The mode of a start that names none (SPEC section 2).
const DEFAULT_MODE: &[u8] = b"live";

pub(super) static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "A conversation from its events, as a struct: `started_at`, `channel` and `mode` of its earliest \
         `conversation_started` (null where none was given), `status` without idle timeouts, `profile_id`, \
         `first_question`, `procedures` in order of first use and sorted `tags`, the counts `messages`, `link_clicks`, \
         `human_link_clicks` (those not `is_bot`) and `cart_adds`, `last_updated`, `resolved_at`, the first escalation, \
         `reopened`, and how many `events` there were from `first_event_at` to `last_event_at` (starts after the first, \
         which count nowhere else, included). The order of the events does not matter; events of other types are left \
         out, and null is returned where there are no others.",
        "conversation_fold(type, occurred_at, event_id, profile_id, channel, mode, sender, first_message, text, procedure, \
         tag, tags, reason, category, is_bot)",
    )
    .with_sql_example(
        "```sql\n> SELECT conversation_id, c['status'] AS status, c['messages'] AS messages FROM (\n    \
         SELECT conversation_id, conversation_fold(type, occurred_at, event_id, profile_id, channel, mode, sender,\n      \
         first_message, text, procedure, tag, tags, reason, category, is_bot) AS c\n    \
         FROM raw.conversation_events GROUP BY account_id, conversation_id);\n\
         +-----------------+--------+----------+\n| conversation_id | status | messages |\n\
         +-----------------+--------+----------+\n| c1              | open   | 4        |\n\
         +-----------------+--------+----------+\n```",
    )
    .with_argument("type", "The event's type, such as `message_sent`.")
    .with_argument("occurred_at", "The event's instant.")
    .with_argument("event_id", "The event's id, which orders events of one instant bytewise.")
    .with_argument("profile_id", "The shopper's profile, of `conversation_started` and `profile_linked`.")
    .with_argument("channel", "The channel, of `conversation_started`.")
    .with_argument("mode", "`live` (where null) or `preview`, of `conversation_started`.")
    .with_argument("sender", "`shopper`, `agent` or `human`, of `message_sent`.")
    .with_argument("first_message", "The shopper's first message, of `conversation_started`.")
    .with_argument("text", "The text, of `message_sent`.")
    .with_argument("procedure", "The procedure, of `procedure_started`, `conversation_resolved`, `conversation_escalated`.")
    .with_argument("tag", "The tag, of `tag_added`.")
    .with_argument("tags", "The list of tags, of `conversation_resolved` and `conversation_escalated`.")
    .with_argument("reason", "The reason, of `conversation_escalated`.")
    .with_argument("category", "The category, of `conversation_escalated`.")
    .with_argument("is_bot", "Whether a bot clicked (null: no), of `link_clicked`.")
    .with_related_udf("conversation_status")
    .build()
});

static FIELDS: LazyLock<Fields> = LazyLock::new(|| {
    let label = || DataType::Dictionary(Box::new(DataType::Int8), Box::new(DataType::Utf8));
    let list = || DataType::new_list(DataType::Utf8, true);
    [
        ("started_at", instant_type()),
        ("channel", label()),
        ("mode", label()),
        ("status", label()),
        ("profile_id", DataType::Utf8View),
        ("first_question", DataType::Utf8View),
        ("procedures", list()),
        ("tags", list()),
        ("messages", DataType::Int64),
        ("link_clicks", DataType::Int64),
        ("human_link_clicks", DataType::Int64),
        ("cart_adds", DataType::Int64),
        ("first_event_at", instant_type()),
        ("last_event_at", instant_type()),
        ("last_updated", instant_type()),
        ("resolved_at", instant_type()),
        ("escalated_at", instant_type()),
        ("escalation_reason", DataType::Utf8View),
        ("escalation_category", DataType::Utf8View),
        ("escalation_procedure", DataType::Utf8View),
        ("reopened", DataType::Boolean),
        ("events", DataType::Int64),
    ]
    .into_iter()
    .map(|(name, data_type)| Field::new(name, data_type, true))
    .collect()
});

/// The struct that the function returns.
pub(super) fn result_type() -> DataType {
    DataType::Struct(FIELDS.clone())
}

/// C6: the procedures in order of first use; by name where one event used two, which no single event can.
fn procedures<'a>(group: &Conversation, pool: &'a Pool, items: &mut Vec<&'a [u8]>) {
    let mut used: Vec<_> = group.procedures.iter().collect();
    // Stable: they come by name.
    used.sort_by(|a, b| a.first.order(b.first, pool));
    items.extend(used.iter().filter_map(|procedure| pool.get(procedure.name)));
}

/// C6: procedures are tags too.
fn tags<'a>(group: &Conversation, pool: &'a Pool, items: &mut Vec<&'a [u8]>) {
    items.extend(
        group
            .procedures
            .iter()
            .filter_map(|used| pool.get(used.name)),
    );
    if let Some(rare) = &group.rare {
        items.extend(rare.tags.iter().filter_map(|tag| pool.get(*tag)));
        items.sort_unstable();
        items.dedup();
    }
}

/// C4: with no question asked, what the start says.
fn first_question(group: &Conversation) -> Text {
    if group.question_text.is_some() {
        group.question_text
    } else {
        group.first_message
    }
}

/// C8: some message by the shopper is later than the earliest resolution.
fn reopened(group: &Conversation, pool: &Pool) -> bool {
    let (shopper, resolved) = (group.resolution.shopper, group.first_resolved);
    resolved.is_some() && shopper.is_later_than(resolved, pool)
}

/// The results of these groups.
pub(super) fn results(groups: &[Conversation], pool: &Pool) -> Result<ArrayRef> {
    let seen = seen(groups.iter().map(|group| group.events));
    let statuses: Vec<Option<Status>> = groups
        .iter()
        .map(|group| (group.events > 0).then(|| group.resolution.status(pool)))
        .collect();
    let count = |count: fn(&Conversation) -> u64| counts(groups.iter().map(count), &seen);
    let reach = |at: fn(&Conversation) -> i64| {
        instants(
            groups
                .iter()
                .map(|group| (group.events > 0).then(|| at(group))),
        )
    };
    let escalation = |text: fn(&Rare) -> Text| {
        texts(groups.iter().map(|group| {
            let rare = group.rare.as_ref()?;
            pool.get(text(rare))
        }))
    };
    let columns: Vec<ArrayRef> = vec![
        instants(groups.iter().map(|group| group.start.at())),
        labels(
            "channel",
            groups.iter().map(|group| pool.get(group.channel)),
        )?,
        labels(
            "mode",
            groups.iter().map(|group| {
                let mode = pool.get(group.mode).unwrap_or(DEFAULT_MODE);
                group.start.is_some().then_some(mode)
            }),
        )?,
        labels(
            "status",
            statuses
                .iter()
                .map(|status| status.map(|status| status.name().as_bytes())),
        )?,
        texts(groups.iter().map(|group| pool.get(group.profile(pool))))?,
        texts(groups.iter().map(|group| pool.get(first_question(group))))?,
        lists("procedures", groups.len(), &seen, |row, items| {
            procedures(&groups[row], pool, items);
        })?,
        lists("tags", groups.len(), &seen, |row, items| {
            tags(&groups[row], pool, items);
        })?,
        count(|group| group.messages),
        count(|group| group.clicks),
        count(|group| group.human_clicks),
        count(|group| group.cart_adds),
        reach(|group| group.first_at),
        reach(|group| group.last_at),
        instants(groups.iter().map(Conversation::last_updated)),
        instants(groups.iter().zip(&statuses).map(|(group, status)| {
            let resolved = group.resolution.resolved.at();
            resolved.filter(|_| *status == Some(Status::Resolved))
        })),
        instants(
            groups
                .iter()
                .map(|group| group.rare.as_ref()?.escalated.at()),
        ),
        escalation(|rare| rare.reason)?,
        escalation(|rare| rare.category)?,
        escalation(|rare| rare.procedure)?,
        flags(groups.iter().map(|group| reopened(group, pool)), &seen),
        count(|group| group.events),
    ];
    Ok(Arc::new(StructArray::try_new(
        FIELDS.clone(),
        columns,
        seen,
    )?))
}
