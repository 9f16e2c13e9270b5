//! Limits on what clients may use, from the configuration's table `[limits]` or from `RAPPORT_LIMITS_…`.

use std::str::FromStr;
use std::time::Duration;

use rapport_data::MAX_LINE_KEPT;
use rapport_data::settings::Period;
use serde::Deserialize;

use super::config::bytes;
use super::error::CliError;
use crate::landing::LandingOptions;
use crate::pg::{Encryption, PgOptions};
use crate::users::LoginLimits;

/// Holds the limits that the configuration names; the others have their defaults.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Limits {
    connections: Option<usize>,
    connections_per_account: Option<usize>,
    statements_per_account: Option<usize>,
    threads_per_account: Option<usize>,
    account_memory: Option<String>,
    session_memory: Option<String>,
    queue: Option<String>,
    statement: Option<String>,
    slow_statement: Option<String>,
    login: Option<String>,
    idle: Option<String>,
    unread: Option<String>,
    stopping: Option<String>,
    failed_logins: Option<u32>,
    commit_delay: Option<String>,
    events_request: Option<String>,
    events_memory: Option<String>,
}

impl Limits {
    /// Makes the endpoint's options, for an engine with `threads` threads and `memory` bytes of memory.
    pub fn options(
        &self,
        threads: usize,
        memory: usize,
        encryption: Encryption,
    ) -> Result<PgOptions, CliError> {
        let defaults = PgOptions::default();
        Ok(PgOptions {
            max_connections: count("connections", self.connections, defaults.max_connections)?,
            connections_per_account: count(
                "connections_per_account",
                self.connections_per_account,
                defaults.connections_per_account,
            )?,
            statements_per_account: count(
                "statements_per_account",
                self.statements_per_account,
                defaults.statements_per_account,
            )?,
            query_threads: count("threads_per_account", self.threads_per_account, threads)?,
            process_memory: memory,
            account_memory: size("account_memory", &self.account_memory, memory / 4 * 3)?,
            session_memory: size("session_memory", &self.session_memory, memory / 2)?,
            queue_timeout: time("queue", &self.queue, defaults.queue_timeout)?,
            statement_timeout: time_or_off(
                "statement",
                &self.statement,
                defaults.statement_timeout,
            )?,
            slow_statement: match &self.slow_statement {
                None => defaults.slow_statement,
                Some(text) if text == "off" => None,
                Some(text) => Some(period("slow_statement", text)?),
            },
            login_timeout: time("login", &self.login, defaults.login_timeout)?,
            idle_timeout: time_or_off("idle", &self.idle, defaults.idle_timeout)?,
            write_timeout: time("unread", &self.unread, defaults.write_timeout)?,
            shutdown_grace: time("stopping", &self.stopping, defaults.shutdown_grace)?,
            login_limits: match self.failed_logins {
                None => defaults.login_limits,
                Some(0) => return Err(zero_error("failed_logins")),
                Some(most) => LoginLimits::per_minute(most),
            },
            encryption,
            ..defaults
        })
    }
}

impl Limits {
    /// Makes the bounds of landing over HTTP, for an engine with `memory` bytes of memory.
    pub fn landing(&self, memory: usize) -> Result<LandingOptions, CliError> {
        let mut options = LandingOptions::of_memory(memory);
        if let Some(text) = &self.events_memory {
            options.all_bytes = bytes("limits.events_memory", text, 1)?;
            options.request_bytes = options.request_bytes.min(options.all_bytes);
        }
        if let Some(text) = &self.events_request {
            options.request_bytes = bytes("limits.events_request", text, 1)?;
        }
        let most = options.all_bytes.min(MAX_LINE_KEPT);
        if options.request_bytes > most {
            return Err(CliError::Usage(format!(
                "limits.events_request is {} bytes; expected at most limits.events_memory and 64 MiB, here {most}",
                options.request_bytes
            )));
        }
        if let Some(text) = &self.commit_delay {
            options.delay = delay(text)?;
        }
        Ok(options)
    }
}

/// Reads how long a commit waits for others, of which a second is much.
fn delay(text: &str) -> Result<Duration, CliError> {
    match text.strip_suffix(" milliseconds").map(str::parse) {
        Some(Ok(number)) => Ok(Duration::from_millis(number)),
        None if text == "off" => Ok(Duration::ZERO),
        _ => Err(CliError::Usage(format!(
            "limits.commit_delay cannot be {text:?}; expected N milliseconds or off"
        ))),
    }
}

fn zero_error(name: &str) -> CliError {
    CliError::Usage(format!("limits.{name} cannot be 0; expected 1 or more"))
}

fn count(name: &str, given: Option<usize>, default: usize) -> Result<usize, CliError> {
    match given {
        Some(0) => Err(zero_error(name)),
        given => Ok(given.unwrap_or(default)),
    }
}

fn size(name: &str, given: &Option<String>, default: usize) -> Result<usize, CliError> {
    match given {
        None => Ok(default),
        Some(text) => bytes(&format!("limits.{name}"), text, 16),
    }
}

/// Reads a duration that cannot be off.
fn time(name: &str, given: &Option<String>, default: Duration) -> Result<Duration, CliError> {
    match given {
        None => Ok(default),
        Some(text) => period(name, text),
    }
}

/// Reads a duration that may be `off`, which is zero.
fn time_or_off(
    name: &str,
    given: &Option<String>,
    default: Duration,
) -> Result<Duration, CliError> {
    match given {
        Some(text) if text == "off" => Ok(Duration::ZERO),
        given => time(name, given, default),
    }
}

fn period(name: &str, text: &str) -> Result<Duration, CliError> {
    Period::from_str(text)
        .ok()
        .filter(|period| *period > Period::ZERO)
        .map(|period| Duration::from_secs(period.seconds()))
        .ok_or_else(|| {
            CliError::Usage(format!(
                "limits.{name} cannot be {text:?}; expected N hours, N minutes or N seconds"
            ))
        })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use rstest::rstest;

    use super::*;

    fn options(limits: Limits) -> Result<PgOptions, CliError> {
        limits.options(3, 1 << 30, Encryption::Off)
    }

    #[test]
    fn memory_and_threads_default_to_the_engines() {
        let options = options(Limits::default()).unwrap();
        assert_eq!(options.query_threads, 3);
        assert_eq!(options.account_memory, 768 << 20);
        assert_eq!(options.session_memory, 512 << 20);
    }

    #[test]
    fn named_limits_replace_the_defaults() {
        let limits = Limits {
            connections: Some(7),
            account_memory: Some("64 MiB".into()),
            statement: Some("off".into()),
            slow_statement: Some("2 seconds".into()),
            failed_logins: Some(3),
            ..Limits::default()
        };
        let options = options(limits).unwrap();
        assert_eq!(options.max_connections, 7);
        assert_eq!(options.account_memory, 64 << 20);
        assert_eq!(options.statement_timeout, Duration::ZERO);
        assert_eq!(options.slow_statement, Some(Duration::from_secs(2)));
        assert_eq!(options.login_limits.per_user_and_address, 3);
        assert_eq!(options.login_limits.per_address, 30);
    }

    #[test]
    fn landing_has_its_bounds() {
        let landing = |limits: Limits| limits.landing(1 << 30);
        let default = landing(Limits::default()).unwrap();
        assert_eq!(default.delay, Duration::from_millis(200));
        assert_eq!(
            (default.request_bytes, default.all_bytes),
            (16 << 20, 128 << 20)
        );
        let named = landing(Limits {
            commit_delay: Some("5 milliseconds".into()),
            events_memory: Some("8 MiB".into()),
            ..Limits::default()
        });
        let named = named.unwrap();
        assert_eq!(named.delay, Duration::from_millis(5));
        assert_eq!((named.request_bytes, named.all_bytes), (8 << 20, 8 << 20));
        for (delay, request) in [("1 seconds", "1 MiB"), ("off", "65 MiB"), ("off", "0 MiB")] {
            let wrong = landing(Limits {
                commit_delay: Some(delay.into()),
                events_request: Some(request.into()),
                ..Limits::default()
            });
            assert!(
                matches!(wrong, Err(CliError::Usage(_))),
                "{delay} {request}"
            );
        }
    }

    #[rstest]
    #[case(Limits { connections: Some(0), ..Limits::default() }, "limits.connections")]
    #[case(Limits { queue: Some("off".into()), ..Limits::default() }, "limits.queue")]
    #[case(Limits { idle: Some("0 seconds".into()), ..Limits::default() }, "limits.idle")]
    #[case(Limits { session_memory: Some("1 MiB".into()), ..Limits::default() }, "16 MiB")]
    #[case(Limits { failed_logins: Some(0), ..Limits::default() }, "limits.failed_logins")]
    fn a_wrong_limit_is_refused_by_name(#[case] limits: Limits, #[case] said: &str) {
        let error = options(limits).unwrap_err();
        assert!(matches!(error, CliError::Usage(_)), "{error}");
        assert!(error.to_string().contains(said), "{error}");
    }
}
