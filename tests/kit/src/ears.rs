//! Ears: which tone is in a piece of audio, decided by Goertzel's algorithm.

use std::path::Path;

/// Samples of one channel with their rate.
#[derive(Clone, Debug)]
pub struct Heard {
    /// Linear samples, −1 to 1.
    pub samples: Vec<f32>,
    /// Samples per second.
    pub rate: u32,
}

impl Heard {
    /// One channel (0 = left) of a WAV file, whatever its header claims about the length.
    pub fn channel(bytes: &[u8], channel: usize) -> Self {
        let mut reader = hound::WavReader::new(std::io::Cursor::new(bytes)).unwrap();
        let spec = reader.spec();
        assert_eq!(spec.bits_per_sample, 16, "16-bit audio expected");
        let samples = reader
            .samples::<i16>()
            .map_while(Result::ok)
            .skip(channel)
            .step_by(usize::from(spec.channels))
            .map(|s| f32::from(s) / 32768.0)
            .collect();
        Self { samples, rate: spec.sample_rate }
    }

    /// A mono file written by a phone.
    pub fn file(path: &Path) -> Self {
        let bytes = std::fs::read(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        Self::channel(&bytes, 0)
    }

    /// Length in seconds.
    pub fn seconds(&self) -> f32 {
        self.samples.len() as f32 / self.rate as f32
    }

    /// The part between two times in seconds.
    pub fn between(&self, from: f32, to: f32) -> Self {
        let at = |s: f32| ((s * self.rate as f32) as usize).min(self.samples.len());
        Self { samples: self.samples[at(from)..at(to)].to_vec(), rate: self.rate }
    }

    /// Root mean square level.
    pub fn level(&self) -> f32 {
        if self.samples.is_empty() {
            return 0.0;
        }
        let power: f32 = self.samples.iter().map(|s| s * s).sum();
        (power / self.samples.len() as f32).sqrt()
    }

    /// Share of the signal's power that lies at `hz` (0 to 1), by windows of 40 ms.
    pub fn share_at(&self, hz: f32) -> f32 {
        let window = (self.rate / 25) as usize;
        let (mut tone, mut all) = (0.0_f64, 0.0_f64);
        for frame in self.samples.chunks_exact(window) {
            let total: f32 = frame.iter().map(|s| s * s).sum();
            tone += f64::from(goertzel(frame, self.rate, hz));
            all += f64::from(total);
        }
        if all <= 1e-9 { 0.0 } else { (tone / all) as f32 }
    }

    /// Seconds during which the tone at `hz` is clearly the main sound.
    pub fn seconds_of(&self, hz: f32) -> f32 {
        let window = (self.rate / 50) as usize;
        let frames = self.samples.chunks_exact(window).filter(|frame| {
            let total: f32 = frame.iter().map(|s| s * s).sum();
            total / window as f32 > 1e-4 && goertzel(frame, self.rate, hz) > 0.6 * total
        });
        frames.count() as f32 * 0.02
    }

    /// How much the loudest half second of `other` sounds like the best match in here (0 to 1): 1 is the same wave.
    pub fn likeness(&self, other: &Self) -> f32 {
        assert_eq!(self.rate, other.rate, "the same rate");
        let length = (other.rate / 2) as usize;
        // Every eighth sample is enough to tell waves apart, and the search is long.
        let power = |samples: &[f32]| samples.iter().step_by(8).map(|s| s * s).sum::<f32>();
        let windows = other.samples.chunks_exact(length);
        let Some(wanted) = windows.max_by(|a, b| power(a).total_cmp(&power(b))) else { return 0.0 };
        let loudness = power(wanted).sqrt();
        let likeness = |found: &[f32]| {
            let both: f32 = found.iter().zip(wanted).step_by(8).map(|(a, b)| a * b).sum();
            both / (power(found).sqrt() * loudness).max(1e-6)
        };
        self.samples.windows(length).map(likeness).fold(0.0, f32::max)
    }

    /// True where it is quiet: below −50 dBFS.
    pub fn is_silent(&self) -> bool {
        self.level() < 0.003
    }
}

/// Power at one frequency, in the same unit as the sum of squares of the frame.
fn goertzel(frame: &[f32], rate: u32, hz: f32) -> f32 {
    let n = frame.len() as f32;
    let omega = 2.0 * std::f32::consts::PI * hz / rate as f32;
    let coefficient = 2.0 * omega.cos();
    let (mut s1, mut s2) = (0.0_f32, 0.0_f32);
    for sample in frame {
        let s0 = sample + coefficient * s1 - s2;
        s2 = s1;
        s1 = s0;
    }
    let power = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
    2.0 * power / n
}

/// A mono 16-bit WAV of a sine at 8 kHz, for phones to speak with.
pub fn write_tone(path: &Path, hz: f32, seconds: f32) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(path, spec).unwrap();
    for n in 0..(seconds * 8000.0) as u32 {
        let phase = 2.0 * std::f32::consts::PI * hz * n as f32 / 8000.0;
        writer.write_sample((phase.sin() * 12_000.0) as i16).unwrap();
    }
    writer.finalize().unwrap();
}

/// A sine as raw A-law bytes at 8 kHz, for SIPp's `rtp_stream`.
pub fn alaw_tone(path: &Path, hz: f32, seconds: f32) {
    let word = |n: u32| {
        let phase = 2.0 * std::f32::consts::PI * hz * n as f32 / 8000.0;
        media_proto::Codec::Pcma.encode((phase.sin() * 12_000.0) as i16)
    };
    let bytes: Vec<u8> = (0..(seconds * 8000.0) as u32).map(word).collect();
    std::fs::write(path, bytes).unwrap();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tone_is_told_from_another_and_from_silence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("tone.wav");
        write_tone(&path, 440.0, 1.0);
        let heard = Heard::file(&path);
        assert!(heard.share_at(440.0) > 0.9, "{}", heard.share_at(440.0));
        assert!(heard.share_at(1000.0) < 0.05);
        assert!((heard.seconds_of(440.0) - 1.0).abs() < 0.05);
        assert!(!heard.is_silent());
        let silence = Heard { samples: vec![0.0; 8000], rate: 8000 };
        assert!(silence.is_silent());
        let other = folder.path().join("other.wav");
        write_tone(&other, 600.0, 1.0);
        assert!(heard.between(0.2, 1.0).likeness(&heard) > 0.95);
        assert!(heard.likeness(&Heard::file(&other)) < 0.2);
        assert!(silence.likeness(&heard) < 0.01);
    }
}
