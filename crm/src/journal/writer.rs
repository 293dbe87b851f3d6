//! The task that writes the journal.

use super::{
    JournalConfig, JournalEntry, Seq, Shared, StampedEvent,
    ledger::{Ledger, Numbered},
    spill::Spill,
};
use crate::{Store, StoreError, store::events::Batch};
use call::CallId;
use std::{
    collections::VecDeque,
    future::Future,
    pin::pin,
    sync::{Arc, PoisonError, atomic::Ordering},
    time::{Duration, Instant},
};
use tokio::{
    sync::{Notify, broadcast, mpsc},
    time::{sleep, timeout},
};

/// Events written in one transaction.
pub(super) const BATCH: usize = 256;
/// A write that takes longer is a sick database's: what waits is kept beside it.
const SPILL_AFTER: Duration = Duration::from_millis(100);
/// Least time from one write to the next: what comes between is written together, at a fraction of the cost. A lone event
/// finds nothing to wait for; an answer under load is passed on this much later at most, which nobody hears.
const GATHER: Duration = Duration::from_millis(25);
/// How often it looks meanwhile whether a whole batch is there.
const LOOK: Duration = Duration::from_millis(5);
const FIRST_RETRY: Duration = Duration::from_millis(50);
const LONGEST_RETRY: Duration = Duration::from_secs(2);

pub(super) struct Writer {
    shared: Arc<Shared>,
    closing: Arc<Notify>,
    published: broadcast::Sender<JournalEntry>,
    ledger: Ledger,
    /// Taken, not yet numbered: numbering may have to read the call from the database.
    taken: VecDeque<StampedEvent>,
    /// Numbered, not yet written.
    waiting: VecDeque<Numbered>,
    /// The first of `waiting`, folded once and written until that succeeds.
    folded: VecDeque<Arc<Batch>>,
    spill: Spill,
    spool: usize,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        closing: Arc<Notify>,
        published: broadcast::Sender<JournalEntry>,
        config: JournalConfig,
    ) -> Self {
        Self {
            shared,
            closing,
            published,
            ledger: Ledger::new(config.node),
            taken: VecDeque::new(),
            waiting: VecDeque::new(),
            folded: VecDeque::new(),
            spill: Spill::new(config.spill),
            spool: config.spool,
        }
    }

    pub(super) async fn run(mut self, mut receiver: mpsc::Receiver<StampedEvent>) {
        let mut incoming = Vec::with_capacity(BATCH);
        let mut written_at = None;
        loop {
            tokio::select! {
                taken = receiver.recv_many(&mut incoming, BATCH) => if taken == 0 { break },
                () = self.closing.notified() => {
                    // Screens and calls may hold senders for ever: the queue ends here.
                    receiver.close();
                    continue;
                }
            }
            self.note_waiting(Some(Instant::now()));
            if let Some(written_at) = written_at {
                gather(&mut receiver, &mut incoming, written_at).await;
            }
            written_at = Some(Instant::now());
            self.taken.extend(incoming.drain(..));
            self.write_all(&mut receiver).await;
            self.note_waiting(None);
        }
    }

    fn note_waiting(&self, since: Option<Instant>) {
        let shared = &self.shared.waiting_since;
        *shared.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    /// Writes until nothing waits; while the database is away, takes in what fits.
    async fn write_all(&mut self, receiver: &mut mpsc::Receiver<StampedEvent>) {
        let mut retry = FIRST_RETRY;
        while !(self.taken.is_empty() && self.waiting.is_empty()) {
            match self.write_some(receiver).await {
                Ok(()) => retry = FIRST_RETRY,
                Err(error) => {
                    metrics::counter!("journal_write_failures_total").increment(1);
                    tracing::error!(
                        %error,
                        cause = error_chain(&error),
                        waiting = self.waiting.len() + self.taken.len(),
                        "journal cannot be written; calls go on, events wait"
                    );
                    self.meanwhile(receiver, sleep(retry)).await;
                    retry = (retry * 2).min(LONGEST_RETRY);
                }
            }
            metrics::gauge!("journal_waiting").set((self.waiting.len() + self.taken.len()) as f64);
        }
        self.spill.clear().await;
        self.ledger.forget_old();
    }

    /// Until `done`, takes in what comes, as far as there is room, and keeps it on disk beside
    /// the database.
    async fn meanwhile<T>(
        &mut self,
        receiver: &mut mpsc::Receiver<StampedEvent>,
        done: impl Future<Output = T>,
    ) -> T {
        let mut done = pin!(done);
        let (mut incoming, mut open) = (Vec::new(), true);
        loop {
            self.number_known();
            let fresh = self.waiting.iter().rev().take_while(|numbered| !numbered.spilled).count();
            let first = self.waiting.len() - fresh;
            self.spill.keep(self.waiting.range_mut(first..)).await;
            let room = self.spool.saturating_sub(self.taken.len() + self.waiting.len());
            tokio::select! {
                biased;
                result = &mut done => return result,
                taken = receiver.recv_many(&mut incoming, room.min(BATCH)), if open && room > 0 => {
                    // Closed: nothing more will come, but what waits must still be written.
                    open = taken > 0;
                    self.taken.extend(incoming.drain(..));
                }
            }
        }
    }

    /// Numbers what was taken, up to the first event of a call that must be read first.
    fn number_known(&mut self) {
        while let Some(StampedEvent { at, event, .. }) = self.taken.front() {
            let at = crate::store::micros(*at);
            let Some(n) = self.ledger.number(at, event) else { return };
            let Some(StampedEvent { event, receipt, .. }) = self.taken.pop_front() else { return };
            let event = Arc::new(event);
            self.waiting.push_back(Numbered { n, at, event, receipt, spilled: false });
        }
    }

    async fn number_some(&mut self) -> Result<(), StoreError> {
        loop {
            self.number_known();
            let Some(unknown) = self.taken.front() else { return Ok(()) };
            if self.waiting.len() >= BATCH {
                return Ok(());
            }
            let call = unknown.event.call;
            match self.ledger.learn(&self.shared.store, unknown.at, &unknown.event).await {
                Ok(()) => {}
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    refused(call, &error);
                    self.taken.pop_front();
                }
            }
        }
    }

    /// Writes one batch.
    async fn write_some(
        &mut self,
        receiver: &mut mpsc::Receiver<StampedEvent>,
    ) -> Result<(), StoreError> {
        if self.folded.is_empty() {
            self.number_some().await?;
            if self.waiting.is_empty() {
                return Ok(());
            }
            let batch = self.ledger.fold(self.waiting.iter().take(BATCH));
            self.folded.push_back(Arc::new(batch));
        }
        let Some(batch) = self.folded.front().cloned() else { return Ok(()) };
        let started = Instant::now();
        let (store, writing) = (self.shared.store.clone(), batch.clone());
        let mut write = pin!(async move { store.platform_events_append(&writing).await });
        let written = match timeout(SPILL_AFTER, &mut write).await {
            Ok(written) => written,
            Err(_) => self.meanwhile(receiver, write).await,
        };
        match written {
            Ok(places) => {
                metrics::histogram!("journal_write_ms")
                    .record(started.elapsed().as_secs_f64() * 1000.0);
                metrics::counter!("journal_events_total").increment(places.len() as u64);
                self.folded.pop_front();
                for seq in places {
                    self.publish(seq);
                }
                Ok(())
            }
            Err(error) if error.is_transient() => Err(error),
            Err(error) => {
                self.folded.pop_front();
                if batch.events.len() > 1 {
                    // Something in it can never be written: find it, and go on without it.
                    let singles = Arc::unwrap_or_clone(batch).singles();
                    self.folded.extend(singles.into_iter().map(Arc::new));
                } else if let Some(numbered) = self.waiting.pop_front() {
                    refused(numbered.event.call, &error);
                    self.ledger.settle(numbered.event.call, false);
                }
                Ok(())
            }
        }
    }

    fn publish(&mut self, seq: Seq) {
        let Some(numbered) = self.waiting.pop_front() else { return };
        let Numbered { at, event, receipt, .. } = numbered;
        self.ledger.settle(event.call, true);
        if let Some(receipt) = receipt {
            // A call that is over does not wait any more.
            let _ = receipt.send(());
        }
        self.shared.last.fetch_max(seq, Ordering::AcqRel);
        // Nobody listening is fine: whoever comes later reads the table.
        let _ = self.published.send(JournalEntry { seq, at, event });
    }
}

/// Takes in what comes until the next write is due: at once where the last one is long past. It looks now and then instead
/// of being woken for each event.
async fn gather(
    receiver: &mut mpsc::Receiver<StampedEvent>,
    incoming: &mut Vec<StampedEvent>,
    written_at: Instant,
) {
    let due = written_at + GATHER;
    loop {
        while incoming.len() < BATCH
            && let Ok(event) = receiver.try_recv()
        {
            incoming.push(event);
        }
        let now = Instant::now();
        if incoming.len() >= BATCH || now >= due {
            return;
        }
        sleep(LOOK.min(due - now)).await;
    }
}

/// Writes events of before this journal began; how many. Those that can never be written are
/// said and left out.
pub(super) async fn write_or_drop(
    store: &Store,
    ledger: &mut Ledger,
    numbered: &[Numbered],
) -> Result<usize, StoreError> {
    if numbered.is_empty() {
        return Ok(0);
    }
    let batch = ledger.fold(numbered);
    match store.platform_events_append(&batch).await {
        Ok(places) => return Ok(places.len()),
        Err(error) if error.is_transient() => return Err(error),
        Err(_) => {}
    }
    let mut count = 0;
    for (single, numbered) in batch.singles().into_iter().zip(numbered) {
        match store.platform_events_append(&single).await {
            Ok(_) => count += 1,
            Err(error) if error.is_transient() => return Err(error),
            Err(error) => refused(numbered.event.call, &error),
        }
    }
    Ok(count)
}

fn refused(call: CallId, error: &StoreError) {
    metrics::counter!("journal_events_refused_total").increment(1);
    tracing::error!(
        call.id = %call,
        %error,
        cause = error_chain(error),
        "an event can never be written and is dropped"
    );
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
