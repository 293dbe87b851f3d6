//! INVITE client transaction: RFC 3261 §17.1.1 with the Accepted state of RFC 6026 §7.2.

use super::{Expired, Received, Timer, Timing};
use std::time::{Duration, Instant};

/// Our INVITE on its way.
#[derive(Clone, Debug)]
pub(crate) struct ClientInvite {
    timing: Timing,
    reliable: bool,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Calling {
        /// Timer A; none over reliable transports.
        repeat: Option<(Instant, Duration)>,
        /// Timer B.
        give_up: Instant,
    },
    Proceeding,
    Completed {
        /// Timer D.
        until: Instant,
    },
    Accepted {
        /// Timer M.
        until: Instant,
    },
    Terminated,
}

impl ClientInvite {
    /// The INVITE was sent once, now.
    pub(crate) fn new(now: Instant, timing: Timing, reliable: bool) -> Self {
        let repeat = (!reliable).then(|| (now + timing.t1, timing.t1));
        Self { timing, reliable, state: State::Calling { repeat, give_up: now + timing.give_up() } }
    }

    /// A response with our branch arrived.
    pub(crate) fn handle_response(&mut self, now: Instant, status: u16) -> Received {
        match self.state {
            State::Calling { .. } | State::Proceeding => self.first_response(now, status),
            State::Completed { .. } if status >= 300 => Received::AckAgain,
            State::Accepted { .. } if (200..300).contains(&status) => Received::Deliver,
            State::Completed { .. } | State::Accepted { .. } | State::Terminated => {
                Received::Absorb
            }
        }
    }

    fn first_response(&mut self, now: Instant, status: u16) -> Received {
        match status {
            0..200 => {
                self.state = State::Proceeding;
                Received::Deliver
            }
            200..300 => {
                self.state = State::Accepted { until: now + self.timing.give_up() };
                Received::Deliver
            }
            300.. => {
                let linger =
                    if self.reliable { Duration::ZERO } else { self.timing.linger_invite() };
                self.state = State::Completed { until: now + linger };
                Received::DeliverAndAck
            }
        }
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), and for which timer.
    pub(crate) fn poll_timeout(&self) -> Option<(Instant, Timer)> {
        match self.state {
            State::Calling { repeat: Some((at, _)), give_up } if at < give_up => {
                Some((at, Timer::A))
            }
            State::Calling { give_up, .. } => Some((give_up, Timer::B)),
            State::Completed { until } => Some((until, Timer::D)),
            State::Accepted { until } => Some((until, Timer::M)),
            State::Proceeding | State::Terminated => None,
        }
    }

    /// Lets due timers fire.
    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Expired {
        match &mut self.state {
            State::Calling { give_up, .. } if *give_up <= now => {
                self.state = State::Terminated;
                Expired::TimedOut
            }
            State::Calling { repeat: Some((at, interval)), .. } if *at <= now => {
                *interval *= 2;
                *at = now + *interval;
                Expired::Resend
            }
            State::Completed { until } | State::Accepted { until } if *until <= now => {
                self.state = State::Terminated;
                Expired::Over
            }
            State::Calling { .. }
            | State::Proceeding
            | State::Completed { .. }
            | State::Accepted { .. }
            | State::Terminated => Expired::Nothing,
        }
    }

    /// No final response was delivered yet.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.state, State::Calling { .. } | State::Proceeding)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(reliable: bool) -> (Vec<u64>, u64) {
        let start = crate::transaction::epoch();
        let mut machine = ClientInvite::new(start, Timing::default(), reliable);
        let mut sent = vec![0];
        loop {
            let (at, _) = machine.poll_timeout().expect("calling always has a timer");
            let ms = u64::try_from((at - start).as_millis()).expect("short");
            match machine.handle_timeout(at) {
                Expired::Resend => sent.push(ms),
                Expired::TimedOut => return (sent, ms),
                Expired::Over | Expired::Nothing => panic!("unexpected"),
            }
        }
    }

    /// A11.
    #[test]
    fn unanswered_invite_over_udp_doubles_and_fails_at_32_seconds() {
        assert_eq!(run(false), (vec![0, 500, 1500, 3500, 7500, 15500, 31500], 32000));
    }

    /// A11.
    #[test]
    fn unanswered_invite_over_tcp_is_sent_once() {
        assert_eq!(run(true), (vec![0], 32000));
    }

    #[test]
    fn provisional_response_stops_repetition_for_good() {
        let now = crate::transaction::epoch();
        let mut machine = ClientInvite::new(now, Timing::default(), false);
        assert_eq!(machine.handle_response(now, 100), Received::Deliver);
        assert_eq!(machine.poll_timeout(), None);
        assert!(machine.is_pending());
    }

    #[test]
    fn repeated_refusal_is_acknowledged_again_and_not_told() {
        let now = crate::transaction::epoch();
        let mut machine = ClientInvite::new(now, Timing::default(), false);
        assert_eq!(machine.handle_response(now, 486), Received::DeliverAndAck);
        assert_eq!(machine.handle_response(now, 486), Received::AckAgain);
        assert_eq!(machine.handle_response(now, 200), Received::Absorb);
        assert_eq!(machine.poll_timeout(), Some((now + Duration::from_secs(32), Timer::D)));
    }

    /// RFC 6026 §7.2.
    #[test]
    fn every_2xx_is_delivered_while_accepted() {
        let now = crate::transaction::epoch();
        let mut machine = ClientInvite::new(now, Timing::default(), true);
        assert_eq!(machine.handle_response(now, 200), Received::Deliver);
        assert_eq!(machine.handle_response(now, 200), Received::Deliver);
        assert_eq!(machine.handle_response(now, 180), Received::Absorb);
        let end = now + Duration::from_secs(32);
        assert_eq!(machine.poll_timeout(), Some((end, Timer::M)));
        assert_eq!(machine.handle_timeout(end), Expired::Over);
        assert_eq!(machine.poll_timeout(), None);
    }
}
