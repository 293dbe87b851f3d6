//! The few events of a call that wait for the journal. The call itself waits only for a receipt
//! it asked for, and never for long.

use crate::{EventOut, StampedEvent, measure};
use call::{CallEvent, CallEventKind, CallId, EVENT_VERSION, TenantId};
use std::{collections::VecDeque, time::SystemTime};
use tokio::sync::oneshot;

/// Events that may wait; what comes on top is lost and counted in one `Gap`.
const WAITING_MAX: usize = 64;

/// Events of one call on their way to the journal.
#[derive(Debug)]
pub(super) struct Outbox {
    tenant: TenantId,
    call: CallId,
    out: EventOut,
    waiting: VecDeque<StampedEvent>,
    lost: u64,
}

impl Outbox {
    pub(super) fn new(tenant: TenantId, call: CallId, out: EventOut) -> Self {
        Self { tenant, call, out, waiting: VecDeque::new(), lost: 0 }
    }

    /// Sends, or keeps for later, or counts as lost. The end of a call is never lost.
    pub(super) fn put(&mut self, kind: CallEventKind) {
        self.put_with(kind, None);
    }

    /// The same; what comes back ends when the event is on disk, or when nobody can tell.
    pub(super) fn put_for_receipt(&mut self, kind: CallEventKind) -> oneshot::Receiver<()> {
        let (receipt, written) = oneshot::channel();
        self.put_with(kind, Some(receipt));
        written
    }

    fn put_with(&mut self, kind: CallEventKind, receipt: Option<oneshot::Sender<()>>) {
        let is_end = matches!(kind, CallEventKind::Ended { .. });
        if self.waiting.len() >= WAITING_MAX && !is_end {
            self.lost += 1;
            measure::events_lost(1);
            return;
        }
        if self.lost > 0 {
            let gap = self.stamp(CallEventKind::Gap { lost: self.lost });
            self.waiting.push_back(gap);
            self.lost = 0;
        }
        let event = StampedEvent { receipt, ..self.stamp(kind) };
        self.waiting.push_back(event);
        self.flush();
    }

    /// Sends what waits, as far as there is room.
    pub(super) fn flush(&mut self) {
        while !self.waiting.is_empty() {
            let Ok(place) = self.out.try_reserve() else { return };
            if let Some(event) = self.waiting.pop_front() {
                place.send(event);
            }
        }
        if self.lost > 0 {
            let gap = self.stamp(CallEventKind::Gap { lost: self.lost });
            self.lost = 0;
            self.waiting.push_back(gap);
            self.flush();
        }
    }

    /// Nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty() && self.lost == 0
    }

    /// Nobody listens any more.
    pub(super) fn is_closed(&self) -> bool {
        self.out.is_closed()
    }

    fn stamp(&self, kind: CallEventKind) -> StampedEvent {
        let event = CallEvent { v: EVENT_VERSION, tenant: self.tenant, call: self.call, kind };
        StampedEvent { at: SystemTime::now(), event, receipt: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use call::{CauseKind, EndedBy, HangupCause, LegId};
    use tokio::sync::mpsc;

    #[test]
    fn a_full_journal_costs_events_but_leaves_one_gap_and_the_end() {
        let call = CallId::from_parts(1_763_000_000_000, &[3; 10]);
        let (out, mut journal) = mpsc::channel(4);
        let mut outbox = Outbox::new(TenantId::from_parts(1, &[1; 10]), call, out);
        let leg = LegId::of(call, 0);
        for _ in 0..100 {
            outbox.put(CallEventKind::LegAnswered { leg });
        }
        let cause = HangupCause::new(EndedBy::System, CauseKind::Normal);
        outbox.put(CallEventKind::Ended { cause, suggested_disposition: None });
        let mut kinds = Vec::new();
        while !outbox.is_empty() {
            while let Ok(event) = journal.try_recv() {
                kinds.push(event.event.kind);
            }
            outbox.flush();
        }
        while let Ok(event) = journal.try_recv() {
            kinds.push(event.event.kind);
        }
        let answered =
            kinds.iter().filter(|kind| matches!(kind, CallEventKind::LegAnswered { .. })).count();
        let gaps: Vec<u64> = kinds
            .iter()
            .filter_map(|kind| {
                let CallEventKind::Gap { lost } = kind else { return None };
                Some(*lost)
            })
            .collect();
        assert_eq!((answered, gaps), (68, vec![32]));
        assert!(matches!(kinds.last(), Some(CallEventKind::Ended { .. })));
    }
}
