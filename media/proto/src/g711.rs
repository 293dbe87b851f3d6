//! G.711 A-law and µ-law by table.

/// A codec we speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Codec {
    /// A-law, static payload type 8.
    Pcma,
    /// µ-law, static payload type 0.
    Pcmu,
}

impl Codec {
    /// Name as in SDP.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcma => "PCMA",
            Self::Pcmu => "PCMU",
        }
    }

    /// Static payload type (RFC 3551 table 4).
    pub fn static_payload_type(self) -> u8 {
        match self {
            Self::Pcma => 8,
            Self::Pcmu => 0,
        }
    }

    /// The code word of silence.
    pub fn silence(self) -> u8 {
        match self {
            Self::Pcma => 0xD5,
            Self::Pcmu => 0xFF,
        }
    }

    /// The other law of the same word, by table.
    pub fn to_other_law(self) -> &'static [u8; 256] {
        match self {
            Self::Pcma => &ALAW_TO_ULAW,
            Self::Pcmu => &ULAW_TO_ALAW,
        }
    }

    /// One code word to a linear sample.
    #[inline]
    pub fn decode(self, word: u8) -> i16 {
        match self {
            Self::Pcma => ALAW_TO_LINEAR[usize::from(word)],
            Self::Pcmu => ULAW_TO_LINEAR[usize::from(word)],
        }
    }

    /// One linear sample to a code word.
    #[inline]
    pub fn encode(self, sample: i16) -> u8 {
        match self {
            Self::Pcma => LINEAR_TO_ALAW[usize::from((sample as u16) >> 3)],
            Self::Pcmu => LINEAR_TO_ULAW[usize::from((sample as u16) >> 2)],
        }
    }
}

/// A-law word to linear (ITU-T G.711 table 1a).
pub static ALAW_TO_LINEAR: [i16; 256] = build_decode(true);
/// µ-law word to linear (ITU-T G.711 table 2a).
pub static ULAW_TO_LINEAR: [i16; 256] = build_decode(false);
/// A-law word to µ-law word.
pub static ALAW_TO_ULAW: [u8; 256] = build_cross(true);
/// µ-law word to A-law word.
pub static ULAW_TO_ALAW: [u8; 256] = build_cross(false);
/// The 13 upper bits of a linear sample (as unsigned) to A-law.
static LINEAR_TO_ALAW: [u8; 8192] = build_encode_alaw();
/// The 14 upper bits of a linear sample (as unsigned) to µ-law.
static LINEAR_TO_ULAW: [u8; 16384] = build_encode_ulaw();

const fn decode_alaw(word: u8) -> i16 {
    let word = word ^ 0x55;
    let segment = (word >> 4) & 7;
    let mut magnitude = ((word & 0x0F) as i16) << 4;
    magnitude += 8;
    if segment > 0 {
        magnitude += 0x100;
        magnitude <<= segment - 1;
    }
    if word & 0x80 != 0 { magnitude } else { -magnitude }
}

const fn decode_ulaw(word: u8) -> i16 {
    let word = !word;
    let segment = (word >> 4) & 7;
    let magnitude = (((((word & 0x0F) as i16) << 3) + 0x84) << segment) - 0x84;
    if word & 0x80 != 0 { -magnitude } else { magnitude }
}

const fn encode_alaw(sample: i16) -> u8 {
    let (mask, mut magnitude) =
        if sample >= 0 { (0xD5, sample as i32) } else { (0x55, -(sample as i32) - 8) };
    if magnitude < 0 {
        magnitude = 0;
    }
    let magnitude = magnitude >> 4;
    let word = if magnitude < 16 {
        magnitude
    } else {
        let mut segment = 1;
        let mut top = magnitude;
        while top > 31 && segment < 7 {
            top >>= 1;
            segment += 1;
        }
        if top > 31 { 0x7F } else { (segment << 4) | (top & 0x0F) }
    };
    (word as u8) ^ mask
}

const fn encode_ulaw(sample: i16) -> u8 {
    const BIAS: i32 = 0x84;
    const CLIP: i32 = 32_635;
    let (sign, magnitude) =
        if sample >= 0 { (0x00, sample as i32) } else { (0x80, -(sample as i32)) };
    let magnitude = if magnitude > CLIP { CLIP } else { magnitude } + BIAS;
    let mut segment = 7;
    let mut bit = 0x4000;
    while segment > 0 && magnitude & bit == 0 {
        segment -= 1;
        bit >>= 1;
    }
    let mantissa = (magnitude >> (segment + 3)) & 0x0F;
    !((sign | (segment << 4) | mantissa) as u8)
}

const fn build_decode(alaw: bool) -> [i16; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = if alaw { decode_alaw(i as u8) } else { decode_ulaw(i as u8) };
        i += 1;
    }
    table
}

const fn build_cross(from_alaw: bool) -> [u8; 256] {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        table[i] = if from_alaw {
            encode_ulaw(decode_alaw(i as u8))
        } else {
            encode_alaw(decode_ulaw(i as u8))
        };
        i += 1;
    }
    table
}

const fn build_encode_alaw() -> [u8; 8192] {
    let mut table = [0; 8192];
    let mut i = 0;
    while i < 8192 {
        table[i] = encode_alaw(((i as u16) << 3) as i16);
        i += 1;
    }
    table
}

const fn build_encode_ulaw() -> [u8; 16384] {
    let mut table = [0; 16384];
    let mut i = 0;
    while i < 16384 {
        table[i] = encode_ulaw(((i as u16) << 2) as i16);
        i += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_code_words_decode_as_in_the_recommendation() {
        assert_eq!(Codec::Pcmu.decode(0xFF), 0);
        assert_eq!(Codec::Pcmu.decode(0x7F), 0);
        assert_eq!(Codec::Pcmu.decode(0x80), 32_124);
        assert_eq!(Codec::Pcmu.decode(0x00), -32_124);
        assert_eq!(Codec::Pcma.decode(0xD5), 8);
        assert_eq!(Codec::Pcma.decode(0x55), -8);
        assert_eq!(Codec::Pcma.decode(0xAA), 32_256);
        assert_eq!(Codec::Pcma.decode(0x2A), -32_256);
    }

    #[test]
    fn every_code_word_survives_decoding_and_encoding() {
        for codec in [Codec::Pcma, Codec::Pcmu] {
            for word in 0..=255_u8 {
                let again = codec.encode(codec.decode(word));
                assert_eq!(codec.decode(again), codec.decode(word), "{codec:?} {word:#04x}");
            }
        }
    }

    #[test]
    fn encoding_is_never_further_off_than_half_a_step() {
        for codec in [Codec::Pcma, Codec::Pcmu] {
            for sample in i16::MIN..=i16::MAX {
                let error =
                    (i32::from(codec.decode(codec.encode(sample))) - i32::from(sample)).abs();
                let allowed = (i32::from(sample).abs() / 16).max(16) + 8;
                let clipped = i32::from(sample).abs() > 32_000;
                assert!(error <= allowed || clipped, "{codec:?} {sample}: off by {error}");
            }
        }
    }

    #[test]
    fn crossing_the_law_keeps_the_level() {
        for codec in [Codec::Pcma, Codec::Pcmu] {
            let other = if codec == Codec::Pcma { Codec::Pcmu } else { Codec::Pcma };
            for word in 0..=255_u8 {
                let there = other.decode(codec.to_other_law()[usize::from(word)]);
                let here = codec.decode(word);
                let error = (i32::from(there) - i32::from(here)).abs();
                assert!(error <= i32::from(here).abs() / 16 + 16, "{codec:?} {word:#04x}");
            }
        }
        assert_eq!(ULAW_TO_ALAW[0xFF], 0xD5);
        assert_eq!(ALAW_TO_ULAW[0xD5], 0xFE);
    }
}
