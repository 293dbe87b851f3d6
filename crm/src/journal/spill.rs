//! Events that the database does not take at once also lie in a file beside it, so that they
//! outlive the process (H01, H07). The file is empty while the database is well.

use super::{
    ledger::{Ledger, Numbered},
    writer::{BATCH, write_or_drop},
};
use crate::{Store, StoreError};
use call::{CallEvent, NodeId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::{
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::{
    fs::{File, OpenOptions},
    io::AsyncWriteExt,
};

/// Why what the last run left could not be taken up.
#[derive(Debug, thiserror::Error)]
pub enum SpillError {
    /// The file is there and cannot be read.
    #[error("file of waiting call events")]
    File(#[source] io::Error),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A line of the file.
#[derive(Serialize, Deserialize)]
struct Line<Event> {
    n: i64,
    at: DateTime<Utc>,
    event: Event,
}

/// The file, opened when it is first needed.
pub(super) struct Spill {
    path: Option<PathBuf>,
    file: Option<File>,
}

impl Spill {
    pub(super) fn new(path: Option<PathBuf>) -> Self {
        Self { path, file: None }
    }

    /// Keeps what is not kept yet. A file that cannot be written costs nothing but its safety.
    pub(super) async fn keep(&mut self, waiting: impl Iterator<Item = &mut Numbered>) {
        if self.path.is_none() {
            return;
        }
        let mut lines = Vec::new();
        let mut kept = 0_u64;
        for numbered in waiting.filter(|numbered| !numbered.spilled) {
            let Numbered { n, at, event, .. } = numbered;
            let line = Line { n: *n, at: *at, event: event.as_ref() };
            if serde_json::to_writer(&mut lines, &line).is_ok() {
                lines.push(b'\n');
                kept += 1;
            }
            numbered.spilled = true;
        }
        if lines.is_empty() {
            return;
        }
        match self.append(&lines).await {
            Ok(()) => metrics::counter!("journal_events_spilled_total").increment(kept),
            Err(error) => {
                metrics::counter!("journal_spill_failures_total").increment(1);
                tracing::error!(%error, "waiting call events lie in memory only");
            }
        }
    }

    async fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        if self.file.is_none() {
            let mut options = OpenOptions::new();
            self.file = Some(options.create(true).append(true).mode(0o600).open(path).await?);
        }
        if let Some(file) = &mut self.file {
            file.write_all(lines).await?;
            // Handed to the system, where it outlives us; a power cut is the database's matter.
            file.flush().await?;
        }
        Ok(())
    }

    /// Everything kept is in the database.
    pub(super) async fn clear(&mut self) {
        let Some(file) = &mut self.file else { return };
        match file.set_len(0).await {
            Ok(()) => self.file = None,
            Err(error) => tracing::warn!(%error, "the file of waiting call events stays"),
        }
    }
}

/// Writes what the last run left in its file, each event once; how many were missing. Run
/// before calls that broke off are closed.
pub async fn write_spilled(store: &Store, node: NodeId, path: &Path) -> Result<usize, SpillError> {
    let text = match tokio::fs::read(path).await {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(SpillError::File(error)),
    };
    let mut ledger = Ledger::new(node);
    let (mut batch, mut written) = (Vec::new(), 0);
    for line in text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let Ok(Line { n, at, event }) = serde_json::from_slice::<Line<CallEvent>>(line) else {
            // The process died while it wrote this one.
            tracing::warn!("half an event at the end of the file of waiting call events");
            continue;
        };
        if ledger.next_number(event.call).is_none() {
            ledger.learn(store, at, &event).await?;
        }
        // Numbers below are those of events that reached the database after all.
        if ledger.next_number(event.call).is_none_or(|next| n < next) {
            continue;
        }
        let Some(n) = ledger.number(at, &event) else { continue };
        batch.push(Numbered { n, at, event: Arc::new(event), receipt: None, spilled: true });
        if batch.len() == BATCH {
            written += write_or_drop(store, &mut ledger, &batch).await?;
            batch.clear();
        }
    }
    written += write_or_drop(store, &mut ledger, &batch).await?;
    if let Err(error) = tokio::fs::remove_file(path).await {
        tracing::warn!(%error, "the file of waiting call events stays");
    }
    Ok(written)
}
