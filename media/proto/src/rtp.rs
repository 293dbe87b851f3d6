//! RTP packets (RFC 3550 §5.1): a view of received bytes, and the continuous stream we send.

use std::ops::Range;
use std::time::{Duration, Instant};

/// Bytes of the fixed header.
pub const HEADER_BYTES: usize = 12;
/// Samples per millisecond of every codec we speak.
pub const SAMPLES_PER_MS: u32 = 8;
/// Samples of one 20 ms frame.
pub const FRAME_SAMPLES: usize = 160;
/// Sequence gap that is a new stream, not loss (RFC 3550 appendix A.1 `MAX_DROPOUT`).
const SEQUENCE_GAP_MAX: u16 = 3000;
/// Timestamp step that is a new stream, not a pause.
const TIMESTAMP_GAP_MAX: u32 = 30 * 1000 * SAMPLES_PER_MS;

/// What a datagram on a media port is, by its first bytes (RFC 7983, RFC 5761 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Datagram {
    /// Voice or telephone event.
    Rtp,
    /// Report.
    Rtcp,
    /// STUN.
    Stun,
    /// DTLS.
    Dtls,
    /// None of these.
    Unknown,
}

impl Datagram {
    /// Looks at the first two bytes only.
    #[inline]
    pub fn of(bytes: &[u8]) -> Self {
        match bytes {
            [128..=191, 192..=223, ..] => Self::Rtcp,
            [128..=191, _, ..] => Self::Rtp,
            [0..=3, _, ..] => Self::Stun,
            [20..=63, _, ..] => Self::Dtls,
            _ => Self::Unknown,
        }
    }
}

/// Why bytes are no RTP packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum RtpError {
    /// Shorter than its header says.
    #[error("truncated rtp packet")]
    Truncated,
    /// Not version 2.
    #[error("not rtp version 2")]
    Version,
    /// More padding than payload, or none where it is announced.
    #[error("impossible rtp padding")]
    Padding,
}

/// Fields of one received packet; `payload` is a range of the bytes given to [`Packet::parse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// First packet of a talk spurt, or of an event.
    pub marker: bool,
    /// As negotiated.
    pub payload_type: u8,
    /// Counts packets.
    pub sequence: u16,
    /// Counts samples.
    pub timestamp: u32,
    /// The stream's name.
    pub ssrc: u32,
    /// Without header, contributing sources, extension and padding.
    pub payload: Range<usize>,
}

impl Packet {
    /// Reads the header; copies nothing.
    #[inline]
    pub fn parse(bytes: &[u8]) -> Result<Self, RtpError> {
        let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
            return Err(RtpError::Truncated);
        };
        if header[0] >> 6 != 2 {
            return Err(RtpError::Version);
        }
        let mut start = HEADER_BYTES + 4 * usize::from(header[0] & 0x0F);
        if header[0] & 0x10 != 0 {
            let extension = bytes.get(start..start + 4).ok_or(RtpError::Truncated)?;
            start += 4 + 4 * usize::from(u16::from_be_bytes([extension[2], extension[3]]));
        }
        let mut end = bytes.len();
        if start > end {
            return Err(RtpError::Truncated);
        }
        if header[0] & 0x20 != 0 {
            let padding = usize::from(bytes[end - 1]);
            if padding == 0 || start + padding > end {
                return Err(RtpError::Padding);
            }
            end -= padding;
        }
        Ok(Self {
            marker: header[1] & 0x80 != 0,
            payload_type: header[1] & 0x7F,
            sequence: u16::from_be_bytes([header[2], header[3]]),
            timestamp: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            ssrc: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
            payload: start..end,
        })
    }
}

/// Header of one packet we send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// First packet after a change of source.
    pub marker: bool,
    /// Counts packets.
    pub sequence: u16,
    /// Counts samples.
    pub timestamp: u32,
    /// The stream's name.
    pub ssrc: u32,
}

impl Header {
    /// The twelve bytes on the wire.
    #[inline]
    pub fn to_bytes(self, payload_type: u8) -> [u8; HEADER_BYTES] {
        let [s0, s1] = self.sequence.to_be_bytes();
        let [t0, t1, t2, t3] = self.timestamp.to_be_bytes();
        let [c0, c1, c2, c3] = self.ssrc.to_be_bytes();
        let second = (u8::from(self.marker) << 7) | (payload_type & 0x7F);
        [0x80, second, s0, s1, t0, t1, t2, t3, c0, c1, c2, c3]
    }
}

/// How a received stream is carried over into ours.
#[derive(Clone, Copy, Debug)]
struct Mapping {
    ssrc: u32,
    first_sequence: u16,
    highest_sequence: u16,
    last_timestamp: u32,
    sequence_offset: u16,
    timestamp_offset: u32,
}

/// The stream a party hears from us: one SSRC, sequence and timestamp continuous whatever the
/// source (bridge, prompt, tone, key), gaps and order of a forwarded stream kept.
#[derive(Clone, Debug)]
pub struct OutStream {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    last_samples: u32,
    last_sent: Option<Instant>,
    mapping: Option<Mapping>,
    generating: bool,
    packets: u64,
    octets: u64,
}

impl OutStream {
    /// A stream that has sent nothing; all three start at random (RFC 3550 §5.1).
    pub fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Self {
        Self {
            ssrc,
            sequence,
            timestamp,
            last_samples: 0,
            last_sent: None,
            mapping: None,
            generating: false,
            packets: 0,
            octets: 0,
        }
    }

    /// The stream's name.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Packets and payload bytes sent.
    pub fn sent(&self) -> (u64, u64) {
        (self.packets, self.octets)
    }

    /// When the last packet left.
    pub fn last_sent(&self) -> Option<Instant> {
        self.last_sent
    }

    /// The timestamp that belongs to `now` on our own clock.
    pub fn timestamp_at(&self, now: Instant) -> u32 {
        let Some(last) = self.last_sent else { return self.timestamp };
        let frames = now.saturating_duration_since(last).as_millis() as u32 / 20;
        let elapsed = frames * FRAME_SAMPLES as u32;
        self.timestamp.wrapping_add(elapsed.max(self.last_samples))
    }

    /// The source changes: the next packet follows on from the last one sent.
    pub fn change_source(&mut self) {
        self.mapping = None;
        self.generating = false;
    }

    /// Header for a forwarded packet; `None` for one older than the change to this source.
    #[inline]
    pub fn forward(
        &mut self,
        now: Instant,
        packet: &Packet,
        samples: u32,
        octets: usize,
    ) -> Option<Header> {
        let mut marker = packet.marker;
        let mapping = match self.mapping {
            Some(m) if m.continues(packet) => m,
            _ => {
                marker = true;
                self.carry_over(now, packet)
            }
        };
        if packet.sequence.wrapping_sub(mapping.first_sequence) > u16::MAX / 2 {
            return None;
        }
        let sequence = packet.sequence.wrapping_add(mapping.sequence_offset);
        let timestamp = packet.timestamp.wrapping_add(mapping.timestamp_offset);
        let ahead = packet.sequence.wrapping_sub(mapping.highest_sequence) < u16::MAX / 2;
        let mut updated = mapping;
        if ahead {
            updated.highest_sequence = packet.sequence;
            updated.last_timestamp = packet.timestamp;
            // Half the sequence space behind the newest packet nothing is older any more.
            if packet.sequence.wrapping_sub(mapping.first_sequence) > SEQUENCE_GAP_MAX {
                updated.first_sequence = packet.sequence.wrapping_sub(SEQUENCE_GAP_MAX / 2);
            }
            self.sequence = sequence;
            self.timestamp = timestamp;
            self.last_samples = samples;
        }
        self.mapping = Some(updated);
        self.generating = false;
        self.count(now, octets);
        Some(Header { marker, sequence, timestamp, ssrc: self.ssrc })
    }

    /// Header for a packet of our own making that follows the last one.
    #[inline]
    pub fn generate(&mut self, now: Instant, samples: u32, octets: usize) -> Header {
        let marker = !self.generating;
        self.timestamp = if self.generating {
            self.timestamp.wrapping_add(self.last_samples)
        } else {
            self.timestamp_at(now)
        };
        self.mapping = None;
        self.generating = true;
        self.last_samples = samples;
        self.advance(now, octets, marker)
    }

    /// Header for one packet of a telephone event that began at `timestamp`. The next packet of
    /// another kind starts a new run.
    pub fn event(&mut self, now: Instant, timestamp: u32, marker: bool, octets: usize) -> Header {
        self.change_source();
        self.sequence = self.sequence.wrapping_add(1);
        if self.last_sent.is_none() {
            self.timestamp = timestamp;
        }
        // `timestamp` of the stream stays at the last audio sent, kept in step with the clock.
        let audio = self.timestamp_at(now);
        self.timestamp = audio;
        self.last_samples = 0;
        self.count(now, octets);
        Header { marker, sequence: self.sequence, timestamp, ssrc: self.ssrc }
    }

    /// One more packet cut from the same received one (repacketising): the next in sequence.
    pub fn split(&mut self, now: Instant, samples: u32, octets: usize) -> Header {
        if let Some(mapping) = &mut self.mapping {
            mapping.sequence_offset = mapping.sequence_offset.wrapping_add(1);
        }
        self.timestamp = self.timestamp.wrapping_add(self.last_samples);
        self.last_samples = samples;
        self.advance(now, octets, false)
    }

    fn advance(&mut self, now: Instant, octets: usize, marker: bool) -> Header {
        self.sequence = self.sequence.wrapping_add(1);
        self.count(now, octets);
        Header { marker, sequence: self.sequence, timestamp: self.timestamp, ssrc: self.ssrc }
    }

    fn carry_over(&self, now: Instant, packet: &Packet) -> Mapping {
        let sequence = self.sequence.wrapping_add(1);
        let timestamp = self.timestamp_at(now);
        Mapping {
            ssrc: packet.ssrc,
            first_sequence: packet.sequence,
            highest_sequence: packet.sequence,
            last_timestamp: packet.timestamp,
            sequence_offset: sequence.wrapping_sub(packet.sequence),
            timestamp_offset: timestamp.wrapping_sub(packet.timestamp),
        }
    }

    fn count(&mut self, now: Instant, octets: usize) {
        self.last_sent = Some(now);
        self.packets += 1;
        self.octets += octets as u64;
    }
}

impl Mapping {
    fn continues(&self, packet: &Packet) -> bool {
        let forward = packet.sequence.wrapping_sub(self.highest_sequence);
        let back = self.highest_sequence.wrapping_sub(packet.sequence);
        let step = packet.timestamp.wrapping_sub(self.last_timestamp);
        let back_step = self.last_timestamp.wrapping_sub(packet.timestamp);
        packet.ssrc == self.ssrc
            && forward.min(back) <= SEQUENCE_GAP_MAX
            && step.min(back_step) <= TIMESTAMP_GAP_MAX
    }
}

/// How long a G.711 payload lasts.
pub fn payload_duration(octets: usize) -> Duration {
    Duration::from_micros(octets as u64 * 125)
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an origin to count from")]
mod tests {
    use super::*;

    fn packet(sequence: u16, timestamp: u32, ssrc: u32) -> Packet {
        let payload = 12..172;
        Packet { marker: false, payload_type: 8, sequence, timestamp, ssrc, payload }
    }

    #[test]
    fn header_extension_sources_and_padding_are_cut_off() {
        let mut bytes = vec![0xB1, 0x88, 0, 7, 0, 0, 0, 9, 1, 2, 3, 4];
        bytes.extend([9; 4]); // one contributing source
        bytes.extend([0xBE, 0xDE, 0, 1, 0, 0, 0, 0]); // extension of one word
        bytes.extend([0xD5; 10]);
        bytes.extend([0, 0, 3]); // padding of three
        let packet = Packet::parse(&bytes).expect("well formed");
        assert_eq!(packet.payload, 24..34);
        assert!(packet.marker);
        assert_eq!((packet.payload_type, packet.sequence, packet.timestamp), (8, 7, 9));
    }

    #[test]
    fn a_header_that_promises_more_than_there_is_is_refused() {
        assert_eq!(Packet::parse(&[0x80; 11]), Err(RtpError::Truncated));
        let mut bytes = [0_u8; 12];
        bytes[0] = 0x8F;
        assert_eq!(Packet::parse(&bytes), Err(RtpError::Truncated));
        bytes[0] = 0x90;
        assert_eq!(Packet::parse(&bytes), Err(RtpError::Truncated));
        bytes[0] = 0x40;
        assert_eq!(Packet::parse(&bytes), Err(RtpError::Version));
        let mut padded = [0_u8; 14];
        (padded[0], padded[13]) = (0xA0, 9);
        assert_eq!(Packet::parse(&padded), Err(RtpError::Padding));
    }

    #[test]
    fn what_we_write_is_what_we_read() {
        let header = Header { marker: true, sequence: 65_535, timestamp: u32::MAX, ssrc: 77 };
        let packet = Packet::parse(&header.to_bytes(101)).expect("well formed");
        assert_eq!((packet.sequence, packet.timestamp, packet.ssrc), (65_535, u32::MAX, 77));
        assert_eq!((packet.payload_type, packet.marker, packet.payload), (101, true, 12..12));
    }

    /// C17.
    #[test]
    fn datagrams_are_told_apart_by_their_first_bytes() {
        assert_eq!(Datagram::of(&[0x80, 8]), Datagram::Rtp);
        assert_eq!(Datagram::of(&[0x80, 0x88]), Datagram::Rtp);
        assert_eq!(Datagram::of(&[0x81, 201]), Datagram::Rtcp);
        assert_eq!(Datagram::of(&[0, 1]), Datagram::Stun);
        assert_eq!(Datagram::of(&[22, 254]), Datagram::Dtls);
        for odd in [&[][..], &[0x80], &[0x40, 0], &[255, 255]] {
            assert_eq!(Datagram::of(odd), Datagram::Unknown);
        }
    }

    #[test]
    fn a_stream_stays_continuous_over_every_change_of_source() {
        let t0 = Instant::now();
        let at = |ms| t0 + Duration::from_millis(ms);
        let mut out = OutStream::new(1, 99, 1000);
        let tone = out.generate(at(0), 160, 160);
        assert_eq!((tone.sequence, tone.timestamp, tone.marker), (100, 1000, true));
        let tone = out.generate(at(20), 160, 160);
        assert_eq!((tone.sequence, tone.timestamp, tone.marker), (101, 1160, false));
        let first = out.forward(at(45), &packet(5000, 70_000, 9), 160, 160).expect("sent");
        assert_eq!((first.sequence, first.timestamp, first.marker), (102, 1320, true));
        let second = out.forward(at(65), &packet(5001, 70_160, 9), 160, 160).expect("sent");
        assert_eq!((second.sequence, second.timestamp, second.marker), (103, 1480, false));
        let other = out.forward(at(125), &packet(1, 5, 10), 160, 160).expect("sent");
        assert_eq!((other.sequence, other.timestamp, other.marker), (104, 1960, true));
        let silence = out.generate(at(145), 160, 160);
        assert_eq!((silence.sequence, silence.timestamp, silence.marker), (105, 2120, true));
    }

    #[test]
    fn loss_and_reordering_of_a_forwarded_stream_are_kept() {
        let now = Instant::now();
        let mut out = OutStream::new(1, 0, 0);
        let mut sequences = Vec::new();
        for sequence in [10, 11, 13, 12, 9, 20] {
            let header =
                out.forward(now, &packet(sequence, u32::from(sequence) * 160, 9), 160, 160);
            sequences.push(header.map(|h| h.sequence));
        }
        assert_eq!(sequences, [Some(1), Some(2), Some(4), Some(3), None, Some(11)]);
    }

    #[test]
    fn sequence_numbers_wrap_without_a_break() {
        let now = Instant::now();
        let mut out = OutStream::new(1, 65_000, 0);
        let mut expected = 65_001_u16;
        for n in 0..200_000_u32 {
            let packet = packet(n as u16, n.wrapping_mul(160), 9);
            let header = out.forward(now, &packet, 160, 160).expect("sent");
            assert_eq!(header.sequence, expected);
            expected = expected.wrapping_add(1);
        }
    }

    #[test]
    fn an_event_keeps_its_timestamp_and_audio_goes_on_in_step_with_the_clock() {
        let t0 = Instant::now();
        let at = |ms| t0 + Duration::from_millis(ms);
        let mut out = OutStream::new(1, 0, 0);
        out.forward(at(0), &packet(1, 0, 9), 160, 160).expect("sent");
        let start = out.timestamp_at(at(20));
        for n in 0..8_u64 {
            let header = out.event(at(20 + 20 * n), start, n == 0, 4);
            assert_eq!((header.timestamp, header.sequence), (160, 2 + n as u16));
        }
        let audio = out.forward(at(180), &packet(10, 1440, 9), 160, 160).expect("sent");
        assert_eq!((audio.sequence, audio.timestamp, audio.marker), (10, 1440, true));
    }

    #[test]
    fn a_long_packet_is_cut_into_consecutive_ones() {
        let now = Instant::now();
        let mut out = OutStream::new(1, 0, 0);
        let first = out.forward(now, &packet(1, 0, 9), 160, 160).expect("sent");
        let second = out.split(now, 160, 160);
        let next = out.forward(now, &packet(2, 320, 9), 160, 160).expect("sent");
        let headers = [first, second, next].map(|h| (h.sequence, h.timestamp));
        assert_eq!(headers, [(1, 0), (2, 160), (3, 320)]);
    }
}
