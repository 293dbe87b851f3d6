//! What a worker counts: plain integers in the packet path, handed to `metrics` now and then.

use metrics::{Counter, Gauge, counter, gauge};

/// Why a packet went no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dropped {
    /// From an address that is not the leg's.
    Source,
    /// Neither RTP nor RTCP, or broken.
    Malformed,
    /// STUN or DTLS on a plain leg.
    NotMedia,
    /// A payload type that was not agreed.
    PayloadType,
    /// The leg's direction does not let it through.
    Direction,
    /// Older than the source it belongs to.
    Late,
    /// The system did not take it.
    SendFailed,
}

const REASONS: [&str; 7] =
    ["source", "malformed", "not_media", "payload_type", "direction", "late", "send_failed"];

/// Counts since the last hand-over.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) wake_ups: u64,
    dropped: [u64; REASONS.len()],
}

impl Counts {
    #[inline]
    pub(crate) fn drop(&mut self, reason: Dropped) {
        self.dropped[reason as usize] += 1;
    }
}

/// Handles into the metrics registry.
pub(crate) struct Instruments {
    received: Counter,
    sent: Counter,
    wake_ups: Counter,
    dropped: [Counter; REASONS.len()],
    legs: Gauge,
    ports: Gauge,
}

impl Instruments {
    pub(crate) fn new(worker: usize) -> Self {
        let worker = worker.to_string();
        Self {
            received: counter!("media_packets_received_total", "worker" => worker.clone()),
            sent: counter!("media_packets_sent_total", "worker" => worker.clone()),
            wake_ups: counter!("media_wake_ups_total", "worker" => worker.clone()),
            dropped: REASONS.map(|reason| {
                counter!("media_packets_dropped_total", "worker" => worker.clone(), "reason" => reason)
            }),
            legs: gauge!("media_legs", "worker" => worker),
            ports: gauge!("media_port_pairs_in_use"),
        }
    }

    pub(crate) fn hand_over(&self, counts: &mut Counts, legs: usize, ports: usize) {
        self.received.increment(counts.received);
        self.sent.increment(counts.sent);
        self.wake_ups.increment(counts.wake_ups);
        for (counter, count) in self.dropped.iter().zip(counts.dropped) {
            counter.increment(count);
        }
        *counts = Counts::default();
        self.legs.set(legs as f64);
        self.ports.set(ports as f64);
    }
}
