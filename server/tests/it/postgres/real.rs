//! A PostgreSQL of the test's own, in a temporary folder, reached by a socket there alone.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;
use tokio_postgres::Config;

/// A running PostgreSQL; it stops when this is dropped.
pub struct RealPostgres {
    folder: TempDir,
    programs: PathBuf,
    owner: Option<(u32, u32)>,
}

/// The version whose answers are compared with.
const VERSION: &str = "15";

/// The folder of the programs of a PostgreSQL of that version.
fn programs() -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_of_version = |folder: &PathBuf| {
        let told = Command::new(folder.join("initdb"))
            .arg("--version")
            .output();
        let told = told.map(|told| String::from_utf8_lossy(&told.stdout).into_owned());
        told.is_ok_and(|told| told.contains(&format!(" {VERSION}.")))
            && folder.join("pg_ctl").exists()
    };
    std::iter::once(PathBuf::from(format!("/usr/lib/postgresql/{VERSION}/bin")))
        .chain(std::env::split_paths(&path))
        .find(is_of_version)
        .unwrap_or_else(|| {
            panic!("needs a PostgreSQL {VERSION} (initdb and pg_ctl: Debian's package postgresql-{VERSION})")
        })
}

fn number(arguments: &[&str]) -> Option<u32> {
    let output = Command::new("id").args(arguments).output().ok()?;
    String::from_utf8_lossy(&output.stdout).trim().parse().ok()
}

/// Root cannot run a PostgreSQL; the user that the package makes can.
fn owner() -> Option<(u32, u32)> {
    if number(&["-u"]) != Some(0) {
        return None;
    }
    let user = number(&["-u", "postgres"]);
    let group = number(&["-g", "postgres"]);
    Some(
        user.zip(group).expect(
            "a user postgres to run PostgreSQL as, which the Debian package postgresql makes",
        ),
    )
}

impl RealPostgres {
    /// Makes one and starts it.
    pub fn start() -> RealPostgres {
        let real = RealPostgres {
            folder: tempfile::tempdir().unwrap(),
            programs: programs(),
            owner: owner(),
        };
        if let Some((user, group)) = real.owner {
            chown(real.folder.path(), Some(user), Some(group)).unwrap();
        }
        let data = real.data();
        // Texts are compared by their bytes, as they are here; letters are those of Unicode.
        real.run(
            "initdb",
            &[
                "-D",
                &data,
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--no-sync",
                "--locale=C",
                "--lc-ctype=C.UTF-8",
            ],
        );
        let options = format!(
            "-k {} -c listen_addresses= -c fsync=off -c timezone=UTC",
            real.folder.path().display()
        );
        let log = real.folder.path().join("log");
        let log = log.to_str().unwrap();
        real.run(
            "pg_ctl",
            &["-D", &data, "-w", "-l", log, "-o", &options, "start"],
        );
        real
    }

    fn data(&self) -> String {
        self.folder.path().join("data").to_str().unwrap().to_owned()
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("PG")) {
            command.env_remove(name);
        }
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) {
        let status = self.command(program, arguments).status().unwrap();
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        assert!(status.success(), "{program} {arguments:?}: {status}\n{log}");
    }

    /// How a user connects to a database.
    pub fn config(&self, user: &str, database: &str) -> Config {
        let folder: &Path = self.folder.path();
        let mut config = Config::new();
        config.host_path(folder).user(user).dbname(database);
        config
    }
}

impl Drop for RealPostgres {
    fn drop(&mut self) {
        let data = self.data();
        // The folder goes away whatever comes of this.
        let _ = self
            .command("pg_ctl", &["-D", &data, "-m", "immediate", "-w", "stop"])
            .status();
    }
}
