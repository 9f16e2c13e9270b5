//! Landing of events that come by HTTP: requests that come close to one another are landed together, in one commit of each
//! table.
//!
//! What always holds: once a request is given to the [`Lander`] it is landed, whether its sender waits for the answer or not.
//! The text that is held at a time is bounded ([`Room`]), and so is the text that is landed together.

use std::sync::Arc;
use std::time::Duration;

use rapport_engine::{LandReport, LandSource};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::Instant;

/// How many requests may wait to be landed; more wait to be among them.
const WAITING: usize = 256;
/// How many bodies are decompressed at a time: each takes some MiB beside its text.
const DECODERS: usize = 4;

/// Bounds what landing over HTTP takes.
#[derive(Debug, Clone, Copy)]
pub struct LandingOptions {
    /// How long a request waits for others to share its commit.
    pub delay: Duration,
    /// The most bytes of text in a request, decompressed.
    pub request_bytes: usize,
    /// The most bytes of text in all requests that are read or landed.
    pub all_bytes: usize,
}

impl LandingOptions {
    /// Makes the default options of a process that may hold `memory` bytes.
    pub fn of_memory(memory: usize) -> LandingOptions {
        let all_bytes = memory / 8;
        LandingOptions {
            delay: Duration::from_millis(200),
            request_bytes: all_bytes.min(16 << 20),
            all_bytes,
        }
    }
}

/// Says why a request was not landed. Sending it again is safe, for what did land is a duplicate then (SPEC E1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotLanded {
    /// The lake could not be written.
    #[error("the events could not be written; send them again")]
    Failed,
    /// The server is stopping.
    #[error("the server is stopping; send the events again")]
    Stopping,
}

/// There is no room for more text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the events that are being landed take all the memory that there is for them")]
pub struct Full;

/// Counts the text of a request against the bound of all, until it is dropped.
#[derive(Debug)]
pub struct Room {
    all: Arc<Semaphore>,
    held: OwnedSemaphorePermit,
}

impl Room {
    /// Takes room for more bytes.
    ///
    /// # Errors
    /// If there is none.
    pub fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let permits = u32::try_from(bytes).map_err(|_| Full)?;
        let more = Arc::clone(&self.all).try_acquire_many_owned(permits);
        self.held.merge(more.map_err(|_| Full)?);
        Ok(())
    }

    /// Gives all of it back.
    pub fn clear(&mut self) {
        drop(self.held.split(self.held.num_permits()));
    }
}

/// A request that waits to be landed.
#[derive(Debug)]
pub struct Request {
    /// Its events.
    pub source: LandSource,
    /// Where its report goes.
    pub answer: oneshot::Sender<Result<LandReport, NotLanded>>,
    room: Room,
    since: Instant,
}

/// Takes requests to be landed. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Lander {
    requests: mpsc::Sender<Request>,
    all: Arc<Semaphore>,
    decoders: Arc<Semaphore>,
    options: LandingOptions,
}

impl Lander {
    /// Makes a lander, and the queue that its requests come from. Once `stop` is true no request waits for others.
    pub fn new(options: LandingOptions, stop: watch::Receiver<bool>) -> (Lander, Requests) {
        let (requests, queue) = mpsc::channel(WAITING);
        let lander = Lander {
            requests,
            all: Arc::new(Semaphore::new(options.all_bytes)),
            decoders: Arc::new(Semaphore::new(DECODERS)),
            options,
        };
        let requests = Requests {
            queue,
            options,
            stop,
        };
        (lander, requests)
    }

    /// Returns the most bytes of text in a request.
    pub fn request_bytes(&self) -> usize {
        self.options.request_bytes
    }

    /// Returns room for a request, none of it taken yet.
    ///
    /// # Errors
    /// If there is none.
    pub fn room(&self) -> Result<Room, Full> {
        let held = Arc::clone(&self.all).try_acquire_many_owned(0);
        Ok(Room {
            all: Arc::clone(&self.all),
            held: held.map_err(|_| Full)?,
        })
    }

    /// Waits for a turn to decompress.
    pub async fn decoder(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.decoders).acquire_owned().await.ok()
    }

    /// Lands a request; answers once its events are durable.
    ///
    /// # Errors
    /// Why they are not.
    pub async fn land(&self, source: LandSource, room: Room) -> Result<LandReport, NotLanded> {
        let (answer, landed) = oneshot::channel();
        let request = Request {
            source,
            answer,
            room,
            since: Instant::now(),
        };
        let given = self.requests.send(request).await;
        given.map_err(|_| NotLanded::Stopping)?;
        landed.await.unwrap_or(Err(NotLanded::Failed))
    }
}

/// The queue of requests.
#[derive(Debug)]
pub struct Requests {
    queue: mpsc::Receiver<Request>,
    options: LandingOptions,
    stop: watch::Receiver<bool>,
}

impl Requests {
    /// Waits for requests to land together: those that come within the delay of the first, or until they hold half of all
    /// text that may be held, so that others can be read while these are landed. `None` once there is no lander any more.
    pub async fn next_group(&mut self) -> Option<Vec<Request>> {
        let first = self.queue.recv().await?;
        let due = first.since + self.options.delay;
        let mut bytes = first.room.held.num_permits();
        let mut group = vec![first];
        while bytes < self.options.all_bytes / 2 {
            let next = tokio::select! {
                // What waits already is taken even where the delay is over.
                biased;
                next = self.queue.recv() => next,
                () = tokio::time::sleep_until(due) => None,
                _ = self.stop.wait_for(|stop| *stop) => None,
            };
            let Some(next) = next else {
                break;
            };
            bytes += next.room.held.num_permits();
            group.push(next);
        }
        Some(group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A lander of 100 bytes, its queue, and what stops it.
    fn lander(delay: Duration) -> (Lander, Requests, watch::Sender<bool>) {
        let (stop, stopped) = watch::channel(false);
        let options = LandingOptions {
            delay,
            request_bytes: 100,
            all_bytes: 100,
        };
        let (lander, requests) = Lander::new(options, stopped);
        (lander, requests, stop)
    }

    /// Gives requests of so many bytes each, and waits for no answer.
    async fn give(lander: &Lander, requests: &[usize]) {
        for bytes in requests {
            let mut room = lander.room().unwrap();
            room.grow(*bytes).unwrap();
            let mut landing = Box::pin(lander.land(LandSource::lines("test", "", None), room));
            assert!(futures::poll!(&mut landing).is_pending());
        }
    }

    #[tokio::test]
    async fn a_group_is_all_that_waits_or_half_of_the_text_that_may_be_held() {
        let (given, mut requests, _stop) = lander(Duration::ZERO);
        give(&given, &[10, 0, 20]).await;
        assert_eq!(requests.next_group().await.unwrap().len(), 3);
        give(&given, &[30, 20, 10, 5]).await;
        assert_eq!(requests.next_group().await.unwrap().len(), 2);
        assert_eq!(requests.next_group().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn what_was_given_is_landed_although_nobody_waits_and_no_more_come() {
        let (given, mut requests, stop) = lander(Duration::from_secs(3600));
        give(&given, &[10]).await;
        stop.send(true).unwrap();
        assert_eq!(requests.next_group().await.unwrap().len(), 1);
        give(&given, &[10, 10]).await;
        drop(given);
        assert_eq!(requests.next_group().await.unwrap().len(), 2);
        assert!(requests.next_group().await.is_none());
    }

    #[tokio::test]
    async fn text_is_bounded_until_it_is_landed() {
        let (given, mut requests, _stop) = lander(Duration::ZERO);
        give(&given, &[60]).await;
        let mut other = given.room().unwrap();
        other.grow(40).unwrap();
        assert_eq!(other.grow(1), Err(Full));
        let group = requests.next_group().await;
        assert_eq!(other.grow(1), Err(Full));
        drop(group);
        other.grow(60).unwrap();
        drop(other);
        given.room().unwrap().grow(100).unwrap();
    }
}
