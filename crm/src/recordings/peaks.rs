//! The waveform under the player: the loudest sample of each stretch, per channel.

use serde::{Deserialize, Serialize};

/// Stretches a recording is divided into at most.
const POINTS: u64 = 1_000;

/// Loudness over time, 0 to 255.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peaks {
    /// Length of the recording.
    pub duration_ms: u64,
    /// Left: the customer.
    pub customer: Vec<u8>,
    /// Right: our side.
    pub agent: Vec<u8>,
}

impl Peaks {
    /// With at most this many points: neighbours are merged, the louder wins.
    pub fn reduced_to(&self, points: usize) -> Self {
        let merge = |all: &[u8]| -> Vec<u8> {
            let points = points.clamp(1, all.len().max(1));
            (0..points)
                .map(|i| {
                    let (from, to) = (i * all.len() / points, (i + 1) * all.len() / points);
                    all[from..to].iter().copied().max().unwrap_or(0)
                })
                .collect()
        };
        Self {
            duration_ms: self.duration_ms,
            customer: merge(&self.customer),
            agent: merge(&self.agent),
        }
    }
}

/// Computes peaks while the bytes of the file go by.
pub(super) struct PeakMeter {
    frames_per_point: u64,
    frame: u64,
    part: Vec<u8>,
    now: [u8; 2],
    peaks: Peaks,
}

impl PeakMeter {
    pub(super) fn new(frames: u64) -> Self {
        Self {
            frames_per_point: frames.div_ceil(POINTS).max(1),
            frame: 0,
            part: Vec::with_capacity(4),
            now: [0; 2],
            peaks: Peaks { duration_ms: frames * 1000 / super::wav::RATE, ..Peaks::default() },
        }
    }

    /// Takes the next bytes of the audio, wherever they are cut.
    pub(super) fn take(&mut self, mut bytes: &[u8]) {
        if !self.part.is_empty() {
            let missing = (4 - self.part.len()).min(bytes.len());
            self.part.extend_from_slice(&bytes[..missing]);
            bytes = &bytes[missing..];
            if self.part.len() == 4 {
                let part = std::mem::take(&mut self.part);
                self.frame_of(&part);
            }
        }
        let mut frames = bytes.chunks_exact(4);
        for frame in &mut frames {
            self.frame_of(frame);
        }
        self.part.extend_from_slice(frames.remainder());
    }

    fn frame_of(&mut self, frame: &[u8]) {
        for (channel, sample) in frame.chunks_exact(2).enumerate() {
            let loud = i16::from_le_bytes([sample[0], sample[1]]).unsigned_abs();
            let level = u8::try_from((u32::from(loud) * 255) / 32_768).unwrap_or(255);
            self.now[channel] = self.now[channel].max(level);
        }
        self.frame += 1;
        if self.frame.is_multiple_of(self.frames_per_point) {
            self.close_point();
        }
    }

    fn close_point(&mut self) {
        self.peaks.customer.push(self.now[0]);
        self.peaks.agent.push(self.now[1]);
        self.now = [0; 2];
    }

    pub(super) fn finish(mut self) -> Peaks {
        if !self.frame.is_multiple_of(self.frames_per_point) {
            self.close_point();
        }
        self.peaks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_channel_shows_its_own_loudness_wherever_the_bytes_are_cut() {
        let mut bytes = Vec::new();
        for n in 0..3_000_i32 {
            let left: i16 = if n < 1_500 { 16_384 } else { 0 };
            let right: i16 = if n < 1_500 { 0 } else { -32_768 };
            bytes.extend(left.to_le_bytes());
            bytes.extend(right.to_le_bytes());
        }
        for size in [1, 3, 4, 7, 4096] {
            let mut meter = PeakMeter::new(3_000);
            bytes.chunks(size).for_each(|part| meter.take(part));
            let peaks = meter.finish();
            assert_eq!(peaks.customer.len(), 1_000);
            assert_eq!((peaks.customer[0], peaks.customer[999]), (127, 0));
            assert_eq!((peaks.agent[0], peaks.agent[999]), (0, 255));
            assert_eq!(peaks.duration_ms, 375);
            let few = peaks.reduced_to(3);
            assert_eq!(few.customer, [127, 127, 0]);
        }
    }
}
