//! The last gate before a carrier: channels in use and new calls a second, ringing included.
//! Separate from whatever paced the calls, so that a runaway dialer meets it (D12).

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// Which cap was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum GateClosed {
    #[error("all channels of the trunk are in use")]
    Channels,
    #[error("the trunk's calls per second are used up")]
    CallsPerSecond,
}

/// Counts the calls of one trunk. Lives as long as the trunk, whatever is reconfigured.
#[derive(Debug, Default)]
pub(crate) struct EgressGate {
    state: Mutex<GateState>,
}

#[derive(Debug, Default)]
struct GateState {
    in_use: u32,
    begun: VecDeque<Instant>,
}

/// One call on the trunk; gives its channel back when dropped.
#[derive(Debug)]
pub(crate) struct Channel {
    gate: Arc<EgressGate>,
}

impl EgressGate {
    /// Takes a channel for a call of ours; 0 means no cap.
    pub(crate) fn take(
        self: &Arc<Self>,
        channels_max: u32,
        per_second_max: u32,
        now: Instant,
    ) -> Result<Channel, GateClosed> {
        let mut state = self.state();
        if channels_max > 0 && state.in_use >= channels_max {
            return Err(GateClosed::Channels);
        }
        if per_second_max > 0 {
            while state.begun.front().is_some_and(|at| now - *at >= Duration::from_secs(1)) {
                state.begun.pop_front();
            }
            if state.begun.len() >= per_second_max as usize {
                return Err(GateClosed::CallsPerSecond);
            }
            state.begun.push_back(now);
        }
        state.in_use += 1;
        drop(state);
        Ok(Channel { gate: self.clone() })
    }

    /// Counts a call that the carrier placed: the carrier's caps are its own affair.
    pub(crate) fn count(self: &Arc<Self>) -> Channel {
        self.state().in_use += 1;
        Channel { gate: self.clone() }
    }

    /// Calls on the trunk now.
    pub(crate) fn in_use(&self) -> u32 {
        self.state().in_use
    }

    fn state(&self) -> MutexGuard<'_, GateState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        let mut state = self.gate.state();
        state.in_use = state.in_use.saturating_sub(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// D12.
    #[test]
    fn a_channel_is_free_again_only_after_its_call_ended() {
        let gate = Arc::new(EgressGate::default());
        let now = Instant::now();
        let first = gate.take(2, 0, now).expect("free");
        let _second = gate.take(2, 0, now).expect("free");
        assert_eq!(gate.take(2, 0, now).err(), Some(GateClosed::Channels));
        drop(first);
        assert!(gate.take(2, 0, now).is_ok());
    }

    /// D12.
    #[test]
    fn calls_of_the_last_second_count_even_when_over() {
        let gate = Arc::new(EgressGate::default());
        let now = Instant::now();
        for _ in 0..3 {
            drop(gate.take(0, 3, now).expect("within the cap"));
        }
        let soon = now + Duration::from_millis(900);
        assert_eq!(gate.take(0, 3, soon).err(), Some(GateClosed::CallsPerSecond));
        assert!(gate.take(0, 3, now + Duration::from_millis(1000)).is_ok());
    }

    #[test]
    fn calls_from_the_carrier_use_channels_but_are_not_refused() {
        let gate = Arc::new(EgressGate::default());
        let _inbound = gate.count();
        assert_eq!(gate.in_use(), 1);
        assert_eq!(gate.take(1, 0, Instant::now()).err(), Some(GateClosed::Channels));
    }
}
