//! From packets as the network brings them to sound without a gap, 20 ms at a time: jitter buffer,
//! decoder, concealment, and the pace that follows the sender's clock.

use crate::conceal::Concealer;
use crate::jitter::{JitterBuffer, JitterCounts};
use crate::{Codec, stretch};
use std::time::Duration;

/// Parts of a second that are asked for at once.
const FRAMES_PER_SECOND: u32 = 50;
/// Longest sound of one packet: 120 ms (RFC 6716 §3.4).
const PACKET_FRAMES_MAX: usize = 6;
/// Where the delay is off by more, a period is played twice or left out.
const TOLERANCE_US: i64 = 10_000;
/// Where it is off by more, any sound is: what is said must not wait.
const FAR_OFF_US: i64 = 60_000;
/// After so long without a packet the stream is taken as paused.
const PAUSE_US: i64 = 300_000;

/// Turns payloads of one codec into samples.
enum Decoder {
    /// By table, at 8 kHz.
    G711(Codec),
    /// libopus, at a rate of our choice.
    Opus(Box<opus::Decoder>),
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(match self {
            Self::G711(codec) => codec.name(),
            Self::Opus(_) => "opus",
        })
    }
}

impl Decoder {
    /// Appends what a packet holds; an impossible one is as if lost.
    fn decode(&mut self, payload: &[u8], out: &mut Vec<i16>, scratch: &mut [i16]) -> bool {
        match self {
            Self::G711(codec) => {
                let room = scratch.len().min(payload.len());
                out.extend(payload[..room].iter().map(|word| codec.decode(*word)));
                !payload.is_empty()
            }
            Self::Opus(decoder) => match decoder.decode(payload, scratch, false) {
                Ok(count) => {
                    out.extend_from_slice(&scratch[..count]);
                    count > 0
                }
                Err(_) => false,
            },
        }
    }
}

/// How a stream was played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlayoutCounts {
    /// Packets.
    pub packets: JitterCounts,
    /// Frames made up for lost ones.
    pub concealed: u64,
    /// Frames brought back from the packet after them (Opus in-band FEC).
    pub restored: u64,
    /// Samples left out, and played twice, to follow the delay.
    pub skipped: u64,
    /// See `skipped`.
    pub repeated: u64,
}

/// Plays one stream.
#[derive(Debug)]
pub struct Playout {
    rate: u32,
    units_per_sample: i64,
    decoder: Decoder,
    buffer: JitterBuffer,
    concealer: Concealer,
    /// Decoded, not yet played.
    line: Vec<i16>,
    scratch: Vec<i16>,
    /// Timestamp after the last sample of `line`; `None` until the first packet's turn has come.
    until: Option<i64>,
    /// Sequence number of the last packet decoded.
    sequence: Option<u16>,
    /// Units made up while nothing was there; a gap that shows later may be them.
    owed: i64,
    counts: PlayoutCounts,
}

impl Playout {
    /// A stream of G.711: at 8 kHz.
    pub fn g711(codec: Codec) -> Self {
        Self::new(Decoder::G711(codec), 8000, 8000)
    }

    /// A stream of Opus, whose timestamps always count 48 kHz (RFC 7587 §4.1), decoded at 8, 16 or 48 kHz.
    pub fn opus(rate: u32) -> Result<Self, opus::Error> {
        let decoder = opus::Decoder::new(rate, opus::Channels::Mono)?;
        Ok(Self::new(Decoder::Opus(Box::new(decoder)), rate, 48_000))
    }

    fn new(decoder: Decoder, rate: u32, clock_rate: u32) -> Self {
        let frame = (rate / FRAMES_PER_SECOND) as usize;
        Self {
            rate,
            units_per_sample: i64::from(clock_rate / rate),
            decoder,
            buffer: JitterBuffer::new(clock_rate),
            concealer: Concealer::new(rate),
            line: Vec::with_capacity(frame * PACKET_FRAMES_MAX * 2),
            scratch: vec![0; frame * PACKET_FRAMES_MAX],
            until: None,
            sequence: None,
            owed: 0,
            counts: PlayoutCounts::default(),
        }
    }

    /// Samples in 20 ms.
    pub fn frame_samples(&self) -> usize {
        (self.rate / FRAMES_PER_SECOND) as usize
    }

    /// How it went so far.
    pub fn counts(&self) -> PlayoutCounts {
        PlayoutCounts { packets: self.buffer.counts, ..self.counts }
    }

    /// How long after it could have been played at the earliest sound is played.
    pub fn delay(&self, now: Duration) -> Duration {
        let Some(until) = self.until else { return Duration::ZERO };
        let position = until + self.owed - self.line.len() as i64 * self.units_per_sample;
        let delay = self.buffer.delay_us(now, position);
        Duration::from_micros(u64::try_from(delay).unwrap_or(0))
    }

    /// A packet came.
    pub fn insert(&mut self, now: Duration, sequence: u16, timestamp: u32, payload: &[u8]) {
        let goes_on = self.buffer.insert(now, (sequence, timestamp), payload, self.until);
        if !goes_on {
            self.until = None;
        }
    }

    /// The next 20 ms; to be asked for every 20 ms. False while there is nothing to hear.
    pub fn pull(&mut self, now: Duration, frame: &mut [i16]) -> bool {
        if self.until.is_none() && !self.begin(now) {
            frame.fill(0);
            return false;
        }
        while self.line.len() < frame.len() {
            self.fetch();
        }
        self.keep_pace(now);
        let taken = frame.len().min(self.line.len());
        frame[..taken].copy_from_slice(&self.line[..taken]);
        self.line.drain(..taken);
        self.until.is_some()
    }

    /// The first packet has waited long enough.
    fn begin(&mut self, now: Duration) -> bool {
        let Some(at) = self.buffer.oldest().map(|oldest| oldest.at) else { return false };
        if self.buffer.delay_us(now, at) < self.buffer.wanted_delay_us() {
            return false;
        }
        self.line.clear();
        (self.until, self.sequence, self.owed) = (Some(at), None, 0);
        true
    }

    /// One more packet into the line, or something in its place.
    fn fetch(&mut self) {
        let until = self.until.unwrap_or_default();
        let frame = self.frame_samples() as i64 * self.units_per_sample;
        let Some((at, next)) = self.buffer.oldest().map(|oldest| (oldest.at, oldest.sequence))
        else {
            self.conceal();
            self.owed += frame;
            let clock_rate = i64::from(self.rate) * self.units_per_sample;
            if self.owed * 1_000_000 / clock_rate > PAUSE_US {
                // The pause is over with the next packet, which may come at any time.
                self.until = None;
            }
            return;
        };
        let missing = at - until;
        if missing <= 0 {
            return self.decode_oldest(at);
        }
        // What was made up already stands for what is missing.
        let made_up = missing.min(self.owed);
        if made_up > 0 {
            self.owed -= made_up;
            self.until = Some(until + made_up);
            return;
        }
        let follows = self.sequence.is_some_and(|last| last.wrapping_add(1) == next);
        if follows {
            // Nothing is lost: the party was silent on purpose (RFC 3389, RFC 7587 §3.1.3).
            self.silence(missing.min(frame));
        } else if missing <= frame && self.restore(missing) {
            self.counts.restored += 1;
        } else {
            self.conceal();
        }
        self.until = Some(until + missing.min(frame));
    }

    fn decode_oldest(&mut self, at: i64) {
        let (start, before) = (self.line.len(), self.until.unwrap_or(at));
        let Some(oldest) = self.buffer.oldest() else { return };
        self.sequence = Some(oldest.sequence);
        let sound = self.decoder.decode(oldest.payload, &mut self.line, &mut self.scratch);
        let count = (self.line.len() - start) as i64;
        self.owed = 0;
        if sound {
            if matches!(self.decoder, Decoder::G711(_)) {
                self.concealer.received(&mut self.line[start..]);
            }
        } else {
            self.conceal();
        }
        let length = if sound { count } else { self.frame_samples() as i64 };
        self.until = Some(before.max(at) + length * self.units_per_sample);
        self.buffer.forget_before(self.until.unwrap_or(at));
    }

    /// The lost frame from what the packet after it says of it (RFC 6716 §2.1.7).
    fn restore(&mut self, missing: i64) -> bool {
        let samples = (missing / self.units_per_sample) as usize;
        let Decoder::Opus(decoder) = &mut self.decoder else { return false };
        let Some(next) = self.buffer.oldest() else { return false };
        let Some(room) = self.scratch.get_mut(..samples) else { return false };
        match decoder.decode(next.payload, room, true) {
            Ok(count) => {
                self.line.extend_from_slice(&room[..count]);
                count > 0
            }
            Err(_) => false,
        }
    }

    fn conceal(&mut self) {
        self.counts.concealed += 1;
        let (start, frame) = (self.line.len(), self.frame_samples());
        self.line.resize(start + frame, 0);
        match &mut self.decoder {
            Decoder::G711(_) => self.concealer.lost(&mut self.line[start..]),
            Decoder::Opus(decoder) => {
                // An empty payload asks libopus to make it up.
                let _ = decoder.decode(&[], &mut self.line[start..], false);
            }
        }
    }

    fn silence(&mut self, units: i64) {
        let samples = (units / self.units_per_sample).max(1) as usize;
        let length = self.line.len();
        self.line.resize(length + samples, 0);
    }

    /// Plays a period more or less where the delay is not the wanted one.
    fn keep_pace(&mut self, now: Duration) {
        let Some(until) = self.until else { return };
        let position = until - self.line.len() as i64 * self.units_per_sample;
        let off = self.buffer.delay_us(now, position + self.owed) - self.buffer.wanted_delay_us();
        if off.abs() <= TOLERANCE_US {
            return;
        }
        while self.line.len() < stretch::needed(self.rate) * 2 {
            let at = self.buffer.oldest().map(|oldest| oldest.at);
            match at {
                Some(at) if at <= self.until.unwrap_or(at) => self.decode_oldest(at),
                _ => break,
            }
        }
        let force = off.abs() > FAR_OFF_US;
        if off > 0 {
            self.counts.skipped += stretch::shorten(&mut self.line, self.rate, force) as u64;
        } else {
            self.counts.repeated += stretch::lengthen(&mut self.line, self.rate, force) as u64;
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
    fn words_come_out_as_they_went_in_whatever_the_packet_time() {
        for ptime_ms in [10_u64, 20, 30, 60] {
            let mut playout = Playout::g711(Codec::Pcmu);
            let (mut heard, mut frame) = (Vec::new(), [0; 160]);
            for now in 0..4000 {
                if now % ptime_ms == 0 {
                    let n = now / ptime_ms;
                    let loud = [Codec::Pcmu.encode(4000 + (n % 2) as i16 * 4000); 480];
                    let length = ptime_ms as usize * 8;
                    let timestamp = n as u32 * length as u32;
                    playout.insert(ms(now), n as u16, timestamp, &loud[..length]);
                }
                if now % 20 == 7 && playout.pull(ms(now), &mut frame) {
                    heard.extend(frame);
                }
            }
            let counts = playout.counts();
            assert_eq!((counts.concealed, counts.packets.late), (0, 0), "{ptime_ms} ms");
            assert!(heard.len() > 30_000, "{ptime_ms} ms: {}", heard.len());
            assert!(heard.iter().all(|s| *s > 3500), "{ptime_ms} ms: no hole");
        }
    }

    /// A party that says nothing on purpose is silent, and back at once when it speaks.
    #[test]
    fn a_pause_is_no_loss() {
        let mut playout = Playout::g711(Codec::Pcma);
        let mut frame = [0; 160];
        let loud = [Codec::Pcma.encode(8000); 160];
        let mut heard_at = Vec::new();
        for n in 0..200_u64 {
            let now = n * 20;
            if !(50..150).contains(&n) {
                let sequence = if n < 50 { n } else { n - 100 };
                playout.insert(ms(now), sequence as u16, n as u32 * 160, &loud);
            }
            if playout.pull(ms(now + 10), &mut frame) && frame[159] > 7000 {
                heard_at.push(n);
            }
        }
        let back = heard_at.iter().find(|n| **n >= 150).copied().unwrap_or_default();
        assert!((150..154).contains(&back), "heard again in frame {back}");
    }

    /// C10: whatever comes, there is a frame every time and the line stays short.
    #[test]
    fn hostile_packets_break_nothing() {
        let mut state = 1_u64;
        let mut random = move || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 33) as u32
        };
        let mut players = [
            Playout::g711(Codec::Pcma),
            Playout::opus(8000).unwrap(),
            Playout::opus(48_000).unwrap(),
        ];
        let payload: Vec<u8> = (0..1400).map(|_| random() as u8).collect();
        let mut frame = [0; 960];
        for round in 0..20_000_u64 {
            for playout in &mut players {
                for _ in 0..random() % 4 {
                    let near = (round * 160) as u32 + random() % 4000;
                    let timestamp = if random() % 50 == 0 { random() } else { near };
                    let payload = &payload[..(random() % 1400) as usize];
                    let at = ms(round * 20 + u64::from(random() % 20));
                    playout.insert(at, random() as u16, timestamp, payload);
                }
                let samples = playout.frame_samples();
                playout.pull(ms(round * 20 + 20), &mut frame[..samples]);
                assert!(playout.line.len() <= samples * PACKET_FRAMES_MAX * 2, "round {round}");
            }
        }
    }
}
