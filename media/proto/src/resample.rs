//! Change of sampling rate between 8, 16 and 48 kHz by a polyphase FIR filter, frame by frame.

/// Filter taps per sample of the lower rate: the pass band reaches 3.4 kHz at 8 kHz, and what lies
/// above its half is down by 70 dB from 4.3 kHz on. The delay is half of them, 3 ms at 8 kHz.
const TAPS: usize = 48;
/// Where the filter is down by 6 dB, in parts of the lower rate.
const CUTOFF: f64 = 0.475;
/// Shape of the Kaiser window: about 75 dB of stop band.
const KAISER_BETA: f64 = 7.5;
/// Samples of 20 ms at 48 kHz.
const FRAME_MAX: usize = 960;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ratio {
    Same,
    Up(usize),
    Down(usize),
}

/// Converts one stream of samples.
#[derive(Clone, Debug)]
pub struct Resampler {
    ratio: Ratio,
    taps: Box<[f32]>,
    /// What was before the frame, then the frame.
    line: Vec<f32>,
}

impl Resampler {
    /// `None` when one rate is no whole multiple of the other.
    pub fn new(from: u32, to: u32) -> Option<Self> {
        let ratio = match (from, to) {
            _ if from == 0 || to == 0 => return None,
            _ if from == to => Ratio::Same,
            _ if to.is_multiple_of(from) => Ratio::Up((to / from) as usize),
            _ if from.is_multiple_of(to) => Ratio::Down((from / to) as usize),
            _ => return None,
        };
        let (factor, before) = match ratio {
            Ratio::Same => (1, 0),
            Ratio::Up(factor) => (factor, TAPS - 1),
            Ratio::Down(factor) => (factor, TAPS * factor - 1),
        };
        let gain = if let Ratio::Up(factor) = ratio { factor as f64 } else { 1.0 };
        let mut line = Vec::with_capacity(before + FRAME_MAX);
        line.resize(before, 0.0);
        Some(Self { ratio, taps: low_pass(factor, gain), line })
    }

    /// Converts up to 20 ms; returns how many samples were written to `out`.
    pub fn process(&mut self, input: &[i16], out: &mut [i16]) -> usize {
        let before = self.line.len();
        let input = &input[..input.len().min(FRAME_MAX)];
        if self.ratio == Ratio::Same {
            let count = input.len().min(out.len());
            out[..count].copy_from_slice(&input[..count]);
            return count;
        }
        self.line.extend(input.iter().map(|s| f32::from(*s)));
        let written = match self.ratio {
            Ratio::Up(factor) => self.up(factor, before, out),
            Ratio::Same | Ratio::Down(_) => self.down(before, out),
        };
        self.line.drain(..input.len());
        written
    }

    fn up(&self, factor: usize, before: usize, out: &mut [i16]) -> usize {
        let mut written = 0;
        for (end, places) in (before..self.line.len()).zip(out.chunks_exact_mut(factor)) {
            let newest_first = &self.line[end + 1 - TAPS..=end];
            for (phase, place) in places.iter_mut().enumerate() {
                let taps = self.taps[phase * TAPS..(phase + 1) * TAPS].iter();
                *place = rounded(taps.zip(newest_first.iter().rev()).map(|(t, s)| t * s).sum());
            }
            written += factor;
        }
        written
    }

    fn down(&self, before: usize, out: &mut [i16]) -> usize {
        let Ratio::Down(factor) = self.ratio else { return 0 };
        let ends = (before..self.line.len()).skip(factor - 1).step_by(factor);
        let mut written = 0;
        for (end, place) in ends.zip(out) {
            let newest_first = self.line[end + 1 - TAPS * factor..=end].iter().rev();
            *place = rounded(self.taps.iter().zip(newest_first).map(|(t, s)| t * s).sum());
            written += 1;
        }
        written
    }
}

/// A windowed sinc. For going up, phase by phase.
fn low_pass(factor: usize, gain: f64) -> Box<[f32]> {
    let length = TAPS * factor;
    let middle = (length - 1) as f64 / 2.0;
    let cutoff = CUTOFF / factor as f64;
    let tap = |n: usize| {
        let x = n as f64 - middle;
        let angle = 2.0 * std::f64::consts::PI * cutoff * x;
        let sinc = if x == 0.0 { 1.0 } else { angle.sin() / angle };
        let edge = x / (middle + 0.5);
        let window = bessel(KAISER_BETA * (1.0 - edge * edge).max(0.0).sqrt());
        2.0 * cutoff * sinc * window / bessel(KAISER_BETA)
    };
    let taps: Vec<f64> = (0..length).map(tap).collect();
    let scale = gain / taps.iter().sum::<f64>();
    if gain == 1.0 {
        return taps.iter().map(|t| (t * scale) as f32).collect();
    }
    let phases = (0..factor).flat_map(|phase| (0..TAPS).map(move |k| k * factor + phase));
    phases.map(|n| (taps[n] * scale) as f32).collect()
}

/// The modified Bessel function of order zero, by its series.
fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..32 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}

fn rounded(sample: f32) -> i16 {
    // The cast saturates.
    sample.round() as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(rate: u32, hertz: f64, count: usize) -> Vec<i16> {
        let step = 2.0 * std::f64::consts::PI * hertz / f64::from(rate);
        (0..count).map(|n| ((n as f64 * step).sin() * 10_000.0) as i16).collect()
    }

    fn converted(from: u32, to: u32, input: &[i16]) -> Vec<i16> {
        let mut resampler = Resampler::new(from, to).expect("a whole ratio");
        let mut out = vec![0; input.len() * to as usize / from as usize];
        let (frame, made) = ((from / 50) as usize, (to / 50) as usize);
        for (input, out) in input.chunks(frame).zip(out.chunks_mut(made)) {
            assert_eq!(resampler.process(input, out), out.len());
        }
        out
    }

    /// Strength of one frequency against 10,000, in decibels.
    fn level(rate: u32, hertz: f64, samples: &[i16]) -> f64 {
        let step = 2.0 * std::f64::consts::PI * hertz / f64::from(rate);
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in samples.iter().enumerate() {
            re += f64::from(*sample) * (n as f64 * step).cos();
            im += f64::from(*sample) * (n as f64 * step).sin();
        }
        20.0 * (2.0 * (re * re + im * im).sqrt() / samples.len() as f64 / 10_000.0 + 1e-9).log10()
    }

    #[test]
    fn speech_passes_every_conversion_and_its_images_do_not() {
        for (from, to) in [(8000, 16_000), (8000, 48_000), (16_000, 48_000)] {
            for hertz in [100.0, 1000.0, 3300.0] {
                let up = converted(from, to, &sine(from, hertz, from as usize));
                let settled = &up[up.len() / 2..];
                assert!(level(to, hertz, settled).abs() < 0.5, "{from} to {to}: {hertz} Hz");
                let image = f64::from(from) - hertz;
                assert!(level(to, image, settled) < -55.0, "{from} to {to}: image {image} Hz");
                let down = converted(to, from, &sine(to, hertz, to as usize));
                assert!(level(from, hertz, &down[down.len() / 2..]).abs() < 0.5, "{to} to {from}");
            }
            // What the lower rate cannot carry must not fold into speech.
            let high = f64::from(from) * 0.75;
            let down = converted(to, from, &sine(to, high, to as usize));
            assert!(level(from, f64::from(from) - high, &down[down.len() / 2..]) < -60.0);
        }
    }

    #[test]
    fn rates_that_do_not_divide_are_refused_and_equal_ones_copied() {
        assert!(Resampler::new(8000, 44_100).is_none());
        assert!(Resampler::new(0, 8000).is_none());
        let input = sine(8000, 440.0, 160);
        assert_eq!(converted(8000, 8000, &input), input);
    }

    #[test]
    fn full_scale_clips_and_does_not_wrap() {
        let square: Vec<i16> =
            (0..8000).map(|n| if n / 10 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        let up = converted(8000, 16_000, &square);
        let wrapped = up.windows(2).filter(|w| (i32::from(w[0]) - i32::from(w[1])).abs() > 60_000);
        assert_eq!(wrapped.count(), 0);
    }
}
