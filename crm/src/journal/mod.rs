//! The journal: every event of every call is written once, in one order, and only then seen.
//!
//! One task drains what is waiting and writes it in one transaction together with its folds:
//! a lone event at once, and what gathers meanwhile together. While the database is slow or away
//! it keeps events in memory and in a file beside it, and writes them when it is back. A call
//! waits for it only where it must, and never for long ([`StampedEvent::receipt`]).

mod ledger;
mod recovery;
mod spill;
mod subscription;
mod writer;

pub(crate) use recovery::adopt_recording;
pub use recovery::{Closed, close_interrupted_calls};
pub use spill::{SpillError, write_spilled};
pub use subscription::Subscription;

use crate::{Store, StoreError};
use call::{CallEvent, NodeId};
use chrono::{DateTime, Utc};
use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::{Notify, broadcast, mpsc, oneshot},
    task::JoinHandle,
};
use writer::Writer;

/// A place in the journal.
pub type Seq = i64;

/// Lag above which the screens say degraded and the dialer stops.
pub const DEGRADED_LAG_MS: u64 = 250;

/// An event with the wall time it happened at.
#[derive(Debug)]
pub struct StampedEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub event: CallEvent,
    /// Told once the event and all before it are committed; dropped untold if it never will be.
    pub receipt: Option<oneshot::Sender<()>>,
}

impl StampedEvent {
    /// An event that nobody waits for.
    pub fn new(at: DateTime<Utc>, event: CallEvent) -> Self {
        Self { at, event, receipt: None }
    }
}

/// An event with its place in the journal.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalEntry {
    /// Its place.
    pub seq: Seq,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// What happened.
    pub event: Arc<CallEvent>,
}

/// How much the journal holds before it pushes back.
#[derive(Clone, Debug)]
pub struct JournalConfig {
    /// This process.
    pub node: NodeId,
    /// Events waiting to be taken.
    pub queue: usize,
    /// Events kept in memory while the database is away. When full, the queue fills, and a
    /// call that cannot hand its events over records a `Gap`.
    pub spool: usize,
    /// The file where they lie besides, for the next start ([`write_spilled`]); `None`: nowhere.
    pub spill: Option<PathBuf>,
    /// Entries a slow subscriber may be behind before it reads from the table again.
    pub backlog: usize,
}

impl JournalConfig {
    /// The usual sizes.
    pub fn new(node: NodeId) -> Self {
        Self { node, queue: 8_192, spool: 200_000, spill: None, backlog: 4_096 }
    }
}

pub(crate) struct Shared {
    pub(crate) store: Store,
    /// The writing task has the strong end: when it is over, subscribers see the end.
    pub(crate) published: broadcast::WeakSender<JournalEntry>,
    pub(crate) last: AtomicI64,
    /// When the oldest event not yet written was taken.
    waiting_since: Mutex<Option<Instant>>,
}

/// The journal of this process. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    sender: mpsc::Sender<StampedEvent>,
    closing: Arc<Notify>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Journal {
    /// Starts the writing task.
    pub async fn start(store: Store, config: JournalConfig) -> Result<Self, StoreError> {
        let last = store.platform_last_seq().await?;
        let (published, _) = broadcast::channel(config.backlog);
        let (sender, receiver) = mpsc::channel(config.queue);
        let shared = Arc::new(Shared {
            store,
            published: published.downgrade(),
            last: AtomicI64::new(last),
            waiting_since: Mutex::new(None),
        });
        let closing = Arc::new(Notify::new());
        let writer = Writer::new(shared.clone(), closing.clone(), published, config);
        let task = tokio::spawn(writer.run(receiver));
        Ok(Self { shared, sender, closing, task: Arc::new(Mutex::new(Some(task))) })
    }

    /// Where events go in. Bounded: a full queue is the sender's to answer.
    pub fn sender(&self) -> mpsc::Sender<StampedEvent> {
        self.sender.clone()
    }

    /// How long the oldest event that is not written yet has waited.
    pub fn lag_ms(&self) -> u64 {
        let since = *self.shared.waiting_since.lock().expect("no panic under this lock");
        since.map_or(0, |since| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    /// The journal lags: new calls should wait, live ones go on.
    pub fn is_degraded(&self) -> bool {
        self.lag_ms() > DEGRADED_LAG_MS
    }

    /// The last place written by this process.
    pub fn last_seq(&self) -> Seq {
        self.shared.last.load(Ordering::Acquire)
    }

    /// Every entry after a place: first from the table, then live, without gap or duplicate.
    pub fn subscribe(&self, after: Seq) -> Subscription {
        Subscription::new(self.shared.clone(), after)
    }

    /// Every entry from now on.
    pub fn subscribe_live(&self) -> Subscription {
        self.subscribe(self.last_seq())
    }

    /// Waits until everything handed in so far is written, then ends the task. What other
    /// senders still send is refused.
    pub async fn close(self) {
        let task = self.task.lock().expect("no panic under this lock").take();
        drop(self.sender);
        self.closing.notify_one();
        if let Some(task) = task
            && task.await.is_err()
        {
            tracing::error!("the journal's task panicked");
        }
    }

    /// Waits until the queue is empty and everything taken is written.
    pub async fn flush(&self) {
        // Twice idle in a row: between taking events and saying so there is a moment.
        let mut idle = 0;
        while idle < 2 {
            let writing = {
                let since = self.shared.waiting_since.lock().expect("no panic under this lock");
                since.is_some()
            };
            let busy = writing || self.sender.capacity() < self.sender.max_capacity();
            idle = if busy { 0 } else { idle + 1 };
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}
