//! The settings of a session: what SET, SHOW, RESET, `set_config` and the startup message read and change.
//!
//! Settings are known that have an effect here, or that clients set without need; a value that would promise something
//! untrue (`client_encoding = LATIN1`) is refused with what is accepted. What always holds: a setting belongs to one session;
//! a transaction that is rolled back takes its settings back, and `SET LOCAL` ends with its transaction.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::encode::IntervalStyle;
use crate::error::{PgError, code};
use crate::types::zone::Zone;

mod known;
use known::{KNOWN, Setting};

/// The values of settings by name; a copy shares them.
pub type Values = BTreeMap<String, Arc<str>>;

/// The settings of one session.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The values that RESET sets.
    initial: Values,
    /// The current values where they differ from the defaults of [`KNOWN`].
    values: Values,
    /// The values before the transaction's first `SET LOCAL` of each.
    before_local: BTreeMap<String, Option<Arc<str>>>,
    /// The values when the transaction began; outside of a block, before the first change of the statements that are answered
    /// together, which are a transaction too.
    at_begin: Option<Values>,
    /// The values that the client was last sent.
    reported: BTreeMap<&'static str, String>,
    /// The number of changes: what is derived from settings is derived again when it grows.
    generation: u64,
    zone: Zone,
}

/// The settings that a savepoint keeps.
#[derive(Debug)]
pub struct Saved {
    values: Values,
    /// The values that end with the transaction.
    before_local: BTreeMap<String, Option<Arc<str>>>,
}

/// How long a value lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetScope {
    /// To the end of the session (or back with its transaction).
    Session,
    /// To the end of the transaction.
    Local,
}

/// The most settings of unknown classes (`my.setting`) that a session may have.
const CUSTOM_LIMIT: usize = 64;

/// The longest value of a setting, in bytes: each savepoint of a transaction may keep another.
const VALUE_LIMIT: usize = 16 * 1024;
/// The longest name of a setting of an unknown class, in bytes.
const NAME_LIMIT: usize = 256;

impl Settings {
    /// Makes the default settings of a session of a user.
    pub fn new(user: &str, version: &str, zone: Zone, statement_timeout: Duration) -> Settings {
        let mut settings = Settings {
            initial: BTreeMap::new(),
            values: BTreeMap::new(),
            before_local: BTreeMap::new(),
            at_begin: None,
            reported: BTreeMap::new(),
            generation: 0,
            zone,
        };
        settings.put("session_authorization", user);
        settings.put("server_version", version);
        settings.put("TimeZone", &zone.to_string());
        settings.put(
            "timezone_database",
            &rapport_zones::Database::in_use().to_string(),
        );
        settings.put(
            "statement_timeout",
            &statement_timeout.as_millis().to_string(),
        );
        settings.initial = settings.values.clone();
        settings
    }

    /// Sets a value that the startup message asks for; RESET goes back to it.
    pub fn set_initial(&mut self, name: &str, value: &str) -> Result<(), PgError> {
        self.set(name, value, SetScope::Session)?;
        self.commit();
        self.initial = self.values.clone();
        Ok(())
    }

    /// Returns the name of a setting, as SHOW prints it, and its value.
    pub fn show(&self, name: &str) -> Result<(String, String), PgError> {
        match find(name) {
            Some(known) => Ok((known.name.to_owned(), self.value_of(known))),
            None => {
                let lower = name.to_ascii_lowercase();
                let value = self.values.get(&lower).ok_or_else(|| unrecognized(name))?;
                Ok((lower, value.to_string()))
            }
        }
    }

    /// Lists all settings, with name, value and description.
    pub fn all(&self) -> Vec<(&'static str, String, &'static str)> {
        KNOWN
            .iter()
            .map(|known| (known.name, self.value_of(known), known.about))
            .collect()
    }

    /// Sets a value.
    ///
    /// # Errors
    /// If there is no such setting, it cannot be changed or the value is not accepted.
    pub fn set(&mut self, name: &str, value: &str, scope: SetScope) -> Result<(), PgError> {
        if value.len() > VALUE_LIMIT {
            return Err(PgError::invalid_parameter(format!(
                "value of parameter \"{name}\" is too long: it has {} bytes, and at most {VALUE_LIMIT} are kept",
                value.len()
            )));
        }
        let (name, value) = match find(name) {
            Some(known) => (known.name.to_owned(), (known.check)(known.name, value)?),
            None => (self.custom_name(name)?, value.to_owned()),
        };
        self.keep_for_rollback();
        if scope == SetScope::Local {
            let before = self.values.get(&name).cloned();
            self.before_local.entry(name.clone()).or_insert(before);
        } else {
            self.before_local.remove(&name);
        }
        self.put(&name, &value);
        Ok(())
    }

    /// Sets a value back to what it was when the session began.
    ///
    /// # Errors
    /// If there is no such setting or it cannot be changed.
    pub fn reset(&mut self, name: &str, scope: SetScope) -> Result<(), PgError> {
        let lower = name.to_ascii_lowercase();
        let key = find(name).map_or(lower.as_str(), |known| known.name);
        match self.initial.get(key).cloned() {
            Some(value) => self.set(name, &value, scope),
            None => match find(name) {
                Some(known) => self.set(name, known.default, scope),
                None if self.values.contains_key(key) => {
                    self.keep_for_rollback();
                    self.values.remove(key);
                    Ok(())
                }
                None => Err(unrecognized(name)),
            },
        }
    }

    /// Keeps the values for a rollback, at the first change of a transaction.
    fn keep_for_rollback(&mut self) {
        if self.at_begin.is_none() {
            self.at_begin = Some(self.values.clone());
        }
    }

    /// Sets all values back to those of the session's beginning.
    pub fn reset_all(&mut self) {
        self.keep_for_rollback();
        let initial = self.initial.clone();
        self.replace(initial);
        self.before_local.clear();
    }

    /// Begins a transaction. What has been set before, in statements that are answered together with BEGIN, belongs to it.
    pub fn begin(&mut self) {
        self.keep_for_rollback();
    }

    /// Commits a transaction; outside of a block, statements that have been answered together.
    pub fn commit(&mut self) {
        self.at_begin = None;
        if self.before_local.is_empty() {
            return;
        }
        let mut values = self.values.clone();
        for (name, before) in std::mem::take(&mut self.before_local) {
            match before {
                Some(before) => values.insert(name, before),
                None => values.remove(&name),
            };
        }
        self.replace(values);
    }

    /// Rolls a transaction back.
    pub fn rollback(&mut self) {
        self.before_local.clear();
        if let Some(values) = self.at_begin.take() {
            self.replace(values);
        }
    }

    /// Returns the current values, for a savepoint.
    pub fn saved(&self) -> Saved {
        Saved {
            values: self.values.clone(),
            before_local: self.before_local.clone(),
        }
    }

    /// Goes back to the values of a savepoint.
    pub fn restore(&mut self, saved: &Saved) {
        self.before_local.clone_from(&saved.before_local);
        self.replace(saved.values.clone());
    }

    fn replace(&mut self, values: Values) {
        if self.values != values {
            self.values = values;
            self.count_change();
        }
    }

    /// Returns the time zone.
    pub fn zone(&self) -> Zone {
        self.zone
    }

    /// Returns the number of changes.
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// Returns how long a statement may run; none is without limit.
    pub fn statement_timeout(&self) -> Option<Duration> {
        self.duration("statement_timeout")
    }

    /// Returns how long a transaction may stand idle; none is without limit.
    pub fn idle_in_transaction_timeout(&self) -> Option<Duration> {
        self.duration("idle_in_transaction_session_timeout")
    }

    /// Returns how long a session may stand idle; none is without limit.
    pub fn idle_timeout(&self) -> Option<Duration> {
        self.duration("idle_session_timeout")
    }

    /// Returns the schemas in which names are looked up, in order.
    pub fn search_path(&self) -> Vec<String> {
        let mut path = Vec::new();
        let mut name = String::new();
        let (mut quoted, mut was_quoted) = (false, false);
        // A closing comma ends the last name too.
        for c in self.raw("search_path").chars().chain([',']) {
            match c {
                '"' => (quoted, was_quoted) = (!quoted, true),
                ',' if !quoted => {
                    let ended = std::mem::take(&mut name);
                    path.push(match std::mem::take(&mut was_quoted) {
                        true => ended,
                        false => ended.trim().to_lowercase(),
                    });
                }
                c if quoted || !c.is_whitespace() => name.push(c),
                _ => {}
            }
        }
        path.retain(|name| !name.is_empty());
        path
    }

    /// Returns how floats are written: 0 and less round as PostgreSQL did before version 12.
    pub fn extra_float_digits(&self) -> i32 {
        self.raw("extra_float_digits").parse().unwrap_or(1)
    }

    /// Returns how intervals are written.
    pub fn interval_style(&self) -> IntervalStyle {
        IntervalStyle::parse(self.raw("IntervalStyle")).unwrap_or_default()
    }

    /// Returns the reported settings that have changed since the last call.
    pub fn take_reports(&mut self) -> Vec<(&'static str, String)> {
        let mut reports = Vec::new();
        for known in KNOWN.iter().filter(|known| known.reported) {
            let value = self.value_of(known);
            if self.reported.get(known.name) != Some(&value) {
                self.reported.insert(known.name, value.clone());
                reports.push((known.name, value));
            }
        }
        reports
    }

    fn raw(&self, name: &str) -> &str {
        match self.values.get(name) {
            Some(value) => value,
            None => find(name).map_or("", |known| known.default),
        }
    }

    fn value_of(&self, known: &Setting) -> String {
        // A transaction that asks for nothing else has the session's isolation.
        let name = match known.name {
            "transaction_isolation" if !self.values.contains_key(known.name) => {
                "default_transaction_isolation"
            }
            name => name,
        };
        let value = self.raw(name);
        if known.is_duration() {
            known::show_duration(value)
        } else {
            value.to_owned()
        }
    }

    fn duration(&self, name: &str) -> Option<Duration> {
        match self.raw(name).parse() {
            Ok(0) | Err(_) => None,
            Ok(milliseconds) => Some(Duration::from_millis(milliseconds)),
        }
    }

    fn put(&mut self, name: &str, value: &str) {
        self.values.insert(name.to_owned(), value.into());
        self.count_change();
    }

    fn count_change(&mut self) {
        self.generation += 1;
        if let Some(zone) = Zone::parse(self.raw("TimeZone")) {
            self.zone = zone;
        }
    }

    fn custom_name(&self, name: &str) -> Result<String, PgError> {
        if name.len() > NAME_LIMIT {
            return Err(PgError::invalid_parameter(format!(
                "parameter name is too long: at most {NAME_LIMIT} bytes are accepted"
            )));
        }
        let lower = name.to_ascii_lowercase();
        match lower.split_once('.') {
            Some((class, rest))
                if !class.is_empty() && !rest.is_empty() && class != "datafusion" => {}
            _ => return Err(unrecognized(name)),
        }
        let custom = self.values.keys().filter(|key| key.contains('.')).count();
        if custom >= CUSTOM_LIMIT && !self.values.contains_key(&lower) {
            return Err(PgError::new(
                "53400",
                format!("too many settings of unknown classes: at most {CUSTOM_LIMIT} are kept"),
            ));
        }
        Ok(lower)
    }
}

fn find(name: &str) -> Option<&'static Setting> {
    KNOWN
        .iter()
        .find(|known| known.name.eq_ignore_ascii_case(name))
}

fn unrecognized(name: &str) -> PgError {
    PgError::new(
        code::UNDEFINED_OBJECT,
        format!("unrecognized configuration parameter \"{name}\""),
    )
}

#[cfg(test)]
mod tests;
