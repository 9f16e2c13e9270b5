//! Login: the parameters of the startup message, and SCRAM-SHA-256.
//!
//! What always holds: every error of this phase ends the connection; an unknown user is asked for a password like a known
//! one, and gets the answer for a wrong password; the state of a SCRAM exchange belongs to one connection.

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
use crate::pg::wire::framing::{MAX_LOGIN_MESSAGE, ReadError, Wire};
use crate::pg::wire::frontend::{self, Message};
use crate::users::{Attempts, Role, User, Users};
use rapport_pgsql::error::{PgError, code};

/// The SASL mechanism that is offered.
const MECHANISM: &str = "SCRAM-SHA-256";

/// The newest minor version of protocol 3 that the server speaks.
const MINOR: u16 = 2;

/// The result of a login.
pub struct Login {
    /// The user who has logged in.
    pub user: Arc<User>,
    /// Settings of the startup message.
    pub settings: Vec<(String, String)>,
    /// Length in bytes of the cancel key that the client's protocol version allows.
    pub key_length: usize,
}

/// Asks for the password and checks it, and then the role and the database.
///
/// # Errors
/// A fatal one if the login is refused.
pub async fn log_in<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
    users: &Users,
    attempts: &Attempts,
    address: Option<IpAddr>,
    minor: u16,
    parameters: Vec<(String, String)>,
) -> Result<Login, ReadError> {
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
    // Checked after the password, so that only its owner learns about the role and the database.
    check_role(&user)?;
    startup.check_database()?;
    Ok(Login {
        user,
        settings: startup.settings,
        key_length: if spoken == 0 { 4 } else { 32 },
    })
}

/// The parameters of the startup message.
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
                "options" => options = parse_options(&value)?,
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
        // Settings by name override those in `options`.
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

    /// Checks the database. The user's name is accepted too: libpq asks for it where none is given.
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

/// Parses `-c name=value` and `--name=value`, where a backslash escapes a space, into names and values.
fn parse_options(text: &str) -> Result<Vec<(String, String)>, PgError> {
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

/// Makes the SCRAM exchange, and returns the user.
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
    // Made for known users too: the time that the answer takes must not tell which users exist.
    let decoy = Arc::new(users.decoy(name).map_err(unavailable)?);
    let asked = known.as_ref().map_or(&decoy, |user| user);

    wire.put(&Backend::Authentication(Authentication::SASL(vec![
        MECHANISM.to_owned(),
    ])));
    wire.flush().await?;
    let (mechanism, client_first) =
        frontend::decode_sasl_initial(read_sasl_message(wire).await?).map_err(fatal)?;
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

    let client_final = read_sasl_message(wire).await?;
    let server_final = exchange
        .on_client_final_message(&client_final)
        .map_err(|error| scram_error(error, name))?;
    // A decoy's password is random, so no client gets here with it; should one, it is refused.
    let Some(user) = known else {
        return Err(wrong_password(name).into());
    };
    wire.put(&Backend::Authentication(Authentication::SASLFinal(
        Bytes::from(server_final),
    )));
    Ok(user)
}

/// Reads the next message, which must be one of SASL.
async fn read_sasl_message<S: AsyncRead + AsyncWrite + Unpin>(
    wire: &mut Wire<S>,
) -> Result<Bytes, ReadError> {
    let (kind, body) = wire.read(MAX_LOGIN_MESSAGE, |_| Ok(())).await?;
    match frontend::decode(kind, body).map_err(fatal)? {
        Message::Password(body) => Ok(body),
        Message::Terminate => Err(ReadError::Lost),
        _ => Err(PgError::fatal(
            code::PROTOCOL,
            "expected SASL response, got another message",
        )
        .into()),
    }
}

/// Makes an error end the connection.
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

/// Refuses a user whose role is unknown or does not fit its account (section 8 of the rules).
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
    fn startup_options_are_parsed_as_a_command_line() {
        let settings =
            parse_options(r"-c TimeZone=Asia/Tokyo -cstatement_timeout=5s --application-name=a\ b")
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
        assert_eq!(parse_options("-d 5").unwrap_err().code, "42601");
    }
}
