//! Reading the journal from any place: the table first, then what is published.

use super::{JournalEntry, Seq, Shared};
use crate::StoreError;
use std::{
    collections::VecDeque,
    sync::{Arc, atomic::Ordering},
};
use tokio::sync::broadcast;

/// Entries read from the table at once.
const PAGE: u32 = 500;

/// Entries after a place, in order, without gap or duplicate. One that falls too far behind
/// reads the table again instead of losing entries.
pub struct Subscription {
    shared: Arc<Shared>,
    /// `None` once the journal is closed.
    live: Option<broadcast::Receiver<JournalEntry>>,
    last: Seq,
    read: VecDeque<JournalEntry>,
    catching_up: bool,
}

impl Subscription {
    pub(super) fn new(shared: Arc<Shared>, after: Seq) -> Self {
        let live = shared.published.upgrade().map(|published| published.subscribe());
        // Listening began first, so nothing can fall between table and channel.
        let catching_up = after < shared.last.load(Ordering::Acquire);
        Self { shared, live, last: after, read: VecDeque::new(), catching_up }
    }

    /// The next entry; `Ok(None)` once the journal is closed and all is read.
    pub async fn next(&mut self) -> Result<Option<JournalEntry>, StoreError> {
        loop {
            if let Some(entry) = self.read.pop_front() {
                self.last = entry.seq;
                return Ok(Some(entry));
            }
            if self.catching_up {
                self.read_page().await?;
                continue;
            }
            let Some(live) = &mut self.live else { return Ok(None) };
            match live.recv().await {
                Ok(entry) if entry.seq <= self.last => {}
                Ok(entry) if entry.seq == self.last + 1 => {
                    self.last = entry.seq;
                    return Ok(Some(entry));
                }
                // A hole: another process wrote in between, or the place was never used.
                Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => self.catching_up = true,
                Err(broadcast::error::RecvError::Closed) => return Ok(None),
            }
        }
    }

    /// The place of the last entry given out: where to go on after a restart.
    pub fn cursor(&self) -> Seq {
        self.last
    }

    async fn read_page(&mut self) -> Result<(), StoreError> {
        let rows = self.shared.store.platform_events_after(self.last, PAGE).await?;
        self.catching_up = rows.len() == PAGE as usize;
        self.read.extend(rows.into_iter().map(|(seq, at, event)| JournalEntry {
            seq,
            at,
            event: event.into(),
        }));
        Ok(())
    }
}
