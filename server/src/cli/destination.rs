//! The destination of a query's result: standard output, or a file that appears once it is complete.

use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::error::CliError;
use crate::output::{OutputError, ResultForm};

impl From<OutputError> for CliError {
    fn from(error: OutputError) -> Self {
        match error {
            OutputError::Io(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                CliError::ClosedOutput
            }
            error => CliError::Failed(format!("cannot write the result: {error}")),
        }
    }
}

/// Represents the destination of a result.
pub(super) enum Destination {
    /// Standard output.
    Stdout,
    /// A file: written as a temporary file in the same folder, and renamed to `path` once it is complete.
    File { new: NamedTempFile, path: PathBuf },
}

impl Destination {
    /// The destination that the options name.
    pub fn open(output: Option<&Path>) -> Result<Self, CliError> {
        let Some(path) = output else {
            return Ok(Destination::Stdout);
        };
        let new = NamedTempFile::new_in(path.parent().unwrap_or(path)).map_err(|error| {
            CliError::Failed(format!("cannot write {}: {error}", path.display()))
        })?;
        Ok(Destination::File {
            new,
            path: path.to_owned(),
        })
    }

    /// Returns the stream to write the result to.
    pub fn stream(&self) -> Result<BufWriter<Box<dyn Write + Send>>, CliError> {
        Ok(BufWriter::new(match self {
            Destination::Stdout => Box::new(io::stdout()),
            Destination::File { new, .. } => {
                Box::new(new.as_file().try_clone().map_err(CliError::failed)?)
            }
        }))
    }

    /// Renames the file to its path.
    pub fn finish(self) -> Result<(), CliError> {
        let Destination::File { new, path } = self else {
            return Ok(());
        };
        let fail = |error: io::Error| {
            CliError::Failed(format!("cannot write {}: {error}", path.display()))
        };
        make_readable(new.as_file()).map_err(fail)?;
        new.persist(&path).map_err(|error| fail(error.error))?;
        Ok(())
    }
}

/// Lets others read the file: only its owner can read a temporary file, but everybody most other new files.
#[cfg(unix)]
fn make_readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn make_readable(_: &File) -> io::Result<()> {
    Ok(())
}

/// Chooses the form of a result: the one asked for, else by the file's extension, else a table.
pub(super) fn form(
    asked: Option<ResultForm>,
    output: Option<&Path>,
) -> Result<ResultForm, CliError> {
    let ending = output
        .and_then(Path::extension)
        .and_then(|ending| ending.to_str());
    let form = asked.unwrap_or(match ending {
        Some("csv") => ResultForm::Csv,
        Some("json") => ResultForm::Json,
        Some("parquet") => ResultForm::Parquet,
        _ => ResultForm::Table,
    });
    if form == ResultForm::Parquet && output.is_none() && io::stdout().is_terminal() {
        return Err(CliError::Usage(
            "Parquet is no text for a terminal: name a file with --output FILE".into(),
        ));
    }
    Ok(form)
}
