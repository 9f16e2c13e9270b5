//! The attribution windows: for each touch class, how long after a touch an order may be credited to it.

use super::period::Period;
use std::fmt;

/// The touch classes that can have a window: a channel, and what happened to the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TouchClass {
    /// A message by the agent in web chat. Its window cannot be set (SPEC A1).
    WebChat,
    /// A click in an email.
    EmailClicked,
    /// An email that was opened.
    EmailOpened,
    /// A click in an SMS.
    SmsClicked,
    /// An SMS that was opened.
    SmsOpened,
    /// An SMS that was delivered.
    SmsDelivered,
    /// A click in a WhatsApp message.
    WhatsappClicked,
    /// A WhatsApp message that was opened.
    WhatsappOpened,
    /// A push notification that was opened.
    PushOpened,
}

/// The named sets of windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Preset {
    /// The preset of accounts created since 2024-10-09, and the default.
    #[default]
    Current,
    /// The preset of accounts created before 2024-10-09.
    Legacy,
}

/// Holds the window of each class: that of the preset, unless it is overridden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Windows {
    /// The preset, for the classes without an override.
    pub preset: Preset,
    /// By class, the override; an inner none means off.
    overrides: [Option<Option<Period>>; TouchClass::ALL.len()],
}

/// The window of web chat (SPEC A1).
const WEB_CHAT: Period = Period::hours(24);

impl TouchClass {
    /// All classes.
    pub const ALL: [TouchClass; 9] = [
        TouchClass::WebChat,
        TouchClass::EmailClicked,
        TouchClass::EmailOpened,
        TouchClass::SmsClicked,
        TouchClass::SmsOpened,
        TouchClass::SmsDelivered,
        TouchClass::WhatsappClicked,
        TouchClass::WhatsappOpened,
        TouchClass::PushOpened,
    ];

    /// Returns the class's name.
    pub const fn name(self) -> &'static str {
        match self {
            TouchClass::WebChat => "web_chat",
            TouchClass::EmailClicked => "email_clicked",
            TouchClass::EmailOpened => "email_opened",
            TouchClass::SmsClicked => "sms_clicked",
            TouchClass::SmsOpened => "sms_opened",
            TouchClass::SmsDelivered => "sms_delivered",
            TouchClass::WhatsappClicked => "whatsapp_clicked",
            TouchClass::WhatsappOpened => "whatsapp_opened",
            TouchClass::PushOpened => "push_opened",
        }
    }

    /// Returns the class with that name, if its window can be set.
    pub(super) fn settable(name: &str) -> Option<TouchClass> {
        TouchClass::settable_classes().find(|class| class.name() == name)
    }

    pub(super) fn settable_classes() -> impl Iterator<Item = TouchClass> {
        TouchClass::ALL
            .into_iter()
            .filter(|class| *class != TouchClass::WebChat)
    }
}

impl Preset {
    /// Both presets.
    pub const ALL: [Preset; 2] = [Preset::Current, Preset::Legacy];

    /// Returns the preset's name.
    pub const fn name(self) -> &'static str {
        match self {
            Preset::Current => "current",
            Preset::Legacy => "legacy",
        }
    }

    /// Returns the preset's window of a class; none where it is off.
    pub const fn window(self, class: TouchClass) -> Option<Period> {
        let (current, legacy) = match class {
            TouchClass::WebChat => (Some(WEB_CHAT), Some(WEB_CHAT)),
            TouchClass::EmailClicked => (Some(Period::days(5)), Some(Period::days(5))),
            TouchClass::EmailOpened => (Some(Period::days(5)), Some(Period::days(5))),
            TouchClass::SmsClicked => (Some(Period::days(5)), Some(Period::hours(24))),
            TouchClass::SmsOpened => (Some(Period::days(1)), None),
            TouchClass::SmsDelivered => (Some(Period::hours(12)), None),
            TouchClass::WhatsappClicked => (Some(Period::days(5)), None),
            TouchClass::WhatsappOpened => (Some(Period::hours(12)), None),
            TouchClass::PushOpened => (Some(Period::hours(24)), Some(Period::hours(24))),
        };
        match self {
            Preset::Current => current,
            Preset::Legacy => legacy,
        }
    }
}

impl Windows {
    /// Returns the window of a class; none where it is off.
    pub const fn get(&self, class: TouchClass) -> Option<Period> {
        match self.overrides[class as usize] {
            Some(window) => window,
            None => self.preset.window(class),
        }
    }

    /// Overrides the window of a class; none turns it off. The window of web chat cannot be changed.
    pub(super) fn set(&mut self, class: TouchClass, window: Option<Period>) {
        if class != TouchClass::WebChat {
            self.overrides[class as usize] = Some(window);
        }
    }

    /// Iterates over the windows that override the preset.
    pub(super) fn overrides(&self) -> impl Iterator<Item = (TouchClass, Option<Period>)> + '_ {
        TouchClass::ALL
            .into_iter()
            .filter_map(|class| Some((class, self.overrides[class as usize]?)))
    }

    /// Returns the windows of a preset.
    pub fn of(preset: Preset) -> Windows {
        Windows {
            preset,
            ..Windows::default()
        }
    }

    /// Returns the windows as an argument of the attribution functions: `web_chat=86400 seconds,email_clicked=432000
    /// seconds,…`, without the classes that are off.
    pub fn text(&self) -> String {
        let on = self
            .iter()
            .filter_map(|(class, window)| Some((class, window?)));
        let texts: Vec<String> = on
            .map(|(class, window)| format!("{class}={} seconds", window.seconds()))
            .collect();
        texts.join(",")
    }

    /// Iterates over all windows, in the order of [`TouchClass::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = (TouchClass, Option<Period>)> + '_ {
        TouchClass::ALL
            .into_iter()
            .map(|class| (class, self.get(class)))
    }
}

impl fmt::Display for TouchClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
