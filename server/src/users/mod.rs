//! Users and tokens: who may log in, kept in the users file and the tokens file next to it.
//!
//! The users file is JSON: each user's name, role (SPEC 8), the account that the role is bound to, and what SCRAM-SHA-256
//! needs to check a password: salt, iteration count and *salted* password. Whoever has a salted password can log in with
//! it, so the file is secret: it is created with mode 0600 and refused while anybody but its owner can read it. Programs
//! authenticate with tokens ([`Tokens`]).
//!
//! The guarantees are those of [`secret_file`]: no update is lost or seen in part, and a removal or a new password takes
//! effect at once, also in a running server.

mod attempts;
mod file;
mod login;
mod role;
mod secret_file;
#[cfg(test)]
mod tests;
mod tokens;

use std::path::Path;
use std::sync::Arc;

pub use attempts::{Attempts, LoginLimits};
use file::{StoredUser, UsersFile, ValidUsers};
pub use login::LoginError;
use pgwire::api::auth::sasl::scram::gen_salted_password;
pub use role::Role;
pub use secret_file::FileError;
use secret_file::SecretFile;
pub use tokens::{NewToken, Reach, Right, Token, Tokens, TokensError};

/// How often SCRAM hashes a password (RFC 7677 asks for 4096 at least).
pub const ITERATIONS: usize = 4096;

const SALT_BYTES: usize = 16;

/// Says why the users could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// The users file could not be read or changed.
    #[error("users file {0}")]
    File(#[from] FileError),
    /// The tokens file could not be read.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// The user name has a wrong form.
    #[error(
        "user name {0:?} is not allowed: expected 1 to 63 of the characters A-Z a-z 0-9 _ . @ - (the first no dot or hyphen)"
    )]
    BadName(String),
    /// The role is not one of SPEC 8.
    #[error(
        "unknown role {0:?}: expected owner, admin, manager, analyst (each with an account) or operator"
    )]
    UnknownRole(String),
    /// A role that is bound to an account was given without one.
    #[error("role {0} sees one account: name it (--account ID)")]
    AccountMissing(Role),
    /// An operator was given an account.
    #[error("role operator sees all accounts: leave out account {0:?}")]
    AccountNotAllowed(String),
    /// The account id has a wrong form.
    #[error("account {0:?} is not allowed: expected 1 to 64 of the characters A-Z a-z 0-9 _ -")]
    BadAccount(String),
    /// The password is empty, too long, or contains a NUL.
    #[error("the password is not allowed: expected 1 to 1024 bytes without a NUL")]
    BadPassword,
    /// The name is taken.
    #[error("user {0:?} exists already: remove it first, or change its password")]
    Exists(String),
    /// There is no such user.
    #[error("user {0:?} does not exist")]
    Unknown(String),
}

/// Describes a user, without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInfo {
    /// The login name.
    pub name: String,
    /// The role as the file names it; one that [`Role::parse`] refuses may not log in.
    pub role: String,
    /// The account that the role is bound to; none for an operator.
    pub account: Option<String>,
}

/// The role of programs that authenticated with a token; [`Role::parse`] refuses it, so no user can have it.
const TOKEN: &str = "token";

impl UserInfo {
    /// Whether this is a program with a token, not a person.
    pub fn is_token(&self) -> bool {
        self.role == TOKEN
    }
}

/// Represents a user with what is needed to check their password.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// Name, role and account.
    pub info: UserInfo,
    /// The salt of the password.
    pub salt: Vec<u8>,
    /// How often the password was hashed.
    pub iterations: usize,
    /// PBKDF2 of the password: a secret.
    pub salted_password: Vec<u8>,
}

impl std::fmt::Debug for User {
    /// Leaves the secrets out.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("User")
            .field("info", &self.info)
            .finish_non_exhaustive()
    }
}

/// Reads and changes the users file; reads it again whenever it has changed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Users {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: SecretFile<UsersFile>,
    tokens: Tokens,
}

/// Represents a checked user who is not in the file yet, so that wrong input is reported before a lake or file is created.
#[derive(Debug)]
pub struct NewUser(StoredUser);

impl NewUser {
    /// Checks a new user's name, role, account and password, and salts the password.
    ///
    /// # Errors
    /// If the name, role, account or password is not allowed.
    pub fn new(
        name: &str,
        role: &str,
        account: Option<&str>,
        password: &str,
    ) -> Result<NewUser, UsersError> {
        if !is_name(name) {
            return Err(UsersError::BadName(name.to_owned()));
        }
        Role::parse(role)?.check_account(account)?;
        let secret = password_secret(password)?;
        Ok(NewUser(StoredUser::new(name, role, account, secret)))
    }
}

impl Users {
    /// Opens the users file, or creates an empty one.
    ///
    /// # Errors
    /// If the file cannot be created or read, is damaged, or can be opened by others than its owner.
    pub fn open(path: impl AsRef<Path>) -> Result<Users, UsersError> {
        let path = path.as_ref();
        let file = SecretFile::new(path);
        file.create(|| UsersFile::empty(&random_bytes::<32>()))?;
        file.load()?;
        let tokens = Tokens::of_users_file(path);
        Ok(Users {
            inner: Arc::new(Inner { file, tokens }),
        })
    }

    /// Returns the tokens of programs, which are in the file next to this one.
    pub fn tokens(&self) -> &Tokens {
        &self.inner.tokens
    }

    /// Adds a user.
    ///
    /// # Errors
    /// If the name, the role, the account or the password is not allowed or the name is taken (then nothing is
    /// changed), or the file cannot be written.
    pub fn add(
        &self,
        name: &str,
        role: &str,
        account: Option<&str>,
        password: &str,
    ) -> Result<(), UsersError> {
        self.insert(NewUser::new(name, role, account, password)?)
    }

    /// Adds a checked user.
    ///
    /// # Errors
    /// If there is a user of that name or the file cannot be written.
    pub fn insert(&self, NewUser(new): NewUser) -> Result<(), UsersError> {
        self.change(|file| {
            if file.users.iter().any(|user| user.name == new.name) {
                return Err(UsersError::Exists(new.name.clone()));
            }
            file.users.push(new);
            Ok(())
        })
    }

    /// Removes a user.
    ///
    /// # Errors
    /// If there is no such user or the file cannot be written.
    pub fn remove(&self, name: &str) -> Result<(), UsersError> {
        self.change(|file| {
            let before = file.users.len();
            file.users.retain(|user| user.name != name);
            if file.users.len() == before {
                return Err(UsersError::Unknown(name.to_owned()));
            }
            Ok(())
        })
    }

    /// Replaces a user's password.
    ///
    /// # Errors
    /// If there is no such user, the password is not allowed or the file cannot be written.
    pub fn set_password(&self, name: &str, password: &str) -> Result<(), UsersError> {
        let secret = password_secret(password)?;
        self.change(|file| {
            let user = file
                .users
                .iter_mut()
                .find(|user| user.name == name)
                .ok_or_else(|| UsersError::Unknown(name.to_owned()))?;
            user.set_secret(secret);
            Ok(())
        })
    }

    /// Lists all users by name, without their secrets.
    ///
    /// # Errors
    /// If the file can no longer be read.
    pub fn list(&self) -> Result<Vec<UserInfo>, UsersError> {
        Ok(self
            .load()?
            .users
            .values()
            .map(|user| user.info.clone())
            .collect())
    }

    /// Returns the user of that name, as the file has it now.
    ///
    /// # Errors
    /// If the file can no longer be read.
    pub fn find(&self, name: &str) -> Result<Option<Arc<User>>, UsersError> {
        Ok(self.load()?.users.get(name).cloned())
    }

    /// Whether a logged-in user may stay: it still exists with the same password, role and account, or, for a program, with
    /// the same token.
    ///
    /// # Errors
    /// If the users file or the tokens file can no longer be read.
    pub fn is_current(&self, user: &User) -> Result<bool, UsersError> {
        if user.info.is_token() {
            return Ok(self.inner.tokens.is_current(user)?);
        }
        Ok(self.find(&user.info.name)?.is_some_and(|now| *now == *user))
    }

    /// Makes a user that cannot log in, to stand for one that does not exist. Its salt is always the same for the same
    /// name, also after a restart, so that a client cannot tell it from a real user's.
    ///
    /// # Errors
    /// If the file can no longer be read.
    pub fn decoy(&self, name: &str) -> Result<User, UsersError> {
        let mut salt = gen_salted_password(name, &self.load()?.server_key, 1);
        salt.truncate(SALT_BYTES);
        Ok(User {
            info: UserInfo {
                name: name.to_owned(),
                role: String::new(),
                account: None,
            },
            salt,
            iterations: ITERATIONS,
            salted_password: random_bytes::<32>(),
        })
    }

    fn load(&self) -> Result<Arc<ValidUsers>, UsersError> {
        Ok(self.inner.file.load()?)
    }

    fn change(
        &self,
        edit: impl FnOnce(&mut UsersFile) -> Result<(), UsersError>,
    ) -> Result<(), UsersError> {
        self.inner.file.change(edit)
    }
}

/// Holds a salted password with its salt and number of iterations.
struct Secret {
    salt: Vec<u8>,
    iterations: usize,
    salted_password: Vec<u8>,
}

fn password_secret(password: &str) -> Result<Secret, UsersError> {
    if password.is_empty() || password.len() > 1024 || password.contains('\0') {
        return Err(UsersError::BadPassword);
    }
    let salt = random_bytes::<SALT_BYTES>();
    let salted_password = gen_salted_password(password, &salt, ITERATIONS);
    Ok(Secret {
        salt,
        iterations: ITERATIONS,
        salted_password,
    })
}

fn random_bytes<const N: usize>() -> Vec<u8> {
    rand::random::<[u8; N]>().to_vec()
}

/// Whether a user or a token may have this name.
fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.@-".contains(c);
    (1..=63).contains(&name.len()) && !name.starts_with(['.', '-']) && name.chars().all(allowed)
}
