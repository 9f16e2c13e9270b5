//! Where the result of a query goes: standard output, or a file that appears when it is whole.

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
                CliError::NobodyReads
            }
            error => CliError::Failed(format!("cannot write the result: {error}")),
        }
    }
}

/// Where a result goes.
pub(super) enum Destination {
    /// Standard output.
    Stdout,
    /// A file: written beside its place, and put there once it is whole.
    File { new: NamedTempFile, path: PathBuf },
}

impl Destination {
    /// The destination that the options name.
    pub fn open(output: Option<&Path>) -> Result<Self, CliError> {
        let Some(path) = output else {
            return Ok(Destination::Stdout);
        };
        let folder = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let new = NamedTempFile::new_in(folder).map_err(|error| {
            CliError::Failed(format!("cannot write {}: {error}", path.display()))
        })?;
        Ok(Destination::File {
            new,
            path: path.to_owned(),
        })
    }

    /// Something to write into.
    pub fn stream(&self) -> Result<BufWriter<Box<dyn Write + Send>>, CliError> {
        Ok(BufWriter::new(match self {
            Destination::Stdout => Box::new(io::stdout()),
            Destination::File { new, .. } => {
                Box::new(new.as_file().try_clone().map_err(CliError::failed)?)
            }
        }))
    }

    /// Puts the file in its place.
    pub fn finish(self) -> Result<(), CliError> {
        let Destination::File { new, path } = self else {
            return Ok(());
        };
        let fail = |error: io::Error| {
            CliError::Failed(format!("cannot write {}: {error}", path.display()))
        };
        readable(new.as_file()).map_err(fail)?;
        new.persist(&path).map_err(|error| fail(error.error))?;
        Ok(())
    }
}

/// A temporary file is its owner's alone; a result is as readable as any other new file.
#[cfg(unix)]
fn readable(file: &File) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    file.set_permissions(std::fs::Permissions::from_mode(0o644))
}

#[cfg(not(unix))]
fn readable(_: &File) -> io::Result<()> {
    Ok(())
}

/// The form of a result: as asked for, else as the file's ending says, else a table.
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
