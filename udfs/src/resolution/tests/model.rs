//! Events as plain Rust values, a straightforward fold of them by SPEC section 4, and conversions to and from Arrow.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, DictionaryArray, Int64Array, LargeStringArray,
    ListBuilder, StringArray, StringBuilder, StringViewArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Int8Type, Int64Type, TimestampMicrosecondType};

/// An event; fields that its type does not have are none.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Event {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) at: i64,
    pub(super) profile: Option<&'static str>,
    pub(super) channel: Option<&'static str>,
    pub(super) mode: Option<&'static str>,
    pub(super) sender: Option<&'static str>,
    pub(super) first_message: Option<&'static str>,
    pub(super) text: Option<&'static str>,
    pub(super) procedure: Option<&'static str>,
    pub(super) tag: Option<&'static str>,
    pub(super) tags: Option<Vec<&'static str>>,
    pub(super) reason: Option<&'static str>,
    pub(super) category: Option<&'static str>,
    pub(super) is_bot: Option<bool>,
    pub(super) rating: Option<i64>,
}

/// A row of `conversation_fold`'s results.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Folded {
    pub(super) started_at: Option<i64>,
    pub(super) channel: Option<String>,
    pub(super) mode: Option<String>,
    pub(super) status: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) first_question: Option<String>,
    pub(super) procedures: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) messages: i64,
    pub(super) link_clicks: i64,
    pub(super) human_link_clicks: i64,
    pub(super) cart_adds: i64,
    pub(super) first_event_at: Option<i64>,
    pub(super) last_event_at: Option<i64>,
    pub(super) last_updated: Option<i64>,
    pub(super) resolved_at: Option<i64>,
    pub(super) escalated_at: Option<i64>,
    pub(super) escalation: [Option<String>; 3],
    pub(super) reopened: bool,
    pub(super) events: i64,
    pub(super) rating: Option<i64>,
    pub(super) rated_at: Option<i64>,
    pub(super) human_replied_at: Option<i64>,
}

const KINDS: [&str; 12] = [
    "conversation_started",
    "message_sent",
    "procedure_started",
    "product_recommended",
    "link_clicked",
    "added_to_cart",
    "tag_added",
    "profile_linked",
    "conversation_resolved",
    "conversation_escalated",
    "conversation_closed",
    "conversation_rated",
];

fn owned(text: Option<&'static str>) -> Option<String> {
    text.map(str::to_owned)
}

/// Folds events by SPEC section 4, over sorted events. None where no event is of a conversation.
pub(super) fn fold(events: &[Event]) -> Option<Folded> {
    let mut all: Vec<&Event> = events.iter().filter(|e| KINDS.contains(&e.kind)).collect();
    all.sort_by(|a, b| (a.at, a.id.as_bytes()).cmp(&(b.at, b.id.as_bytes())));
    let (first, last) = (all.first()?, all.last()?);
    let mut folded = Folded {
        first_event_at: Some(first.at),
        last_event_at: Some(last.at),
        events: all.len() as i64,
        ..Folded::default()
    };

    // C1: later starts are ignored by every rule.
    let start = all.iter().find(|e| e.kind == KINDS[0]).copied();
    let counted: Vec<&Event> = all
        .iter()
        .copied()
        .filter(|e| e.kind != KINDS[0] || start.is_some_and(|start| std::ptr::eq(start, *e)))
        .collect();
    let of = |kind: &'static str| counted.iter().copied().filter(move |e| e.kind == kind);
    let place = |kind: &'static str| counted.iter().rposition(|e| e.kind == kind);
    if let Some(start) = start {
        folded.started_at = Some(start.at);
        folded.channel = owned(start.channel);
        folded.mode = owned(start.mode.or(Some("live")));
    }

    // C3
    let shopper = counted
        .iter()
        .rposition(|e| e.kind == "message_sent" && e.sender == Some("shopper"));
    let stands = |end: Option<usize>| end.is_some() && shopper < end;
    let resolved = place("conversation_resolved");
    let status = if of("conversation_escalated").next().is_some()
        || of("message_sent").any(|e| e.sender == Some("human"))
    {
        "routed"
    } else if stands(resolved) {
        "resolved"
    } else if stands(place("conversation_closed")) {
        "closed"
    } else {
        "open"
    };
    folded.status = owned(Some(status));

    // C4
    folded.first_question = of("message_sent")
        .filter(|e| e.sender == Some("shopper"))
        .find_map(|e| owned(e.text.filter(|text| !text.is_empty())))
        .or_else(|| owned(start.and_then(|start| start.first_message)));

    // C5
    folded.profile = counted
        .iter()
        .filter(|e| [KINDS[0], "profile_linked"].contains(&e.kind))
        .rev()
        .find_map(|e| owned(e.profile));

    // C6
    let uses = [
        "procedure_started",
        "conversation_resolved",
        "conversation_escalated",
    ];
    let mut tags = BTreeSet::new();
    for event in &counted {
        if uses.contains(&event.kind)
            && let Some(procedure) = event.procedure
        {
            tags.insert(procedure);
            if !folded.procedures.iter().any(|known| known == procedure) {
                folded.procedures.push(procedure.to_owned());
            }
        }
        if event.kind == "tag_added" {
            tags.extend(event.tag);
        }
        if uses[1..].contains(&event.kind) {
            tags.extend(event.tags.iter().flatten());
        }
        if event.kind == "conversation_escalated" {
            tags.extend(event.reason);
        }
    }
    folded.tags = tags.into_iter().map(str::to_owned).collect();

    // C7
    folded.messages = of("message_sent").count() as i64;
    folded.last_updated = counted.iter().map(|e| e.at).max();

    // C8
    if let Some(escalated) = of("conversation_escalated").next() {
        folded.escalated_at = Some(escalated.at);
        folded.escalation = [
            owned(escalated.reason),
            owned(escalated.category),
            owned(escalated.procedure),
        ];
    }
    folded.resolved_at = resolved
        .filter(|_| status == "resolved")
        .map(|i| counted[i].at);
    let first_resolved = counted
        .iter()
        .position(|e| e.kind == "conversation_resolved");
    folded.reopened = first_resolved.is_some() && shopper > first_resolved;

    // C9
    folded.link_clicks = of("link_clicked").count() as i64;
    folded.human_link_clicks = of("link_clicked")
        .filter(|e| e.is_bot != Some(true))
        .count() as i64;
    folded.cart_adds = of("added_to_cart").count() as i64;

    // C11
    let rated = of("conversation_rated").rfind(|e| e.rating.is_some());
    folded.rating = rated.and_then(|e| e.rating);
    folded.rated_at = rated.map(|e| e.at);
    let mut replies = of("message_sent").filter(|e| e.sender == Some("human"));
    folded.human_replied_at = replies.next().map(|e| e.at);
    Some(folded)
}

/// The Arrow type of a column of texts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Shape {
    Utf8,
    LargeUtf8,
    Utf8View,
    Dictionary,
}

/// Converts events to Arrow columns.
pub(super) struct Columns<'a> {
    pub(super) events: &'a [Event],
    pub(super) shape: Shape,
}

impl Columns<'_> {
    fn text<'e>(&'e self, value: impl Fn(&'e Event) -> Option<&'e str>) -> ArrayRef {
        let values = self.events.iter().map(value);
        match self.shape {
            Shape::Utf8 => Arc::new(values.collect::<StringArray>()),
            Shape::LargeUtf8 => Arc::new(values.collect::<LargeStringArray>()),
            Shape::Utf8View => Arc::new(values.collect::<StringViewArray>()),
            Shape::Dictionary => Arc::new(values.collect::<DictionaryArray<Int8Type>>()),
        }
    }

    /// Returns the event ids, as views where the shape is a dictionary: they may be too many for 8-bit keys.
    pub(super) fn ids(&self) -> ArrayRef {
        let shape = match self.shape {
            Shape::Dictionary => Shape::Utf8View,
            other => other,
        };
        Columns { shape, ..*self }.text(|e| Some(e.id.as_str()))
    }

    pub(super) fn at(&self) -> ArrayRef {
        let at = self.events.iter().map(|e| e.at);
        Arc::new(TimestampMicrosecondArray::from_iter_values(at).with_timezone("UTC"))
    }

    pub(super) fn kinds(&self) -> ArrayRef {
        self.text(|e| Some(e.kind))
    }

    pub(super) fn senders(&self) -> ArrayRef {
        self.text(|e| e.sender)
    }

    fn tags(&self) -> ArrayRef {
        let mut builder = ListBuilder::new(StringBuilder::new());
        for event in self.events {
            match &event.tags {
                None => builder.append_null(),
                Some(tags) => builder.append_value(tags.iter().copied().map(Some)),
            }
        }
        Arc::new(builder.finish())
    }

    /// Returns the arguments of `conversation_fold`.
    pub(super) fn fold(&self) -> Vec<ArrayRef> {
        vec![
            self.kinds(),
            self.at(),
            self.ids(),
            self.text(|e| e.profile),
            self.text(|e| e.channel),
            self.text(|e| e.mode),
            self.senders(),
            self.text(|e| e.first_message),
            self.text(|e| e.text),
            self.text(|e| e.procedure),
            self.text(|e| e.tag),
            self.tags(),
            self.text(|e| e.reason),
            self.text(|e| e.category),
            Arc::new(
                self.events
                    .iter()
                    .map(|e| e.is_bot)
                    .collect::<BooleanArray>(),
            ),
            Arc::new(self.events.iter().map(|e| e.rating).collect::<Int64Array>()),
        ]
    }

    /// Returns the arguments of `conversation_status`.
    pub(super) fn status(&self) -> Vec<ArrayRef> {
        vec![self.kinds(), self.senders(), self.at(), self.ids()]
    }
}

/// Reads a row of `conversation_fold`'s results.
pub(super) fn read(column: &ArrayRef, row: usize) -> Option<Folded> {
    let column: &StructArray = column.as_struct();
    if column.is_null(row) {
        return None;
    }
    let field = |name: &str| column.column_by_name(name).unwrap();
    let instant = |name: &str| {
        let column = field(name).as_primitive::<TimestampMicrosecondType>();
        column.is_valid(row).then(|| column.value(row))
    };
    let whole = |name: &str| {
        let column = field(name).as_primitive::<Int64Type>();
        column.is_valid(row).then(|| column.value(row))
    };
    let count = |name: &str| whole(name).unwrap();
    let text = |name: &str| {
        let column = field(name).as_string_view();
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    let label = |name: &str| {
        let column = field(name).as_dictionary::<Int8Type>();
        let values: &StringArray = column.values().as_string();
        column.key(row).map(|key| values.value(key).to_owned())
    };
    let list = |name: &str| -> Vec<String> {
        let items = field(name).as_list::<i32>().value(row);
        items
            .as_string::<i32>()
            .iter()
            .map(|item| item.unwrap().to_owned())
            .collect()
    };
    Some(Folded {
        started_at: instant("started_at"),
        channel: label("channel"),
        mode: label("mode"),
        status: label("status"),
        profile: text("profile_id"),
        first_question: text("first_question"),
        procedures: list("procedures"),
        tags: list("tags"),
        messages: count("messages"),
        link_clicks: count("link_clicks"),
        human_link_clicks: count("human_link_clicks"),
        cart_adds: count("cart_adds"),
        first_event_at: instant("first_event_at"),
        last_event_at: instant("last_event_at"),
        last_updated: instant("last_updated"),
        resolved_at: instant("resolved_at"),
        escalated_at: instant("escalated_at"),
        escalation: [
            "escalation_reason",
            "escalation_category",
            "escalation_procedure",
        ]
        .map(text),
        reopened: field("reopened").as_boolean().value(row),
        events: count("events"),
        rating: whole("rating"),
        rated_at: instant("rated_at"),
        human_replied_at: instant("human_replied_at"),
    })
}
