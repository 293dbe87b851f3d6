//! Numbering events within their call, folding them, and writing both in one transaction.

use crate::{
    Store, StoreError,
    calls::RecordingState,
    store::{Scope, Tx, calls::call_fold_in_tx, events, recordings},
};
use call::{CallEvent, CallEventKind, CallId, CallRecord, NodeId, TenantId};
use chrono::{DateTime, Utc};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

/// Ended calls stay known this long for facts that come late; then they are read again.
const KEPT_AFTER_END: usize = 2_000;

/// One event on its way into the journal. Its number never changes, so that writing it twice
/// leaves one row.
#[derive(Clone, Debug)]
pub(super) struct Numbered {
    pub(super) n: i64,
    pub(super) at: DateTime<Utc>,
    pub(super) event: Arc<CallEvent>,
    /// This very event ended the call.
    ends: bool,
}

struct LiveCall {
    next_n: i64,
    first_at: DateTime<Utc>,
    record: CallRecord,
    recovered: bool,
}

/// The calls the journal writes about.
pub(super) struct Ledger {
    node: NodeId,
    calls: HashMap<CallId, LiveCall>,
    ended: std::collections::VecDeque<CallId>,
}

impl Ledger {
    pub(super) fn new(node: NodeId) -> Self {
        Self { node, calls: HashMap::new(), ended: std::collections::VecDeque::new() }
    }

    /// Takes an event: gives it its number and folds it, once.
    pub(super) async fn number(
        &mut self,
        store: &Store,
        at: DateTime<Utc>,
        event: CallEvent,
    ) -> Result<Numbered, (CallEvent, StoreError)> {
        let at = crate::store::micros(at);
        let mut live = match self.calls.remove(&event.call) {
            Some(known) => known,
            None if matches!(event.kind, CallEventKind::Started { .. }) => LiveCall {
                next_n: 0,
                first_at: at,
                record: CallRecord::new(event.tenant, event.call),
                recovered: false,
            },
            None => match read_call(store, event.tenant, event.call, at).await {
                Ok(known) => known,
                Err(error) => return Err((event, error)),
            },
        };
        let was_over = live.record.status.is_final();
        live.record.apply(&event, unix_ms(at));
        let ends = !was_over && live.record.status.is_final();
        let n = live.next_n;
        live.next_n += 1;
        self.calls.insert(event.call, live);
        if ends {
            self.ended.push_back(event.call);
            while self.ended.len() > KEPT_AFTER_END {
                if let Some(old) = self.ended.pop_front() {
                    self.calls.remove(&old);
                }
            }
        }
        Ok(Numbered { n, at, event: Arc::new(event), ends })
    }

    /// Marks a call as closed by us after a crash.
    pub(super) fn mark_recovered(&mut self, call: CallId) {
        if let Some(live) = self.calls.get_mut(&call) {
            live.recovered = true;
        }
    }

    /// Events and folds in one transaction; the place of each event.
    pub(super) async fn write(
        &self,
        store: &Store,
        batch: &[Numbered],
    ) -> Result<Vec<i64>, StoreError> {
        let mut tx = store.write(Scope::Platform).await?;
        events::journal_order_in_tx(&mut tx).await?;
        let mut places = Vec::with_capacity(batch.len());
        let mut fresh = vec![false; batch.len()];
        for (index, numbered) in batch.iter().enumerate() {
            let event = &numbered.event;
            let place =
                events::call_event_append_in_tx(&mut tx, numbered.n, numbered.at, event).await?;
            fresh[index] = place.is_some();
            places.push(match place {
                Some(seq) => seq,
                None => events::call_event_place_in_tx(&mut tx, event.call, numbered.n).await?,
            });
        }
        let touched: BTreeSet<CallId> = batch.iter().map(|b| b.event.call).collect();
        for call in &touched {
            if let Some(live) = self.calls.get(call) {
                call_fold_in_tx(&mut tx, self.node, &live.record, live.first_at, live.recovered)
                    .await?;
            }
        }
        for (numbered, fresh) in batch.iter().zip(fresh) {
            if fresh {
                self.fold_beside(&mut tx, numbered).await?;
            }
        }
        for live in touched.iter().filter_map(|call| self.calls.get(call)) {
            // Here and not later: dying again after this must not lose the mark.
            if live.recovered {
                let LiveCall { record, .. } = live;
                recordings::recording_recovered_in_tx(&mut tx, record.tenant_id, record.id).await?;
            }
        }
        tx.commit().await?;
        Ok(places)
    }

    /// What an event changes beside the call's own row.
    async fn fold_beside(&self, tx: &mut Tx, numbered: &Numbered) -> Result<(), StoreError> {
        let (tenant, call) = (numbered.event.tenant, numbered.event.call);
        let moves = recording_move(&numbered.event.kind);
        if let Some((state, duration_ms, error)) = moves {
            recordings::recording_fold_in_tx(
                tx,
                tenant,
                call,
                state,
                duration_ms,
                error.as_deref(),
                numbered.at,
            )
            .await?;
        }
        if numbered.ends {
            recordings::recording_unexpect_in_tx(tx, tenant, call).await?;
            if let Some(live) = self.calls.get(&call) {
                events::call_ended_in_tx(tx, &live.record, numbered.at).await?;
            }
        }
        Ok(())
    }
}

/// What an event says about the recording.
fn recording_move(kind: &CallEventKind) -> Option<(RecordingState, Option<u64>, Option<String>)> {
    match kind {
        CallEventKind::Started { .. } => Some((RecordingState::Expected, None, None)),
        CallEventKind::RecordingStarted { .. } => Some((RecordingState::Recording, None, None)),
        CallEventKind::RecordingPaused { paused: true, .. } => {
            Some((RecordingState::Paused, None, None))
        }
        CallEventKind::RecordingPaused { paused: false, .. } => {
            Some((RecordingState::Recording, None, None))
        }
        CallEventKind::RecordingStopped { duration_ms, .. } => {
            Some((RecordingState::Storing, Some(*duration_ms), None))
        }
        CallEventKind::RecordingFailed { error, .. } => {
            Some((RecordingState::Failed, None, Some(error.clone())))
        }
        CallEventKind::LegStarted { .. }
        | CallEventKind::LegRinging { .. }
        | CallEventKind::LegAnswered { .. }
        | CallEventKind::Answered { .. }
        | CallEventKind::Bridged { .. }
        | CallEventKind::Held { .. }
        | CallEventKind::Resumed { .. }
        | CallEventKind::Muted { .. }
        | CallEventKind::DtmfReceived { .. }
        | CallEventKind::Announced { .. }
        | CallEventKind::ConsentDecided { .. }
        | CallEventKind::TrunkFailed { .. }
        | CallEventKind::LegEnded { .. }
        | CallEventKind::Ended { .. }
        | CallEventKind::Gap { .. } => None,
    }
}

/// A call as the journal has it.
async fn read_call(
    store: &Store,
    tenant: TenantId,
    call: CallId,
    at: DateTime<Utc>,
) -> Result<LiveCall, StoreError> {
    let events = store.call_events(tenant, call).await?;
    let mut record = CallRecord::new(tenant, call);
    for (_, at, event) in &events {
        record.apply(event, unix_ms(*at));
    }
    let recovered = store.call_find(tenant, call).await?.is_some_and(|c| c.recovered);
    Ok(LiveCall {
        next_n: i64::try_from(events.len()).unwrap_or(i64::MAX),
        first_at: events.first().map_or(at, |(_, at, _)| *at),
        record,
        recovered,
    })
}

/// Milliseconds since 1970, as the fold counts.
pub(super) fn unix_ms(at: DateTime<Utc>) -> u64 {
    u64::try_from(at.timestamp_millis()).unwrap_or(0)
}
