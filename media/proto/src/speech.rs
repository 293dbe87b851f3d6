//! Tells when a party begins and ends to talk, by energy alone.

use crate::Codec;
use std::time::{Duration, Instant};

/// Mean magnitude of a frame that counts as voice: about -43 dBm0.
const VOICE_MAGNITUDE: u32 = 250;
/// Frames of voice in a row that begin a turn.
const BEGIN_FRAMES: u8 = 3;
/// Silence that ends a turn.
const END_SILENCE: Duration = Duration::from_millis(700);

/// A turn began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Talks now.
    Began,
    /// Fell silent.
    Ended,
}

/// Follows one party.
#[derive(Clone, Debug, Default)]
pub struct SpeechDetector {
    voiced_in_a_row: u8,
    talking_since_voice: Option<Instant>,
}

impl SpeechDetector {
    /// Takes one payload.
    pub fn handle_frame(&mut self, now: Instant, codec: Codec, payload: &[u8]) -> Option<Turn> {
        let sum: u32 = payload.iter().map(|w| u32::from(codec.decode(*w).unsigned_abs())).sum();
        let voiced = !payload.is_empty() && sum / payload.len() as u32 >= VOICE_MAGNITUDE;
        self.voiced_in_a_row =
            if voiced { (self.voiced_in_a_row + 1).min(BEGIN_FRAMES) } else { 0 };
        if self.talking_since_voice.is_some() {
            if voiced {
                self.talking_since_voice = Some(now);
            }
            return self.handle_timeout(now);
        }
        if self.voiced_in_a_row < BEGIN_FRAMES {
            return None;
        }
        self.talking_since_voice = Some(now);
        Some(Turn::Began)
    }

    /// A party that sends nothing any more is silent too.
    pub fn handle_timeout(&mut self, now: Instant) -> Option<Turn> {
        let since = self.talking_since_voice?;
        if now.saturating_duration_since(since) < END_SILENCE {
            return None;
        }
        *self = Self::default();
        Some(Turn::Ended)
    }
}

#[cfg(test)]
#[allow(clippy::disallowed_methods, reason = "an origin to count from")]
mod tests {
    use super::*;
    use crate::tone;

    #[test]
    fn a_turn_begins_with_voice_and_ends_with_silence() {
        let start = Instant::now();
        let voice: Vec<u8> =
            tone::sine(300)[..160].iter().map(|s| Codec::Pcma.encode(*s)).collect();
        let silence = [Codec::Pcma.silence(); 160];
        let mut detector = SpeechDetector::default();
        let mut turns = Vec::new();
        for n in 0..150_u64 {
            // Talk 0–1 s with a breath of 300 ms in it, silence, a click at 2.4 s.
            let voiced = (n < 20 || (35..50).contains(&n)) || n == 120;
            let frame = if voiced { &voice[..] } else { &silence[..] };
            let now = start + Duration::from_millis(20 * n);
            if let Some(turn) = detector.handle_frame(now, Codec::Pcma, frame) {
                turns.push((n, turn));
            }
        }
        assert_eq!(turns, [(2, Turn::Began), (84, Turn::Ended)]);
    }

    #[test]
    fn a_stream_that_stops_ends_the_turn() {
        let start = Instant::now();
        let mut detector = SpeechDetector::default();
        for _ in 0..3 {
            detector.handle_frame(start, Codec::Pcmu, &[0x10; 160]);
        }
        assert_eq!(detector.handle_timeout(start + Duration::from_millis(600)), None);
        assert_eq!(detector.handle_timeout(start + Duration::from_millis(700)), Some(Turn::Ended));
        assert_eq!(detector.handle_timeout(start + Duration::from_secs(9)), None);
    }
}
