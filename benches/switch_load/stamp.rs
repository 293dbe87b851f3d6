//! A moment written into G.711 words so that it survives translation from law to law.
//!
//! Each word carries four bits as one of sixteen levels, far enough apart that two translations
//! cannot turn one into another.

use media_proto::Codec;

/// Two known levels, then 48 bits of microseconds.
pub(crate) const WORDS: usize = 2 + 12;
const KNOWN: [u8; 2] = [0xA, 0x5];
/// Between two levels.
const STEP: i32 = 3600;

/// Writes the moment into the first words of a payload.
pub(crate) fn write(codec: Codec, us: u64, words: &mut [u8]) {
    let bits = (0..12).rev().map(|n| (us >> (4 * n)) as u8 & 0xF);
    for (word, level) in words.iter_mut().zip(KNOWN.into_iter().chain(bits)) {
        *word = codec.encode(((i32::from(level) - 8) * STEP + STEP / 2) as i16);
    }
}

/// The moment in a payload, unless somebody else made it.
pub(crate) fn read(codec: Codec, words: &[u8]) -> Option<u64> {
    let level = |word: &u8| ((i32::from(codec.decode(*word)) + 8 * STEP) / STEP) as u64 & 0xF;
    let (known, bits) = words.split_at_checked(KNOWN.len())?;
    let ours = known.iter().map(level).eq(KNOWN.map(u64::from));
    ours.then(|| bits.iter().map(level).fold(0, |us, bits| us << 4 | bits))
}
