//! Deletes the files and log entries that only versions from before a cutoff need.
//!
//! The version that was the newest at the cutoff and all later ones are kept. So are older versions that are still in use:
//! those of landed tables whose changes some derived table has yet to consume, and those of derived tables that are served
//! until all derived tables agree (SPEC M7).

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};

use super::TableMaintenance;
use crate::EngineError;
use crate::lake::{Lake, LakeError, TableId};

/// Deletes a table's files and log entries that no version from the cutoff on needs.
pub(super) async fn vacuum(
    lake: &Lake,
    id: TableId,
    cutoff: DateTime<Utc>,
    done: &mut TableMaintenance,
) -> Result<(), EngineError> {
    // Files are listed before the log is read, so a listed file that a commit names is known to be named. A file that was
    // written and is not named yet is younger than the cutoff.
    let stored = stored(lake, id, cutoff).await?;
    lake.refresh().await?;
    let first = lake.version_at(id, cutoff, needed(lake, id)).await?;
    if !stored.is_empty() {
        let named = lake.named_since(id, first).await?;
        for (path, object) in stored {
            if named.contains(&path) {
                continue;
            }
            match lake.store().delete(&object.location).await {
                Ok(()) => {
                    done.deleted += 1;
                    done.bytes += object.size;
                }
                // Another process vacuums at the same time.
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(LakeError::from(error).into()),
            }
        }
    }
    done.log_entries += lake.expire_log(id, first, cutoff).await?;
    Ok(())
}

/// Lists the table's data files from before the cutoff, by their paths inside its folder.
async fn stored(
    lake: &Lake,
    id: TableId,
    cutoff: DateTime<Utc>,
) -> Result<Vec<(String, ObjectMeta)>, EngineError> {
    let folder = format!("{}/", id.name());
    let mut listed = lake.store().list(Some(&Path::from(id.name())));
    let mut stored = Vec::new();
    while let Some(object) = listed.try_next().await.map_err(LakeError::from)? {
        let location = object.location.to_string();
        let Some(path) = location.strip_prefix(&folder) else {
            continue;
        };
        // The log may spell an encoded path in another way. The engine writes no such paths, so these files are left alone.
        let is_data = path.ends_with(".parquet") && !path.starts_with('_') && !path.contains('%');
        if is_data && object.last_modified < cutoff {
            stored.push((path.to_owned(), object));
        }
    }
    Ok(stored)
}

/// Returns the oldest version of a table that is still in use.
fn needed(lake: &Lake, id: TableId) -> i64 {
    let (served, current) = (lake.served(), lake.current());
    let consumed = |derived: &TableId| {
        [&served, &current].map(|lake| {
            lake.get(*derived)
                .transaction(id.name())
                .unwrap_or_default()
        })
    };
    let consumed = TableId::DERIVED.iter().flat_map(consumed).min();
    match consumed {
        Some(consumed) if TableId::CONSUMED.contains(&id) => consumed,
        _ => served.get(id).version(),
    }
}
