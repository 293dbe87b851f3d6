//! The port pool: pairs of RTP and RTCP ports, taken at random, given back on drop.

use crate::StartError;
use rand::Rng;
use std::sync::{Arc, Mutex, PoisonError};

/// Even ports of the range whose odd neighbour is in it too. Control path only.
#[derive(Debug)]
pub(crate) struct PortPool {
    free: Mutex<Vec<u16>>,
    total: usize,
}

/// One taken pair. Dropping it gives the ports back.
#[derive(Debug)]
pub(crate) struct PortPair {
    rtp: u16,
    pool: Arc<PortPool>,
}

impl PortPool {
    pub(crate) fn new(min: u16, max: u16) -> Result<Arc<Self>, StartError> {
        let first = min.max(1024).saturating_add(min.max(1024) % 2);
        let free: Vec<u16> = (first..max).step_by(2).collect();
        if free.is_empty() {
            return Err(StartError::PortRange { min, max });
        }
        let total = free.len();
        Ok(Arc::new(Self { free: Mutex::new(free), total }))
    }

    /// A pair at random, so that the next port cannot be guessed and a late packet of the last
    /// call rarely meets a new one. `None`: all taken.
    pub(crate) fn take(self: &Arc<Self>) -> Option<PortPair> {
        let mut free = self.lock();
        if free.is_empty() {
            return None;
        }
        let index = rand::rng().random_range(0..free.len());
        let rtp = free.swap_remove(index);
        Some(PortPair { rtp, pool: Arc::clone(self) })
    }

    /// Pairs taken now.
    pub(crate) fn in_use(&self) -> usize {
        self.total - self.lock().len()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u16>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PortPair {
    /// The even port.
    pub(crate) fn rtp(&self) -> u16 {
        self.rtp
    }

    /// The odd port.
    pub(crate) fn rtcp(&self) -> u16 {
        self.rtp + 1
    }
}

impl Drop for PortPair {
    fn drop(&mut self) {
        self.pool.lock().push(self.rtp);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    /// C12.
    #[test]
    fn ten_thousand_pairs_are_taken_at_random_and_none_is_lost() {
        let pool = PortPool::new(20_000, 20_199).expect("a range");
        let mut seen = Vec::new();
        for _ in 0..10_000 {
            let pair = pool.take().expect("a free pair");
            assert_eq!((pair.rtp() % 2, pair.rtcp()), (0, pair.rtp() + 1));
            seen.push(pair.rtp());
        }
        assert_eq!(pool.in_use(), 0);
        assert_eq!(seen.iter().collect::<HashSet<_>>().len(), 100);
        let ascending = seen.windows(2).filter(|w| w[1] == w[0] + 2).count();
        assert!(ascending < 500, "the next port can be guessed: {ascending}");
    }

    #[test]
    fn an_exhausted_pool_says_so_and_recovers() {
        let pool = PortPool::new(20_001, 20_007).expect("a range");
        let taken: Vec<PortPair> = std::iter::from_fn(|| pool.take()).collect();
        let ports: HashSet<u16> = taken.iter().map(PortPair::rtp).collect();
        assert_eq!(ports, HashSet::from([20_002, 20_004, 20_006]));
        drop(taken);
        assert!(pool.take().is_some());
        assert!(PortPool::new(20_001, 20_002).is_err());
    }
}
