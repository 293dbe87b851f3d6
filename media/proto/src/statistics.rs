//! Receive statistics of one RTP stream (RFC 3550 §6.4.1 and appendices A.1, A.3, A.8).

use crate::rtp::SAMPLES_PER_MS;

/// Sequence gap still taken as loss.
const DROPOUT_MAX: u16 = 3000;
/// Late packets still taken as reordered.
const MISORDER_MAX: u16 = 100;
/// So many packets may pass until it is looked whether others wait: 160 ms.
const UNLOOKED_MAX: u8 = 8;
/// Half of the shortest packet time (20 ms), less the spacing of wake-ups.
const ON_TIME_UNITS: i32 = 8 * SAMPLES_PER_MS as i32;

/// What a report block says of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceiverView {
    /// Source the report is about.
    pub ssrc: u32,
    /// Loss since the last report, in 1/256.
    pub fraction_lost: u8,
    /// Loss since the start, 24 bits signed.
    pub cumulative_lost: i32,
    /// With the count of wraps in the upper half.
    pub highest_sequence: u32,
    /// In timestamp units.
    pub jitter: u32,
}

/// Counts what a party sends us, over all SSRCs it uses in turn.
#[derive(Clone, Debug, Default)]
pub struct ReceiveStatistics {
    ssrc: Option<u32>,
    base_sequence: u32,
    highest_sequence: u16,
    cycles: u32,
    bad_sequence: Option<u16>,
    received: u64,
    expected_prior: u64,
    received_prior: u64,
    transit: Option<u32>,
    /// The least transit since a packet was last seen with nothing behind it.
    pace: Option<u32>,
    /// Packets taken for the last one waiting, without looking.
    unlooked: u8,
    /// Scaled by 16 as in RFC 3550 appendix A.8.
    jitter_scaled: u32,
    jitter_sum: u64,
    jitter_samples: u64,
    earlier_expected: u64,
    earlier_received: u64,
}

impl ReceiveStatistics {
    /// Takes one packet; `arrival` is our clock in timestamp units. `timed` is false for packets
    /// whose timestamp does not advance with time (telephone events).
    #[inline]
    pub fn handle_packet(
        &mut self,
        ssrc: u32,
        sequence: u16,
        timestamp: u32,
        arrival: u32,
        timed: bool,
    ) {
        if self.ssrc != Some(ssrc) {
            self.start(ssrc, sequence);
        } else if !self.follow(sequence) {
            return;
        }
        self.received += 1;
        if timed {
            self.measure_jitter(arrival.wrapping_sub(timestamp));
        }
    }

    fn start(&mut self, ssrc: u32, sequence: u16) {
        self.earlier_expected += self.expected_here();
        self.earlier_received += self.received;
        self.ssrc = Some(ssrc);
        self.base_sequence = u32::from(sequence);
        self.highest_sequence = sequence;
        self.cycles = 0;
        self.bad_sequence = None;
        self.received = 0;
        self.expected_prior = 0;
        self.received_prior = 0;
        self.transit = None;
        self.pace = None;
    }

    /// False for a packet that does not count yet: a jump needs a second packet behind it.
    fn follow(&mut self, sequence: u16) -> bool {
        let step = sequence.wrapping_sub(self.highest_sequence);
        if step < DROPOUT_MAX {
            if sequence < self.highest_sequence {
                self.cycles += 1 << 16;
            }
            self.highest_sequence = sequence;
        } else if step <= u16::MAX - MISORDER_MAX {
            if self.bad_sequence != Some(sequence) {
                self.bad_sequence = Some(sequence.wrapping_add(1));
                return false;
            }
            let ssrc = self.ssrc.unwrap_or_default();
            self.start(ssrc, sequence);
        }
        true
    }

    fn measure_jitter(&mut self, transit: u32) {
        if let Some(previous) = self.transit {
            let d = transit.wrapping_sub(previous).cast_signed().unsigned_abs();
            // A clock that jumped says nothing about the network.
            if d < 10 * 1000 * SAMPLES_PER_MS {
                self.jitter_scaled =
                    (self.jitter_scaled + d).saturating_sub((self.jitter_scaled + 8) >> 4);
                self.jitter_sum += u64::from(self.jitter_scaled >> 4);
                self.jitter_samples += 1;
            }
        }
        self.transit = Some(transit);
        let sooner = |pace: &u32| transit.wrapping_sub(*pace).cast_signed() < 0;
        if self.pace.as_ref().is_some_and(sooner) {
            self.pace = Some(transit);
        }
    }

    /// The newest packet came about as fast as packets of this stream come: no other can be
    /// waiting behind it. (One that waits makes the one before it late.) Now and then false all
    /// the same, lest a pace that is wrong keep a stream one packet behind.
    #[inline]
    pub fn is_on_time(&mut self) -> bool {
        let (Some(transit), Some(pace)) = (self.transit, self.pace) else { return false };
        self.unlooked = self.unlooked.saturating_add(1);
        transit.wrapping_sub(pace).cast_signed() <= ON_TIME_UNITS && self.unlooked < UNLOOKED_MAX
    }

    /// Nothing waited behind the newest packet: if it counted as late, that is the pace now
    /// (clocks drift, routes change).
    #[inline]
    pub fn nothing_waited(&mut self) {
        self.unlooked = 0;
        let late =
            |transit: u32, pace: u32| transit.wrapping_sub(pace).cast_signed() > ON_TIME_UNITS;
        match (self.transit, self.pace) {
            (Some(transit), Some(pace)) if !late(transit, pace) => {}
            (transit, _) => self.pace = transit,
        }
    }

    /// A packet did wait behind another: what was taken for the pace says nothing.
    #[inline]
    pub fn something_waited(&mut self) {
        self.pace = None;
    }

    fn expected_here(&self) -> u64 {
        if self.ssrc.is_none() {
            return 0;
        }
        let highest = self.cycles + u32::from(self.highest_sequence);
        u64::from(highest.wrapping_sub(self.base_sequence)) + 1
    }

    /// The SSRC received now.
    pub fn ssrc(&self) -> Option<u32> {
        self.ssrc
    }

    /// Packets received over the life of the leg.
    pub fn received(&self) -> u64 {
        self.earlier_received + self.received
    }

    /// Packets expected and not received over the life of the leg.
    pub fn lost(&self) -> u64 {
        (self.earlier_expected + self.expected_here()).saturating_sub(self.received())
    }

    /// Loss in percent of what was expected.
    pub fn loss_percent(&self) -> f32 {
        let expected = self.earlier_expected + self.expected_here();
        if expected == 0 { 0.0 } else { self.lost() as f32 * 100.0 / expected as f32 }
    }

    /// Mean interarrival jitter.
    pub fn jitter_ms_mean(&self) -> f32 {
        if self.jitter_samples == 0 {
            return 0.0;
        }
        self.jitter_sum as f32 / self.jitter_samples as f32 / SAMPLES_PER_MS as f32
    }

    /// The next report block, `None` before the first packet.
    pub fn report(&mut self) -> Option<ReceiverView> {
        let ssrc = self.ssrc?;
        let expected = self.expected_here();
        let expected_now = expected - self.expected_prior.min(expected);
        let received_now = self.received - self.received_prior.min(self.received);
        let lost_now = expected_now.saturating_sub(received_now);
        self.expected_prior = expected;
        self.received_prior = self.received;
        let fraction = (lost_now * 256).checked_div(expected_now).unwrap_or(0).min(255);
        let lost = expected as i64 - self.received as i64;
        Some(ReceiverView {
            ssrc,
            fraction_lost: fraction as u8,
            cumulative_lost: lost.clamp(-0x80_0000, 0x7F_FFFF) as i32,
            highest_sequence: self.cycles + u32::from(self.highest_sequence),
            jitter: self.jitter_scaled >> 4,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(sequences: impl IntoIterator<Item = u16>) -> ReceiveStatistics {
        let mut statistics = ReceiveStatistics::default();
        for (n, sequence) in sequences.into_iter().enumerate() {
            statistics.handle_packet(1, sequence, n as u32 * 160, n as u32 * 160, true);
        }
        statistics
    }

    #[test]
    fn loss_is_what_is_missing_between_first_and_highest() {
        let mut statistics = run([1, 2, 4, 5, 8]);
        assert_eq!((statistics.received(), statistics.lost()), (5, 3));
        let report = statistics.report().expect("a stream");
        assert_eq!((report.fraction_lost, report.cumulative_lost), (96, 3));
        assert_eq!(statistics.report().expect("a stream").fraction_lost, 0);
    }

    #[test]
    fn reordered_and_wrapped_packets_are_no_loss() {
        let statistics = run([65_533, 65_535, 65_534, 0, 2, 1]);
        assert_eq!((statistics.received(), statistics.lost()), (6, 0));
    }

    #[test]
    fn a_single_wild_sequence_number_changes_nothing() {
        let statistics = run([1, 2, 30_000, 3, 4]);
        assert_eq!((statistics.received(), statistics.lost()), (4, 0));
    }

    #[test]
    fn a_restarted_stream_keeps_the_totals() {
        let mut statistics = run([1, 2, 4]);
        statistics.handle_packet(2, 500, 0, 0, true);
        statistics.handle_packet(2, 501, 160, 160, true);
        assert_eq!((statistics.received(), statistics.lost()), (5, 1));
    }

    #[test]
    fn a_packet_that_others_may_wait_behind_is_not_on_time() {
        let mut statistics = ReceiveStatistics::default();
        let mut take = |sequence: u16, arrival_ms: u32| {
            let timestamp = u32::from(sequence) * 160;
            statistics.handle_packet(1, sequence, timestamp, arrival_ms * 8, true);
            statistics.is_on_time()
        };
        assert!(!take(0, 1000), "nothing is known yet");
        statistics.nothing_waited();
        let mut take = |sequence: u16, arrival_ms: u32| {
            let timestamp = u32::from(sequence) * 160;
            statistics.handle_packet(1, sequence, timestamp, arrival_ms * 8, true);
            statistics.is_on_time()
        };
        assert!(take(1, 1021) && take(2, 1040));
        // Number 3 is held up until 4 is there as well.
        assert!(!take(3, 1080));
        assert!(take(4, 1080));
        // A slower route is late once, then it is the pace.
        assert!(!take(5, 1150));
        statistics.nothing_waited();
        assert!(statistics.is_on_time());
    }

    /// A stream whose first packet was held up is one packet behind; it must not stay so.
    #[test]
    fn a_stream_is_never_behind_for_long() {
        let mut statistics = ReceiveStatistics::default();
        // What waits in the socket: each turn reads the oldest, 20 ms late, unless told to go on.
        let (mut next, mut behind) = (0_u16, 0);
        for n in 1..200_u16 {
            let now = u32::from(n) * 160;
            // A late packet with nothing behind it, and then the machine stands still for one.
            if n == 50 {
                statistics.pace = statistics.transit.map(|t| t + 160);
                continue;
            }
            let (mut first, mut looked) = (true, true);
            while next <= n {
                if !first {
                    statistics.something_waited();
                }
                statistics.handle_packet(1, next, u32::from(next) * 160, now, true);
                (next, first) = (next + 1, false);
                if statistics.is_on_time() {
                    looked = false;
                    break;
                }
            }
            if looked {
                statistics.nothing_waited();
            }
            behind += usize::from(next <= n);
        }
        assert!(behind <= usize::from(UNLOOKED_MAX), "{behind} packets were read too late");
    }

    #[test]
    fn even_arrival_has_no_jitter_and_uneven_arrival_has() {
        assert!(run(0..500).jitter_ms_mean() < 0.01);
        let mut uneven = ReceiveStatistics::default();
        for n in 0..500_u32 {
            let arrival = n * 160 + if n % 2 == 0 { 0 } else { 80 };
            uneven.handle_packet(1, n as u16, n * 160, arrival, true);
        }
        let jitter = uneven.jitter_ms_mean();
        assert!((8.0..=10.5).contains(&jitter), "{jitter}");
    }
}
