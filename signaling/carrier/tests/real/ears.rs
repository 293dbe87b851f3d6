//! What was heard: G.711 to samples, and which tones are in them.

/// Samples a second.
pub(crate) const RATE: f32 = 8000.0;

/// A-law to linear (ITU-T G.711).
pub(crate) fn from_alaw(byte: u8) -> i16 {
    let value = byte ^ 0x55;
    let (exponent, mantissa) = ((value >> 4) & 7, i16::from(value & 0x0f));
    let magnitude = match exponent {
        0 => (mantissa << 4) + 8,
        _ => ((mantissa << 4) + 0x108) << (exponent - 1),
    };
    if value & 0x80 == 0 { -magnitude } else { magnitude }
}

/// µ-law to linear.
pub(crate) fn from_mulaw(byte: u8) -> i16 {
    let value = !byte;
    let (exponent, mantissa) = ((value >> 4) & 7, i32::from(value & 0x0f));
    let magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84;
    (if value & 0x80 == 0 { magnitude } else { -magnitude }) as i16
}

/// Linear to A-law.
pub(crate) fn to_alaw(sample: i16) -> u8 {
    (0..=255u8)
        .min_by_key(|byte| (i32::from(from_alaw(*byte)) - i32::from(sample)).abs())
        .expect("256 candidates")
}

/// Mean power over full scale, in decibels.
pub(crate) fn level_db(samples: &[i16]) -> f32 {
    let power = samples.iter().map(|s| (f32::from(*s) / 32768.0).powi(2)).sum::<f32>();
    10.0 * (power / samples.len().max(1) as f32).max(1e-12).log10()
}

/// The share of the power that lies at one frequency (Goertzel): near 1 for a pure tone.
pub(crate) fn share_at(samples: &[i16], hertz: f32) -> f32 {
    let omega = 2.0 * std::f32::consts::PI * hertz / RATE;
    let (mut re, mut im, mut power) = (0.0f32, 0.0f32, 0.0f32);
    for (n, sample) in samples.iter().enumerate() {
        let value = f32::from(*sample);
        re += value * (omega * n as f32).cos();
        im -= value * (omega * n as f32).sin();
        power += value * value;
    }
    if power == 0.0 { 0.0 } else { 2.0 * (re * re + im * im) / (power * samples.len() as f32) }
}

/// A pure tone.
pub(crate) fn tone(hertz: f32, samples: usize) -> Vec<i16> {
    let omega = 2.0 * std::f32::consts::PI * hertz / RATE;
    (0..samples).map(|n| (8000.0 * (omega * n as f32).sin()) as i16).collect()
}
