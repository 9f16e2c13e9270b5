//! An account's settings as literals of SQL, and the SQL that folds its events into conversations and orders.
//!
//! Settings enter a plan only as function arguments and literals, so the same SQL serves every account.

use rapport_data::Settings;
use rapport_data::settings::Period;

/// The settings of an account that deriving depends on (SPEC 3).
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Rules {
    pub timezone: String,
    pub currency: String,
    /// In microseconds.
    pub idle_timeout: Option<i64>,
    pub model: &'static str,
    pub exclude_bot_clicks: bool,
    pub exclude_machine_opens: bool,
    pub exclude_transactional: bool,
    /// The attribution windows, in the text form that `attribute` takes.
    pub windows: String,
    /// The touch classes with a window, including `web_chat`.
    pub classes: Vec<String>,
    /// The longest window, in days rounded up.
    pub window_days: i32,
}

impl From<&Settings> for Rules {
    fn from(settings: &Settings) -> Self {
        let seconds_of_window = settings.max_window().seconds();
        Self {
            timezone: settings.timezone.name().to_owned(),
            currency: settings.currency.to_string(),
            idle_timeout: settings.idle_timeout.map(Period::micros),
            model: settings.attribution_model.name(),
            exclude_bot_clicks: settings.exclude_bot_clicks,
            exclude_machine_opens: settings.exclude_machine_opens,
            exclude_transactional: settings.exclude_transactional,
            windows: settings.windows.text(),
            classes: settings
                .windows()
                .filter(|(_, window)| window.is_some())
                .map(|(class, _)| class.name().to_owned())
                .collect(),
            window_days: i32::try_from(seconds_of_window.div_ceil(SECONDS_OF_A_DAY))
                .unwrap_or(i32::MAX / 4),
        }
    }
}

const SECONDS_OF_A_DAY: u64 = 86_400;

/// Writes a text as an SQL literal.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Rules {
    /// Writes the SQL of the account's conversations from the table `events` (SPEC 4).
    pub fn conversations_sql(&self) -> String {
        let link_clicks = if self.exclude_bot_clicks {
            "human_link_clicks"
        } else {
            "link_clicks"
        };
        // C3, rule 4 depends on `now()`. Stored is the instant from which on it holds.
        let idle_at = match self.idle_timeout {
            Some(timeout) => format!(
                "CASE WHEN f['status'] = 'open' THEN arrow_cast(CAST(f['last_updated'] AS BIGINT) + {timeout}, \
                 'Timestamp(Microsecond, Some(\"UTC\"))') END"
            ),
            None => "arrow_cast(NULL, 'Timestamp(Microsecond, Some(\"UTC\"))')".to_owned(),
        };
        format!(
            include_str!("sql/conversations.sql"),
            zone = quoted(&self.timezone),
            link_clicks = link_clicks,
            idle_at = idle_at,
        )
    }

    /// Writes the SQL of the account's orders from the table `events` (SPEC section 5, A9).
    pub fn orders_sql(&self) -> String {
        format!(
            include_str!("sql/orders.sql"),
            zone = quoted(&self.timezone),
            currency = quoted(&self.currency),
        )
    }

    /// Writes a condition that excludes bots' clicks (SPEC C9); `column` says whether a click is a bot's.
    pub fn no_bots(&self, column: &str) -> String {
        if self.exclude_bot_clicks {
            format!("NOT coalesce({column}, false)")
        } else {
            "true".to_owned()
        }
    }

    /// Writes a condition that excludes the touches that SPEC A2 excludes whatever their class. `touch` lists the expressions
    /// of a touch's kind, and of whether it is a bot's, a machine's open, and transactional.
    pub fn counts(&self, touch: &str) -> String {
        format!(
            "touch_exclusion({touch}, {}, {}, {}) IS NULL",
            self.exclude_bot_clicks, self.exclude_machine_opens, self.exclude_transactional
        )
    }

    /// Writes the classes with a window as an SQL list for `IN (…)`.
    pub fn class_list(&self) -> String {
        let classes: Vec<String> = self.classes.iter().map(|class| quoted(class)).collect();
        classes.join(", ")
    }
}
