//! INVITE server transaction: RFC 3261 §17.2.1 with the Accepted state of RFC 6026 §7.1.

use super::{Expired, Repeated, Timer, Timing};
use std::time::{Duration, Instant};

/// An INVITE we were sent.
#[derive(Clone, Debug)]
pub(crate) struct ServerInvite {
    timing: Timing,
    reliable: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Proceeding,
    Completed {
        /// Timer G; none over reliable transports.
        repeat: Option<(Instant, Duration)>,
        /// Timer H.
        give_up: Instant,
    },
    Confirmed {
        /// Timer I.
        until: Instant,
    },
    Accepted {
        /// Timer L.
        until: Instant,
    },
    Terminated,
}

impl ServerInvite {
    /// The INVITE just arrived.
    pub(crate) fn new(timing: Timing, reliable: bool) -> Self {
        Self { timing, reliable, state: State::Proceeding }
    }

    /// A response is being sent. False: a final one was sent before, send nothing.
    pub(crate) fn handle_send(&mut self, now: Instant, status: u16) -> bool {
        if self.state != State::Proceeding {
            return false;
        }
        self.state = match status {
            0..200 => State::Proceeding,
            200..300 => State::Accepted { until: now + self.timing.give_up() },
            300.. => State::Completed {
                repeat: (!self.reliable).then(|| (now + self.timing.t1, self.timing.t1)),
                give_up: now + self.timing.give_up(),
            },
        };
        true
    }

    /// The INVITE arrived again.
    pub(crate) fn handle_repeated(&self) -> Repeated {
        match self.state {
            State::Proceeding | State::Completed { .. } => Repeated::Resend,
            // The dialog repeats its 2xx by itself (RFC 6026 §7.1).
            State::Confirmed { .. } | State::Accepted { .. } | State::Terminated => {
                Repeated::Absorb
            }
        }
    }

    /// An ACK with our branch arrived.
    pub(crate) fn handle_ack(&mut self, now: Instant) -> Repeated {
        if !matches!(self.state, State::Completed { .. }) {
            return Repeated::Absorb;
        }
        let linger = if self.reliable { Duration::ZERO } else { self.timing.t4 };
        self.state = State::Confirmed { until: now + linger };
        Repeated::Acknowledged
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), and for which timer.
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match self.state {
            State::Completed { repeat: Some((at, _)), give_up } if at < give_up => {
                Some((at, Timer::G))
            }
            State::Completed { give_up, .. } => Some((give_up, Timer::H)),
            State::Confirmed { until } => Some((until, Timer::I)),
            State::Accepted { until } => Some((until, Timer::L)),
            State::Proceeding | State::Terminated => None,
        }
    }

    /// Lets due timers fire. A missing ACK to a refusal is nobody's concern: `Over`.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Expired {
        match &mut self.state {
            State::Completed { give_up, .. } if *give_up <= now => {
                self.state = State::Terminated;
                Expired::Over
            }
            State::Completed { repeat: Some((at, interval)), .. } if *at <= now => {
                *interval = self.timing.back_off(*interval);
                *at = now + *interval;
                Expired::Resend
            }
            State::Confirmed { until } | State::Accepted { until } if *until <= now => {
                self.state = State::Terminated;
                Expired::Over
            }
            State::Proceeding
            | State::Completed { .. }
            | State::Confirmed { .. }
            | State::Accepted { .. }
            | State::Terminated => Expired::Nothing,
        }
    }

    /// A non-2xx final response was sent.
    pub(crate) fn is_refused(&self) -> bool {
        matches!(self.state, State::Completed { .. } | State::Confirmed { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_repeats_until_acknowledged_then_lingers_t4() {
        let start = crate::transaction::epoch();
        let mut machine = ServerInvite::new(Timing::default(), false);
        assert_eq!(machine.poll_timeout(), None);
        assert!(machine.handle_send(start, 180));
        assert!(machine.handle_send(start, 486));
        assert!(!machine.handle_send(start, 200));
        let at = start + Duration::from_millis(500);
        assert_eq!(machine.poll_timeout(), Some((at, Timer::G)));
        assert_eq!(machine.handle_timeout(at), Expired::Resend);
        let next = at + Duration::from_secs(1);
        assert_eq!(machine.poll_timeout(), Some((next, Timer::G)));
        assert_eq!(machine.handle_ack(next), Repeated::Acknowledged);
        assert_eq!(machine.handle_ack(next), Repeated::Absorb);
        let end = next + Duration::from_secs(5);
        assert_eq!(machine.poll_timeout(), Some((end, Timer::I)));
        assert_eq!(machine.handle_timeout(end), Expired::Over);
    }

    #[test]
    fn refusal_without_ack_ends_at_64_t1() {
        let start = crate::transaction::epoch();
        let mut machine = ServerInvite::new(Timing::default(), true);
        assert!(machine.handle_send(start, 603));
        let end = start + Duration::from_secs(32);
        assert_eq!(machine.poll_timeout(), Some((end, Timer::H)));
        assert_eq!(machine.handle_timeout(end), Expired::Over);
    }

    /// A14.
    #[test]
    fn repeated_invite_gets_the_last_response_until_accepted() {
        let start = crate::transaction::epoch();
        let mut machine = ServerInvite::new(Timing::default(), false);
        assert_eq!(machine.handle_repeated(), Repeated::Resend);
        assert!(machine.handle_send(start, 200));
        assert_eq!(machine.handle_repeated(), Repeated::Absorb);
        let end = start + Duration::from_secs(32);
        assert_eq!(machine.poll_timeout(), Some((end, Timer::L)));
    }
}
