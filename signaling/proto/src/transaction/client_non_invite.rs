//! Non-INVITE client transaction: RFC 3261 §17.1.2.

use super::{Expired, Received, Timer, Timing};
use std::time::{Duration, Instant};

/// Our request other than INVITE on its way.
#[derive(Clone, Debug)]
pub(crate) struct ClientNonInvite {
    timing: Timing,
    reliable: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Trying and Proceeding: they differ only in the gap of timer E.
    Trying {
        /// Timer E; none over reliable transports.
        repeat: Option<(Instant, Duration)>,
        /// Timer F.
        give_up: Instant,
    },
    Completed {
        /// Timer K.
        until: Instant,
    },
    Terminated,
}

impl ClientNonInvite {
    /// The request was sent once, now.
    pub(crate) fn new(now: Instant, timing: Timing, reliable: bool) -> Self {
        let repeat = (!reliable).then(|| (now + timing.t1, timing.t1));
        Self { timing, reliable, state: State::Trying { repeat, give_up: now + timing.give_up() } }
    }

    /// A response with our branch arrived.
    pub(crate) fn handle_response(&mut self, now: Instant, status: u16) -> Received {
        match &mut self.state {
            State::Trying { repeat, .. } if status < 200 => {
                // §17.1.2.2: in Proceeding the gap is T2 from the next firing on.
                if let Some((_, interval)) = repeat {
                    *interval = self.timing.t2;
                }
                Received::Deliver
            }
            State::Trying { .. } => {
                let linger = if self.reliable { Duration::ZERO } else { self.timing.t4 };
                self.state = State::Completed { until: now + linger };
                Received::Deliver
            }
            State::Completed { .. } | State::Terminated => Received::Absorb,
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), and for which timer.
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match self.state {
            State::Trying { repeat: Some((at, _)), give_up } if at < give_up => {
                Some((at, Timer::E))
            }
            State::Trying { give_up, .. } => Some((give_up, Timer::F)),
            State::Completed { until } => Some((until, Timer::K)),
            State::Terminated => None,
        }
    }

    /// Lets due timers fire.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Expired {
        match &mut self.state {
            State::Trying { give_up, .. } if *give_up <= now => {
                self.state = State::Terminated;
                Expired::TimedOut
            }
            State::Trying { repeat: Some((at, interval)), .. } if *at <= now => {
                *interval = self.timing.back_off(*interval);
                *at = now + *interval;
                Expired::Resend
            }
            State::Completed { until } if *until <= now => {
                self.state = State::Terminated;
                Expired::Over
            }
            State::Trying { .. } | State::Completed { .. } | State::Terminated => Expired::Nothing,
        }
    }

    /// No final response was delivered yet.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.state, State::Trying { .. })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(start: Instant, at: Instant) -> u64 {
        u64::try_from((at - start).as_millis()).expect("short")
    }

    /// A12.
    #[test]
    fn gaps_double_to_t2_and_stop_at_32_seconds() {
        let start = crate::transaction::epoch();
        let mut machine = ClientNonInvite::new(start, Timing::default(), false);
        let mut sent = vec![];
        let failed = loop {
            let (at, _) = machine.poll_timeout().expect("has a timer");
            match machine.handle_timeout(at) {
                Expired::Resend => sent.push(ms(start, at)),
                Expired::TimedOut => break ms(start, at),
                Expired::Over | Expired::Nothing => panic!("unexpected"),
            }
        };
        assert_eq!(sent, [500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]);
        assert_eq!(failed, 32000);
    }

    #[test]
    fn provisional_response_slows_repetition_to_t2() {
        let start = crate::transaction::epoch();
        let mut machine = ClientNonInvite::new(start, Timing::default(), false);
        assert_eq!(machine.handle_response(start, 100), Received::Deliver);
        let (at, _) = machine.poll_timeout().expect("has a timer");
        assert_eq!(ms(start, at), 500);
        assert_eq!(machine.handle_timeout(at), Expired::Resend);
        let (at, timer) = machine.poll_timeout().expect("has a timer");
        assert_eq!((ms(start, at), timer), (4500, Timer::E));
    }

    #[test]
    fn repeated_final_response_is_absorbed_for_t4() {
        let start = crate::transaction::epoch();
        let mut machine = ClientNonInvite::new(start, Timing::default(), false);
        assert_eq!(machine.handle_response(start, 200), Received::Deliver);
        assert_eq!(machine.handle_response(start, 200), Received::Absorb);
        let (at, timer) = machine.poll_timeout().expect("has a timer");
        assert_eq!((ms(start, at), timer), (5000, Timer::K));
        assert_eq!(machine.handle_timeout(at), Expired::Over);
        assert!(!machine.is_pending());
    }
}
