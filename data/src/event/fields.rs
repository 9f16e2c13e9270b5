//! The fields of each event type: the table of SPEC section 2.

use super::{Channel, EventType, Field, Mode, Sender, TouchChannel, TouchKind};
use crate::table::RawTable;

/// The kind of a field: which values it accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A string that names something. An empty one counts as missing, and U+0000 makes it malformed (SPEC E7).
    Name,
    /// A string that people wrote. An empty one is a value, and U+0000 becomes U+FFFD (SPEC E7).
    Words,
    /// A list of strings without U+0000.
    TextList,
    /// One of these strings.
    OneOf(&'static [&'static str]),
    /// A whole number, not negative.
    Whole,
    /// A whole number from 1 to 5.
    Rating,
    /// True or false.
    Flag,
    /// An RFC 3339 instant with an offset.
    Instant,
    /// An amount that fits DECIMAL(18,4), not negative, as a JSON number or a string of one.
    Money,
    /// A currency code: three capitals.
    Currency,
}

/// The representation of a value, without further rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A string.
    Text,
    /// A list of strings.
    TextList,
    /// A whole number.
    Whole,
    /// True or false.
    Flag,
    /// An instant.
    Instant,
    /// A decimal number.
    Money,
}

/// Describes one field of one event type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldRule {
    /// The field.
    pub field: Field,
    /// The values that it accepts.
    pub kind: Kind,
    /// Whether the event must have it; an empty string counts as missing.
    pub required: bool,
}

/// A set of fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FieldSet(u32);

impl FieldSet {
    /// The set without fields.
    pub const EMPTY: FieldSet = FieldSet(0);

    /// Returns this set with `field` added.
    #[must_use]
    pub const fn with(self, field: Field) -> FieldSet {
        FieldSet(self.0 | (1 << field as u32))
    }

    /// Returns whether `field` is in the set.
    pub const fn contains(self, field: Field) -> bool {
        self.0 & (1 << field as u32) != 0
    }

    /// Returns whether all fields of `other` are in the set.
    pub const fn covers(self, other: FieldSet) -> bool {
        other.0 & !self.0 == 0
    }
}

const fn required(field: Field, kind: Kind) -> FieldRule {
    FieldRule {
        field,
        kind,
        required: true,
    }
}

const fn optional(field: Field, kind: Kind) -> FieldRule {
    FieldRule {
        field,
        kind,
        required: false,
    }
}

/// The fields that every event must have.
pub const COMMON_FIELDS: &[FieldRule] = &[
    required(Field::EventId, Kind::Name),
    required(Field::AccountId, Kind::Name),
    required(Field::Type, Kind::OneOf(EventType::NAMES)),
    required(Field::OccurredAt, Kind::Instant),
];

const CONVERSATION: FieldRule = required(Field::ConversationId, Kind::Name);

impl EventType {
    /// Returns the fields of this type besides [`COMMON_FIELDS`], in the order of the contract.
    pub const fn fields(self) -> &'static [FieldRule] {
        match self {
            EventType::ConversationStarted => {
                const {
                    &[
                        CONVERSATION,
                        required(Field::Channel, Kind::OneOf(Channel::NAMES)),
                        optional(Field::ProfileId, Kind::Name),
                        optional(Field::FirstMessage, Kind::Words),
                        optional(Field::Mode, Kind::OneOf(Mode::NAMES)),
                    ]
                }
            }
            EventType::MessageSent => {
                const {
                    &[
                        CONVERSATION,
                        required(Field::Sender, Kind::OneOf(Sender::NAMES)),
                        optional(Field::Text, Kind::Words),
                    ]
                }
            }
            EventType::ProcedureStarted => {
                const { &[CONVERSATION, required(Field::Procedure, Kind::Name)] }
            }
            EventType::ProductRecommended => {
                const { &[CONVERSATION, optional(Field::ProductIds, Kind::TextList)] }
            }
            EventType::LinkClicked => {
                const {
                    &[
                        CONVERSATION,
                        optional(Field::Url, Kind::Name),
                        optional(Field::IsBot, Kind::Flag),
                    ]
                }
            }
            EventType::AddedToCart => {
                const {
                    &[
                        CONVERSATION,
                        optional(Field::ProductId, Kind::Name),
                        optional(Field::Quantity, Kind::Whole),
                    ]
                }
            }
            EventType::TagAdded => const { &[CONVERSATION, required(Field::Tag, Kind::Name)] },
            EventType::ProfileLinked => {
                const { &[CONVERSATION, required(Field::ProfileId, Kind::Name)] }
            }
            EventType::ConversationResolved => {
                const {
                    &[
                        CONVERSATION,
                        optional(Field::Procedure, Kind::Name),
                        optional(Field::Tags, Kind::TextList),
                    ]
                }
            }
            EventType::ConversationEscalated => {
                const {
                    &[
                        CONVERSATION,
                        optional(Field::Reason, Kind::Name),
                        optional(Field::Category, Kind::Name),
                        optional(Field::Procedure, Kind::Name),
                        optional(Field::Tags, Kind::TextList),
                    ]
                }
            }
            EventType::ConversationClosed => {
                const { &[CONVERSATION, optional(Field::Reason, Kind::Name)] }
            }
            EventType::ConversationRated => {
                const {
                    &[
                        CONVERSATION,
                        required(Field::Rating, Kind::Rating),
                        optional(Field::Comment, Kind::Words),
                    ]
                }
            }
            EventType::OrderPlaced => {
                const {
                    &[
                        required(Field::OrderId, Kind::Name),
                        required(Field::Value, Kind::Money),
                        optional(Field::Currency, Kind::Currency),
                        optional(Field::ProfileId, Kind::Name),
                        optional(Field::ConversationId, Kind::Name),
                        optional(Field::ProductIds, Kind::TextList),
                    ]
                }
            }
            EventType::OrderRefunded => {
                const {
                    &[
                        required(Field::OrderId, Kind::Name),
                        required(Field::Value, Kind::Money),
                    ]
                }
            }
            EventType::OrderCancelled => const { &[required(Field::OrderId, Kind::Name)] },
            EventType::Touch => {
                const {
                    &[
                        required(Field::ProfileId, Kind::Name),
                        required(Field::Channel, Kind::OneOf(TouchChannel::NAMES)),
                        required(Field::Kind, Kind::OneOf(TouchKind::NAMES)),
                        required(Field::MessageId, Kind::Name),
                        optional(Field::ConversationId, Kind::Name),
                        optional(Field::Source, Kind::Name),
                        optional(Field::IsBot, Kind::Flag),
                        optional(Field::IsMachineOpen, Kind::Flag),
                        optional(Field::IsTransactional, Kind::Flag),
                    ]
                }
            }
        }
    }

    /// Returns, for each type, the rule of a field and its index in [`EventType::fields`]; none where the type does not list
    /// the field. Not for [`COMMON_FIELDS`].
    pub(crate) fn rules_of(
        field: Field,
    ) -> [Option<(usize, &'static FieldRule)>; EventType::ALL.len()] {
        let mut rules = [None; EventType::ALL.len()];
        for (of_type, kind) in rules.iter_mut().zip(EventType::ALL) {
            let mut listed = kind.fields().iter().enumerate();
            *of_type = listed.find(|(_, rule)| rule.field == field);
        }
        rules
    }

    /// Returns all fields that this type lists, common ones included. Any other field goes to `properties` (SPEC E4).
    pub const fn listed(self) -> FieldSet {
        const LISTED: [FieldSet; EventType::ALL.len()] = {
            let mut listed = [FieldSet::EMPTY; EventType::ALL.len()];
            let mut each = 0;
            while each < listed.len() {
                listed[each] = with_all(
                    with_all(FieldSet::EMPTY, COMMON_FIELDS),
                    EventType::ALL[each].fields(),
                );
                each += 1;
            }
            listed
        };
        LISTED[self as usize]
    }

    /// Returns the dictionary key of this type in its table's `type` column: its index among the table's types.
    pub(crate) const fn code(self) -> i8 {
        let first = match self.table() {
            RawTable::ConversationEvents => EventType::ConversationStarted,
            RawTable::OrderEvents => EventType::OrderPlaced,
            RawTable::TouchEvents => EventType::Touch,
        };
        self as i8 - first as i8
    }
}

const fn with_all(mut set: FieldSet, rules: &[FieldRule]) -> FieldSet {
    let mut each = 0;
    while each < rules.len() {
        set = set.with(rules[each].field);
        each += 1;
    }
    set
}

impl Kind {
    /// Returns the representation of values of this kind.
    pub const fn form(self) -> Form {
        match self {
            Kind::Name | Kind::Words | Kind::OneOf(_) | Kind::Currency => Form::Text,
            Kind::TextList => Form::TextList,
            Kind::Whole | Kind::Rating => Form::Whole,
            Kind::Flag => Form::Flag,
            Kind::Instant => Form::Instant,
            Kind::Money => Form::Money,
        }
    }
}

impl Field {
    /// The number of fields.
    pub(crate) const COUNT: usize = Field::ALL.len();

    /// Returns the representation of the field's value, which is the same in every event type.
    pub const fn form(self) -> Form {
        match self {
            Field::OccurredAt => Form::Instant,
            Field::Tags | Field::ProductIds => Form::TextList,
            Field::Quantity | Field::Rating => Form::Whole,
            Field::IsBot | Field::IsMachineOpen | Field::IsTransactional => Form::Flag,
            Field::Value => Form::Money,
            _ => Form::Text,
        }
    }

    /// Returns the field with this name. Unlike [`Field::from_name`], it compares lengths first, because it is called for
    /// every key of every event.
    pub(crate) fn from_key(key: &[u8]) -> Option<Field> {
        let candidates: &[Field] = match key.len() {
            3 => &[Field::Url, Field::Tag],
            4 => &[
                Field::Type,
                Field::Text,
                Field::Kind,
                Field::Mode,
                Field::Tags,
            ],
            5 => &[Field::Value],
            6 => &[
                Field::Sender,
                Field::IsBot,
                Field::Source,
                Field::Reason,
                Field::Rating,
            ],
            7 => &[Field::Channel, Field::Comment],
            8 => &[
                Field::EventId,
                Field::OrderId,
                Field::Currency,
                Field::Quantity,
                Field::Category,
            ],
            9 => &[Field::Procedure],
            10 => &[
                Field::AccountId,
                Field::ProfileId,
                Field::MessageId,
                Field::ProductId,
            ],
            11 => &[Field::OccurredAt, Field::ProductIds],
            13 => &[Field::FirstMessage],
            15 => &[Field::ConversationId, Field::IsMachineOpen],
            16 => &[Field::IsTransactional],
            _ => &[],
        };
        candidates
            .iter()
            .copied()
            .find(|field| field.name().as_bytes() == key)
    }
}
