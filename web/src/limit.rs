//! Requests a minute: per user once signed in, per address before (API-08, F13).

use crate::{config, problem::Problem};
use call::UserId;
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter, clock::Clock};
use std::{
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
    sync::atomic::{AtomicU32, Ordering},
};

/// Old keys are thrown out after this many checks.
const SWEEP_EVERY: u32 = 4096;

pub(crate) struct Limits {
    users: DefaultKeyedRateLimiter<UserId>,
    addresses: DefaultKeyedRateLimiter<IpAddr>,
    clock: governor::clock::DefaultClock,
    checks: AtomicU32,
}

impl Limits {
    pub(crate) fn new(limits: &config::Limits) -> Self {
        let quota = |n: u32| Quota::per_minute(NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN));
        Self {
            users: RateLimiter::keyed(quota(limits.per_user)),
            addresses: RateLimiter::keyed(quota(limits.per_address)),
            clock: governor::clock::DefaultClock::default(),
            checks: AtomicU32::new(0),
        }
    }

    pub(crate) fn user(&self, user: UserId) -> Result<(), Problem> {
        self.sweep();
        self.users.check_key(&user).map_err(|not| {
            self.refused(not.wait_time_from(self.clock.now()), "too many requests of this user")
        })
    }

    pub(crate) fn address(&self, address: IpAddr) -> Result<(), Problem> {
        self.sweep();
        self.addresses.check_key(&network(address)).map_err(|not| {
            self.refused(not.wait_time_from(self.clock.now()), "too many requests of this address")
        })
    }

    fn refused(&self, wait: std::time::Duration, detail: &str) -> Problem {
        metrics::counter!("http_rate_limited_total").increment(1);
        Problem::too_many(detail, wait.as_secs() + 1)
    }

    fn sweep(&self) {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.users.retain_recent();
            self.addresses.retain_recent();
        }
    }
}

/// One IPv6 customer has a /64 at least: count it as one.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => IpAddr::V4(v4),
            None => IpAddr::V6(Ipv6Addr::from(u128::from(v6) & !u128::from(u64::MAX))),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// F13
    #[test]
    fn one_address_over_its_limit_does_not_slow_another() {
        let limits = Limits::new(&config::Limits { per_address: 3, ..Default::default() });
        let (a, b): (IpAddr, IpAddr) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        let taken = (0..10).filter(|_| limits.address(a).is_ok()).count();
        assert_eq!(taken, 3);
        assert_eq!(limits.address(a).err().map(|p| p.status), Some(429));
        assert!(limits.address(b).is_ok());
    }

    #[test]
    fn an_ipv6_network_counts_as_one_address() {
        let limits = Limits::new(&config::Limits { per_address: 1, ..Default::default() });
        assert!(limits.address("2001:db8::1".parse().unwrap()).is_ok());
        assert!(limits.address("2001:db8::2".parse().unwrap()).is_err());
        assert!(limits.address("2001:db8:0:1::1".parse().unwrap()).is_ok());
    }
}
