//! Guessing secrets: answers slow down, then stop, per address and AOR (B04). Only a failed proof counts, which takes a
//! nonce that was sent to that address: who forges a source address can shut nobody else out.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
    time::{Duration, Instant},
};

/// This many failures …
const FAILURES_MAX: usize = 10;
/// … within this time …
const WINDOW: Duration = Duration::from_secs(300);
/// … shut the address out for this long.
const BAN: Duration = Duration::from_secs(900);
/// The first failures are answered at once: people mistype.
const FREE_FAILURES: usize = 2;
/// Each further one is answered this much later.
const DELAY_STEP: Duration = Duration::from_millis(250);
/// Pairs kept; the oldest are forgotten first when a flood names more.
const PAIRS_MAX: usize = 100_000;

/// What a failure comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Answer after this.
    Delay(Duration),
    /// Shut out until then.
    Ban(Instant),
}

/// Failures by address and AOR.
#[derive(Debug, Default)]
pub struct BruteForce {
    pairs: BTreeMap<(IpAddr, String), Pair>,
}

#[derive(Debug, Default)]
struct Pair {
    failures: VecDeque<Instant>,
    banned_until: Option<Instant>,
}

impl BruteForce {
    /// Nobody has failed yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes over a ban from before a restart.
    pub fn restore(&mut self, address: IpAddr, aor: String, until: Instant) {
        self.pairs.entry((address, aor)).or_default().banned_until = Some(until);
    }

    /// Whether the address is shut out for this AOR.
    pub fn is_banned(&self, now: Instant, address: IpAddr, aor: &str) -> bool {
        if self.pairs.is_empty() {
            return false;
        }
        let pair = self.pairs.get(&(address, aor.to_owned()));
        pair.and_then(|pair| pair.banned_until).is_some_and(|until| until > now)
    }

    /// Somebody failed to prove a secret.
    pub fn failed(&mut self, now: Instant, address: IpAddr, aor: &str) -> Consequence {
        if self.pairs.len() >= PAIRS_MAX {
            self.forget_idle(now);
        }
        let pair = self.pairs.entry((address, aor.to_owned())).or_default();
        pair.failures.retain(|at| now.saturating_duration_since(*at) < WINDOW);
        pair.failures.push_back(now);
        if pair.failures.len() >= FAILURES_MAX {
            pair.failures.clear();
            let until = now + BAN;
            pair.banned_until = Some(until);
            return Consequence::Ban(until);
        }
        let slow = pair.failures.len().saturating_sub(FREE_FAILURES);
        Consequence::Delay(DELAY_STEP * u32::try_from(slow).unwrap_or(u32::MAX))
    }

    /// Somebody proved the secret: what came before were mistakes.
    pub fn succeeded(&mut self, address: IpAddr, aor: &str) {
        if !self.pairs.is_empty() {
            self.pairs.remove(&(address, aor.to_owned()));
        }
    }

    fn forget_idle(&mut self, now: Instant) {
        self.pairs.retain(|_, pair| {
            let recent = |at: &Instant| now.saturating_duration_since(*at) < WINDOW;
            pair.banned_until.is_some_and(|until| until > now)
                || pair.failures.back().is_some_and(recent)
        });
        if self.pairs.len() >= PAIRS_MAX {
            self.pairs.retain(|_, pair| pair.banned_until.is_some_and(|until| until > now));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    const GUESSER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(127, 0, 0, 66));
    const VICTIM: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    /// B04.
    #[test]
    fn ten_failures_within_five_minutes_shut_that_address_out_for_that_aor_only() {
        let mut brute = BruteForce::default();
        let start = start();
        let mut delays = Vec::new();
        for n in 0..9u64 {
            match brute.failed(start + Duration::from_secs(n), GUESSER, "101@a") {
                Consequence::Delay(delay) => delays.push(delay.as_millis()),
                Consequence::Ban(_) => panic!("too early"),
            }
        }
        assert_eq!(delays, [0, 0, 250, 500, 750, 1000, 1250, 1500, 1750]);
        let last = start + Duration::from_secs(9);
        assert_eq!(brute.failed(last, GUESSER, "101@a"), Consequence::Ban(last + BAN));
        assert!(brute.is_banned(last, GUESSER, "101@a"));
        assert!(!brute.is_banned(last, GUESSER, "102@a"));
        assert!(!brute.is_banned(last, VICTIM, "101@a"));
        assert!(!brute.is_banned(last + BAN, GUESSER, "101@a"));
    }

    #[test]
    fn slow_mistakes_and_a_success_are_forgiven() {
        let mut brute = BruteForce::default();
        let start = start();
        for n in 0..50u32 {
            let at = start + Duration::from_secs(34) * n;
            assert!(matches!(brute.failed(at, VICTIM, "101@a"), Consequence::Delay(_)), "{n}");
        }
        for n in 0..50u32 {
            let at = start + Duration::from_secs(4000) + Duration::from_secs(1) * n;
            assert!(matches!(brute.failed(at, VICTIM, "101@a"), Consequence::Delay(_)), "{n}");
            if n % 5 == 4 {
                brute.succeeded(VICTIM, "101@a");
            }
        }
    }

    #[test]
    fn a_ban_is_taken_over_from_before_a_restart() {
        let mut brute = BruteForce::default();
        let now = start();
        brute.restore(GUESSER, "101@a".into(), now + Duration::from_secs(60));
        assert!(brute.is_banned(now, GUESSER, "101@a"));
    }
}
