//! The journal: every event of every call is written once, in one order, and only then seen.
//!
//! One task drains what is waiting and writes it in one transaction together with its folds.
//! While the database is away it keeps events in memory and writes them when it is back; calls
//! never wait for it.

mod ledger;
mod recovery;
mod subscription;

pub use recovery::{Closed, close_interrupted_calls};
pub use subscription::Subscription;

use crate::{Store, StoreError};
use call::{CallEvent, NodeId};
use chrono::{DateTime, Utc};
use ledger::{Ledger, Numbered};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    sync::{Notify, broadcast, mpsc},
    task::JoinHandle,
};

/// A place in the journal.
pub type Seq = i64;

/// Lag above which the screens say degraded and the dialer stops.
pub const DEGRADED_LAG_MS: u64 = 250;

/// Events written in one transaction.
const BATCH: usize = 256;
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(2);

/// An event with the wall time it happened at.
#[derive(Clone, Debug, PartialEq)]
pub struct StampedEvent {
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub event: CallEvent,
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
#[derive(Clone, Copy, Debug)]
pub struct JournalConfig {
    /// This process.
    pub node: NodeId,
    /// Events waiting to be taken.
    pub queue: usize,
    /// Events kept in memory while the database is away. When full, the queue fills, and a
    /// call that cannot hand its events over records a `Gap`.
    pub spool: usize,
    /// Entries a slow subscriber may be behind before it reads from the table again.
    pub backlog: usize,
}

impl JournalConfig {
    /// The usual sizes.
    pub fn new(node: NodeId) -> Self {
        Self { node, queue: 8_192, spool: 200_000, backlog: 4_096 }
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
        let writer = Writer {
            shared: shared.clone(),
            closing: closing.clone(),
            published,
            ledger: Ledger::new(config.node),
            taken: VecDeque::new(),
            waiting: VecDeque::new(),
            spool: config.spool,
        };
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

struct Writer {
    shared: Arc<Shared>,
    closing: Arc<Notify>,
    published: broadcast::Sender<JournalEntry>,
    ledger: Ledger,
    /// Taken, not yet numbered: numbering may have to read the call from the database.
    taken: VecDeque<StampedEvent>,
    /// Numbered, not yet written.
    waiting: VecDeque<Numbered>,
    spool: usize,
}

impl Writer {
    async fn run(mut self, mut receiver: mpsc::Receiver<StampedEvent>) {
        let mut incoming = Vec::with_capacity(BATCH);
        loop {
            tokio::select! {
                taken = receiver.recv_many(&mut incoming, BATCH) => if taken == 0 { break },
                () = self.closing.notified() => {
                    // Screens and calls may hold senders for ever: the queue ends here.
                    receiver.close();
                    continue;
                }
            }
            *self.shared.waiting_since.lock().expect("no panic under this lock") =
                Some(Instant::now());
            self.taken.extend(incoming.drain(..));
            self.write_all(&mut receiver).await;
            *self.shared.waiting_since.lock().expect("no panic under this lock") = None;
        }
    }

    /// Writes until nothing waits; while the database is away, takes in what fits.
    async fn write_all(&mut self, receiver: &mut mpsc::Receiver<StampedEvent>) {
        let mut retry = FIRST_RETRY;
        while !(self.taken.is_empty() && self.waiting.is_empty()) {
            match self.write_some().await {
                Ok(()) => retry = FIRST_RETRY,
                Err(error) => {
                    metrics::counter!("journal_write_failures_total").increment(1);
                    tracing::error!(
                        %error,
                        cause = error_chain(&error),
                        waiting = self.waiting.len() + self.taken.len(),
                        "journal cannot be written; calls go on, events wait"
                    );
                    self.take_in(receiver, retry).await;
                    retry = (retry * 2).min(LONGEST_RETRY);
                }
            }
            metrics::gauge!("journal_waiting").set((self.waiting.len() + self.taken.len()) as f64);
        }
    }

    /// Waits before the next attempt, taking events in while there is room.
    async fn take_in(&mut self, receiver: &mut mpsc::Receiver<StampedEvent>, pause: Duration) {
        let deadline = tokio::time::Instant::now() + pause;
        loop {
            let room = self.spool.saturating_sub(self.taken.len() + self.waiting.len());
            if room == 0 {
                tokio::time::sleep_until(deadline).await;
                return;
            }
            let mut incoming = Vec::new();
            let more = receiver.recv_many(&mut incoming, room.min(BATCH));
            match tokio::time::timeout_at(deadline, more).await {
                Ok(0) => {
                    // Closed: nothing more will come, but what waits must still be written.
                    tokio::time::sleep_until(deadline).await;
                    return;
                }
                Ok(_) => self.taken.extend(incoming),
                Err(_) => return,
            }
        }
    }

    async fn write_some(&mut self) -> Result<(), StoreError> {
        while self.waiting.len() < BATCH {
            let Some(StampedEvent { at, event }) = self.taken.pop_front() else { break };
            match self.ledger.number(&self.shared.store, at, event).await {
                Ok(numbered) => self.waiting.push_back(numbered),
                Err((event, error)) => {
                    self.taken.push_front(StampedEvent { at, event });
                    return Err(error);
                }
            }
        }
        let batch: Vec<Numbered> = self.waiting.iter().take(BATCH).cloned().collect();
        let started = Instant::now();
        match self.ledger.write(&self.shared.store, &batch).await {
            Ok(places) => {
                metrics::histogram!("journal_write_ms")
                    .record(started.elapsed().as_secs_f64() * 1000.0);
                metrics::counter!("journal_events_total").increment(batch.len() as u64);
                self.waiting.drain(..batch.len());
                for (numbered, seq) in batch.into_iter().zip(places) {
                    self.publish(numbered, seq);
                }
                Ok(())
            }
            Err(error) if error.is_transient() => Err(error),
            Err(_) => self.write_singly(batch).await,
        }
    }

    /// Something in the batch can never be written: find it, say so, and go on without it.
    async fn write_singly(&mut self, batch: Vec<Numbered>) -> Result<(), StoreError> {
        for numbered in batch {
            let one = std::slice::from_ref(&numbered);
            match self.ledger.write(&self.shared.store, one).await {
                Ok(places) => {
                    self.waiting.pop_front();
                    self.publish(numbered, places[0]);
                }
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    self.waiting.pop_front();
                    metrics::counter!("journal_events_refused_total").increment(1);
                    tracing::error!(
                        call.id = %numbered.event.call,
                        %error,
                        cause = error_chain(&error),
                        "an event can never be written and is dropped"
                    );
                }
            }
        }
        Ok(())
    }

    fn publish(&self, numbered: Numbered, seq: Seq) {
        self.shared.last.fetch_max(seq, Ordering::AcqRel);
        // Nobody listening is fine: whoever comes later reads the table.
        let _ = self.published.send(JournalEntry { seq, at: numbered.at, event: numbered.event });
    }
}

/// The sources of an error on one line.
fn error_chain(error: &StoreError) -> String {
    let mut text = String::new();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(&cause.to_string());
        source = cause.source();
        if source.is_some() {
            text.push_str(": ");
        }
    }
    text
}
