//! Numbering events within their call, and folding them into what is written with them.

use crate::{
    Store, StoreError,
    store::{
        calls::{CallRow, call_row},
        events::{AppendedEvent, Batch, EndedCall},
    },
};
use call::{CallEvent, CallEventKind, CallId, CallRecord, Direction, NodeId};
use chrono::{DateTime, Utc};
use std::{
    collections::{BTreeSet, HashMap, VecDeque},
    sync::Arc,
};
use tokio::sync::oneshot;

/// Ended calls stay known this long for facts that come late; then they are read again.
const KEPT_AFTER_END: usize = 2_000;

/// One event on its way into the journal. Its number never changes, so that writing it twice
/// leaves one row.
#[derive(Debug)]
pub(super) struct Numbered {
    pub(super) n: i64,
    pub(super) at: DateTime<Utc>,
    pub(super) event: Arc<CallEvent>,
    pub(super) receipt: Option<oneshot::Sender<()>>,
    /// It lies on disk beside the database.
    pub(super) spilled: bool,
}

struct LiveCall {
    next_n: i64,
    /// Numbered and not yet known to be written.
    unwritten: usize,
    first_at: DateTime<Utc>,
    record: CallRecord,
    recovered: bool,
    /// As last handed out to be written.
    row: Option<CallRow>,
}

/// The calls the journal writes about.
pub(super) struct Ledger {
    node: NodeId,
    calls: HashMap<CallId, LiveCall>,
    ended: VecDeque<CallId>,
}

impl Ledger {
    pub(super) fn new(node: NodeId) -> Self {
        Self { node, calls: HashMap::new(), ended: VecDeque::new() }
    }

    /// The event's number, where its call is known or begins with it.
    pub(super) fn number(&mut self, at: DateTime<Utc>, event: &CallEvent) -> Option<i64> {
        let begins = matches!(event.kind, CallEventKind::Started { .. });
        if begins && !self.calls.contains_key(&event.call) {
            let record = CallRecord::new(event.tenant, event.call);
            self.calls.insert(event.call, LiveCall::new(0, at, record, false));
        }
        let live = self.calls.get_mut(&event.call)?;
        let n = live.next_n;
        live.next_n += 1;
        live.unwritten += 1;
        Some(n)
    }

    /// The number that a call's next event will have.
    pub(super) fn next_number(&self, call: CallId) -> Option<i64> {
        self.calls.get(&call).map(|live| live.next_n)
    }

    /// Reads the call of an event as the database has it.
    pub(super) async fn learn(
        &mut self,
        store: &Store,
        at: DateTime<Utc>,
        event: &CallEvent,
    ) -> Result<(), StoreError> {
        let (tenant, call) = (event.tenant, event.call);
        let events = store.call_events(tenant, call).await?;
        let recovered = store.call_find(tenant, call).await?.is_some_and(|c| c.recovered);
        let mut record = CallRecord::new(tenant, call);
        for (_, at, event) in &events {
            record.apply(event, unix_ms(*at));
        }
        let first_at = events.first().map_or(at, |(_, at, _)| *at);
        let next_n = store.call_events_next(tenant, call).await?;
        self.calls.insert(call, LiveCall::new(next_n, first_at, record, recovered));
        Ok(())
    }

    /// Marks a call as closed by us after a crash.
    pub(super) fn mark_recovered(&mut self, call: CallId) {
        if let Some(live) = self.calls.get_mut(&call) {
            live.recovered = true;
        }
    }

    /// Folds numbered events, once and in order, into what is written with them.
    pub(super) fn fold<'a>(&mut self, numbered: impl IntoIterator<Item = &'a Numbered>) -> Batch {
        let mut batch = Batch::default();
        let mut touched = BTreeSet::new();
        for Numbered { n, at, event, .. } in numbered {
            let mut ends = None;
            if let Some(live) = self.calls.get_mut(&event.call) {
                let was_over = live.record.status.is_final();
                live.record.apply(event, unix_ms(*at));
                // Said after the end, whose call it was counts as if it had been known.
                let found_late = was_over && matches!(event.kind, CallEventKind::LeadFound { .. });
                if found_late || (!was_over && live.record.status.is_final()) {
                    ends = Some(live.as_ended(if found_late { live.ended_at() } else { *at }));
                    self.ended.push_back(event.call);
                }
                touched.insert(event.call);
            }
            batch.events.push(AppendedEvent { n: *n, at: *at, event: event.clone(), ends });
        }
        for call in touched {
            self.fold_row(call, &mut batch);
        }
        batch
    }

    /// The row of a call, where it is another than the last one.
    fn fold_row(&mut self, call: CallId, batch: &mut Batch) {
        let Some(live) = self.calls.get_mut(&call) else { return };
        if live.recovered {
            batch.recovered.push((live.record.tenant_id, call));
        }
        match call_row(self.node, &live.record, live.first_at, live.recovered) {
            Ok(row) if live.row.as_ref() == Some(&row) => {}
            Ok(row) => {
                live.row = Some(row.clone());
                batch.calls.insert(call, row);
            }
            Err(error) => tracing::error!(call.id = %call, %error, "a call makes no row"),
        }
    }

    /// The event is written, or never will be.
    pub(super) fn settle(&mut self, call: CallId, written: bool) {
        if let Some(live) = self.calls.get_mut(&call) {
            live.unwritten = live.unwritten.saturating_sub(1);
            if !written {
                // What stands in the table is not what we think.
                live.row = None;
            }
        }
    }

    /// Lets go of calls that ended long ago and have nothing to write.
    pub(super) fn forget_old(&mut self) {
        while self.ended.len() > KEPT_AFTER_END {
            let Some(oldest) = self.ended.front() else { break };
            if self.calls.get(oldest).is_some_and(|live| live.unwritten > 0) {
                break;
            }
            self.calls.remove(oldest);
            self.ended.pop_front();
        }
    }
}

impl LiveCall {
    fn new(next_n: i64, first_at: DateTime<Utc>, record: CallRecord, recovered: bool) -> Self {
        Self { next_n, unwritten: 0, first_at, record, recovered, row: None }
    }

    fn ended_at(&self) -> DateTime<Utc> {
        let ms = self.record.ended_at_ms.and_then(|ms| i64::try_from(ms).ok());
        ms.and_then(DateTime::from_timestamp_millis).unwrap_or(self.first_at)
    }

    fn as_ended(&self, at: DateTime<Utc>) -> EndedCall {
        EndedCall {
            at,
            lead: self.record.lead_id,
            outbound: self.record.direction == Some(Direction::Outbound),
            spoken: self.record.answered_at_ms.is_some(),
            expected: self.record.direction != Some(Direction::Internal),
            recorded: self.record.recording.is_some(),
        }
    }
}

/// Milliseconds since 1970, as the fold counts.
pub(super) fn unix_ms(at: DateTime<Utc>) -> u64 {
    u64::try_from(at.timestamp_millis()).unwrap_or(0)
}
