//! How much one address may send before anybody there proved who they are: checked before anything is parsed or kept
//! (A23).

use std::{
    collections::BTreeMap,
    net::IpAddr,
    time::{Duration, Instant},
};

/// Sources whose allowance is remembered; beyond it those with a full allowance are forgotten, and when none is, strangers
/// wait: a flood from more addresses than that is nothing that counting addresses could stop.
const SOURCES_MAX: usize = 65_536;

/// How often a full table is looked through for idle ones.
const SWEEP_EVERY: Duration = Duration::from_secs(1);

/// Allowances by address: token buckets.
#[derive(Debug)]
pub struct SourceLimit {
    per_second: f64,
    burst: f64,
    sources: BTreeMap<IpAddr, Allowance>,
    swept_at: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Allowance {
    tokens: f64,
    at: Instant,
}

impl SourceLimit {
    /// `burst` at once, then `per_second`.
    pub fn new(per_second: u32, burst: u32) -> Self {
        Self {
            per_second: f64::from(per_second),
            burst: f64::from(burst),
            sources: BTreeMap::new(),
            swept_at: None,
        }
    }

    /// Whether one more message of this address may come in.
    pub fn take(&mut self, address: IpAddr, now: Instant) -> bool {
        // Both forms of one address share one allowance.
        let address = address.to_canonical();
        let (rate, burst) = (self.per_second, self.burst);
        let gained = |one: &Allowance| {
            let since = now.saturating_duration_since(one.at).as_secs_f64();
            (one.tokens + since * rate).min(burst)
        };
        if self.sources.len() >= SOURCES_MAX && !self.sources.contains_key(&address) {
            // A full table is looked through now and then, not for every datagram of the flood that filled it.
            if self.swept_at.is_some_and(|at| now.saturating_duration_since(at) < SWEEP_EVERY) {
                return false;
            }
            self.swept_at = Some(now);
            self.sources.retain(|_, one| gained(one) < burst);
            if self.sources.len() >= SOURCES_MAX {
                return false;
            }
        }
        let one = self.sources.entry(address).or_insert(Allowance { tokens: burst, at: now });
        one.tokens = gained(one);
        one.at = now;
        if one.tokens < 1.0 {
            return false;
        }
        one.tokens -= 1.0;
        true
    }

    /// Addresses remembered.
    pub fn sources(&self) -> usize {
        self.sources.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_clock::start;

    /// A23.
    #[test]
    fn a_stranger_has_a_small_allowance_and_others_are_not_hurt_by_its_flood() {
        let (mut limit, now) = (SourceLimit::new(10, 20), start());
        let flooder: IpAddr = [127, 0, 0, 66].into();
        assert_eq!((0..1000).filter(|_| limit.take(flooder, now)).count(), 20);
        assert!(limit.take([127, 0, 0, 1].into(), now));
        let later = now + Duration::from_secs(1);
        assert_eq!((0..1000).filter(|_| limit.take(flooder, later)).count(), 10);
        assert!(
            !limit.take("::ffff:127.0.0.66".parse().unwrap(), later),
            "the same in other dress"
        );
    }

    /// A23: a flood from ever new addresses takes no more memory than this.
    #[test]
    fn what_is_remembered_is_bounded_and_the_idle_are_forgotten_first() {
        let (mut limit, now) = (SourceLimit::new(10, 20), start());
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        for n in 0..100_000 {
            limit.take(address(n), now);
        }
        assert_eq!(limit.sources(), SOURCES_MAX);
        assert!(limit.take(address(5), now), "who is known goes on");
        let later = now + Duration::from_secs(10);
        assert!(limit.take(address(200_000), later));
        assert_eq!(limit.sources(), 1);
    }
}
