//! Keys as telephone events (RFC 4733), both ways.

use crate::rtp::{FRAME_SAMPLES, Packet};
use arrayvec::ArrayVec;

/// Bytes of one event.
pub const EVENT_BYTES: usize = 4;
/// Digits that wait to be sent; more are dropped.
pub const QUEUE_DIGITS_MAX: usize = 32;
/// How long a key sounds, in 20 ms steps.
const PRESS_STEPS: u16 = 5;
/// The last packet is sent this often (RFC 4733 §2.5.1.4).
const END_PACKETS: u8 = 3;
/// Silence between keys, in 20 ms steps.
const PAUSE_STEPS: u8 = 3;
/// Power of our tone: -10 dBm0.
const VOLUME: u8 = 10;

/// The digit of an event code.
pub fn digit_of(event: u8) -> Option<char> {
    b"0123456789*#ABCD".get(usize::from(event)).copied().map(char::from)
}

/// The event code of a digit.
pub fn event_of(digit: char) -> Option<u8> {
    let digit = digit.to_ascii_uppercase();
    "0123456789*#ABCD".chars().position(|c| c == digit).map(|p| p as u8)
}

/// One event payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventPayload {
    /// Event code, 0 to 15 for keys.
    pub event: u8,
    /// The key was released.
    pub end: bool,
    /// Power below 0 dBm0.
    pub volume: u8,
    /// In timestamp units since the packet's timestamp.
    pub duration: u16,
}

impl EventPayload {
    /// Reads the first event of a payload.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let [event, flags, d0, d1] = *bytes.first_chunk::<EVENT_BYTES>()?;
        let duration = u16::from_be_bytes([d0, d1]);
        Some(Self { event, end: flags & 0x80 != 0, volume: flags & 0x3F, duration })
    }

    /// The four bytes on the wire.
    pub fn to_bytes(self) -> [u8; EVENT_BYTES] {
        let [d0, d1] = self.duration.to_be_bytes();
        [self.event, (u8::from(self.end) << 7) | (self.volume & 0x3F), d0, d1]
    }
}

/// Turns event packets into one digit per press, whatever is lost, repeated or late.
#[derive(Clone, Debug, Default)]
pub struct DtmfReceiver {
    last: Option<Press>,
}

#[derive(Clone, Copy, Debug)]
struct Press {
    ssrc: u32,
    timestamp: u32,
    event: u8,
    duration: u16,
    ended: bool,
}

impl DtmfReceiver {
    /// Takes one telephone-event packet; a digit comes out with the first packet of a press.
    pub fn handle_packet(&mut self, packet: &Packet, payload: &[u8]) -> Option<char> {
        let payload = EventPayload::parse(payload)?;
        let digit = digit_of(payload.event)?;
        let press = Press {
            ssrc: packet.ssrc,
            timestamp: packet.timestamp,
            event: payload.event,
            duration: payload.duration,
            ended: payload.end,
        };
        let Some(last) = self.last.as_mut().filter(|l| l.ssrc == press.ssrc) else {
            self.last = Some(press);
            return Some(digit);
        };
        let later = press.timestamp.wrapping_sub(last.timestamp);
        if later == 0 {
            last.ended |= press.ended;
            last.duration = last.duration.max(press.duration);
            return None;
        }
        if later > u32::MAX / 2 {
            return None;
        }
        // A key held beyond 0xFFFF units goes on in a new segment (RFC 4733 §2.5.1.3), and some
        // phones move the timestamp with every update: the same press, no marker, no gap.
        let touching = later <= u32::from(last.duration) + 2 * FRAME_SAMPLES as u32;
        let same = press.event == last.event && !last.ended && touching && !packet.marker;
        self.last = Some(press);
        (!same).then_some(digit)
    }
}

/// What to send in this 20 ms step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventStep {
    /// Payload.
    pub payload: EventPayload,
    /// First packet of a key: its timestamp is now, the following ones repeat it.
    pub first: bool,
}

/// Sends keys one after the other, one packet per 20 ms step.
#[derive(Clone, Debug, Default)]
pub struct DtmfSender {
    waiting: ArrayVec<u8, QUEUE_DIGITS_MAX>,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Idle,
    Sounding {
        event: u8,
        steps: u16,
    },
    Ending {
        event: u8,
        sent: u8,
    },
    Pausing {
        left: u8,
    },
}

impl DtmfSender {
    /// Queues digits; what is no digit is left out, what does not fit is dropped.
    pub fn push(&mut self, digits: &str) {
        for event in digits.chars().filter_map(event_of) {
            let _ = self.waiting.try_push(event);
        }
    }

    /// Nothing to send, not even a pause to keep.
    pub fn is_idle(&self) -> bool {
        self.phase == Phase::Idle && self.waiting.is_empty()
    }

    /// A key sounds now: voice is left out meanwhile.
    pub fn is_sounding(&self) -> bool {
        matches!(self.phase, Phase::Sounding { .. } | Phase::Ending { .. })
    }

    /// The next 20 ms step.
    pub fn step(&mut self) -> Option<EventStep> {
        match self.phase {
            Phase::Idle => {
                if self.waiting.is_empty() {
                    return None;
                }
                let event = self.waiting.remove(0);
                self.phase = Phase::Sounding { event, steps: 1 };
                Some(EventStep { payload: payload(event, 1, false), first: true })
            }
            Phase::Sounding { event, steps } if steps + 1 < PRESS_STEPS => {
                self.phase = Phase::Sounding { event, steps: steps + 1 };
                Some(EventStep { payload: payload(event, steps + 1, false), first: false })
            }
            Phase::Sounding { event, .. } => {
                self.phase = Phase::Ending { event, sent: 1 };
                Some(EventStep { payload: payload(event, PRESS_STEPS, true), first: false })
            }
            Phase::Ending { event, sent } => {
                self.phase = if sent + 1 < END_PACKETS {
                    Phase::Ending { event, sent: sent + 1 }
                } else {
                    Phase::Pausing { left: PAUSE_STEPS }
                };
                Some(EventStep { payload: payload(event, PRESS_STEPS, true), first: false })
            }
            Phase::Pausing { left } => {
                self.phase = if left > 1 { Phase::Pausing { left: left - 1 } } else { Phase::Idle };
                None
            }
        }
    }
}

fn payload(event: u8, steps: u16, end: bool) -> EventPayload {
    EventPayload { event, end, volume: VOLUME, duration: steps * FRAME_SAMPLES as u16 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(timestamp: u32, marker: bool) -> Packet {
        Packet { marker, payload_type: 101, sequence: 0, timestamp, ssrc: 1, payload: 12..16 }
    }

    /// Packets of a sender, each with the timestamp of its press.
    fn sent(digits: &str) -> Vec<(Packet, [u8; 4])> {
        let (mut sender, mut now, mut start) = (DtmfSender::default(), 0, 0);
        let mut packets = Vec::new();
        sender.push(digits);
        while !sender.is_idle() {
            if let Some(step) = sender.step() {
                if step.first {
                    start = now;
                }
                packets.push((packet(start, step.first), step.payload.to_bytes()));
            }
            now += 160;
        }
        packets
    }

    fn heard(packets: &[(Packet, [u8; 4])]) -> String {
        let mut receiver = DtmfReceiver::default();
        packets.iter().filter_map(|(p, bytes)| receiver.handle_packet(p, bytes)).collect()
    }

    #[test]
    fn a_press_is_updates_then_three_ends_with_one_timestamp() {
        let packets = sent("5");
        let payloads: Vec<EventPayload> =
            packets.iter().map(|(_, b)| EventPayload::parse(b).expect("four bytes")).collect();
        let durations: Vec<u16> = payloads.iter().map(|p| p.duration).collect();
        assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800]);
        let ends: Vec<bool> = payloads.iter().map(|p| p.end).collect();
        assert_eq!(ends, [false, false, false, false, true, true, true]);
        assert!(packets.iter().all(|(p, _)| p.timestamp == packets[0].0.timestamp));
    }

    #[test]
    fn every_digit_is_heard_once_and_in_order() {
        assert_eq!(heard(&sent("0123456789*#ABCD")), "0123456789*#ABCD");
        assert_eq!(heard(&sent("55500")), "55500");
    }

    /// C10: any one packet per press is enough, repeats and late ones add nothing.
    #[test]
    fn loss_repetition_and_reordering_of_event_packets_change_nothing() {
        let packets = sent("1199");
        for kept in 0..7 {
            let lossy: Vec<_> = packets.chunks(7).map(|press| press[kept].clone()).collect();
            assert_eq!(heard(&lossy), "1199", "only packet {kept} of each press arrived");
        }
        let doubled: Vec<_> = packets.iter().flat_map(|p| [p.clone(), p.clone()]).collect();
        assert_eq!(heard(&doubled), "1199");
        let mut late = packets.clone();
        late.swap(6, 8);
        assert_eq!(heard(&late), "1199");
    }

    #[test]
    fn a_long_press_in_segments_is_one_digit() {
        let held = |timestamp, duration: u16, end, marker| {
            let payload = EventPayload { event: 3, end, volume: 10, duration };
            (packet(timestamp, marker), payload.to_bytes())
        };
        let long = [held(0, 160, false, true), held(0, 0xFFFF, false, false)];
        let rest = [held(0xFFFF, 160, false, false), held(0xFFFF, 800, true, false)];
        assert_eq!(heard(&[long, rest].concat()), "3");
    }

    #[test]
    fn what_is_no_key_is_ignored() {
        let mut receiver = DtmfReceiver::default();
        assert_eq!(receiver.handle_packet(&packet(0, true), &[16, 0, 0, 160]), None);
        assert_eq!(receiver.handle_packet(&packet(0, true), &[1, 0, 0]), None);
        let mut sender = DtmfSender::default();
        sender.push("x!é");
        assert!(sender.is_idle());
        sender.push(&"7".repeat(100));
        assert_eq!(sender.waiting.len(), QUEUE_DIGITS_MAX);
    }
}
