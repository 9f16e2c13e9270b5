//! Tokens: what programs come in with, in place of a name and a password.
//!
//! A token is 32 random bytes behind a prefix by which people, and programs that look for secrets in the wrong places, know
//! what it is. It is shown once, when it is made. The tokens file, beside the users file, keeps its SHA-256, which for
//! random bytes is as good as a slow hash; whose account it reaches; and what it may do. What always holds is what
//! [`secret_file`](super::secret_file) holds, and that the time of a look-up tells nothing of the tokens that there are.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use chrono::{DateTime, SubsecRound, Utc};
use serde::{Deserialize, Serialize};

use super::secret_file::{Content, FileError, SecretFile};
use super::{TOKEN, User, UserInfo, hex, is_name};

/// How every token begins.
const PREFIX: &str = "rapport_";

/// The ending that the users file's name gets in place of its own.
const ENDING: &str = "tokens.json";

/// Why a token could not be made, found or removed.
#[derive(Debug, thiserror::Error)]
pub enum TokensError {
    /// The tokens file could not be read or changed.
    #[error("tokens file {0}")]
    File(#[from] FileError),
    /// A name of a wrong form.
    #[error(
        "token name {0:?} is not allowed: expected 1 to 63 of the characters A-Z a-z 0-9 _ . @ - (the first no dot or hyphen)"
    )]
    BadName(String),
    /// An account id of a wrong form.
    #[error("account {0:?} is not allowed: expected 1 to 64 of the characters A-Z a-z 0-9 _ -")]
    BadAccount(String),
    /// The name is taken.
    #[error("token {0:?} exists already: remove it first, or choose another name")]
    Exists(String),
    /// There is no such token.
    #[error("token {0:?} does not exist")]
    Unknown(String),
}

/// Whose data a token reaches.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// Those of every account, as an operator does.
    AllAccounts,
    /// Those of one account.
    Account(String),
}

impl Reach {
    /// The account; none for all.
    pub fn account(&self) -> Option<&str> {
        match self {
            Reach::AllAccounts => None,
            Reach::Account(account) => Some(account),
        }
    }
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Ask the saved queries.
    Read,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Right::Read => "read",
        })
    }
}

/// The whole file.
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
    /// Of the whole token, with its prefix; in hexadecimal digits.
    sha256: String,
}

/// A token as the file has it: without the secret.
#[derive(Debug, Clone)]
pub struct Token {
    /// Its name.
    pub name: String,
    /// Whose data it reaches.
    pub reach: Reach,
    /// What it may do.
    pub rights: Vec<Right>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    user: Arc<User>,
}

impl Token {
    /// Who it is where users are told of: named `token:NAME`, as no user can be.
    pub fn user(&self) -> &Arc<User> {
        &self.user
    }

    /// Whether it may do this.
    pub fn may(&self, right: Right) -> bool {
        self.rights.contains(&right)
    }
}

impl Content for TokensFile {
    type Read = Vec<Arc<Token>>;

    fn read(&self) -> Result<Vec<Arc<Token>>, String> {
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

/// A token that can be, and is not among the others yet: so that wrong use is told before anything is made.
pub struct NewToken {
    stored: StoredToken,
    secret: String,
}

impl NewToken {
    /// One that may read.
    ///
    /// # Errors
    /// If the name or the account is not allowed.
    pub fn new(name: &str, reach: Reach) -> Result<NewToken, TokensError> {
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
            rights: vec![Right::Read],
            created_at: Utc::now().trunc_subsecs(0),
            sha256: hex::encode(&hash(&secret)),
        };
        Ok(NewToken { stored, secret })
    }
}

fn hash(secret: &str) -> Vec<u8> {
    digest(&SHA256, secret.as_bytes()).as_ref().to_vec()
}

/// The tokens file, read again whenever it has changed.
#[derive(Debug)]
pub struct Tokens {
    file: SecretFile<TokensFile>,
}

impl Tokens {
    /// Those of the file beside a users file: `users.tokens.json` beside `users.json`. There may be none; the first token
    /// makes it, and gives it to whom the users file belongs to.
    pub(super) fn beside(users: &Path) -> Tokens {
        Tokens {
            file: SecretFile::like(&users.with_extension(ENDING), users),
        }
    }

    /// Adds a token; answers with it, which nobody can learn again.
    ///
    /// # Errors
    /// If there is one of that name, or the file cannot be written.
    pub fn insert(&self, new: NewToken) -> Result<String, TokensError> {
        let NewToken { stored, secret } = new;
        self.file.make(TokensFile::default)?;
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

    /// All tokens, by name.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn list(&self) -> Result<Arc<Vec<Arc<Token>>>, TokensError> {
        match self.file.load() {
            Err(error) if error.is_missing() => Ok(Arc::default()),
            loaded => Ok(loaded?),
        }
    }

    /// The token that somebody presents, as the file has it now.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn find(&self, secret: &str) -> Result<Option<Arc<Token>>, TokensError> {
        let presented = hash(secret);
        let mut found = None;
        // Each is looked at, whichever it is.
        for token in self.list()?.iter() {
            if verify_slices_are_equal(&token.user.salted_password, &presented).is_ok() {
                found = Some(Arc::clone(token));
            }
        }
        Ok(found)
    }

    /// Whether this is still the user of a token.
    pub(super) fn is_still(&self, user: &User) -> Result<bool, TokensError> {
        let tokens = self.list()?;
        Ok(tokens.iter().any(|token| *token.user == *user))
    }
}
