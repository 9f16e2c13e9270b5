//! Watches a folder or the prefix of a bucket, and lands its files as they come.
//!
//! The listing is polled, so a bucket is watched as a folder is. A file is landed once two polls in a row have found it the
//! same, so that one that is being written waits. The lake remembers each file that was landed, as long as it is listed, by
//! name, size, time and tag. It remembers a file after its landing: a crash between the two lands it again, which changes
//! nothing (SPEC E1), and so do two processes that watch the same files.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt, PutPayload};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use super::error::LandError;
use super::report::LandReport;
use super::source::{LandSource, is_event_file, is_hidden};
use crate::lake::{LakeError, Location};
use crate::{Engine, EngineError, Progress};

/// The folder of the lake in which it remembers what was landed, one file for each watched address.
const REMEMBERED: &str = "_watched";
/// The most bytes of files that are landed together: those of a bucket are on disk meanwhile.
const TOGETHER: u64 = 1 << 30;

/// Tells one content of a file from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Content {
    size: u64,
    /// When it was written, in microseconds since 1970.
    modified: i64,
    tag: Option<String>,
}

impl From<&ObjectMeta> for Content {
    fn from(object: &ObjectMeta) -> Self {
        Self {
            size: object.size,
            modified: object.last_modified.timestamp_micros(),
            tag: object.e_tag.clone(),
        }
    }
}

/// The contents of files, by their paths inside the watched address.
type Files = BTreeMap<String, Content>;

/// Files in the order of their landing.
type Group = Vec<(String, Content)>;

/// Watches an address for files of events.
pub struct Watch {
    engine: Engine,
    location: Location,
    store: Arc<dyn ObjectStore>,
    /// What the last poll found.
    listed: Files,
    /// What was landed.
    landed: Files,
    /// What could not be read; it is tried again when it changes.
    unreadable: Files,
}

/// Tells what a poll did.
#[derive(Debug, Default)]
pub struct Polled {
    /// The reports of its landings.
    pub reports: Vec<LandReport>,
    /// Why files could not be read; the others have landed.
    pub unreadable: Vec<LandError>,
}

impl Watch {
    /// Begins to watch an address: a folder, or a URL as a lake has it.
    ///
    /// # Errors
    /// An address that cannot be used, or a lake that cannot be read.
    pub async fn open(engine: Engine, address: &str) -> Result<Watch, EngineError> {
        let location = Location::resolve(address, &engine.options().storage, false)?;
        let landed = remembered(&engine, &location).await?;
        Ok(Watch {
            store: location.lake_store(),
            engine,
            location,
            listed: Files::new(),
            landed,
            unreadable: Files::new(),
        })
    }

    /// Returns whether the address is a folder on a local disk.
    pub fn is_local(&self) -> bool {
        self.location.folder().is_some()
    }

    /// Lands the files that came and are the same as at the poll before, the oldest first.
    ///
    /// # Errors
    /// An address that cannot be listed, or a lake that cannot be written: the next poll tries again.
    pub async fn poll(&mut self, progress: &dyn Progress) -> Result<Polled, EngineError> {
        let now = self.list().await?;
        let before = std::mem::replace(&mut self.listed, now);
        let listed = &self.listed;
        self.landed.retain(|path, _| listed.contains_key(path));
        self.unreadable.retain(|path, _| listed.contains_key(path));
        let settled = listed.iter().filter(|(path, content)| {
            let is_in = |files: &Files| files.get(*path) == Some(*content);
            is_in(&before) && !is_in(&self.landed) && !is_in(&self.unreadable)
        });
        let settled = settled.map(|(path, content)| (path.clone(), content.clone()));
        let mut new: Group = settled.collect();
        new.sort_by(|(a, x), (b, y)| (x.modified, a).cmp(&(y.modified, b)));
        let mut polled = Polled::default();
        for group in groups(new) {
            self.land(group, &mut polled, progress).await?;
        }
        Ok(polled)
    }

    /// Returns the files of events that there are.
    async fn list(&self) -> Result<Files, EngineError> {
        let objects = self.store.list(None).try_collect::<Vec<_>>().await;
        let objects = objects.map_err(LakeError::from)?;
        let files = objects.iter().filter_map(|object| {
            let path: &str = object.location.as_ref();
            let path = PathBuf::from(path);
            let hidden = path.iter().any(|part| is_hidden(part.as_ref()));
            let file = (object.location.to_string(), Content::from(object));
            (is_event_file(&path) && !hidden).then_some(file)
        });
        Ok(files.collect())
    }

    /// Lands files together. Where one cannot be read, each is landed by itself.
    async fn land(
        &mut self,
        group: Group,
        polled: &mut Polled,
        progress: &dyn Progress,
    ) -> Result<(), EngineError> {
        match self.land_files(&group, progress).await {
            Ok(report) => {
                polled.reports.push(report);
                self.landed.extend(group);
            }
            Err(EngineError::Land(error)) if error.is_of_input() && group.len() == 1 => {
                polled.unreadable.push(error);
                self.unreadable.extend(group);
            }
            Err(EngineError::Land(error)) if error.is_of_input() => {
                for file in group {
                    Box::pin(self.land(vec![file], polled, progress)).await?;
                }
            }
            Err(error) => return Err(error),
        }
        self.remember().await
    }

    async fn land_files(
        &self,
        files: &[(String, Content)],
        progress: &dyn Progress,
    ) -> Result<LandReport, EngineError> {
        // The copies go when they have landed.
        let (mut copies, mut sources) = (Vec::new(), Vec::new());
        for (path, _) in files {
            let place = Path::parse(path).map_err(object_store::Error::from);
            let object = self.store.get(&place.map_err(LakeError::from)?).await;
            let object = object.map_err(LakeError::from)?;
            let local = match object.payload {
                GetResultPayload::File(_, local) => local,
                GetResultPayload::Stream(bytes) => {
                    let copy = self.copy(bytes).await?;
                    let local = copy.path().to_owned();
                    copies.push(copy);
                    local
                }
            };
            let label = format!("{}{path}", self.location.url);
            sources.push(LandSource::file(label, local));
        }
        self.engine.land(sources, progress).await
    }

    /// Copies a file of a bucket to the spill folder.
    async fn copy(
        &self,
        mut bytes: BoxStream<'static, object_store::Result<Bytes>>,
    ) -> Result<NamedTempFile, EngineError> {
        let folder = self.engine.options().spill_dir.clone();
        let folder = folder.unwrap_or_else(std::env::temp_dir);
        let failed = |source| LandError::Spill {
            folder: folder.display().to_string(),
            source,
        };
        let mut copy = NamedTempFile::new_in(&folder).map_err(failed)?;
        while let Some(bytes) = bytes.try_next().await.map_err(LakeError::from)? {
            copy.write_all(&bytes).map_err(failed)?;
        }
        Ok(copy)
    }

    async fn remember(&self) -> Result<(), EngineError> {
        let text = serde_json::to_vec(&self.landed).map_err(|e| wrong(&self.location, &e))?;
        let place = place(&self.location);
        let put = self
            .engine
            .lake()
            .store()
            .put(&place, PutPayload::from(text));
        put.await.map_err(LakeError::from)?;
        Ok(())
    }
}

/// Returns the lake's file that remembers what was landed of an address.
fn place(location: &Location) -> Path {
    Path::from(REMEMBERED).join(format!("{}.json", location.url))
}

fn wrong(location: &Location, error: &serde_json::Error) -> EngineError {
    EngineError::Request(format!(
        "{}, in the lake, does not say what was landed: {error}; without it all files are landed again, which changes nothing",
        place(location)
    ))
}

/// Reads what was landed of an address.
async fn remembered(engine: &Engine, location: &Location) -> Result<Files, EngineError> {
    let read = engine.lake().store().get(&place(location)).await;
    let text = match read {
        Ok(object) => object.bytes().await.map_err(LakeError::from)?,
        Err(object_store::Error::NotFound { .. }) => return Ok(Files::new()),
        Err(error) => return Err(LakeError::from(error).into()),
    };
    serde_json::from_slice(&text).map_err(|error| wrong(location, &error))
}

/// Divides files into groups that are landed together.
fn groups(files: Group) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::new();
    let mut room = 0;
    for file in files {
        let size = file.1.size;
        match groups.last_mut() {
            Some(group) if size <= room => {
                room -= size;
                group.push(file);
            }
            _ => {
                room = TOGETHER.saturating_sub(size);
                groups.push(vec![file]);
            }
        }
    }
    groups
}
