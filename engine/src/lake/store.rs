//! Resolves a lake's address to an object store that is rooted at the lake.

use std::collections::HashMap;
use std::path::{Path as FsPath, PathBuf};
use std::sync::Arc;

use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{Error, ObjectStore, ObjectStoreExt, PutMode, PutPayload, parse_url_opts};
use url::Url;
use uuid::Uuid;

use super::error::LakeError;

/// The URL schemes of a lake's address. All others are refused before any I/O.
const SCHEMES: [&str; 9] = [
    "file", "memory", "s3", "s3a", "gs", "az", "azure", "abfs", "abfss",
];

/// Wraps the object store of a lake: to count requests, say, or to make them fail.
pub trait StoreLayer: std::fmt::Debug + Send + Sync {
    /// Returns the store to use for one that is rooted at the bucket.
    fn wrap(&self, store: Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore>;
}

/// A lake's address, resolved.
#[derive(Debug, Clone)]
pub(crate) struct Location {
    /// The lake's canonical URL, ending in a slash.
    pub url: Url,
    /// The object store, rooted at the bucket.
    pub root: Arc<dyn ObjectStore>,
    /// The lake's folder in the store.
    pub prefix: Path,
}

impl Location {
    /// Resolves an address, which is a path or a URL. Creates a local folder if `create`.
    pub fn resolve(
        address: &str,
        options: &HashMap<String, String>,
        create: bool,
    ) -> Result<Location, LakeError> {
        let refuse = |reason: String| LakeError::Address {
            url: address.to_owned(),
            reason,
        };
        if address.is_empty() {
            return Err(refuse("it is empty".into()));
        }
        let mut url = match address.split_once("://") {
            Some((scheme, _)) if !SCHEMES.contains(&scheme) => {
                return Err(refuse(format!("unknown scheme {scheme:?}")));
            }
            Some(_) => Url::parse(address).map_err(|e| refuse(e.to_string()))?,
            None => local_url(FsPath::new(address), create).map_err(refuse)?,
        };
        if !url.path().ends_with('/') {
            url.set_path(&format!("{}/", url.path()));
        }
        if url.scheme() == "file" {
            let folder = url
                .to_file_path()
                .map_err(|()| refuse("not a local path".into()))?;
            prepare_folder(&folder, create).map_err(refuse)?;
        }
        let (store, prefix) = parse_url_opts(&url, options.iter().map(|(k, v)| (k, v.clone())))
            .map_err(|e| refuse(e.to_string()))?;
        Ok(Location {
            url,
            root: Arc::from(store),
            prefix,
        })
    }

    /// Returns the location with another store.
    pub fn over(mut self, layer: Option<&dyn StoreLayer>) -> Location {
        if let Some(layer) = layer {
            self.root = layer.wrap(self.root);
        }
        self
    }

    /// Returns the store rooted at the lake.
    pub fn lake_store(&self) -> Arc<dyn ObjectStore> {
        Arc::new(PrefixStore::new(
            Arc::clone(&self.root),
            self.prefix.clone(),
        ))
    }

    /// Returns the store rooted at a table's folder.
    pub fn table_store(&self, name: &str) -> Arc<dyn ObjectStore> {
        Arc::new(PrefixStore::new(
            Arc::clone(&self.root),
            self.prefix.clone().join(name),
        ))
    }

    /// Refuses a store that writes an object although it exists: of two commits of a version the second would overwrite the
    /// first.
    ///
    /// # Errors
    /// [`LakeError::Address`] for such a store, and for one that cannot be written.
    pub async fn require_conditional_writes(&self) -> Result<(), LakeError> {
        let refuse = |reason: String| LakeError::Address {
            url: self.url.to_string(),
            reason,
        };
        let store = self.lake_store();
        let name = Path::from(format!("_conditional_write-{}", Uuid::new_v4()));
        let write = || {
            let once = PutMode::Create.into();
            store.put_opts(&name, PutPayload::from_static(b"once"), once)
        };
        write().await.map_err(|e| refuse(e.to_string()))?;
        let again = write().await;
        if let Err(error) = store.delete(&name).await {
            tracing::warn!(%error, object = %name, "an object that only tried the store could not be deleted");
        }
        match again {
            Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => Ok(()),
            Err(error) => Err(refuse(error.to_string())),
            Ok(_) => Err(refuse(
                "the store has no conditional writes: it overwrites an object that it is asked to create, so writers would lose each other's commits".to_owned(),
            )),
        }
    }

    /// Returns the folder of a lake on a local disk.
    pub fn folder(&self) -> Option<PathBuf> {
        (self.url.scheme() == "file")
            .then(|| self.url.to_file_path().ok())
            .flatten()
    }
}

fn local_url(path: &FsPath, create: bool) -> Result<Url, String> {
    prepare_folder(path, create)?;
    let absolute = std::path::absolute(path).map_err(|e| e.to_string())?;
    // A path that does not exist has no canonical form; the caller reports the lake as missing.
    let absolute = std::fs::canonicalize(&absolute).unwrap_or(absolute);
    Url::from_directory_path(&absolute).map_err(|()| "not an absolute path".to_owned())
}

fn prepare_folder(path: &FsPath, create: bool) -> Result<(), String> {
    if path.exists() && !path.is_dir() {
        return Err("it is a file".into());
    }
    if create {
        std::fs::create_dir_all(path).map_err(|e| format!("cannot make the folder: {e}"))?;
    }
    Ok(())
}
