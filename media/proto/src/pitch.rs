//! The period of a voice, for hiding losses and for playing a little faster or slower.

/// Shortest and longest period looked for, in tenths of a millisecond.
const PERIOD: std::ops::RangeInclusive<usize> = 25..=160;

/// At which distance a signal repeats itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Period {
    /// Samples.
    pub(crate) lag: usize,
    /// How alike it is to itself at that distance: 1 is the same.
    pub(crate) likeness: f32,
}

/// Longest period, samples.
pub(crate) fn lag_max(rate: u32) -> usize {
    PERIOD.end() * rate as usize / 10_000
}

/// Compares the `window` samples from `at` on with those a period earlier.
pub(crate) fn find(samples: &[i16], at: usize, window: usize, rate: u32) -> Option<Period> {
    let lags = PERIOD.start() * rate as usize / 10_000..=lag_max(rate);
    if at < *lags.end() || at + window > samples.len() {
        return None;
    }
    // At high rates every sixth sample tells as much of a voice.
    let stride = (rate / 8000).max(1) as usize;
    let here = &samples[at..at + window];
    let energy = |part: &[i16]| -> f32 {
        part.iter().step_by(stride).map(|s| f32::from(*s) * f32::from(*s)).sum()
    };
    let own = energy(here);
    let mut best = Period { lag: *lags.end(), likeness: 0.0 };
    for lag in lags {
        let there = &samples[at - lag..at - lag + window];
        let pairs = here.iter().zip(there).step_by(stride);
        let product: f32 = pairs.map(|(a, b)| f32::from(*a) * f32::from(*b)).sum();
        let likeness = product / (own * energy(there)).sqrt().max(1.0);
        // Only a clear gain is worth a longer period.
        if likeness > best.likeness + 0.001 {
            best = Period { lag, likeness };
        }
    }
    Some(best)
}

/// Mean magnitude below which nobody hears what is done.
pub(crate) fn is_quiet(samples: &[i16]) -> bool {
    let sum: u64 = samples.iter().map(|s| u64::from(s.unsigned_abs())).sum();
    sum < 60 * samples.len() as u64
}

/// Step `n` of `of` of the way from one sample to another.
pub(crate) fn blend(from: i16, to: i16, n: usize, of: usize) -> i16 {
    let weight = (n + 1) as f32 / (of + 1) as f32;
    (f32::from(from) + (f32::from(to) - f32::from(from)) * weight) as i16
}
