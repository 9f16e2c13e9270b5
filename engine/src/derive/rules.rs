//! An account's settings as the plans take them, and the plans that fold its events.
//!
//! All that depends on settings is an argument of a function or a literal in a plan, so the same plan with other literals
//! answers for other settings.

use rapport_data::Settings;
use rapport_data::settings::Period;

/// What deriving takes from an account's settings (SPEC 3).
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
    /// The windows as `attribute` takes them.
    pub windows: String,
    /// The touch classes that have a window, `web_chat` among them.
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
            windows: settings.windows_text(),
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

/// A text as an SQL literal.
pub(super) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl Rules {
    /// The account's conversations, from `events` (SPEC 4).
    pub fn conversations_sql(&self) -> String {
        let link_clicks = if self.exclude_bot_clicks {
            "human_link_clicks"
        } else {
            "link_clicks"
        };
        // C3.4 depends on now; what does not is when the rule would begin to hold.
        let idle_at = match self.idle_timeout {
            Some(timeout) => format!(
                "CASE WHEN f['status'] = 'open' THEN arrow_cast(CAST(f['last_updated'] AS BIGINT) + {timeout}, \
                 'Timestamp(Microsecond, Some(\"UTC\"))') END"
            ),
            None => "arrow_cast(NULL, 'Timestamp(Microsecond, Some(\"UTC\"))')".to_owned(),
        };
        format!(
            "SELECT conversation_id, f['profile_id'] AS profile_id, arrow_cast(f['channel'], 'Utf8View') AS channel,
                    arrow_cast(f['mode'], 'Utf8View') AS mode, arrow_cast(f['status'], 'Utf8View') AS status, f['first_question'] AS first_question, f['procedures'] AS procedures,
                    f['tags'] AS tags, f['messages'] AS messages, f['{link_clicks}'] AS link_clicks,
                    f['cart_adds'] AS cart_adds, f['started_at'] AS started_at,
                    local_date(f['started_at'], {zone}) AS started_on, f['first_event_at'] AS first_event_at,
                    f['last_event_at'] AS last_event_at, f['last_updated'] AS last_updated, {idle_at} AS idle_at,
                    f['resolved_at'] AS resolved_at, f['escalated_at'] AS escalated_at,
                    f['escalation_reason'] AS escalation_reason, f['escalation_category'] AS escalation_category,
                    f['escalation_procedure'] AS escalation_procedure, f['reopened'] AS reopened, landed_events
             FROM (SELECT conversation_id, count(*) AS landed_events,
                          conversation_fold(type, occurred_at, event_id, profile_id, channel, mode, sender,
                                            first_message, text, procedure, tag, tags, reason, category, is_bot) AS f
                   FROM events GROUP BY conversation_id)",
            zone = quoted(&self.timezone),
        )
    }

    /// The account's orders, from `events` (SPEC section 5, A9).
    pub fn orders_sql(&self) -> String {
        format!(
            "SELECT order_id, f['profile_id'] AS profile_id, f['conversation_id'] AS conversation_id,
                    f['ordered_at'] AS ordered_at, local_date(f['ordered_at'], {zone}) AS ordered_on,
                    f['value'] AS value, coalesce(f['currency'], {currency}) AS currency,
                    f['refunded_value'] AS refunded_value, f['cancelled'] AS cancelled,
                    f['first_event_at'] AS first_event_at, f['last_event_at'] AS last_event_at, landed_events
             FROM (SELECT order_id, count(*) AS landed_events,
                          order_fold(type, occurred_at, event_id, profile_id, conversation_id, value, currency) AS f
                   FROM events GROUP BY order_id)",
            zone = quoted(&self.timezone),
            currency = quoted(&self.currency),
        )
    }

    /// A condition that leaves out bots' clicks (SPEC C9), for a column that says whose they are.
    pub fn no_bots(&self, column: &str) -> String {
        if self.exclude_bot_clicks {
            format!("NOT coalesce({column}, false)")
        } else {
            "true".to_owned()
        }
    }

    /// A condition that leaves out the touches that SPEC A2 does, whatever their class. `touch`: the expressions of its kind, and
    /// of whether it is a bot's, a machine's open, and transactional.
    pub fn counts(&self, touch: &str) -> String {
        format!(
            "touch_exclusion({touch}, {}, {}, {}) IS NULL",
            self.exclude_bot_clicks, self.exclude_machine_opens, self.exclude_transactional
        )
    }

    /// The classes that have a window, as an SQL list for `IN (…)`.
    pub fn class_list(&self) -> String {
        let classes: Vec<String> = self.classes.iter().map(|class| quoted(class)).collect();
        classes.join(", ")
    }
}
