//! Tones: call progress as in India (ITU-T E.180 supplement 2), keys, sines, and telling by ear
//! which of them is heard.

use std::f64::consts::TAU;

/// Samples per second of everything here.
pub const SAMPLE_RATE: usize = 8000;
/// Peak of one tone: about -13 dBm0.
const AMPLITUDE: f64 = 7000.0;

/// One cycle of ringback: 400 Hz modulated by 25 Hz, 0.4 s on, 0.2 off, 0.4 on, 2.0 off.
pub fn ringback() -> Vec<i16> {
    let ring = |n: usize| {
        let t = n as f64 / SAMPLE_RATE as f64;
        (400.0 * TAU * t).sin() * (0.6 + 0.4 * (25.0 * TAU * t).sin())
    };
    cadence(&[(400, true), (200, false), (400, true), (2000, false)], ring)
}

/// One cycle of busy: 400 Hz, 0.75 s on, 0.75 off.
pub fn busy() -> Vec<i16> {
    cadence(&[(750, true), (750, false)], pure(400))
}

/// One cycle of congestion: 400 Hz, 0.25 s on, 0.25 off.
pub fn congestion() -> Vec<i16> {
    cadence(&[(250, true), (250, false)], pure(400))
}

/// 0.4 s of 1 kHz, as before leaving a message.
pub fn beep() -> Vec<i16> {
    cadence(&[(400, true)], pure(1000))
}

/// One second of a steady sine; whole hertz join without a click.
pub fn sine(hertz: u16) -> Vec<i16> {
    cadence(&[(1000, true)], pure(hertz))
}

/// The two frequencies of a key (ITU-T Q.23).
pub fn key_frequencies(digit: char) -> Option<(u16, u16)> {
    let position = "123A456B789C*0#D".find(digit.to_ascii_uppercase())?;
    Some(([697, 770, 852, 941][position / 4], [1209, 1336, 1477, 1633][position % 4]))
}

/// A key in band: 100 ms of its two tones, 100 ms of silence. Empty for what is no key.
pub fn key(digit: char) -> Vec<i16> {
    let Some((low, high)) = key_frequencies(digit) else { return Vec::new() };
    let (low, high) = (pure(low), pure(high));
    cadence(&[(100, true), (100, false)], |n| 0.7 * (low(n) + high(n)))
}

fn pure(hertz: u16) -> impl Fn(usize) -> f64 {
    move |n| (f64::from(hertz) * TAU * n as f64 / SAMPLE_RATE as f64).sin()
}

fn cadence(parts: &[(usize, bool)], wave: impl Fn(usize) -> f64) -> Vec<i16> {
    let mut samples = Vec::new();
    for (ms, on) in parts {
        let start = samples.len();
        let part = start..start + ms * SAMPLE_RATE / 1000;
        samples.extend(part.map(|n| if *on { (wave(n) * AMPLITUDE) as i16 } else { 0 }));
    }
    samples
}

/// The share of one frequency in the energy of some audio, 0.0 to 1.0 (Goertzel). Give it at
/// least 20 ms; silence has no share of anything.
pub fn share(samples: &[i16], hertz: u16) -> f64 {
    let energy: f64 = samples.iter().map(|s| f64::from(*s) * f64::from(*s)).sum();
    // Below -66 dBm0 per sample there is only noise and the idle words of A-law.
    if samples.is_empty() || energy < samples.len() as f64 * 100.0 {
        return 0.0;
    }
    let coefficient = 2.0 * (TAU * f64::from(hertz) / SAMPLE_RATE as f64).cos();
    let (mut s1, mut s2) = (0.0, 0.0);
    for sample in samples {
        let s0 = f64::from(*sample) + coefficient * s1 - s2;
        (s2, s1) = (s1, s0);
    }
    let power = s1 * s1 + s2 * s2 - coefficient * s1 * s2;
    (2.0 * power / (samples.len() as f64 * energy)).clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_is_recognised_and_others_are_not() {
        for hertz in [300, 440, 1000, 2600] {
            let samples = sine(hertz);
            assert!(share(&samples, hertz) > 0.98, "{hertz}");
            assert!(share(&samples, hertz + 150) < 0.02, "{hertz}");
        }
        assert_eq!(share(&[0; 800], 440), 0.0);
        assert_eq!(share(&[], 440), 0.0);
    }

    #[test]
    fn call_progress_tones_have_their_cadence() {
        let on = |samples: &[i16], ms: usize| share(&samples[ms * 8..(ms + 100) * 8], 400) > 0.5;
        let ring = ringback();
        assert_eq!(ring.len(), 3 * SAMPLE_RATE);
        let pattern = [(50, true), (450, false), (650, true), (1100, false), (2800, false)];
        for (ms, expected) in pattern {
            assert_eq!(on(&ring, ms), expected, "ringback at {ms} ms");
        }
        assert_eq!((busy().len(), congestion().len()), (12_000, 4_000));
        assert!(on(&busy(), 600) && !on(&busy(), 800));
        assert!(on(&congestion(), 100) && !on(&congestion(), 300));
    }

    #[test]
    fn a_key_sounds_its_two_frequencies() {
        let five = key('5');
        assert!(share(&five[..800], 770) > 0.4 && share(&five[..800], 1336) > 0.4);
        assert!(five[800..].iter().all(|s| *s == 0));
        assert!(key('x').is_empty());
    }
}
