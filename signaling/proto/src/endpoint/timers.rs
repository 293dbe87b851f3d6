//! One queue for the timers of all machines: ordered, deterministic, O(log n).

use super::id::{DialogId, TransactionId};
use std::collections::BTreeSet;
use std::time::Instant;

/// Which machine wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TimeoutReason {
    /// A client transaction.
    Client(TransactionId),
    /// A server transaction.
    Server(TransactionId),
    /// A dialog.
    Dialog(DialogId),
}

/// The timers of all machines, at most one per machine: the machine keeps what it is for.
#[derive(Debug, Default)]
pub(crate) struct TimerQueue {
    entries: BTreeSet<(Instant, TimeoutReason)>,
}

impl TimerQueue {
    /// Moves the timer of a machine; `armed` is what the machine remembers of the last call.
    pub(crate) fn set(
        &mut self,
        reason: TimeoutReason,
        armed: &mut Option<Instant>,
        at: Option<Instant>,
    ) {
        if *armed == at {
            return;
        }
        if let Some(old) = armed.take() {
            self.entries.remove(&(old, reason));
        }
        if let Some(at) = at {
            self.entries.insert((at, reason));
        }
        *armed = at;
    }

    /// The next timer.
    pub(crate) fn next(&self) -> Option<(Instant, TimeoutReason)> {
        self.entries.first().copied()
    }

    /// Takes the next timer due. The caller forgets its `armed` before it sets it again.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<TimeoutReason> {
        let (at, reason) = self.next()?;
        if at > now {
            return None;
        }
        self.entries.pop_first();
        Some(reason)
    }

    /// How many there are.
    #[cfg(test)]
    fn len(&self) -> usize {
        self.entries.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn moved_timer_fires_once_at_its_last_time() {
        let start = crate::transaction::epoch();
        let mut queue = TimerQueue::default();
        let (mut one, mut two) = (None, None);
        let first = TimeoutReason::Client(TransactionId(1));
        let second = TimeoutReason::Dialog(DialogId(1));
        queue.set(first, &mut one, Some(start + Duration::from_secs(1)));
        queue.set(second, &mut two, Some(start + Duration::from_secs(2)));
        queue.set(first, &mut one, Some(start + Duration::from_secs(3)));
        assert_eq!(queue.next(), Some((start + Duration::from_secs(2), second)));
        let end = start + Duration::from_secs(9);
        assert_eq!(queue.pop_due(start), None);
        assert_eq!(queue.pop_due(end), Some(second));
        assert_eq!(queue.pop_due(end), Some(first));
        assert_eq!(queue.pop_due(end), None);
        assert_eq!(queue.len(), 0);
    }
}
