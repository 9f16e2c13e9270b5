//! `conversation_fold(type, occurred_at, event_id, …)`: folds the events of a conversation into one struct (SPEC section 4).

use std::sync::{Arc, LazyLock};

use arrow::array::{
    ArrayRef, BooleanBuilder, Int64Builder, NullBufferBuilder, StructArray,
    TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::Result;
use datafusion::logical_expr::Documentation;

use super::conversation::{Conversation, ESCALATION_FIELDS, START_FIELDS};
use super::status::Status;
use crate::columns::{Kind, Parameter, instant_type};
use crate::grouped::{
    LabelBuilder, Pool, SECTION, TextBuilder, TextListBuilder, append_count, instant_builder,
};

/// The parameters, named like the fields of an event.
pub(super) const PARAMETERS: [Parameter; 16] = [
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
    Parameter::new("rating", Kind::Whole),
];

/// The mode of a `conversation_started` that gives none (SPEC section 2).
const DEFAULT_MODE: &[u8] = b"live";

pub(super) static DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "A conversation from its events, as a struct: `started_at`, `channel` and `mode` of its earliest \
         `conversation_started` (null where none was given), `status` without idle timeouts, `profile_id`, \
         `first_question`, `procedures` in order of first use and sorted `tags`, the counts `messages`, `link_clicks`, \
         `human_link_clicks` (those not `is_bot`) and `cart_adds`, `last_updated`, `resolved_at`, the first escalation, \
         `reopened`, the latest `rating` and `rated_at`, `human_replied_at` of the earliest message by a human, and how many `events` there were from `first_event_at` to `last_event_at` (starts after the first, \
         which count nowhere else, included). The order of the events does not matter; events of other types are left \
         out, and null is returned where there are no others.",
        "conversation_fold(type, occurred_at, event_id, profile_id, channel, mode, sender, first_message, text, procedure, \
         tag, tags, reason, category, is_bot, rating)",
    )
    .with_sql_example(
        "```sql\n> SELECT conversation_id, c['status'] AS status, c['messages'] AS messages FROM (\n    \
         SELECT conversation_id, conversation_fold(type, occurred_at, event_id, profile_id, channel, mode, sender,\n      \
         first_message, text, procedure, tag, tags, reason, category, is_bot, rating) AS c\n    \
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
    .with_argument("rating", "The rating, 1 to 5, of `conversation_rated`.")
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
        ("rating", DataType::Int64),
        ("rated_at", instant_type()),
        ("human_replied_at", instant_type()),
    ]
    .into_iter()
    .map(|(name, data_type)| Field::new(name, data_type, true))
    .collect()
});

/// Returns the type of the struct that the function returns.
pub(super) fn result_type() -> DataType {
    DataType::Struct(FIELDS.clone())
}

/// Builds the columns of the results.
struct Results {
    started_at: TimestampMicrosecondBuilder,
    channel: LabelBuilder,
    mode: LabelBuilder,
    status: LabelBuilder,
    profile_id: TextBuilder,
    first_question: TextBuilder,
    procedures: TextListBuilder,
    tags: TextListBuilder,
    /// `messages`, `link_clicks`, `human_link_clicks`, `cart_adds`, `events`.
    counts: [Int64Builder; 5],
    first_event_at: TimestampMicrosecondBuilder,
    last_event_at: TimestampMicrosecondBuilder,
    last_updated: TimestampMicrosecondBuilder,
    resolved_at: TimestampMicrosecondBuilder,
    escalated_at: TimestampMicrosecondBuilder,
    /// `escalation_reason`, `escalation_category`, `escalation_procedure`.
    escalation: [TextBuilder; ESCALATION_FIELDS],
    reopened: BooleanBuilder,
    rating: Int64Builder,
    rated_at: TimestampMicrosecondBuilder,
    human_replied_at: TimestampMicrosecondBuilder,
    seen: NullBufferBuilder,
}

impl Results {
    fn new(rows: usize) -> Self {
        Self {
            started_at: instant_builder(rows),
            channel: LabelBuilder::new("channel", rows),
            mode: LabelBuilder::new("mode", rows),
            status: LabelBuilder::new("status", rows),
            profile_id: TextBuilder::new(rows),
            first_question: TextBuilder::new(rows),
            procedures: TextListBuilder::new("procedures", rows),
            tags: TextListBuilder::new("tags", rows),
            counts: std::array::from_fn(|_| Int64Builder::with_capacity(rows)),
            first_event_at: instant_builder(rows),
            last_event_at: instant_builder(rows),
            last_updated: instant_builder(rows),
            resolved_at: instant_builder(rows),
            escalated_at: instant_builder(rows),
            escalation: std::array::from_fn(|_| TextBuilder::new(rows)),
            reopened: BooleanBuilder::with_capacity(rows),
            rating: Int64Builder::with_capacity(rows),
            rated_at: instant_builder(rows),
            human_replied_at: instant_builder(rows),
            seen: NullBufferBuilder::new(rows),
        }
    }

    /// Appends a conversation. `items` is a scratch buffer.
    fn push<'a>(
        &mut self,
        group: &Conversation,
        pool: &'a Pool,
        items: &mut Vec<&'a [u8]>,
    ) -> Result<()> {
        let seen = group.events > 0;
        self.seen.append(seen);
        let status = group.resolution.status(pool);
        let [channel, mode, profile, first_message] =
            pool.fields::<START_FIELDS>(group.start_fields)?;
        self.started_at.append_option(group.start.at());
        self.channel.push(channel)?;
        let started = group.start.is_some();
        self.mode.push(mode.or(started.then_some(DEFAULT_MODE)))?;
        self.status.push(seen.then_some(status.name().as_bytes()))?;
        self.profile_id.push(group.profile(profile, pool))?;
        // C4: without a shopper message, the first message of the start.
        let question = pool.get(group.question_text).or(first_message);
        self.first_question.push(question)?;

        items.clear();
        group.push_procedures(pool, items);
        self.procedures.push(seen, items)?;
        // C6: procedures are tags too.
        let rare = group.rare.as_deref();
        items.extend(
            rare.iter()
                .flat_map(|rare| &rare.tags)
                .filter_map(|tag| pool.get(*tag)),
        );
        items.sort_unstable();
        items.dedup();
        self.tags.push(seen, items)?;

        let counts = [
            group.messages,
            group.clicks,
            group.human_clicks,
            group.cart_adds,
            group.events,
        ];
        for (column, number) in self.counts.iter_mut().zip(counts) {
            append_count(column, seen, number);
        }
        self.first_event_at
            .append_option(seen.then_some(group.first_at));
        self.last_event_at
            .append_option(seen.then_some(group.last_at));
        self.last_updated.append_option(group.last_updated());

        // C8
        let resolved_at = group.resolution.resolved.at();
        self.resolved_at
            .append_option(resolved_at.filter(|_| status == Status::Resolved));
        self.escalated_at
            .append_option(rare.and_then(|rare| rare.escalated.at()));
        let fields = match rare {
            None => [None; ESCALATION_FIELDS],
            Some(rare) => pool.fields(rare.escalation_fields)?,
        };
        for (column, fields) in self.escalation.iter_mut().zip(fields) {
            column.push(fields)?;
        }
        self.reopened
            .append_option(seen.then_some(group.is_reopened(pool)));

        // C11
        let rated_at = rare.and_then(|rare| rare.rated.at());
        let rating = rare.map_or(0, |rare| rare.rating);
        append_count(&mut self.rating, rated_at.is_some(), rating);
        self.rated_at.append_option(rated_at);
        self.human_replied_at
            .append_option(rare.and_then(|rare| rare.human_at));
        Ok(())
    }

    fn finish(mut self) -> Result<ArrayRef> {
        let [messages, clicks, human_clicks, cart_adds, events] =
            self.counts.map(|mut column| Arc::new(column.finish()));
        let [reason, category, procedure] = self.escalation.map(TextBuilder::finish);
        let columns: Vec<ArrayRef> = vec![
            Arc::new(self.started_at.finish()),
            self.channel.finish()?,
            self.mode.finish()?,
            self.status.finish()?,
            self.profile_id.finish(),
            self.first_question.finish(),
            self.procedures.finish()?,
            self.tags.finish()?,
            messages,
            clicks,
            human_clicks,
            cart_adds,
            Arc::new(self.first_event_at.finish()),
            Arc::new(self.last_event_at.finish()),
            Arc::new(self.last_updated.finish()),
            Arc::new(self.resolved_at.finish()),
            Arc::new(self.escalated_at.finish()),
            reason,
            category,
            procedure,
            Arc::new(self.reopened.finish()),
            events,
            Arc::new(self.rating.finish()),
            Arc::new(self.rated_at.finish()),
            Arc::new(self.human_replied_at.finish()),
        ];
        let seen = self.seen.finish();
        Ok(Arc::new(StructArray::try_new(
            FIELDS.clone(),
            columns,
            seen,
        )?))
    }
}

/// Builds the result column, one struct per group.
pub(super) fn results(groups: &[Conversation], pool: &Pool) -> Result<ArrayRef> {
    let mut results = Results::new(groups.len());
    let mut items = vec![];
    for group in groups {
        results.push(group, pool, &mut items)?;
    }
    results.finish()
}
