//! A store in memory that fails requests by a seed, as object stores and networks do.

use std::fmt::{Display, Formatter};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, GetResultPayload, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result,
};
use rand::rngs::StdRng;
use rand::{Rng, RngCore, SeedableRng};
use tokio::sync::Notify;

/// How a request ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Well,
    /// It fails, and nothing was done.
    Refused,
    /// It is done, and fails all the same: a time-out, say.
    Unconfirmed,
    /// A body ends in the middle.
    Torn,
    /// A new object is written, and a retry of the client is told that it exists.
    Repeated,
}

/// The store of all processes of a run.
#[derive(Debug)]
pub struct FaultyStore {
    inner: InMemory,
    dice: Mutex<StdRng>,
    faulty: AtomicBool,
    /// The number of requests until `reached` is notified.
    countdown: AtomicU64,
    pub reached: Notify,
    pub faults: AtomicU64,
}

impl Display for FaultyStore {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        f.write_str("a store that fails")
    }
}

fn failure(why: &'static str, path: &Path) -> Error {
    Error::Generic {
        store: "faulty",
        source: format!("{why}: {path}").into(),
    }
}

impl FaultyStore {
    pub fn new(seed: u64) -> Arc<FaultyStore> {
        Arc::new(FaultyStore {
            inner: InMemory::new(),
            dice: Mutex::new(StdRng::seed_from_u64(seed)),
            faulty: AtomicBool::new(false),
            countdown: AtomicU64::new(0),
            reached: Notify::new(),
            faults: AtomicU64::new(0),
        })
    }

    /// Fails some requests from now on, or none.
    pub fn set_faulty(&self, faulty: bool) {
        self.faulty.store(faulty, Ordering::SeqCst);
    }

    /// Notifies `reached` after so many requests.
    pub fn count_down(&self, requests: u64) {
        self.countdown.store(requests, Ordering::SeqCst);
    }

    /// Lets other tasks go first, now and then, and decides how a request ends.
    async fn request(&self, fates: &[Fate]) -> Fate {
        let left = self
            .countdown
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        if left == Ok(1) {
            self.reached.notify_one();
        }
        let (yields, fate) = {
            let mut dice = self.dice.lock().unwrap();
            let fails = self.faulty.load(Ordering::SeqCst) && dice.random_bool(0.03);
            let fate = match fails {
                true => fates[dice.random_range(0..fates.len())],
                false => Fate::Well,
            };
            (dice.next_u32() % 4, fate)
        };
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        if fate != Fate::Well {
            self.faults.fetch_add(1, Ordering::SeqCst);
        }
        fate
    }
}

#[async_trait]
impl ObjectStore for FaultyStore {
    async fn put_opts(
        &self,
        path: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let is_new = matches!(options.mode, PutMode::Create);
        let fates = match is_new {
            true => &[Fate::Refused, Fate::Unconfirmed, Fate::Repeated][..],
            false => &[Fate::Refused, Fate::Unconfirmed],
        };
        let fate = self.request(fates).await;
        if fate == Fate::Refused {
            return Err(failure("refused", path));
        }
        let put = self.inner.put_opts(path, payload, options).await?;
        match fate {
            Fate::Unconfirmed => Err(failure("timed out", path)),
            Fate::Repeated => Err(Error::AlreadyExists {
                path: path.to_string(),
                source: "the first try has written it".into(),
            }),
            _ => Ok(put),
        }
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        match self.request(&[Fate::Refused]).await {
            Fate::Refused => Err(failure("refused", path)),
            _ => self.inner.put_multipart_opts(path, options).await,
        }
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let fate = self.request(&[Fate::Refused, Fate::Torn]).await;
        if fate == Fate::Refused {
            return Err(failure("refused", path));
        }
        let mut got = self.inner.get_opts(path, options).await?;
        if fate == Fate::Torn {
            let body = stream::iter([
                Ok(Bytes::from_static(b"PAR")),
                Err(failure("the connection was reset", path)),
            ]);
            got.payload = GetResultPayload::Stream(body.boxed());
        }
        Ok(got)
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(paths)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }
}
