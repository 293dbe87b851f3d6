//! Whether a peer answers OPTIONS, with hysteresis: one lost packet takes no trunk down.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Failures in a row that take a peer down.
const FAILURES_TO_DOWN: u8 = 3;
/// Answers in a row that bring it back.
const ANSWERS_TO_UP: u8 = 2;
/// A peer in doubt is asked again after this at the latest.
const DOUBT: Duration = Duration::from_secs(5);
/// Probes of one installation begin spread over this.
const SPREAD_MS: u64 = 500;

/// What is known of the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verdict {
    /// It was never asked, or not often enough in vain.
    #[default]
    Unknown,
    /// It answers.
    Up,
    /// It does not.
    Down,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeOutput {
    /// Send OPTIONS and tell whether it was answered.
    Ask,
    /// The verdict changed.
    Changed(Verdict),
}

/// The probe of one peer.
#[derive(Debug)]
pub struct HealthProbe {
    interval: Duration,
    verdict: Verdict,
    streak: u8,
    due: Option<Instant>,
    outputs: VecDeque<ProbeOutput>,
}

impl HealthProbe {
    /// Asks every `interval`; never when that is zero.
    pub fn new(interval: Duration, rng_seed: u64, now: Instant) -> Self {
        let spread = ChaCha8Rng::seed_from_u64(rng_seed).random_range(0..SPREAD_MS);
        let first = now + Duration::from_millis(spread);
        Self {
            interval,
            verdict: Verdict::Unknown,
            streak: 0,
            due: (!interval.is_zero()).then_some(first),
            outputs: VecDeque::new(),
        }
    }

    /// What is to be done next.
    pub fn poll_output(&mut self) -> Option<ProbeOutput> {
        self.outputs.pop_front()
    }

    /// When [`HealthProbe::handle_timeout`] has something to do. Nothing while an answer is awaited.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Asks when it is time to.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.due.take_if(|due| *due <= now).is_some() {
            self.outputs.push_back(ProbeOutput::Ask);
        }
    }

    /// OPTIONS was answered, or was not.
    pub fn handle_answer(&mut self, now: Instant, answered: bool) {
        let (confirms, streak, other) = match self.verdict {
            Verdict::Unknown if answered => (false, 1, Verdict::Up),
            Verdict::Unknown | Verdict::Up => (answered, FAILURES_TO_DOWN, Verdict::Down),
            Verdict::Down => (!answered, ANSWERS_TO_UP, Verdict::Up),
        };
        self.streak = if confirms { 0 } else { self.streak + 1 };
        if self.streak >= streak {
            self.streak = 0;
            self.verdict = other;
            self.outputs.push_back(ProbeOutput::Changed(other));
        }
        let settled = self.verdict == Verdict::Up;
        self.due = Some(now + if settled { self.interval } else { self.interval.min(DOUBT) });
    }

    /// The verdict so far.
    pub fn verdict(&self) -> Verdict {
        self.verdict
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    fn probe() -> HealthProbe {
        HealthProbe::new(Duration::from_secs(30), 1, start())
    }

    #[test]
    fn three_failures_take_a_peer_down_and_two_answers_bring_it_back() {
        let mut probe = probe();
        probe.handle_answer(start(), true);
        for (answered, expected) in [
            (false, Verdict::Up),
            (false, Verdict::Up),
            (true, Verdict::Up),
            (false, Verdict::Up),
            (false, Verdict::Up),
            (false, Verdict::Down),
            (true, Verdict::Down),
            (false, Verdict::Down),
            (true, Verdict::Down),
            (true, Verdict::Up),
        ] {
            probe.handle_answer(start(), answered);
            assert_eq!(probe.verdict(), expected);
        }
        let changes: Vec<_> = std::iter::from_fn(|| probe.poll_output()).collect();
        let changed = [Verdict::Up, Verdict::Down, Verdict::Up].map(ProbeOutput::Changed);
        assert_eq!(changes, changed);
    }

    #[test]
    fn a_peer_that_never_answered_is_down_after_three_tries_and_asked_sooner() {
        let (mut probe, mut now) = (probe(), start());
        for _ in 0..3 {
            now = probe.poll_timeout().unwrap().max(now);
            probe.handle_timeout(now);
            assert_eq!(probe.poll_output(), Some(ProbeOutput::Ask));
            assert_eq!(probe.poll_timeout(), None);
            probe.handle_answer(now, false);
            assert_eq!(probe.poll_timeout(), Some(now + DOUBT));
        }
        assert_eq!(probe.verdict(), Verdict::Down);
    }

    #[test]
    fn no_interval_means_no_probe() {
        let mut probe = HealthProbe::new(Duration::ZERO, 1, start());
        probe.handle_timeout(start() + Duration::from_secs(1000));
        assert_eq!((probe.poll_timeout(), probe.poll_output()), (None, None));
    }
}
