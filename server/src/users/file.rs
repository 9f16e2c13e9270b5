//! The users file's JSON: one entry per user, with bytes as hexadecimal digits.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::secret_file::Content;
use super::{Secret, User, UserInfo};
use crate::hex;

/// Represents the users file as it is stored.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UsersFile {
    /// The key that salts of users who do not exist are made from ([`super::Users::decoy`]).
    server_key: String,
    pub(super) users: Vec<StoredUser>,
}

/// Represents one user as it is stored; bytes are hexadecimal digits.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoredUser {
    pub(super) name: String,
    role: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    account: Option<String>,
    salt: String,
    iterations: usize,
    salted_password: String,
}

/// Holds the users of a valid file, by name.
#[derive(Debug)]
pub(super) struct ValidUsers {
    pub(super) users: BTreeMap<String, Arc<User>>,
    pub(super) server_key: Vec<u8>,
}

impl UsersFile {
    pub(super) fn empty(server_key: &[u8]) -> UsersFile {
        UsersFile {
            server_key: hex::encode(server_key),
            users: Vec::new(),
        }
    }
}

impl Content for UsersFile {
    type Valid = ValidUsers;

    fn validate(&self) -> Result<ValidUsers, String> {
        let mut users = BTreeMap::new();
        for stored in &self.users {
            let user = stored.to_user()?;
            users.insert(user.info.name.clone(), Arc::new(user));
        }
        Ok(ValidUsers {
            users,
            server_key: hex::decode("server_key", &self.server_key)?,
        })
    }

    fn sort(&mut self) {
        self.users.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

impl StoredUser {
    pub(super) fn new(name: &str, role: &str, account: Option<&str>, secret: Secret) -> StoredUser {
        let mut user = StoredUser {
            name: name.to_owned(),
            role: role.to_owned(),
            account: account.map(str::to_owned),
            salt: String::new(),
            iterations: 0,
            salted_password: String::new(),
        };
        user.set_secret(secret);
        user
    }

    pub(super) fn set_secret(&mut self, secret: Secret) {
        self.salt = hex::encode(&secret.salt);
        self.iterations = secret.iterations;
        self.salted_password = hex::encode(&secret.salted_password);
    }

    fn to_user(&self) -> Result<User, String> {
        if self.iterations < super::ITERATIONS {
            return Err(format!(
                "user {:?} has {} iterations: expected {} at least",
                self.name,
                self.iterations,
                super::ITERATIONS
            ));
        }
        Ok(User {
            info: UserInfo {
                name: self.name.clone(),
                role: self.role.clone(),
                account: self.account.clone(),
            },
            salt: hex::decode("salt", &self.salt)?,
            iterations: self.iterations,
            salted_password: hex::decode("salted_password", &self.salted_password)?,
        })
    }
}
