//! Packet-loss concealment: what was lost is made up from the last period of the voice, fading
//! away, and melts into what comes after (the idea of ITU-T G.711 appendix I).

use crate::pitch::{self, blend};

/// What is remembered, milliseconds.
const HISTORY_MS: usize = 40;
/// The newest part, which is looked for in what came before.
const WINDOW_MS: usize = 16;
/// From here on it fades.
const FULL_MS: usize = 20;
/// Nothing is left of it after this.
const SILENT_MS: usize = 80;
/// Made up and received sound overlap so long.
const MELT_MS: usize = 4;

/// Hides losses of one stream.
#[derive(Clone, Debug)]
pub struct Concealer {
    rate: u32,
    history: Vec<i16>,
    /// One period, repeated while packets are missing.
    period: Vec<i16>,
    phase: usize,
    /// Samples made up in a row.
    made_up: usize,
}

impl Concealer {
    /// For samples at this rate.
    pub fn new(rate: u32) -> Self {
        let per_ms = (rate / 1000) as usize;
        Self {
            rate,
            history: vec![0; HISTORY_MS * per_ms],
            period: Vec::with_capacity(pitch::lag_max(rate)),
            phase: 0,
            made_up: 0,
        }
    }

    /// A frame was received: it is melted into what was made up before it.
    pub fn received(&mut self, frame: &mut [i16]) {
        if self.made_up > 0 {
            let overlap = (MELT_MS * self.per_ms()).min(frame.len());
            for (n, sample) in frame[..overlap].iter_mut().enumerate() {
                *sample = blend(self.next(), *sample, n, overlap);
            }
            self.made_up = 0;
        }
        self.remember(frame);
    }

    /// A frame is missing.
    pub fn lost(&mut self, frame: &mut [i16]) {
        if self.made_up == 0 {
            self.take_period();
        }
        for sample in frame.iter_mut() {
            *sample = self.next();
        }
        self.remember(frame);
    }

    fn per_ms(&self) -> usize {
        (self.rate / 1000) as usize
    }

    fn take_period(&mut self) {
        let (window, end) = (WINDOW_MS * self.per_ms(), self.history.len());
        let found = pitch::find(&self.history, end - window, window, self.rate);
        let lag = found.map_or(pitch::lag_max(self.rate), |period| period.lag);
        self.period.clear();
        self.period.extend_from_slice(&self.history[end - lag..]);
        // Its end leads back to its beginning.
        let quarter = lag / 4;
        for n in 0..quarter {
            let place = &mut self.period[lag - quarter + n];
            *place = blend(*place, self.history[end - lag - quarter + n], n, quarter);
        }
        self.phase = 0;
    }

    fn next(&mut self) -> i16 {
        let Some(sample) = self.period.get(self.phase) else { return 0 };
        let (full, silent) = (FULL_MS * self.per_ms(), SILENT_MS * self.per_ms());
        let left = silent.saturating_sub(self.made_up).min(silent - full);
        let made = f32::from(*sample) * left as f32 / (silent - full) as f32;
        self.phase = (self.phase + 1) % self.period.len();
        self.made_up += 1;
        made as i16
    }

    fn remember(&mut self, frame: &[i16]) {
        let keep = frame.len().min(self.history.len());
        self.history.copy_within(keep.., 0);
        let start = self.history.len() - keep;
        self.history[start..].copy_from_slice(&frame[frame.len() - keep..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, hertz: f64, from: usize, count: usize) -> Vec<i16> {
        let step = 2.0 * std::f64::consts::PI * hertz / f64::from(rate);
        (from..from + count).map(|n| ((n as f64 * step).sin() * 8000.0) as i16).collect()
    }

    #[test]
    fn a_lost_frame_of_a_steady_sound_is_hardly_heard() {
        for (rate, hertz) in [(8000, 200.0), (8000, 440.0), (16_000, 310.0), (48_000, 150.0)] {
            let mut concealer = Concealer::new(rate);
            let frame = (rate / 50) as usize;
            let mut heard = Vec::new();
            for n in 0..50 {
                let mut samples = tone(rate, hertz, n * frame, frame);
                if n % 10 == 7 {
                    concealer.lost(&mut samples);
                } else {
                    concealer.received(&mut samples);
                }
                heard.extend(samples);
            }
            let truth = tone(rate, hertz, 0, heard.len());
            let wrong: f64 = heard.iter().zip(&truth).map(|(a, b)| f64::from(a - b).powi(2)).sum();
            let whole: f64 = truth.iter().map(|s| f64::from(*s).powi(2)).sum();
            let ratio = 10.0 * (whole / wrong.max(1.0)).log10();
            assert!(ratio > 15.0, "{rate} Hz, {hertz} Hz: {ratio:.1} dB over what is wrong");
            // Nothing jumps: a click would be a step far above the steepest of the tone.
            let steepest = 8000.0 * 2.0 * std::f64::consts::PI * hertz / f64::from(rate);
            let step = heard.windows(2).map(|w| (i32::from(w[0]) - i32::from(w[1])).abs()).max();
            assert!(f64::from(step.unwrap_or(0)) < steepest * 3.0 + 200.0, "{step:?}");
        }
    }

    #[test]
    fn a_long_loss_fades_to_silence() {
        let mut concealer = Concealer::new(8000);
        concealer.received(&mut tone(8000, 300.0, 0, 320));
        let mut frame = [0; 160];
        let mut peaks = Vec::new();
        for _ in 0..6 {
            concealer.lost(&mut frame);
            peaks.push(frame.iter().map(|s| s.abs()).max().unwrap_or(0));
        }
        assert!(peaks.windows(2).all(|w| w[0] >= w[1]), "{peaks:?}");
        assert_eq!(peaks[5], 0);
    }
}
