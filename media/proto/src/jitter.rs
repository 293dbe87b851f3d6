//! The jitter buffer: packets in the order of their timestamps, and how long to keep them.
//!
//! The delay is chosen from what arrived lately: as long as nearly every packet needs, no longer.
//! The pure half of playing out; what the packets hold is [`crate::playout`]'s.

use std::time::Duration;

/// Packets kept: more than half a second of 20 ms ones.
const SLOTS: usize = 32;
/// Longest payload kept; longer ones are no voice.
const PAYLOAD_BYTES_MAX: usize = 1280;
/// Lateness is counted in steps of this many microseconds.
const STEP_US: i64 = 5000;
/// Steps counted: the delay stays below 400 ms.
const STEPS: usize = 80;
/// How fast old lateness is forgotten: about ten seconds of 20 ms packets.
const FORGET: f32 = 0.998;
/// Part of the packets that may come later than the delay allows.
const LATE_SHARE: f32 = 0.02;
/// Added to the delay, for the rhythm of whoever plays.
const MARGIN_US: i64 = 8000;
/// The quickest packet is looked for over two windows of this length.
const WINDOW: Duration = Duration::from_secs(2);
/// A timestamp that is off by more starts the count anew.
const JUMP_US: i64 = 2_000_000;

#[derive(Clone, Debug)]
struct Slot {
    /// Timestamp without wraps; `None`: free.
    at: Option<i64>,
    length: usize,
    sequence: u16,
    payload: [u8; PAYLOAD_BYTES_MAX],
}

/// What became of the packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JitterCounts {
    /// Came after their turn.
    pub late: u64,
    /// Came twice.
    pub duplicate: u64,
    /// Had no room.
    pub overflow: u64,
}

/// The oldest packet.
#[derive(Debug)]
pub(crate) struct Oldest<'a> {
    pub(crate) at: i64,
    pub(crate) sequence: u16,
    pub(crate) payload: &'a [u8],
}

/// Keeps the packets of one stream until their turn.
#[derive(Clone, Debug)]
pub struct JitterBuffer {
    /// Timestamp units in a millisecond.
    units_per_ms: i64,
    slots: Box<[Slot]>,
    /// The newest timestamp, as written and without wraps.
    newest: Option<(u32, i64)>,
    /// Least transit of this window and of the one before, microseconds.
    quickest: [i64; 2],
    window_end: Duration,
    /// Share of the packets by how much later than the quickest they came.
    lateness: [f32; STEPS],
    pub(crate) counts: JitterCounts,
}

impl JitterBuffer {
    /// For a payload format of this clock rate.
    pub fn new(clock_rate: u32) -> Self {
        let slot = Slot { at: None, length: 0, sequence: 0, payload: [0; PAYLOAD_BYTES_MAX] };
        let mut lateness = [0.0; STEPS];
        // Some caution at first.
        lateness[2] = 1.0;
        Self {
            units_per_ms: i64::from(clock_rate / 1000).max(1),
            slots: vec![slot; SLOTS].into(),
            newest: None,
            quickest: [i64::MAX; 2],
            window_end: Duration::ZERO,
            lateness,
            counts: JitterCounts::default(),
        }
    }

    /// A packet came. False where the stream starts anew with it: nothing before counts.
    pub(crate) fn insert(
        &mut self,
        now: Duration,
        (sequence, timestamp): (u16, u32),
        payload: &[u8],
        played_until: Option<i64>,
    ) -> bool {
        let (newest, before) = self.newest.unwrap_or((timestamp, 0));
        let at = before + i64::from(timestamp.wrapping_sub(newest).cast_signed());
        let late_us = self.lateness_of(now, at);
        if late_us.abs() > JUMP_US || (at - before).abs() > self.units(JUMP_US * 4) {
            self.start_anew();
            self.insert(now, (sequence, timestamp), payload, None);
            return false;
        }
        if at >= before {
            self.newest = Some((timestamp, at));
        }
        self.count_lateness(late_us);
        if played_until.is_some_and(|until| at < until) {
            self.counts.late += 1;
        } else if self.slots.iter().any(|slot| slot.at == Some(at)) {
            self.counts.duplicate += 1;
        } else {
            self.keep(at, sequence, payload);
        }
        true
    }

    fn keep(&mut self, at: i64, sequence: u16, payload: &[u8]) {
        let free = self.slots.iter_mut().find(|slot| slot.at.is_none());
        // Without room the oldest goes: what is new is nearer to what is said now.
        let slot = match free {
            Some(slot) => Some(slot),
            None => {
                self.counts.overflow += 1;
                self.slots.iter_mut().min_by_key(|slot| slot.at)
            }
        };
        let Some(slot) = slot.filter(|_| payload.len() <= PAYLOAD_BYTES_MAX) else { return };
        slot.payload[..payload.len()].copy_from_slice(payload);
        (slot.at, slot.length, slot.sequence) = (Some(at), payload.len(), sequence);
    }

    fn start_anew(&mut self) {
        self.slots.iter_mut().for_each(|slot| slot.at = None);
        self.newest = None;
        self.quickest = [i64::MAX; 2];
        self.window_end = Duration::ZERO;
    }

    fn units(&self, us: i64) -> i64 {
        us * self.units_per_ms / 1000
    }

    fn us(&self, units: i64) -> i64 {
        units * 1000 / self.units_per_ms
    }

    /// How much later than the quickest it came.
    fn lateness_of(&mut self, now: Duration, at: i64) -> i64 {
        let transit = now.as_micros() as i64 - self.us(at);
        if now >= self.window_end {
            self.window_end = now + WINDOW;
            self.quickest = [i64::MAX, self.quickest[0]];
        }
        let known = self.quickest[0].min(self.quickest[1]);
        if known != i64::MAX && (transit - known).abs() > JUMP_US {
            return transit - known;
        }
        self.quickest[0] = self.quickest[0].min(transit);
        transit - self.quickest[0].min(self.quickest[1])
    }

    fn count_lateness(&mut self, late_us: i64) {
        let step = ((late_us / STEP_US) as usize).min(STEPS - 1);
        self.lateness.iter_mut().for_each(|share| *share *= FORGET);
        self.lateness[step] += 1.0 - FORGET;
    }

    /// How long after the quickest packet's arrival a moment is to be played, microseconds.
    pub(crate) fn wanted_delay_us(&self) -> i64 {
        let mut later = 0.0;
        let needed = self.lateness.iter().enumerate().rev().find(|(_, share)| {
            later += **share;
            later > LATE_SHARE
        });
        needed.map_or(0, |(step, _)| (step as i64 + 1) * STEP_US) + MARGIN_US
    }

    /// How long after it could have been played at the earliest `at` is played now.
    pub(crate) fn delay_us(&self, now: Duration, at: i64) -> i64 {
        let quickest = self.quickest[0].min(self.quickest[1]);
        if quickest == i64::MAX { 0 } else { now.as_micros() as i64 - self.us(at) - quickest }
    }

    /// The packet whose turn comes first.
    pub(crate) fn oldest(&self) -> Option<Oldest<'_>> {
        let kept = self.slots.iter().filter_map(|slot| slot.at.map(|at| (at, slot)));
        let (at, slot) = kept.min_by_key(|(at, _)| *at)?;
        Some(Oldest { at, sequence: slot.sequence, payload: &slot.payload[..slot.length] })
    }

    /// Done with everything before `until`.
    pub(crate) fn forget_before(&mut self, until: i64) {
        for slot in self.slots.iter_mut().filter(|slot| slot.at.is_some_and(|at| at < until)) {
            slot.at = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn packets_come_out_in_order_once() {
        let mut buffer = JitterBuffer::new(8000);
        for n in [2_u16, 0, 1, 1, 3] {
            buffer.insert(ms(100), (n, u32::from(n) * 160), &[n as u8], None);
        }
        let mut seen = Vec::new();
        while let Some(oldest) = buffer.oldest() {
            seen.push(oldest.payload[0]);
            let at = oldest.at;
            buffer.forget_before(at + 1);
        }
        assert_eq!(seen, [0, 1, 2, 3]);
        assert_eq!(buffer.counts.duplicate, 1);
    }

    #[test]
    fn the_delay_follows_the_jitter() {
        let mut buffer = JitterBuffer::new(8000);
        let mut state = 7_u32;
        let mut feed = |buffer: &mut JitterBuffer, from: u32, count: u32, jitter_ms: u32| {
            for n in from..from + count {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let extra = if jitter_ms == 0 { 0 } else { (state >> 16) % jitter_ms };
                let now = ms(u64::from(n * 20 + extra));
                buffer.insert(now, (n as u16, n * 160), &[0], Some(i64::MAX));
            }
        };
        feed(&mut buffer, 0, 3000, 0);
        let clean = buffer.wanted_delay_us();
        assert!(clean <= 15_000, "{clean} us on a clean network");
        feed(&mut buffer, 3000, 2000, 100);
        let rough = buffer.wanted_delay_us();
        assert!((95_000..=115_000).contains(&rough), "{rough} us for 100 ms of jitter");
        feed(&mut buffer, 5000, 3000, 0);
        assert!(buffer.wanted_delay_us() < 20_000, "it comes back");
    }

    #[test]
    fn a_full_buffer_loses_the_oldest_and_a_jump_starts_anew() {
        let mut buffer = JitterBuffer::new(48_000);
        for n in 0..40_u16 {
            assert!(buffer.insert(ms(20), (n, u32::from(n) * 960), &[n as u8], None));
        }
        assert_eq!(buffer.counts.overflow, 8);
        assert_eq!(buffer.oldest().map(|o| o.payload[0]), Some(8));
        assert!(!buffer.insert(ms(900), (41, 500_000_000), &[99], None));
        assert_eq!(buffer.oldest().map(|o| o.payload[0]), Some(99));
        buffer.insert(ms(920), (42, 500_000_960), &[0; 2000], None);
        assert_eq!(buffer.slots.iter().filter(|slot| slot.at.is_some()).count(), 1);
    }
}
