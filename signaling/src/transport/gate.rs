//! Per-source limits, before anything is parsed or kept.

use crate::Limits;
use dashmap::DashMap;
use signaling_proto::source_limit::SourceLimit;
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

/// Decides per source address what may come in.
pub(crate) struct SourceGate {
    known: Arc<KnownSources>,
    unknown: Mutex<SourceLimit>,
    connections: Mutex<Connections>,
    limits: Limits,
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
        let unknown = SourceLimit::new(limits.unauthenticated_per_s, limits.unauthenticated_burst);
        Self { known, unknown: Mutex::new(unknown), connections: Mutex::default(), limits }
    }

    /// Whether one more message of this address may come in. Who proved an identity lately is
    /// not counted; everybody else has a small allowance.
    pub(crate) fn allow(&self, address: IpAddr, now: Instant) -> bool {
        if self.known.contains(address, now) {
            return true;
        }
        self.unknown.lock().unwrap_or_else(PoisonError::into_inner).take(address, now)
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
    fn who_proved_an_identity_is_not_counted() {
        let limits =
            Limits { unauthenticated_per_s: 10, unauthenticated_burst: 20, ..Limits::default() };
        let (gate, now) = (gate(limits), Instant::now());
        let address: IpAddr = [127, 0, 0, 66].into();
        assert_eq!((0..1000).filter(|_| gate.allow(address, now)).count(), 20);
        gate.known.remember(address, now);
        assert_eq!((0..1000).filter(|_| gate.allow(address, now)).count(), 1000);
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
