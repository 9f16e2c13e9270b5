//! Tokens, which programs present in place of a name and a password.
//!
//! A token is 32 random bytes in hexadecimal after the prefix `rapport_`, by which people and secret scanners recognise
//! it. It is shown once, when it is created. The tokens file, next to the users file, keeps its SHA-256 (for random bytes
//! as good as a slow hash), the account that it reaches, and its rights.
//!
//! The guarantees are those of [`secret_file`](super::secret_file). Also, the time of a look-up reveals nothing about the
//! tokens that exist.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, SubsecRound, Utc};
use clap::ValueEnum;
use serde::{Deserialize, Serialize};

use super::secret_file::{Content, FileError, SecretFile};
use super::{TOKEN, User, UserInfo, is_name};
use crate::hex;

/// The prefix of every token.
const PREFIX: &str = "rapport_";

/// The extension that makes the tokens file's name from the users file's.
const EXTENSION: &str = "tokens.json";

/// Says why a token could not be created, found or removed.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The tokens file could not be read or changed.
    #[error("tokens file {0}")]
    File(#[from] FileError),
    /// The name has a wrong form.
    #[error(
        "token name {0:?} is not allowed: expected 1 to 63 of the characters A-Z a-z 0-9 _ . @ - (the first no dot or hyphen)"
    )]
    BadName(String),
    /// The account id has a wrong form.
    #[error("account {0:?} is not allowed: expected 1 to 64 of the characters A-Z a-z 0-9 _ -")]
    BadAccount(String),
    /// The name is taken.
    #[error("token {0:?} exists already: remove it first, or choose another name")]
    Exists(String),
    /// There is no such token.
    #[error("token {0:?} does not exist")]
    Unknown(String),
}

/// Says which accounts' data a token reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Every account's data, as an operator's.
    AllAccounts,
    /// One account's data.
    Account(String),
}

impl Reach {
    /// Returns the account; none for all accounts.
    pub fn account(&self) -> Option<&str> {
        match self {
            Reach::AllAccounts => None,
            Reach::Account(account) => Some(account),
        }
    }
}

/// Represents a right of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Run the saved queries
    Read,
    /// Land events
    Write,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Right::Read => "read",
            Right::Write => "write",
        })
    }
}

/// Represents the tokens file as it is stored.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokensFile {
    tokens: Vec<StoredToken>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct StoredToken {
    name: String,
    reach: Reach,
    rights: Vec<Right>,
    created_at: DateTime<Utc>,
    /// The SHA-256 of the whole token, prefix included, in hexadecimal digits.
    sha256: String,
}

/// Represents a token as the file has it: without the secret.
#[derive(Debug, Clone)]
pub struct Token {
    /// The token's name.
    pub name: String,
    /// Which accounts' data it reaches.
    pub reach: Reach,
    /// What it may do.
    pub rights: Vec<Right>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
    user: Arc<User>,
}

impl Token {
    /// Returns the user that stands for the token, named `token:NAME`, which no user's name can be.
    pub fn user(&self) -> &Arc<User> {
        &self.user
    }

    /// Whether the token has a right.
    pub fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }
}

impl Content for TokensFile {
    type Valid = Vec<Arc<Token>>;

    fn validate(&self) -> Result<Vec<Arc<Token>>, String> {
        let token = |stored: &StoredToken| {
            let hash = hex::decode("sha256", &stored.sha256)?;
            if hash.len() != SHA256.output_len() {
                return Err(format!(
                    "token {:?} has a sha256 of {} bytes: expected {}",
                    stored.name,
                    hash.len(),
                    SHA256.output_len()
                ));
            }
            let user = User {
                info: UserInfo {
                    name: format!("{TOKEN}:{}", stored.name),
                    role: TOKEN.to_owned(),
                    account: stored.reach.account().map(str::to_owned),
                },
                salt: Vec::new(),
                iterations: 0,
                salted_password: hash,
            };
            Ok(Arc::new(Token {
                name: stored.name.clone(),
                reach: stored.reach.clone(),
                rights: stored.rights.clone(),
                created_at: stored.created_at,
                user: Arc::new(user),
            }))
        };
        self.tokens.iter().map(token).collect()
    }

    fn sort(&mut self) {
        self.tokens.sort_by(|a, b| a.name.cmp(&b.name));
    }
}

/// Represents a checked token that is not in the file yet, so that wrong input is reported before a lake or file is created.
pub struct NewToken {
    stored: StoredToken,
    secret: String,
}

impl NewToken {
    /// Generates a token with these rights.
    ///
    /// # Errors
    /// If the name or the account is not allowed.
    pub fn new(name: &str, reach: Reach, mut rights: Vec<Right>) -> Result<NewToken, TokensError> {
        rights.sort_unstable();
        rights.dedup();
        if !is_name(name) {
            return Err(TokensError::BadName(name.to_owned()));
        }
        if let Some(account) = reach.account()
            && !rapport_data::is_account_id(account)
        {
            return Err(TokensError::BadAccount(account.to_owned()));
        }
        let secret = PREFIX.to_owned() + &hex::encode(&rand::random::<[u8; 32]>());
        let stored = StoredToken {
            name: name.to_owned(),
            reach,
            rights,
            created_at: Utc::now().trunc_subsecs(0),
            sha256: hex::encode(&hash(&secret)),
        };
        Ok(NewToken { stored, secret })
    }
}

fn hash(secret: &str) -> Vec<u8> {
    digest(&SHA256, secret.as_bytes()).as_ref().to_vec()
}

/// Reads and changes the tokens file; reads it again whenever it has changed.
#[derive(Debug)]
pub struct Tokens {
    file: SecretFile<TokensFile>,
}

impl Tokens {
    /// Names the tokens file next to a users file: `users.tokens.json` next to `users.json`. It need not exist; the first
    /// token creates it, and gives it to the users file's owner.
    pub(super) fn of_users_file(users: &Path) -> Tokens {
        Tokens {
            file: SecretFile::with_owner_of(&users.with_extension(EXTENSION), users),
        }
    }

    /// Adds a token and returns its secret, which cannot be read again.
    ///
    /// # Errors
    /// If there is a token of that name, or the file cannot be written.
    pub fn insert(&self, new: NewToken) -> Result<String, TokensError> {
        let NewToken { stored, secret } = new;
        self.file.create(TokensFile::default)?;
        self.file.change(|file| {
            if file.tokens.iter().any(|token| token.name == stored.name) {
                return Err(TokensError::Exists(stored.name.clone()));
            }
            file.tokens.push(stored);
            Ok(())
        })?;
        Ok(secret)
    }

    /// Removes a token.
    ///
    /// # Errors
    /// If there is no such token, or the file cannot be written.
    pub fn remove(&self, name: &str) -> Result<(), TokensError> {
        if !self.list()?.iter().any(|token| token.name == name) {
            return Err(TokensError::Unknown(name.to_owned()));
        }
        self.file.change(|file| {
            let before = file.tokens.len();
            file.tokens.retain(|token| token.name != name);
            if file.tokens.len() == before {
                return Err(TokensError::Unknown(name.to_owned()));
            }
            Ok(())
        })
    }

    /// Lists all tokens by name.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn list(&self) -> Result<Arc<Vec<Arc<Token>>>, TokensError> {
        match self.file.load() {
            Err(error) if error.is_missing() => Ok(Arc::default()),
            loaded => Ok(loaded?),
        }
    }

    /// Returns the token with this secret, as the file has it now.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn find(&self, secret: &str) -> Result<Option<Arc<Token>>, TokensError> {
        let presented = hash(secret);
        let mut found = None;
        // All are compared, so that the time does not tell which one matches.
        for token in self.list()?.iter() {
            if verify_slices_are_equal(&token.user.salted_password, &presented).is_ok() {
                found = Some(Arc::clone(token));
            }
        }
        Ok(found)
    }

    /// Whether a token still exists that this user stands for.
    pub(super) fn is_current(&self, user: &User) -> Result<bool, TokensError> {
        let tokens = self.list()?;
        Ok(tokens.iter().any(|token| *token.user == *user))
    }
}
