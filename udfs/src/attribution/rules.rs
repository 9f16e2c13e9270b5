//! Parses the rules of attribution: the model, and the windows of the touch classes.
//!
//! Both are text arguments, so that a what-if query can try other windows without changing a setting. What always holds:
//! `web_chat` has a window of 24 hours unless the text gives another (A1), a class without a window never attributes (A2),
//! and windows are whole microseconds of elapsed time (A3).

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// The class of the agent's messages in web chat, the only class whose touches are always the agent's (A1).
pub const WEB_CHAT: &str = "web_chat";

/// The window of `web_chat` where none is given: 24 hours (A1).
const WEB_CHAT_WINDOW: i64 = 86_400 * MICROS;

/// Microseconds in a second.
pub const MICROS: i64 = 1_000_000;

/// Describes what is wrong with a model, windows or exclusion text, and the accepted form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleError(pub(super) String);

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RuleError {}

/// Names the attribution model: how an order's credit is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Model {
    /// The last touch takes all the credit (A6).
    LastTouch,
    /// Each conversation and each marketing message takes an equal part (A7).
    Linear,
}

impl FromStr for Model {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        match text {
            "last_touch" => Ok(Self::LastTouch),
            "linear" => Ok(Self::Linear),
            _ => Err(RuleError(format!(
                "attribution model '{text}' is unknown; expected 'last_touch' or 'linear'"
            ))),
        }
    }
}

/// Holds the window of each touch class that has one, in microseconds, sorted by class, bytewise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Windows(BTreeMap<String, i64>);

impl Windows {
    /// Iterates over the classes with their windows.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0
            .iter()
            .map(|(class, window)| (class.as_str(), *window))
    }
}

impl FromStr for Windows {
    type Err = RuleError;

    /// Parses `class=duration` entries separated by commas, such as `web_chat=24 hours,sms_clicked=5 days`.
    fn from_str(text: &str) -> Result<Self, RuleError> {
        let refuse = |what: String| {
            RuleError(format!(
                "attribution windows '{text}': {what}; expected entries 'class=duration' separated by commas, \
                 a duration being 'N days', 'N hours', 'N minutes', 'N seconds' or 'off'"
            ))
        };
        let mut given: BTreeMap<String, Option<i64>> = BTreeMap::new();
        for entry in text.split(',') {
            if entry.trim().is_empty() && text.trim().is_empty() {
                continue;
            }
            let Some((class, duration)) = entry.split_once('=') else {
                return Err(refuse(format!("'{}' is no entry", entry.trim())));
            };
            let (class, duration) = (class.trim(), duration.trim());
            if class.is_empty() {
                return Err(refuse(format!("'{}' names no class", entry.trim())));
            }
            let Some(window) = parse_duration(duration) else {
                return Err(refuse(format!("'{duration}' of {class} is no duration")));
            };
            if given.insert(class.to_owned(), window).is_some() {
                return Err(refuse(format!("{class} is given twice")));
            }
        }
        given
            .entry(WEB_CHAT.to_owned())
            .or_insert(Some(WEB_CHAT_WINDOW));
        Ok(Self(
            given
                .into_iter()
                .filter_map(|(class, window)| Some((class, window?)))
                .collect(),
        ))
    }
}

/// Parses a duration to microseconds; `Some(None)` for `off`, `None` where the text is neither.
fn parse_duration(text: &str) -> Option<Option<i64>> {
    if text == "off" {
        return Some(None);
    }
    let (count, unit) = text.split_once(char::is_whitespace)?;
    let seconds = match unit.trim_start() {
        "day" | "days" => 86_400,
        "hour" | "hours" => 3_600,
        "minute" | "minutes" => 60,
        "second" | "seconds" => 1,
        _ => return None,
    };
    if !count.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let count: i64 = count.parse().ok()?;
    Some(Some(count.checked_mul(seconds * MICROS)?))
}

/// Interns touch classes as small codes. Code 0 is always [`WEB_CHAT`].
#[derive(Debug, Clone)]
pub struct Classes(Vec<Box<str>>);

impl Classes {
    /// The code of [`WEB_CHAT`].
    pub const WEB_CHAT: u16 = 0;

    /// Creates a table with `web_chat` alone.
    pub fn new() -> Self {
        Self(vec![WEB_CHAT.into()])
    }

    /// Creates a table of the classes that have a window, and `web_chat`.
    pub fn from_windows(windows: &Windows) -> Self {
        let mut classes = Self::new();
        let others = windows.iter().filter(|(class, _)| *class != WEB_CHAT);
        classes.0.extend(others.map(|(class, _)| class.into()));
        classes
    }

    /// Returns the code of a class, if it has one. This scans the table, which holds about a dozen classes.
    pub fn code(&self, class: &str) -> Option<u16> {
        let code = self.0.iter().position(|name| **name == *class)?;
        u16::try_from(code).ok()
    }

    /// Returns the code of a class, adding the class where it is new. None where there are more than 65,536 classes.
    pub fn intern(&mut self, class: &str) -> Option<u16> {
        if let Some(code) = self.code(class) {
            return Some(code);
        }
        let code = u16::try_from(self.0.len()).ok()?;
        self.0.push(class.into());
        Some(code)
    }

    /// Returns the name of a class.
    pub fn name(&self, code: u16) -> &str {
        self.0.get(usize::from(code)).map_or("", |name| name)
    }

    /// Iterates over the names, in the order of their codes.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|name| &**name)
    }

    /// Returns the heap bytes that the table takes.
    pub fn size(&self) -> usize {
        let names: usize = self.0.iter().map(|name| name.len()).sum();
        self.0.capacity() * size_of::<Box<str>>() + names
    }
}

/// Groups the touch classes into *lanes* for matching.
///
/// Classes with the same window share a lane, since only the latest touch of them all can count. `web_chat` is alone in lane
/// 0, because its touches are compared apart from all others (A5).
#[derive(Debug, Clone)]
pub struct Lanes {
    /// The lane of each class, by class code; `None` where the class has no window.
    lane_of_class: Vec<Option<u16>>,
    /// The window of each lane; `None` only for lane 0, where `web_chat` is off.
    windows: Vec<Option<i64>>,
}

impl Lanes {
    /// The lane of `web_chat`.
    pub const WEB_CHAT: usize = 0;

    /// Assigns a lane to each class in `classes`.
    pub fn new(windows: &Windows, classes: &Classes) -> Self {
        let of_name = |name: &str| windows.0.get(name).copied();
        let mut lanes = vec![of_name(WEB_CHAT)];
        let mut lane_of_class = Vec::new();
        for name in classes.names() {
            let lane = match of_name(name) {
                None => None,
                Some(_) if name == WEB_CHAT => Some(Self::WEB_CHAT),
                Some(window) => {
                    let known = lanes.iter().skip(1).position(|lane| *lane == Some(window));
                    Some(known.map_or_else(
                        || {
                            lanes.push(Some(window));
                            lanes.len() - 1
                        },
                        |lane| lane + 1,
                    ))
                }
            };
            lane_of_class.push(lane.and_then(|lane| u16::try_from(lane).ok()));
        }
        Self {
            lane_of_class,
            windows: lanes,
        }
    }

    /// Returns the number of lanes.
    pub fn len(&self) -> usize {
        self.windows.len()
    }

    /// Returns the lane and the window of a class, or none where it has no window.
    pub fn lane_and_window(&self, class: u16) -> Option<(usize, i64)> {
        let lane = usize::from((*self.lane_of_class.get(usize::from(class))?)?);
        Some((lane, self.window(lane)?))
    }

    /// Returns the window of a lane in microseconds.
    pub fn window(&self, lane: usize) -> Option<i64> {
        *self.windows.get(lane)?
    }

    /// Returns the longest window in microseconds, 0 where all are off.
    pub fn longest(&self) -> i64 {
        self.windows.iter().flatten().copied().max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case::settings_grammar("sms_clicked=5 days,sms_opened=1 day", "sms_clicked", Some(432_000))]
    #[case::hours("a=36 hours", "a", Some(129_600))]
    #[case::one_hour("a=1 hour", "a", Some(3_600))]
    #[case::minutes("a=90 minutes", "a", Some(5_400))]
    #[case::seconds("web_chat=86400 seconds", "web_chat", Some(86_400))]
    #[case::same_instant_only("a=0 seconds", "a", Some(0))]
    #[case::spaces(" a = 2   days , b=1 day ", "a", Some(172_800))]
    #[case::off("a=off", "a", None)]
    #[case::a1_web_chat_by_default("", "web_chat", Some(86_400))]
    #[case::a1_web_chat_beside_others("a=1 day", "web_chat", Some(86_400))]
    #[case::web_chat_in_a_what_if("web_chat=2 days", "web_chat", Some(172_800))]
    #[case::web_chat_off("web_chat=off", "web_chat", None)]
    #[case::a2_not_given("a=1 day", "b", None)]
    fn windows_are_parsed(#[case] text: &str, #[case] class: &str, #[case] seconds: Option<i64>) {
        let windows: Windows = text.parse().unwrap();
        assert_eq!(
            windows.iter().find(|(name, _)| *name == class).map(|w| w.1),
            seconds.map(|s| s * MICROS)
        );
    }

    #[rstest]
    #[case::no_entry("sms_clicked", "'sms_clicked' is no entry")]
    #[case::no_class("=5 days", "names no class")]
    #[case::no_unit("a=5", "'5' of a is no duration")]
    #[case::fraction("a=1.5 days", "'1.5 days' of a is no duration")]
    #[case::negative("a=-1 days", "'-1 days' of a is no duration")]
    #[case::signed("a=+1 days", "'+1 days' of a is no duration")]
    #[case::other_unit("a=2 weeks", "'2 weeks' of a is no duration")]
    #[case::too_long("a=999999999999 days", "is no duration")]
    #[case::twice("a=1 day,a=2 days", "a is given twice")]
    #[case::trailing_comma("a=1 day,", "'' is no entry")]
    fn bad_windows_are_refused(#[case] text: &str, #[case] what: &str) {
        let error = text.parse::<Windows>().unwrap_err().to_string();
        assert!(error.contains(what), "{error}");
        assert!(error.contains(&format!("windows '{text}'")), "{error}");
        assert!(error.contains("'N days', 'N hours'"), "{error}");
    }

    #[test]
    fn an_unknown_model_is_refused() {
        let error = "first_touch".parse::<Model>().unwrap_err().to_string();
        assert_eq!(
            error,
            "attribution model 'first_touch' is unknown; expected 'last_touch' or 'linear'"
        );
    }

    #[test]
    fn classes_of_one_window_share_a_lane_and_web_chat_has_its_own() {
        let windows: Windows = "a=1 day,b=2 days,c=1 day".parse().unwrap();
        let mut classes = Classes::from_windows(&windows);
        let off = classes.intern("d").unwrap();
        let lanes = Lanes::new(&windows, &classes);
        let lane = |name| {
            classes
                .code(name)
                .and_then(|code| lanes.lane_and_window(code))
                .map(|l| l.0)
        };
        assert_eq!(lanes.len(), 3);
        assert_eq!(lane(WEB_CHAT), Some(Lanes::WEB_CHAT));
        assert_eq!(lane("a"), lane("c"));
        assert_ne!(lane("a"), lane("b"));
        assert_ne!(lane("a"), Some(Lanes::WEB_CHAT));
        assert_eq!(lanes.lane_and_window(off), None);
        assert_eq!(lanes.longest(), 172_800 * MICROS);
    }
}
