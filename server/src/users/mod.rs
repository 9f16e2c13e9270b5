//! Who may come in: the users file, and the tokens file beside it.
//!
//! One JSON file holds every user with a role (SPEC 8), the account that the role is bound to, and what
//! SCRAM-SHA-256 needs to check a password: salt, iteration count and *salted* password. A salted password is worth
//! as much as the password itself to who holds it, so the file is a secret: it is made with mode 0600 and refused
//! while anybody but its owner can read it. Programs come in by tokens ([`Tokens`]).
//!
//! What always holds is what [`secret_file`] holds: nothing is lost or seen half, and a removal or a new password counts
//! at once, also in a server that is running.

mod attempts;
mod file;
mod hex;
mod login;
mod role;
mod secret_file;
#[cfg(test)]
mod tests;
mod tokens;

use std::path::Path;
use std::sync::Arc;

pub use attempts::{Attempts, LoginLimits};
use file::{Loaded, StoredUser, UsersFile};
pub use login::LoginError;
use pgwire::api::auth::sasl::scram::gen_salted_password;
pub use role::Role;
pub use secret_file::FileError;
use secret_file::SecretFile;
pub use tokens::{NewToken, Reach, Right, Token, Tokens, TokensError};

/// How often SCRAM hashes a password (RFC 7677 asks for 4096 at least).
pub const ITERATIONS: usize = 4096;

const SALT_BYTES: usize = 16;

/// Why the users could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum UsersError {
    /// The users file could not be read or changed.
    #[error("users file {0}")]
    File(#[from] FileError),
    /// The tokens file could not be read.
    #[error(transparent)]
    Tokens(#[from] TokensError),
    /// A user name of a wrong form.
    #[error(
        "user name {0:?} is not allowed: expected 1 to 63 of the characters A-Z a-z 0-9 _ . @ - (the first no dot or hyphen)"
    )]
    BadName(String),
    /// A role that SPEC 8 does not know.
    #[error(
        "unknown role {0:?}: expected owner, admin, manager, analyst (each with an account) or operator"
    )]
    UnknownRole(String),
    /// A role that is bound to an account came without one.
    #[error("role {0} sees one account: name it (--account ID)")]
    AccountMissing(Role),
    /// An operator came with an account.
    #[error("role operator sees all accounts: leave out account {0:?}")]
    AccountNotAllowed(String),
    /// An account id of a wrong form.
    #[error("account {0:?} is not allowed: expected 1 to 64 of the characters A-Z a-z 0-9 _ -")]
    BadAccount(String),
    /// A password that cannot be one.
    #[error("the password is not allowed: expected 1 to 1024 bytes without a NUL")]
    BadPassword,
    /// The name is taken.
    #[error("user {0:?} exists already: remove it first, or change its password")]
    Exists(String),
    /// There is no such user.
    #[error("user {0:?} does not exist")]
    Unknown(String),
}

/// A user as listed: without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserInfo {
    /// The login name.
    pub name: String,
    /// The role as the file names it; one that [`Role::parse`] refuses may not log in.
    pub role: String,
    /// The account that the role is bound to; none for an operator.
    pub account: Option<String>,
}

/// The role of who came in by a token; no user can have it.
const TOKEN: &str = "token";

impl UserInfo {
    /// Whether this is a program with a token, not a person.
    pub fn is_token(&self) -> bool {
        self.role == TOKEN
    }
}

/// A user with what is needed to check its password.
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

/// The users file, read again whenever it has changed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Users {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    file: SecretFile<UsersFile>,
    tokens: Tokens,
}

/// A user who can be, and is not among the users yet: so that wrong use is told before anything is made.
#[derive(Debug)]
pub struct NewUser(StoredUser);

impl NewUser {
    /// With a role and the account that it is bound to.
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
    /// Opens the users file, making an empty one where there is none.
    ///
    /// # Errors
    /// If the file cannot be made or read, is damaged, or is open to others than its owner.
    pub fn open(path: impl AsRef<Path>) -> Result<Users, UsersError> {
        let path = path.as_ref();
        let file = SecretFile::at(path);
        file.make(|| UsersFile::empty(&random_bytes::<32>()))?;
        file.load()?;
        let tokens = Tokens::beside(path);
        Ok(Users {
            inner: Arc::new(Inner { file, tokens }),
        })
    }

    /// The tokens of programs, which the file beside this one holds.
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

    /// Adds a user who has been checked.
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

    /// Gives a user another password.
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

    /// All users, by name, without their secrets.
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

    /// The user of that name as the file has it now.
    ///
    /// # Errors
    /// If the file can no longer be read.
    pub fn find(&self, name: &str) -> Result<Option<Arc<User>>, UsersError> {
        Ok(self.load()?.users.get(name).cloned())
    }

    /// Whether somebody who came in is still who that was: not removed, and with the same password, role and account; or,
    /// of a token, with the same token.
    ///
    /// # Errors
    /// If the file that tells can no longer be read.
    pub fn is_still(&self, user: &User) -> Result<bool, UsersError> {
        if user.info.is_token() {
            return Ok(self.inner.tokens.is_still(user)?);
        }
        Ok(self.find(&user.info.name)?.is_some_and(|now| *now == *user))
    }

    /// A user that cannot log in, to be asked for a password in place of one that does not exist: always the same
    /// salt for the same name, as a real one has, also after a restart.
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

    fn load(&self) -> Result<Arc<Loaded>, UsersError> {
        Ok(self.inner.file.load()?)
    }

    fn change(
        &self,
        edit: impl FnOnce(&mut UsersFile) -> Result<(), UsersError>,
    ) -> Result<(), UsersError> {
        self.inner.file.change(edit)
    }
}

/// A salt, the number of iterations and the salted password.
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

/// Whether a user, or a token, can have this name.
fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_.@-".contains(c);
    (1..=63).contains(&name.len()) && !name.starts_with(['.', '-']) && name.chars().all(allowed)
}
