//! Playing faster or slower by one period of the voice, which nobody hears (overlap and add).

use crate::pitch::{self, blend};

/// Compared for likeness, milliseconds.
const WINDOW_MS: usize = 10;
/// Less alike than this is left alone: it would be heard.
const LIKENESS_MIN: f32 = 0.6;

/// Samples that [`shorten`] and [`lengthen`] want to see at least.
pub(crate) fn needed(rate: u32) -> usize {
    pitch::lag_max(rate) + WINDOW_MS * (rate / 1000) as usize
}

/// Leaves out one period, or nothing; returns how many samples are gone.
pub(crate) fn shorten(samples: &mut Vec<i16>, rate: u32, force: bool) -> usize {
    let Some(lag) = period(samples, rate, force) else { return 0 };
    // The first period fades into the second one, which then stands in its place.
    for n in 0..lag {
        samples[n] = blend(samples[n], samples[n + lag], n, lag);
    }
    samples.drain(lag..2 * lag);
    lag
}

/// Plays one period twice, or nothing, while there is room; returns how many samples came.
pub(crate) fn lengthen(samples: &mut Vec<i16>, rate: u32, force: bool) -> usize {
    let Some(lag) = period(samples, rate, force) else { return 0 };
    let length = samples.len();
    if length + lag > samples.capacity() {
        return 0;
    }
    samples.resize(length + lag, 0);
    samples.copy_within(lag..length, 2 * lag);
    // What followed the first period fades back into that period.
    for n in 0..lag {
        let natural = if 2 * lag + n < length + lag { samples[2 * lag + n] } else { 0 };
        samples[lag + n] = blend(natural, samples[n], n, lag);
    }
    lag
}

fn period(samples: &[i16], rate: u32, force: bool) -> Option<usize> {
    let (longest, window) = (pitch::lag_max(rate), WINDOW_MS * (rate / 1000) as usize);
    // Both periods have to lie in what there is.
    if samples.len() < (2 * longest).max(longest + window) {
        return None;
    }
    if pitch::is_quiet(&samples[..2 * longest]) {
        return Some(longest);
    }
    let found = pitch::find(samples, longest, window, rate)?;
    // `find` looks back from the end of the longest period.
    (force || found.likeness >= LIKENESS_MIN).then_some(found.lag)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(hertz: f64, count: usize) -> Vec<i16> {
        let step = 2.0 * std::f64::consts::PI * hertz / 8000.0;
        let samples = (0..count).map(|n| ((n as f64 * step).sin() * 8000.0) as i16);
        let mut line = Vec::with_capacity(2000);
        line.extend(samples);
        line
    }

    fn steepest(samples: &[i16]) -> i32 {
        samples.windows(2).map(|w| (i32::from(w[0]) - i32::from(w[1])).abs()).max().unwrap_or(0)
    }

    #[test]
    fn a_period_more_or_less_leaves_no_click() {
        for hertz in [120.0, 200.0, 440.0, 1000.0] {
            let before = tone(hertz, 480);
            let (mut shorter, mut longer) = (tone(hertz, 480), tone(hertz, 480));
            let gone = shorten(&mut shorter, 8000, false);
            let come = lengthen(&mut longer, 8000, false);
            assert!(gone > 0 && come > 0, "{hertz} Hz: {gone} {come}");
            assert_eq!((shorter.len(), longer.len()), (480 - gone, 480 + come));
            for changed in [&shorter, &longer] {
                assert!(steepest(changed) <= steepest(&before) * 5 / 4 + 50, "{hertz} Hz");
                assert!((changed[0] - before[0]).abs() <= 50, "its beginning is the same");
                assert_eq!(changed.last(), before.last());
            }
        }
    }

    #[test]
    fn noise_is_left_alone_unless_it_must_be() {
        let mut state = 1_u32;
        let mut noise = Vec::with_capacity(2000);
        noise.extend((0..480).map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 18) as i16 - 8192
        }));
        assert_eq!(shorten(&mut noise, 8000, false), 0);
        assert!(shorten(&mut noise, 8000, true) > 0);
    }
}
