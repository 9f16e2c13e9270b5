//! From the first byte to a session: the startup message, SCRAM-SHA-256, and what the client is told first.
//!
//! What always holds: no error of this phase is followed by anything but the end of the connection; an unknown user is
//! asked for a password as a known one is, and answered as for a wrong one; the server's state of a SCRAM exchange
//! belongs to its connection alone.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use pgwire::api::auth::Password;
use pgwire::api::auth::sasl::scram::ScramServerAuth;
use pgwire::error::PgWireError;
use pgwire::messages::PgWireBackendMessage as Backend;
use pgwire::messages::startup::{Authentication, NegotiateProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::pg::catalog::DATABASE;
use crate::pg::wire::framing::{MAX_MESSAGE, ReadError, Wire};
use crate::pg::wire::frontend::{self, Message};
use crate::users::{Attempts, Role, User, Users};
use rapport_pgsql::error::{PgError, code};

const MECHANISM: &str = "SCRAM-SHA-256";

/// Newest minor version of protocol 3 that is spoken.
const MINOR: u16 = 2;

/// Who has logged in, and what they asked for.
pub struct LoggedIn {
    /// Who.
    pub user: Arc<User>,
    /// Settings of the startup message.
    pub settings: Vec<(String, String)>,
    /// Length of the cancel key that the client understands.
    pub key_length: usize,
}

/// Asks for the password and checks it.
///
/// # Errors
/// If the login fails; the error is fatal.
pub async fn log_in<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    users: &Users,
    attempts: &Attempts,
    address: Option<IpAddr>,
    minor: u16,
    parameters: Vec<(String, String)>,
) -> Result<LoggedIn, ReadError> {
    let startup = Startup::read(parameters)?;
    let spoken = match minor {
        0 | 1 => 0,
        _ => MINOR,
    };
    if spoken != minor || !startup.unsupported.is_empty() {
        wire.put(&Backend::NegotiateProtocolVersion(
            NegotiateProtocolVersion::new(
                i32::from(spoken) | (3 << 16),
                startup.unsupported.clone(),
            ),
        ));
    }
    attempts
        .check(&startup.user, address)
        .map_err(too_many_failures)?;
    let user = authenticate(wire, users, &startup.user).await;
    if let Err(ReadError::Invalid(error)) = &user
        && error.code == code::INVALID_PASSWORD
    {
        attempts.record_failure(&startup.user, address);
    }
    let user = user?;
    // Only who has the password learns that its role, or the database, is not one that is let in.
    check_role(&user)?;
    startup.check_database()?;
    Ok(LoggedIn {
        user,
        settings: startup.settings,
        key_length: if spoken == 0 { 4 } else { 32 },
    })
}

/// What the startup message says.
struct Startup {
    user: String,
    database: Option<String>,
    settings: Vec<(String, String)>,
    unsupported: Vec<String>,
}

impl Startup {
    fn read(parameters: Vec<(String, String)>) -> Result<Startup, PgError> {
        let mut startup = Startup {
            user: String::new(),
            database: None,
            settings: Vec::new(),
            unsupported: Vec::new(),
        };
        let mut options = Vec::new();
        for (name, value) in parameters {
            match name.as_str() {
                "user" => startup.user = value,
                "database" => startup.database = Some(value).filter(|name| !name.is_empty()),
                "options" => options = command_line(&value)?,
                "replication" => {
                    if !matches!(value.as_str(), "false" | "off" | "no" | "0") {
                        return Err(PgError::fatal(
                            code::NOT_SUPPORTED,
                            "replication connections are not supported",
                        ));
                    }
                }
                name if name.starts_with("_pq_.") => startup.unsupported.push(name.to_owned()),
                _ => startup.settings.push((name, value)),
            }
        }
        // What is set by name counts more than what comes in `options`.
        options.append(&mut startup.settings);
        startup.settings = options;
        if startup.user.is_empty() {
            return Err(PgError::fatal(
                code::NOT_AUTHORIZED,
                "no PostgreSQL user name specified in startup packet",
            ));
        }
        Ok(startup)
    }

    /// libpq asks for a database of the user's name where none is given.
    fn check_database(&self) -> Result<(), PgError> {
        match self.database.as_deref() {
            None | Some(DATABASE) => Ok(()),
            Some(name) if name == self.user => Ok(()),
            Some(name) => Err(PgError::fatal(
                "3D000",
                format!("database \"{name}\" does not exist"),
            )
            .hint(format!("the database is \"{DATABASE}\""))),
        }
    }
}

/// `-c name=value` and `--name=value`, with backslashes before spaces that do not part.
fn command_line(text: &str) -> Result<Vec<(String, String)>, PgError> {
    let mut words = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let word = words.last_mut();
        match (c, word) {
            ('\\', Some(word)) => word.extend(chars.next()),
            (c, Some(word)) if c.is_whitespace() && !word.is_empty() => words.push(String::new()),
            (c, _) if c.is_whitespace() => {}
            (c, Some(word)) => word.push(c),
            (_, None) => {}
        }
    }
    let mut settings = Vec::new();
    let mut words = words.into_iter().filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        let setting = match word.strip_prefix("--") {
            Some(setting) => Some(setting.to_owned()),
            None => match word.strip_prefix("-c") {
                Some("") => words.next(),
                Some(setting) => Some(setting.to_owned()),
                None => None,
            },
        };
        let (name, value) = setting
            .as_deref()
            .and_then(|setting| setting.split_once('='))
            .ok_or_else(|| {
                PgError::fatal(
                    code::SYNTAX,
                    format!("invalid command-line argument for server process: {word}"),
                )
                .hint("expected -c name=value")
            })?;
        settings.push((name.replace('-', "_"), value.to_owned()));
    }
    Ok(settings)
}

async fn authenticate<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    users: &Users,
    name: &str,
) -> Result<Arc<User>, ReadError> {
    let unavailable = |error| {
        tracing::error!("nobody can log in: {error}");
        PgError::fatal("58000", "users cannot be looked up: see the server's log")
    };
    let known = users.find(name).map_err(unavailable)?;
    // Made for users that there are too: how long the answer takes must not tell which of them there are.
    let decoy = Arc::new(users.decoy(name).map_err(unavailable)?);
    let asked = known.as_ref().map_or(&decoy, |user| user);

    wire.put(&Backend::Authentication(Authentication::SASL(vec![
        MECHANISM.to_owned(),
    ])));
    wire.flush().await?;
    let (mechanism, client_first) =
        frontend::sasl_initial(password_message(wire).await?).map_err(fatal)?;
    if mechanism != MECHANISM {
        return Err(PgError::fatal(
            code::PROTOCOL,
            format!("SASL mechanism {mechanism:?} is not supported: expected {MECHANISM}"),
        )
        .into());
    }
    let mut scram = ScramServerAuth::new();
    scram.set_iterations(asked.iterations);
    let password = Password::new(Some(asked.salt.clone()), asked.salted_password.clone());
    let (server_first, exchange) = scram
        .on_client_first_message(&client_first, password)
        .map_err(|error| scram_error(error, name))?;
    wire.put(&Backend::Authentication(Authentication::SASLContinue(
        Bytes::from(server_first),
    )));
    wire.flush().await?;

    let client_final = password_message(wire).await?;
    let server_final = exchange
        .on_client_final_message(&client_final)
        .map_err(|error| scram_error(error, name))?;
    // A decoy's password is random, so nobody comes here with one; should it be, they are still nobody.
    let Some(user) = known else {
        return Err(wrong_password(name).into());
    };
    wire.put(&Backend::Authentication(Authentication::SASLFinal(
        Bytes::from(server_final),
    )));
    Ok(user)
}

async fn password_message<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
) -> Result<Bytes, ReadError> {
    let (kind, body) = wire.read(MAX_MESSAGE, |_| Ok(())).await?;
    match frontend::message(kind, body).map_err(fatal)? {
        Message::Password(body) => Ok(body),
        Message::Terminate => Err(ReadError::Lost),
        _ => Err(PgError::fatal(
            code::PROTOCOL,
            "expected SASL response, got another message",
        )
        .into()),
    }
}

fn fatal(error: PgError) -> PgError {
    PgError {
        fatal: true,
        ..error
    }
}

fn scram_error(error: PgWireError, name: &str) -> PgError {
    match error {
        PgWireError::InvalidPassword(_) => wrong_password(name),
        _ => PgError::fatal(code::PROTOCOL, "malformed SCRAM message"),
    }
}

fn too_many_failures(wait: Duration) -> PgError {
    PgError::fatal(code::NOT_AUTHORIZED, "too many failed logins")
        .hint(format!("try again in {} s", wait.as_secs_f64().ceil()))
}

fn wrong_password(name: &str) -> PgError {
    PgError::fatal(
        code::INVALID_PASSWORD,
        format!("password authentication failed for user \"{name}\""),
    )
}

/// SPEC 8: any other role is refused at login.
fn check_role(user: &User) -> Result<(), PgError> {
    let role = Role::parse(&user.info.role);
    match role.and_then(|role| role.check_account(user.info.account.as_deref())) {
        Ok(()) => Ok(()),
        Err(error) => {
            tracing::warn!("user {:?} may not log in: {error}", user.info.name);
            Err(PgError::fatal(
                code::NOT_AUTHORIZED,
                format!("role \"{}\" is not permitted to log in", user.info.name),
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn options_are_read_as_a_command_line() {
        let settings =
            command_line(r"-c TimeZone=Asia/Tokyo -cstatement_timeout=5s --application-name=a\ b")
                .unwrap();
        let expected = [
            ("TimeZone", "Asia/Tokyo"),
            ("statement_timeout", "5s"),
            ("application_name", "a b"),
        ];
        assert_eq!(
            settings,
            expected.map(|(name, value)| (name.to_owned(), value.to_owned()))
        );
        assert_eq!(command_line("-d 5").unwrap_err().code, "42601");
    }
}
