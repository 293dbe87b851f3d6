//! Per-source limits, before anything is parsed or kept.

use crate::Limits;
use dashmap::DashMap;
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// A source that proved who it is keeps its wider limit this long without another proof.
const KNOWN_FOR: Duration = Duration::from_secs(3600);

/// Addresses from which somebody proved an identity, and the networks of trunks.
#[derive(Debug, Default)]
pub(crate) struct KnownSources {
    until: DashMap<IpAddr, Instant>,
}

impl KnownSources {
    /// Somebody at this address proved who it is.
    pub(crate) fn remember(&self, address: IpAddr, now: Instant) {
        self.until.insert(address, now + KNOWN_FOR);
        if self.until.len() > 100_000 {
            self.until.retain(|_, until| *until > now);
        }
    }

    fn contains(&self, address: IpAddr, now: Instant) -> bool {
        self.until.get(&address).is_some_and(|until| *until > now)
    }
}

/// Sources whose allowance is remembered; beyond it the idle ones are forgotten.
const SOURCES_MAX: usize = 65_536;

/// Decides per source address what may come in.
pub(crate) struct SourceGate {
    known: Arc<KnownSources>,
    unknown: Mutex<HashMap<IpAddr, Allowance>>,
    connections: Mutex<Connections>,
    limits: Limits,
}

/// A token bucket.
#[derive(Clone, Copy, Debug)]
struct Allowance {
    tokens: f64,
    at: Instant,
}

#[derive(Debug, Default)]
struct Connections {
    by_address: HashMap<IpAddr, usize>,
    total: usize,
}

/// One connection's place; given back when dropped.
pub(crate) struct Place {
    gate: Arc<SourceGate>,
    address: IpAddr,
}

impl SourceGate {
    pub(crate) fn new(limits: Limits, known: Arc<KnownSources>) -> Self {
        Self { known, unknown: Mutex::default(), connections: Mutex::default(), limits }
    }

    /// Whether one more message of this address may come in. Who proved an identity lately is
    /// not counted; everybody else has a small allowance.
    pub(crate) fn allow(&self, address: IpAddr, now: Instant) -> bool {
        if self.known.contains(address, now) {
            return true;
        }
        let (rate, burst) = (
            f64::from(self.limits.unauthenticated_per_s),
            f64::from(self.limits.unauthenticated_burst),
        );
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        if unknown.len() >= SOURCES_MAX {
            let full_again = |one: &Allowance| {
                one.tokens + now.saturating_duration_since(one.at).as_secs_f64() * rate >= burst
            };
            unknown.retain(|_, one| !full_again(one));
            if unknown.len() >= SOURCES_MAX {
                return false;
            }
        }
        let one = unknown.entry(address).or_insert(Allowance { tokens: burst, at: now });
        let gained = now.saturating_duration_since(one.at).as_secs_f64() * rate;
        one.tokens = (one.tokens + gained).min(burst);
        one.at = now;
        if one.tokens < 1.0 {
            return false;
        }
        one.tokens -= 1.0;
        true
    }

    /// A place for one more connection from this address (A08).
    pub(crate) fn connection(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let mut connections = self.connections.lock().unwrap_or_else(PoisonError::into_inner);
        if connections.total >= self.limits.connections_max {
            return None;
        }
        let from_there = connections.by_address.entry(address).or_default();
        if *from_there >= self.limits.connections_per_ip_max {
            return None;
        }
        *from_there += 1;
        connections.total += 1;
        drop(connections);
        Some(Place { gate: self.clone(), address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let connections = &self.gate.connections;
        let mut connections = connections.lock().unwrap_or_else(PoisonError::into_inner);
        connections.total -= 1;
        if let Some(from_there) = connections.by_address.get_mut(&self.address) {
            *from_there -= 1;
            if *from_there == 0 {
                connections.by_address.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(limits: Limits) -> Arc<SourceGate> {
        Arc::new(SourceGate::new(limits, Arc::default()))
    }

    /// A23.
    #[test]
    fn a_stranger_has_a_small_allowance_and_others_are_not_hurt_by_its_flood() {
        let limits =
            Limits { unauthenticated_per_s: 10, unauthenticated_burst: 20, ..Limits::default() };
        let (gate, now) = (gate(limits), Instant::now());
        let flooder: IpAddr = [127, 0, 0, 66].into();
        let taken = (0..1000).filter(|_| gate.allow(flooder, now)).count();
        assert_eq!(taken, 20);
        assert!(gate.allow([127, 0, 0, 1].into(), now));
        let later = now + Duration::from_secs(1);
        assert_eq!((0..1000).filter(|_| gate.allow(flooder, later)).count(), 10);
        gate.known.remember(flooder, later);
        assert_eq!((0..1000).filter(|_| gate.allow(flooder, later)).count(), 1000);
    }

    /// A08.
    #[test]
    fn one_address_cannot_take_all_connections() {
        let limits = Limits { connections_per_ip_max: 2, connections_max: 3, ..Limits::default() };
        let gate = gate(limits);
        let (a, b): (IpAddr, IpAddr) = ([127, 0, 0, 66].into(), [127, 0, 0, 1].into());
        let first = gate.connection(a).expect("free");
        let _second = gate.connection(a).expect("free");
        assert!(gate.connection(a).is_none());
        let _third = gate.connection(b).expect("free");
        assert!(gate.connection(b).is_none());
        drop(first);
        assert!(gate.connection(b).is_some());
    }
}
