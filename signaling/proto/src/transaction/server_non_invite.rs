//! Non-INVITE server transaction: RFC 3261 §17.2.2.

use super::{Expired, Repeated, Timer, Timing};
use std::time::{Duration, Instant};

/// A request other than INVITE we were sent.
#[derive(Clone, Debug)]
pub(crate) struct ServerNonInvite {
    timing: Timing,
    reliable: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Trying {
        /// Not in the RFC: after 64*T1 the client is gone, so an unanswered one is dropped.
        give_up: Instant,
    },
    Proceeding {
        give_up: Instant,
    },
    Completed {
        /// Timer J.
        until: Instant,
    },
    Terminated,
}

impl ServerNonInvite {
    /// The request just arrived.
    pub(crate) fn new(now: Instant, timing: Timing, reliable: bool) -> Self {
        Self { timing, reliable, state: State::Trying { give_up: now + timing.give_up() } }
    }

    /// A response is being sent. False: a final one was sent before, send nothing.
    pub(crate) fn handle_send(&mut self, now: Instant, status: u16) -> bool {
        match self.state {
            State::Trying { give_up } | State::Proceeding { give_up } => {
                self.state = if status < 200 {
                    State::Proceeding { give_up }
                } else {
                    let linger = if self.reliable { Duration::ZERO } else { self.timing.give_up() };
                    State::Completed { until: now + linger }
                };
                true
            }
            State::Completed { .. } | State::Terminated => false,
        }
    }

    /// The request arrived again.
    pub(crate) fn handle_repeated(&self) -> Repeated {
        match self.state {
            State::Proceeding { .. } | State::Completed { .. } => Repeated::Resend,
            State::Trying { .. } | State::Terminated => Repeated::Absorb,
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), and for which timer.
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match self.state {
            State::Trying { give_up } | State::Proceeding { give_up } => Some((give_up, Timer::F)),
            State::Completed { until } => Some((until, Timer::J)),
            State::Terminated => None,
        }
    }

    /// Lets due timers fire.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Expired {
        match self.state {
            State::Trying { give_up } | State::Proceeding { give_up } if give_up <= now => {
                self.state = State::Terminated;
                Expired::TimedOut
            }
            State::Completed { until } if until <= now => {
                self.state = State::Terminated;
                Expired::Over
            }
            State::Trying { .. }
            | State::Proceeding { .. }
            | State::Completed { .. }
            | State::Terminated => Expired::Nothing,
        }
    }

    /// No final response was sent yet.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.state, State::Trying { .. } | State::Proceeding { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_request_gets_the_same_response_for_64_t1() {
        let start = crate::transaction::epoch();
        let mut machine = ServerNonInvite::new(start, Timing::default(), false);
        assert_eq!(machine.handle_repeated(), Repeated::Absorb);
        assert!(machine.handle_send(start, 200));
        assert!(!machine.handle_send(start, 500));
        assert_eq!(machine.handle_repeated(), Repeated::Resend);
        let end = start + Duration::from_secs(32);
        assert_eq!(machine.poll_timeout(), Some((end, Timer::J)));
        assert_eq!(machine.handle_timeout(end), Expired::Over);
    }

    #[test]
    fn request_nobody_answers_does_not_stay_for_ever() {
        let start = crate::transaction::epoch();
        let mut machine = ServerNonInvite::new(start, Timing::default(), true);
        let end = start + Duration::from_secs(32);
        assert_eq!(machine.handle_timeout(start), Expired::Nothing);
        assert_eq!(machine.handle_timeout(end), Expired::TimedOut);
        assert_eq!(machine.poll_timeout(), None);
    }
}
