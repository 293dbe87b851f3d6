//! What an authenticator app shows (RFC 6238, RFC 4226 §5.3), apart from the code under test.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// The six digits of this base-32 secret at this second.
pub fn code(secret: &str, unix_s: i64) -> String {
    let mut key = Vec::new();
    let (mut bits, mut held) = (0u32, 0);
    for letter in secret.chars() {
        let value = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).expect("base 32");
        bits = bits << 5 | u32::try_from(value).expect("below 32");
        held += 5;
        if held >= 8 {
            held -= 8;
            key.push((bits >> held) as u8);
            bits &= (1 << held) - 1;
        }
    }
    let mut mac = Hmac::<Sha1>::new_from_slice(&key).expect("any length");
    mac.update(&(unix_s / 30).to_be_bytes());
    let digest = mac.finalize().into_bytes();
    let at = usize::from(digest[19] & 15);
    let cut = [digest[at], digest[at + 1], digest[at + 2], digest[at + 3]];
    format!("{:06}", (u32::from_be_bytes(cut) & 0x7fff_ffff) % 1_000_000)
}
