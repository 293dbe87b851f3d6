//! The timer values and letters of RFC 3261 table 4.

use std::time::Duration;

/// Base values all transaction timers derive from (RFC 3261 §17.1.1.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Estimate of the round trip.
    pub t1: Duration,
    /// Longest gap between repetitions.
    pub t2: Duration,
    /// Longest life of a message in the network.
    pub t4: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            t1: Duration::from_millis(500),
            t2: Duration::from_secs(4),
            t4: Duration::from_secs(5),
        }
    }
}

impl Timing {
    /// `64*T1`: how long a transaction may take (timers B, F, H, J, L, M).
    pub fn give_up(&self) -> Duration {
        self.t1 * 64
    }

    /// Wait time for repeated final responses to INVITE over UDP (timer D, at least 32 s).
    pub(crate) fn linger_invite(&self) -> Duration {
        self.give_up().max(Duration::from_secs(32))
    }

    /// The next gap of a repetition that doubles up to T2.
    pub(crate) fn back_off(&self, interval: Duration) -> Duration {
        (interval * 2).min(self.t2)
    }
}

/// Why a machine wants to be woken, with the letters of RFC 3261 and RFC 6026.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Timer {
    /// INVITE repetition, UDP.
    A,
    /// INVITE timeout.
    B,
    /// Wait for repeated final responses to INVITE.
    D,
    /// Non-INVITE repetition, UDP.
    E,
    /// Non-INVITE timeout.
    F,
    /// Repetition of a non-2xx final response to INVITE.
    G,
    /// Wait for ACK.
    H,
    /// Wait for repeated ACKs.
    I,
    /// Wait for repeated non-INVITE requests.
    J,
    /// Wait for repeated non-INVITE responses.
    K,
    /// Wait for repeated INVITEs after a 2xx (RFC 6026).
    L,
    /// Wait for repeated and forked 2xx (RFC 6026).
    M,
}

/// Some instant for a test to begin at.
#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "an Instant comes from nowhere else")]
pub(crate) fn epoch() -> std::time::Instant {
    std::time::Instant::now()
}
