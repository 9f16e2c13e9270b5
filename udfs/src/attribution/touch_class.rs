//! `touch_kind(type, sender)` and `touch_class(channel, kind)`: return whether an event is a touch, and its class (SPEC A1).

use std::sync::LazyLock;

use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ColumnarValue, Documentation};

use super::SECTION;
use super::rules::WEB_CHAT;
use crate::columns::{Kind, Parameter, TextColumn};
use crate::grouped::LabelBuilder;
use crate::scalar::{ScalarFunction, arrays};

const DELIVERED: &str = "delivered";
const CLICKED: &str = "clicked";

const KIND: &str = "touch_kind";
const KIND_PARAMETERS: [Parameter; 2] = [
    Parameter::new("type", Kind::Text),
    Parameter::new("sender", Kind::Text),
];

static KIND_DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "The kind of touch that an event of a conversation is: `delivered` for a message by the agent, `clicked` for a click \
         on a link, null for any other event.",
        "touch_kind(type, sender)",
    )
    .with_sql_example("```sql\n> SELECT touch_kind('message_sent', 'agent');\ndelivered\n```")
    .with_argument("type", "The event's type, such as `message_sent`.")
    .with_argument("sender", "Who sent a message: `shopper`, `agent` or `human`.")
    .with_related_udf("touch_class")
    .build()
});

/// Implements `touch_kind`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TouchKind;

/// Returns the kind of touch of an event; none for other events, such as messages by humans.
fn kind_of(name: Option<&str>, sender: Option<&str>) -> Option<&'static str> {
    match (name?, sender) {
        ("message_sent", Some("agent")) => Some(DELIVERED),
        ("link_clicked", _) => Some(CLICKED),
        _ => None,
    }
}

impl ScalarFunction for TouchKind {
    fn name(&self) -> &'static str {
        KIND
    }

    fn parameters(&self) -> &'static [Parameter] {
        &KIND_PARAMETERS
    }

    fn result_type(&self) -> DataType {
        DataType::Utf8View
    }

    fn compute(&self, arguments: &[ColumnarValue], _: usize) -> Result<ArrayRef> {
        let [names, senders] = arrays(KIND, arguments)?;
        let rows = names.len();
        let (names, senders) = (TextColumn::new(&names)?, TextColumn::new(&senders)?);
        let mut kinds = LabelBuilder::new("kind", rows);
        for row in 0..rows {
            let kind = kind_of(names.get(row), senders.get(row));
            kinds.push(kind.map(str::as_bytes))?;
        }
        text_column(kinds)
    }

    fn documentation(&self) -> &'static Documentation {
        &KIND_DOCUMENTATION
    }
}

const CLASS: &str = "touch_class";
const CLASS_PARAMETERS: [Parameter; 2] = [
    Parameter::new("channel", Kind::Text),
    Parameter::new("kind", Kind::Text),
];

static CLASS_DOCUMENTATION: LazyLock<Documentation> = LazyLock::new(|| {
    Documentation::builder(
        SECTION,
        "The class of a touch: `<channel>_<kind>`, but in `web_chat` simply `web_chat` for what was delivered, and null for \
         all else, which is no touch there.",
        "touch_class(channel, kind)",
    )
    .with_sql_example("```sql\n> SELECT touch_class('sms', 'clicked');\nsms_clicked\n```")
    .with_argument("channel", "The channel: of the touch, or of the conversation that the event is of.")
    .with_argument("kind", "`delivered`, `opened` or `clicked`.")
    .with_related_udf("touch_kind")
    .build()
});

/// Implements `touch_class`.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct TouchClass;

/// Returns the class of a channel and kind. `class` is a buffer for its text.
fn class_of<'a>(
    channel: Option<&'a str>,
    kind: Option<&str>,
    class: &'a mut String,
) -> Option<&'a str> {
    let (channel, kind) = (channel?, kind?);
    if channel == WEB_CHAT {
        return (kind == DELIVERED).then_some(channel);
    }
    class.clear();
    class.push_str(channel);
    class.push('_');
    class.push_str(kind);
    Some(class)
}

impl ScalarFunction for TouchClass {
    fn name(&self) -> &'static str {
        CLASS
    }

    fn parameters(&self) -> &'static [Parameter] {
        &CLASS_PARAMETERS
    }

    fn result_type(&self) -> DataType {
        DataType::Utf8View
    }

    fn compute(&self, arguments: &[ColumnarValue], _: usize) -> Result<ArrayRef> {
        let [channels, kinds] = arrays(CLASS, arguments)?;
        let rows = channels.len();
        let (channels, kinds) = (TextColumn::new(&channels)?, TextColumn::new(&kinds)?);
        let mut classes = LabelBuilder::new("touch_class", rows);
        let mut text = String::new();
        for row in 0..rows {
            let class = class_of(channels.get(row), kinds.get(row), &mut text);
            classes.push(class.map(str::as_bytes))?;
        }
        text_column(classes)
    }

    fn documentation(&self) -> &'static Documentation {
        &CLASS_DOCUMENTATION
    }
}

/// Converts labels to a `Utf8View` column, whose rows point to one copy of each distinct text.
fn text_column(labels: LabelBuilder) -> Result<ArrayRef> {
    Ok(cast(&labels.finish()?, &DataType::Utf8View)?)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use crate::testing::{sql, text_of};

    #[rstest]
    #[case::a1_the_agents_messages("touch_kind('message_sent', 'agent')", "delivered")]
    #[case::a1_messages_by_humans_are_none("touch_kind('message_sent', 'human')", "")]
    #[case::a1_nor_are_the_shoppers("touch_kind('message_sent', 'shopper')", "")]
    #[case::a_message_by_nobody("touch_kind('message_sent', NULL)", "")]
    #[case::a1_clicks("touch_kind('link_clicked', NULL)", "clicked")]
    #[case::other_events("touch_kind('added_to_cart', 'agent')", "")]
    #[case::no_event("touch_kind(NULL, 'agent')", "")]
    #[case::a1_messages_in_web_chat("touch_class('web_chat', 'delivered')", "web_chat")]
    #[case::a1_clicks_in_web_chat_are_none("touch_class('web_chat', 'clicked')", "")]
    #[case::a1_of_another_channel("touch_class('whatsapp', 'delivered')", "whatsapp_delivered")]
    #[case::a1_clicked("touch_class('sms', 'clicked')", "sms_clicked")]
    #[case::without_a_window("touch_class('push', 'clicked')", "push_clicked")]
    #[case::no_channel("touch_class(NULL, 'clicked')", "")]
    #[case::no_kind("touch_class('sms', touch_kind('conversation_closed', NULL))", "")]
    #[tokio::test]
    async fn constants(#[case] call: &str, #[case] expected: &str) {
        assert_eq!(
            text_of(&sql(&format!("SELECT {call}"), 1).await),
            [expected]
        );
    }

    #[tokio::test]
    async fn columns() {
        let query = "SELECT touch_class(channel, touch_kind(type, sender)) FROM (VALUES ('sms', 'message_sent', 'agent'),
            ('web_chat', 'link_clicked', NULL), ('web_chat', 'message_sent', 'agent'), ('email', 'link_clicked', NULL),
            (NULL, 'link_clicked', NULL), ('sms', 'message_sent', 'agent')) AS v(channel, type, sender)";
        assert_eq!(
            text_of(&sql(query, 1).await),
            [
                "sms_delivered",
                "",
                "web_chat",
                "email_clicked",
                "",
                "sms_delivered"
            ]
        );
    }
}
