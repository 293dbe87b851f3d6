//! The live calls by id, and the door that closes when there are enough of them.

use super::{CallDoor, CallTaskEvent, MAILBOX};
use crate::{EventOut, measure, status::LiveCall};
use call::{CallId, ExtensionId, TenantId};
use dashmap::{DashMap, mapref::entry::Entry};
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::SystemTime,
};
use tokio::sync::{Notify, mpsc};

/// Ids of ended calls kept, so that a late retry of a command starts nothing anew.
const ENDED_KEPT: usize = 10_000;

/// Why no new call is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoRoom {
    #[error("draining")]
    Draining,
    #[error("at capacity")]
    Full,
    #[error("the journal lags")]
    JournalLags,
    #[error("the call exists already")]
    Known,
}

/// The live calls.
#[derive(Debug)]
pub(crate) struct Calls {
    live: DashMap<CallId, Entered>,
    count: AtomicUsize,
    ended: Mutex<VecDeque<(CallId, TenantId)>>,
    draining: AtomicBool,
    max: usize,
    events: EventOut,
    emptied: Notify,
}

#[derive(Debug)]
struct Entered {
    tenant: TenantId,
    door: CallDoor,
    since: SystemTime,
}

/// A call's place among the live ones; given back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    calls: Arc<Calls>,
    pub(crate) call: CallId,
    pub(crate) tenant: TenantId,
    pub(crate) door: CallDoor,
}

impl Calls {
    pub(crate) fn new(max: usize, events: EventOut) -> Self {
        Self {
            live: DashMap::new(),
            count: AtomicUsize::new(0),
            ended: Mutex::new(VecDeque::new()),
            draining: AtomicBool::new(false),
            max,
            events,
            emptied: Notify::new(),
        }
    }

    /// Whether a new call would be taken.
    pub(crate) fn admit(&self) -> Result<(), NoRoom> {
        if self.draining.load(Ordering::Relaxed) {
            return Err(NoRoom::Draining);
        }
        if self.count.load(Ordering::Relaxed) >= self.max {
            return Err(NoRoom::Full);
        }
        // A quarter is left for the events of calls that are live.
        if self.events.is_closed() || self.events.capacity() * 4 < self.events.max_capacity() {
            return Err(NoRoom::JournalLags);
        }
        Ok(())
    }

    /// Makes room for a new call.
    pub(crate) fn enter(
        self: &Arc<Self>,
        call: CallId,
        tenant: TenantId,
    ) -> Result<(Place, mpsc::Receiver<CallTaskEvent>), NoRoom> {
        self.admit()?;
        let (mailbox, events) = mpsc::channel(MAILBOX);
        let door = CallDoor { call, mailbox };
        match self.live.entry(call) {
            Entry::Occupied(_) => return Err(NoRoom::Known),
            Entry::Vacant(free) => {
                free.insert(Entered { tenant, door: door.clone(), since: SystemTime::now() });
            }
        }
        measure::live_calls(self.count.fetch_add(1, Ordering::Relaxed) + 1);
        Ok((Place { calls: self.clone(), call, tenant, door }, events))
    }

    /// The way to a live call of this tenant.
    pub(crate) fn door(&self, call: CallId, tenant: TenantId) -> Option<CallDoor> {
        let entered = self.live.get(&call)?;
        (entered.tenant == tenant).then(|| entered.door.clone())
    }

    /// Whose a call is that is live or ended lately.
    pub(crate) fn tenant_of(&self, call: CallId) -> Option<TenantId> {
        let live = self.live.get(&call).map(|entered| entered.tenant);
        live.or_else(|| {
            let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
            ended.iter().find(|(known, _)| *known == call).map(|(_, tenant)| *tenant)
        })
    }

    /// Whether this call is live or ended lately.
    pub(crate) fn knows(&self, call: CallId) -> bool {
        let ended = || self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        self.live.contains_key(&call) || ended().iter().any(|(known, _)| *known == call)
    }

    /// All live calls.
    pub(crate) fn all(&self) -> Vec<LiveCall> {
        self.live
            .iter()
            .map(|entry| LiveCall { tenant: entry.tenant, call: *entry.key(), since: entry.since })
            .collect()
    }

    /// From now on no new ones.
    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Tells the calls of a tenant that the phones of an extension are let in no more.
    pub(crate) fn phones_out(&self, tenant: TenantId, extension: ExtensionId) {
        for entry in self.live.iter().filter(|entry| entry.tenant == tenant) {
            entry.door.put(CallTaskEvent::PhonesOut(extension));
        }
    }

    /// Tells every call that the process ends.
    pub(crate) fn shut_down(&self) {
        for entry in &self.live {
            entry.door.put(CallTaskEvent::Shutdown);
        }
    }

    /// Waits until the last call is gone.
    pub(crate) async fn empty(&self) {
        loop {
            let emptied = self.emptied.notified();
            if self.count.load(Ordering::Relaxed) == 0 {
                return;
            }
            emptied.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.calls.live.remove(&self.call);
        let mut ended = self.calls.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.push_front((self.call, self.tenant));
        ended.truncate(ENDED_KEPT);
        drop(ended);
        let left = self.calls.count.fetch_sub(1, Ordering::Relaxed) - 1;
        measure::live_calls(left);
        if left == 0 {
            self.calls.emptied.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u8) -> CallId {
        CallId::from_parts(1_763_000_000_000, &[n; 10])
    }

    fn tenant() -> TenantId {
        TenantId::from_parts(1, &[1; 10])
    }

    #[test]
    fn a_full_switch_takes_no_new_call_until_one_ended() {
        let (events, _keep) = mpsc::channel(8);
        let calls = Arc::new(Calls::new(1, events));
        let (place, _mailbox) = calls.enter(id(1), tenant()).expect("room");
        assert_eq!(calls.enter(id(2), tenant()).err(), Some(NoRoom::Full));
        drop(place);
        assert!(calls.enter(id(2), tenant()).is_ok());
    }

    #[test]
    fn a_lagging_journal_stops_new_calls_only() {
        let (events, _keep) = mpsc::channel(4);
        let calls = Arc::new(Calls::new(10, events.clone()));
        let (place, _mailbox) = calls.enter(id(1), tenant()).expect("room");
        for _ in 0..4 {
            events.try_send(stamped(id(1))).expect("room in the queue");
        }
        assert_eq!(calls.admit().err(), Some(NoRoom::JournalLags));
        assert!(calls.door(id(1), tenant()).is_some());
        drop(place);
    }

    #[test]
    fn a_call_is_found_by_its_own_tenant_only_and_stays_known_after_its_end() {
        let (events, _keep) = mpsc::channel(8);
        let calls = Arc::new(Calls::new(10, events));
        let (place, _mailbox) = calls.enter(id(1), tenant()).expect("room");
        let other = TenantId::from_parts(2, &[2; 10]);
        assert!(calls.door(id(1), tenant()).is_some());
        assert!(calls.door(id(1), other).is_none());
        assert_eq!(calls.enter(id(1), tenant()).err(), Some(NoRoom::Known));
        drop(place);
        assert!(calls.door(id(1), tenant()).is_none());
        assert!(calls.knows(id(1)));
    }

    fn stamped(call: CallId) -> crate::StampedEvent {
        let kind = call::CallEventKind::Gap { lost: 1 };
        let event = call::CallEvent { v: call::EVENT_VERSION, tenant: tenant(), call, kind };
        crate::StampedEvent { at: SystemTime::now(), event, receipt: None }
    }
}
