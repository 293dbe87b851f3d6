//! The task that puts recordings away as their calls complete them, and again after a failure.

use super::Recordings;
use crate::{Journal, StoreError, journal::Subscription};
use call::{CallEventKind, CallId, TenantId};
use chrono::Utc;
use std::{collections::BTreeMap, sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    task::JoinHandle,
    time::{Instant, sleep_until},
};

const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(300);

/// Puts recordings away in the background.
pub struct Keeper {
    task: JoinHandle<()>,
    stop: Arc<Notify>,
}

struct Waiting {
    due: Instant,
    pause: Duration,
}

impl Keeper {
    /// Starts with what is left from before, then follows the journal.
    pub async fn start(recordings: Recordings, journal: &Journal) -> Result<Self, StoreError> {
        // Listening begins before the table is read: nothing falls in between.
        let live = journal.subscribe_live();
        let mut waiting = BTreeMap::new();
        for (tenant, row) in recordings.store.platform_recordings_unstored().await? {
            waiting.insert((tenant, row.call), due_now());
        }
        let stop = Arc::new(Notify::new());
        let task = tokio::spawn(run(recordings, live, waiting, stop.clone()));
        Ok(Self { task, stop })
    }

    /// Finishes what is due now and ends; the rest is taken up at the next start.
    pub async fn stop(self) {
        self.stop.notify_one();
        if self.task.await.is_err() {
            tracing::error!("the recording keeper panicked");
        }
    }
}

fn due_now() -> Waiting {
    Waiting { due: Instant::now(), pause: FIRST_RETRY }
}

async fn run(
    recordings: Recordings,
    mut live: Subscription,
    mut waiting: BTreeMap<(TenantId, CallId), Waiting>,
    stop: Arc<Notify>,
) {
    let mut open = true;
    while open {
        let next = waiting.values().map(|w| w.due).min();
        let wake = next.unwrap_or_else(|| Instant::now() + LONGEST_RETRY);
        tokio::select! {
            () = stop.notified() => open = false,
            entry = live.next() => match entry {
                Ok(Some(entry)) => {
                    if let CallEventKind::RecordingStopped { .. } = entry.event.kind {
                        waiting.insert((entry.event.tenant, entry.event.call), due_now());
                    }
                }
                Ok(None) => open = false,
                Err(error) => {
                    tracing::warn!(%error, "the recording keeper cannot read the journal");
                    tokio::time::sleep(FIRST_RETRY).await;
                }
            },
            () = sleep_until(wake) => {}
        }
        put_away_due(&recordings, &mut waiting).await;
        metrics::gauge!("recordings_waiting").set(waiting.len() as f64);
    }
}

async fn put_away_due(
    recordings: &Recordings,
    waiting: &mut BTreeMap<(TenantId, CallId), Waiting>,
) {
    let now = Instant::now();
    let due: Vec<_> = waiting.iter().filter(|(_, w)| w.due <= now).map(|(key, _)| *key).collect();
    for (tenant, call) in due {
        match recordings.put_away(tenant, call, Utc::now()).await {
            Ok(true) => {
                metrics::counter!("recordings_stored_total").increment(1);
                waiting.remove(&(tenant, call));
            }
            Ok(false) => {
                waiting.remove(&(tenant, call));
                missing(recordings, tenant, call).await;
            }
            Err(error) => {
                metrics::counter!("recordings_store_failures_total").increment(1);
                tracing::warn!(call.id = %call, %error, "a recording waits in the spool");
                if let Some(entry) = waiting.get_mut(&(tenant, call)) {
                    entry.due = Instant::now() + entry.pause;
                    entry.pause = (entry.pause * 2).min(LONGEST_RETRY);
                }
            }
        }
    }
}

/// No spool file: either it is in the store already, or its call still runs, or it is lost.
async fn missing(recordings: &Recordings, tenant: TenantId, call: CallId) {
    let store = &recordings.store;
    let over = async {
        let call = store.call_find(tenant, call).await?;
        Ok::<_, StoreError>(call.is_none_or(|c| c.ended_at.is_some()))
    };
    match over.await {
        Ok(true) => {
            let lost = store.recording_failed(tenant, call, "its audio file is gone", Utc::now());
            if let Err(error) = lost.await {
                tracing::warn!(call.id = %call, %error, "a lost recording could not be marked");
            }
        }
        Ok(false) => {}
        Err(error) => tracing::warn!(call.id = %call, %error, "a recording could not be looked up"),
    }
}
