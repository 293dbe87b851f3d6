//! The task that puts recordings away as their calls complete them, and again after a failure.

use super::{
    Recordings,
    salvage::{Rest, spooled},
};
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
    /// It could not be written to its end: what there is counts once its call is over.
    broken: bool,
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
        // Nobody writes yet: what else lies in the spool is the rest of what could not be written to its end.
        for place in spooled(recordings.spool()) {
            waiting.entry(place).or_insert_with(|| Waiting { broken: true, ..due_now() });
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
    Waiting { due: Instant::now(), pause: FIRST_RETRY, broken: false }
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
                    let place = (entry.event.tenant, entry.event.call);
                    note(&mut waiting, place, &entry.event.kind);
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

/// What an event says about what is to be put away, and when.
fn note(
    waiting: &mut BTreeMap<(TenantId, CallId), Waiting>,
    place: (TenantId, CallId),
    kind: &CallEventKind,
) {
    // The recorder closes its file a moment after the event.
    let soon = Instant::now() + FIRST_RETRY;
    if let CallEventKind::RecordingStopped { .. } = kind {
        waiting.insert(place, due_now());
    } else if let CallEventKind::RecordingFailed { .. } = kind {
        waiting.insert(place, Waiting { due: soon, broken: true, ..due_now() });
    } else if let CallEventKind::Ended { .. } = kind
        && let Some(entry) = waiting.get_mut(&place).filter(|entry| entry.broken)
    {
        entry.due = soon;
    }
}

async fn put_away_due(
    recordings: &Recordings,
    waiting: &mut BTreeMap<(TenantId, CallId), Waiting>,
) {
    let now = Instant::now();
    let is_due =
        |(key, w): (&(TenantId, CallId), &Waiting)| (w.due <= now).then_some((*key, w.broken));
    let due: Vec<_> = waiting.iter().filter_map(is_due).collect();
    for ((tenant, call), broken) in due {
        let outcome = if broken {
            recordings.put_away_rest(tenant, call, Utc::now()).await
        } else {
            let stored = recordings.put_away(tenant, call, Utc::now()).await;
            stored.map(|stored| if stored { Rest::Stored } else { Rest::Nothing })
        };
        match outcome {
            Ok(Rest::Stored) => {
                metrics::counter!("recordings_stored_total").increment(1);
                waiting.remove(&(tenant, call));
            }
            Ok(Rest::Nothing) => {
                waiting.remove(&(tenant, call));
                if !broken {
                    missing(recordings, tenant, call).await;
                }
            }
            Ok(Rest::NotYet) => later(waiting, (tenant, call)),
            Err(error) => {
                metrics::counter!("recordings_store_failures_total").increment(1);
                tracing::warn!(call.id = %call, %error, "a recording waits in the spool");
                later(waiting, (tenant, call));
            }
        }
    }
}

fn later(waiting: &mut BTreeMap<(TenantId, CallId), Waiting>, place: (TenantId, CallId)) {
    if let Some(entry) = waiting.get_mut(&place) {
        entry.due = Instant::now() + entry.pause;
        entry.pause = (entry.pause * 2).min(LONGEST_RETRY);
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
