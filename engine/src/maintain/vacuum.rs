//! Vacuuming and expiring: what only versions from before a cutoff need is deleted.
//!
//! A version counts for as long as it was the newest one. So the version that was in force at the cutoff and all after it
//! are kept, and older ones too where somebody still goes by them: derived tables that have yet to consume a landed one's
//! changes, and derived versions that are served until all agree (SPEC M7).

use chrono::{DateTime, Utc};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};

use super::TableMaintenance;
use crate::EngineError;
use crate::lake::{Lake, LakeError, TableId};

/// Deletes a table's files and log entries that nothing from the cutoff on needs.
pub(super) async fn vacuum(
    lake: &Lake,
    id: TableId,
    cutoff: DateTime<Utc>,
    done: &mut TableMaintenance,
) -> Result<(), EngineError> {
    // Listed before the log is read: a file that a commit names by then is known to be named. One that is written and not
    // named yet is younger than the cutoff.
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
                // Somebody else vacuums too.
                Err(object_store::Error::NotFound { .. }) => {}
                Err(error) => return Err(LakeError::from(error).into()),
            }
        }
    }
    done.log_entries += lake.expire_log(id, first, cutoff).await?;
    Ok(())
}

/// The table's data files from before the cutoff, by their paths inside its folder.
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
        // Where a path had to be encoded, the log may spell it in another way: no such file is ours.
        let is_data = path.ends_with(".parquet") && !path.starts_with('_') && !path.contains('%');
        if is_data && object.last_modified < cutoff {
            stored.push((path.to_owned(), object));
        }
    }
    Ok(stored)
}

/// The first version of a table that somebody goes by, however old it is.
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
