//! Login with a clear-text password, as a web form sends it.
//!
//! The checks are those of the Postgres endpoint's login. Failures count against the same limits. An unknown user gets
//! the same answer as a wrong password, after the same work. That a role may not log in (SPEC 8) is told only to a client
//! that gave the right password.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use pgwire::api::auth::sasl::scram::gen_salted_password;

use super::{Attempts, Role, User, Users};

/// Says why a login is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginError {
    /// The user is unknown or the password is wrong.
    Refused,
    /// Too many logins have failed; another may be tried after this time.
    TooMany(Duration),
    /// The user's role may not log in.
    Role,
    /// The users file cannot be read.
    Unavailable,
}

impl User {
    /// Whether this is the user's password. The time that it takes does not depend on the answer.
    fn has_password(&self, password: &str) -> bool {
        let salted = gen_salted_password(password, &self.salt, self.iterations);
        verify_slices_are_equal(&salted, &self.salted_password).is_ok()
    }
}

impl Users {
    /// Logs a user in by name and password.
    ///
    /// # Errors
    /// Why the login is refused.
    pub async fn log_in(
        &self,
        name: &str,
        password: String,
        address: Option<IpAddr>,
        attempts: &Attempts,
    ) -> Result<Arc<User>, LoginError> {
        attempts.check(name, address).map_err(LoginError::TooMany)?;
        let unavailable = |error| {
            tracing::error!("nobody can log in: {error}");
            LoginError::Unavailable
        };
        let known = self.find(name).map_err(unavailable)?;
        let decoy = Arc::new(self.decoy(name).map_err(unavailable)?);
        let asked = Arc::clone(known.as_ref().unwrap_or(&decoy));
        // It hashes thousands of times, which would block the threads that serve connections.
        let checked = tokio::task::spawn_blocking(move || asked.has_password(&password));
        let right = checked.await.map_err(|error| {
            tracing::error!("a password could not be checked: {error}");
            LoginError::Unavailable
        })?;
        let Some(user) = known.filter(|_| right) else {
            attempts.record_failure(name, address);
            return Err(LoginError::Refused);
        };
        let role = Role::parse(&user.info.role);
        match role.and_then(|role| role.check_account(user.info.account.as_deref())) {
            Ok(()) => Ok(user),
            Err(error) => {
                tracing::warn!("user {:?} may not log in: {error}", user.info.name);
                Err(LoginError::Role)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::users::LoginLimits;

    #[tokio::test]
    async fn a_wrong_password_and_an_unknown_user_are_refused_alike_and_too_many_failures_lock_out()
    {
        let folder = tempfile::tempdir().unwrap();
        let users = Users::open(folder.path().join("users.json")).unwrap();
        users.add("ada", "analyst", Some("acme"), "s3cret").unwrap();
        let attempts = Attempts::new(LoginLimits::per_minute(2));
        let address = Some(IpAddr::from([10, 0, 0, 1]));
        let log_in = |name: &'static str, password: &str| {
            users.log_in(name, password.to_owned(), address, &attempts)
        };
        assert_eq!(log_in("ada", "s3cret").await.unwrap().info.name, "ada");
        assert_eq!(log_in("ada", "S3cret").await, Err(LoginError::Refused));
        assert_eq!(log_in("bob", "s3cret").await, Err(LoginError::Refused));
        assert_eq!(log_in("ada", "").await, Err(LoginError::Refused));
        // After two failures the third login is refused even with the right password.
        let third = log_in("ada", "s3cret").await;
        assert!(matches!(third, Err(LoginError::TooMany(_))), "{third:?}");
    }
}
