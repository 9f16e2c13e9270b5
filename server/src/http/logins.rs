//! Logins to the page: sessions that the server keeps, found by a random id in a cookie.
//!
//! `tower-sessions` makes the ids and the cookies. The sessions are kept in memory: a restart loses them, and their users
//! log in again.
//!
//! What always holds: only a user who has given a password has a session. A user has at most [`SESSIONS_PER_USER`]; the
//! oldest is dropped for a new one. Every request checks that the session's user still exists with the same password,
//! role and account.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use tower_sessions::cookie::SameSite;
use tower_sessions::cookie::time::{Duration, OffsetDateTime};
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{Error, Result as StoreResult};
use tower_sessions::{Expiry, Session, SessionManagerLayer, SessionStore};

use super::cookie_name;
use crate::users::{User, Users};

/// How long a session lasts after it was last used.
const IDLE: Duration = Duration::hours(12);
/// How long a session lasts however much it is used.
const LONGEST: TimeDelta = TimeDelta::days(7);
/// How old the recorded last use must be before a new use is recorded.
const USE_INTERVAL: TimeDelta = TimeDelta::minutes(5);
/// How many sessions a user may have at a time.
const SESSIONS_PER_USER: usize = 20;
/// The key of a session's login.
const LOGIN: &str = "login";

/// Holds what a session stores: the user as they were when they logged in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Login {
    user: String,
    role: String,
    account: Option<String>,
    /// The salt of the password that was given; it changes with the password.
    salt: Vec<u8>,
    since: DateTime<Utc>,
    used: DateTime<Utc>,
}

impl Login {
    fn of(user: &User, now: DateTime<Utc>) -> Login {
        Login {
            user: user.info.name.clone(),
            role: user.info.role.clone(),
            account: user.info.account.clone(),
            salt: user.salt.clone(),
            since: now,
            used: now,
        }
    }

    /// Whether a user is the one that logged in, with the same password, role and account.
    fn matches(&self, user: &User) -> bool {
        self.role == user.info.role && self.account == user.info.account && self.salt == user.salt
    }
}

/// Keeps the sessions of a server. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Logins(Arc<Mutex<HashMap<Id, Record>>>);

impl Logins {
    /// Makes the layer that finds a request's session by the cookie.
    pub fn layer(&self, encrypted: bool) -> SessionManagerLayer<Logins> {
        SessionManagerLayer::new(self.clone())
            .with_name(cookie_name("session", encrypted))
            .with_http_only(true)
            .with_same_site(SameSite::Lax)
            .with_secure(encrypted)
            .with_expiry(Expiry::OnInactivity(IDLE))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Record>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins a session for a user who has given their password.
///
/// # Errors
/// If it cannot be stored.
pub async fn begin(session: &Session, user: &User) -> Result<(), tower_sessions::session::Error> {
    // The session's id changes with the login, so that an id planted before it is worthless.
    end(session).await?;
    session.insert(LOGIN, Login::of(user, Utc::now())).await
}

/// Ends a session.
///
/// # Errors
/// If it cannot be deleted.
pub async fn end(session: &Session) -> Result<(), tower_sessions::session::Error> {
    if session.id().is_none() {
        session.clear().await;
        return Ok(());
    }
    session.flush().await
}

/// Finds the user who is logged in, and ends the session if they no longer may be.
pub async fn user_of(session: &Session, users: &Users) -> Option<Arc<User>> {
    let mut login: Login = session.get(LOGIN).await.ok().flatten()?;
    let user = match users.find(&login.user) {
        Ok(user) => user.filter(|user| login.matches(user)),
        Err(error) => {
            tracing::error!("{error}");
            return None;
        }
    };
    let now = Utc::now();
    let Some(user) = user.filter(|_| now - login.since < LONGEST) else {
        if let Err(error) = end(session).await {
            tracing::error!("a session could not be ended: {error}");
        }
        return None;
    };
    if now - login.used >= USE_INTERVAL {
        login.used = now;
        if let Err(error) = session.insert(LOGIN, login).await {
            tracing::error!("a session could not be kept: {error}");
        }
    }
    Some(user)
}

#[async_trait]
impl SessionStore for Logins {
    async fn create(&self, record: &mut Record) -> StoreResult<()> {
        let user = name(record)?;
        let now = OffsetDateTime::now_utc();
        let mut kept = self.lock();
        kept.retain(|_, other| other.expiry_date > now);
        let of_user = kept.values().filter(|other| name(other).ok() == Some(user));
        let mut of_user: Vec<(OffsetDateTime, Id)> =
            of_user.map(|other| (other.expiry_date, other.id)).collect();
        of_user.sort_unstable_by_key(|(expiry, _)| std::cmp::Reverse(*expiry));
        for (_, oldest) in of_user.into_iter().skip(SESSIONS_PER_USER - 1) {
            kept.remove(&oldest);
        }
        while kept.contains_key(&record.id) {
            record.id = Id::default();
        }
        kept.insert(record.id, record.clone());
        Ok(())
    }

    async fn save(&self, record: &Record) -> StoreResult<()> {
        let mut kept = self.lock();
        // A session that was ended meanwhile must not come back.
        if let Some(known) = kept.get_mut(&record.id) {
            *known = record.clone();
        }
        Ok(())
    }

    async fn load(&self, id: &Id) -> StoreResult<Option<Record>> {
        let now = OffsetDateTime::now_utc();
        let record = self.lock().get(id).cloned();
        Ok(record.filter(|record| record.expiry_date > now))
    }

    async fn delete(&self, id: &Id) -> StoreResult<()> {
        self.lock().remove(id);
        Ok(())
    }
}

/// Returns the name of a session's user; a session without a user is an error.
fn name(record: &Record) -> StoreResult<&str> {
    let login = record.data.get(LOGIN);
    let name = login.and_then(|login| login.get("user")?.as_str());
    name.ok_or_else(|| Error::Encode("a session without a login is not kept".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(user: &str, hours: i64) -> Record {
        let data = HashMap::from([(LOGIN.to_owned(), serde_json::json!({ "user": user }))]);
        Record {
            id: Id::default(),
            data,
            expiry_date: OffsetDateTime::now_utc() + Duration::hours(hours),
        }
    }

    #[tokio::test]
    async fn the_oldest_session_of_a_user_is_dropped_for_one_too_many() {
        let logins = Logins::default();
        let mut oldest = record("ann", 1);
        logins.create(&mut oldest).await.unwrap();
        for _ in 1..SESSIONS_PER_USER {
            logins.create(&mut record("ann", 2)).await.unwrap();
        }
        logins.create(&mut record("bob", 1)).await.unwrap();
        assert!(logins.load(&oldest.id).await.unwrap().is_some());
        logins.create(&mut record("ann", 2)).await.unwrap();
        assert!(logins.load(&oldest.id).await.unwrap().is_none());
        assert_eq!(logins.lock().len(), SESSIONS_PER_USER + 1);
    }

    #[tokio::test]
    async fn a_session_expires_and_is_not_stored_without_a_login() {
        let logins = Logins::default();
        let mut late = record("ann", -1);
        logins.create(&mut late).await.unwrap();
        assert!(logins.load(&late.id).await.unwrap().is_none());
        logins.create(&mut record("ann", 1)).await.unwrap();
        assert_eq!(logins.lock().len(), 1);
        let mut nobody = record("ann", 1);
        nobody.data.clear();
        assert!(logins.create(&mut nobody).await.is_err());
        // An ended session does not come back by being saved.
        let gone = record("ann", 1);
        logins.save(&gone).await.unwrap();
        assert!(logins.load(&gone.id).await.unwrap().is_none());
    }
}
