//! The form of an encrypted object: chunks of AES-256-GCM that can be read from anywhere.
//!
//! `header = magic(8) | salt(16) | chunk size u32 | plain length u64`, little endian. Each file
//! has a key of its own, derived from the tenant's key and the salt, so the nonce may simply be
//! the chunk's index, with a mark on the last one: chunks cannot be reordered, swapped between
//! files, or cut off at the end unnoticed (the STREAM construction). The header and the
//! object's place are authenticated with every chunk.

use crate::vault::TenantKey;
use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{AeadInOut, KeyInit},
};
use hmac::{Hmac, Mac};
use rand::RngCore;
use sha2::Sha256;

const MAGIC: &[u8; 8] = b"THAUDIO\x01";
/// Bytes before the first chunk.
pub(super) const HEADER_LENGTH: usize = 36;
const TAG_LENGTH: u64 = 16;
/// Plain bytes per chunk: what one second of Range costs to decrypt is four of these at most.
pub(super) const CHUNK: u32 = 64 * 1024;

/// The object is not one of ours, not for this place, or was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("object does not open: wrong key, wrong place or changed bytes")]
pub(super) struct Unopenable;

/// What is needed to encrypt or decrypt the chunks of one object.
#[derive(Clone)]
pub(super) struct Sealer {
    cipher: Aes256Gcm,
    header: [u8; HEADER_LENGTH],
    associated: Vec<u8>,
    chunk: u64,
    plain_length: u64,
}

impl Sealer {
    /// For a new object of known length.
    pub(super) fn create(key: &TenantKey, place: &str, plain_length: u64) -> Self {
        let mut header = [0; HEADER_LENGTH];
        header[..8].copy_from_slice(MAGIC);
        rand::rng().fill_bytes(&mut header[8..24]);
        header[24..28].copy_from_slice(&CHUNK.to_le_bytes());
        header[28..36].copy_from_slice(&plain_length.to_le_bytes());
        Self::open(key, place, &header).expect("the header was made here")
    }

    /// For an object that exists.
    pub(super) fn open(key: &TenantKey, place: &str, header: &[u8]) -> Result<Self, Unopenable> {
        let header: [u8; HEADER_LENGTH] = header.try_into().map_err(|_| Unopenable)?;
        if &header[..8] != MAGIC {
            return Err(Unopenable);
        }
        let chunk = u32::from_le_bytes(header[24..28].try_into().map_err(|_| Unopenable)?);
        let length = u64::from_le_bytes(header[28..36].try_into().map_err(|_| Unopenable)?);
        if chunk == 0 || chunk > 16 * 1024 * 1024 {
            return Err(Unopenable);
        }
        let mut derive = <Hmac<Sha256> as hmac::KeyInit>::new_from_slice(key.as_bytes())
            .expect("any length of key will do");
        derive.update(b"telehub audio object");
        derive.update(&header[8..24]);
        let file_key: [u8; 32] = derive.finalize().into_bytes().into();
        let mut associated = header.to_vec();
        associated.extend_from_slice(place.as_bytes());
        Ok(Self {
            cipher: Aes256Gcm::new(&file_key.into()),
            header,
            associated,
            chunk: u64::from(chunk),
            plain_length: length,
        })
    }

    pub(super) fn header(&self) -> &[u8] {
        &self.header
    }

    pub(super) fn plain_length(&self) -> u64 {
        self.plain_length
    }

    pub(super) fn chunk_size(&self) -> u64 {
        self.chunk
    }

    /// How many chunks there are; an empty object has one empty chunk.
    pub(super) fn chunks(&self) -> u64 {
        self.plain_length.div_ceil(self.chunk).max(1)
    }

    /// Where in the object these chunks lie (`from` up to and without `to`).
    pub(super) fn object_range(&self, from: u64, to: u64) -> std::ops::Range<u64> {
        let sealed = self.chunk + TAG_LENGTH;
        let end = HEADER_LENGTH as u64 + self.plain_length + self.chunks() * TAG_LENGTH;
        let start = HEADER_LENGTH as u64 + from * sealed;
        start..(HEADER_LENGTH as u64 + to * sealed).min(end)
    }

    fn nonce(&self, index: u64) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[..8].copy_from_slice(&index.to_le_bytes());
        nonce[11] = u8::from(index + 1 == self.chunks());
        nonce
    }

    /// Encrypts one chunk; appends it with its tag.
    pub(super) fn seal_chunk(&self, index: u64, plain: &[u8], out: &mut Vec<u8>) {
        let mut body = plain.to_vec();
        self.cipher
            .encrypt_in_place(&Nonce::from(self.nonce(index)), &self.associated, &mut body)
            .expect("a chunk is short");
        out.extend_from_slice(&body);
    }

    /// Decrypts neighbouring chunks as they lie in the object.
    pub(super) fn open_chunks(&self, first: u64, sealed: &[u8]) -> Result<Vec<u8>, Unopenable> {
        let step = usize::try_from(self.chunk + TAG_LENGTH).map_err(|_| Unopenable)?;
        let mut plain = Vec::with_capacity(sealed.len());
        for (index, part) in (first..).zip(sealed.chunks(step)) {
            let mut body = part.to_vec();
            self.cipher
                .decrypt_in_place(&Nonce::from(self.nonce(index)), &self.associated, &mut body)
                .map_err(|_| Unopenable)?;
            plain.extend_from_slice(&body);
        }
        Ok(plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seal_all(sealer: &Sealer, plain: &[u8]) -> Vec<u8> {
        let mut object = sealer.header().to_vec();
        let size = sealer.chunk_size() as usize;
        for index in 0..sealer.chunks() {
            let start = index as usize * size;
            let end = (start + size).min(plain.len());
            sealer.seal_chunk(index, &plain[start..end], &mut object);
        }
        object
    }

    fn read(sealer: &Sealer, object: &[u8], from: u64, to: u64) -> Result<Vec<u8>, Unopenable> {
        let (first, last) = (from / sealer.chunk_size(), (to - 1) / sealer.chunk_size());
        let range = sealer.object_range(first, last + 1);
        let plain = sealer.open_chunks(first, &object[range.start as usize..range.end as usize])?;
        let skip = (from - first * sealer.chunk_size()) as usize;
        Ok(plain[skip..skip + (to - from) as usize].to_vec())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Any part of any length reads back as it was.
        #[test]
        fn any_range_decrypts_to_the_same_bytes(
            length in 1_u64..300_000,
            (a, b) in (0_u64..300_000, 1_u64..200_000),
            seed: u8,
        ) {
            let plain: Vec<u8> = (0..length).map(|n| (n as u8).wrapping_mul(31) ^ seed).collect();
            let key = TenantKey::generate();
            let sealer = Sealer::create(&key, "place", length);
            let object = seal_all(&sealer, &plain);
            let opened = Sealer::open(&key, "place", &object[..HEADER_LENGTH]).unwrap();
            prop_assert_eq!(opened.plain_length(), length);
            let from = a % length;
            let to = (from + b).min(length);
            let part = read(&opened, &object, from, to).unwrap();
            prop_assert_eq!(&part[..], &plain[from as usize..to as usize]);
        }
    }

    #[test]
    fn changed_moved_swapped_or_cut_objects_do_not_open() {
        let key = TenantKey::generate();
        let plain = vec![7; CHUNK as usize * 2 + 100];
        let sealer = Sealer::create(&key, "place", plain.len() as u64);
        let object = seal_all(&sealer, &plain);
        let step = (CHUNK + 16) as usize;
        let body = &object[HEADER_LENGTH..];
        assert!(sealer.open_chunks(0, body).is_ok());
        let mut changed = body.to_vec();
        changed[step + 5] ^= 1;
        assert!(sealer.open_chunks(0, &changed).is_err());
        assert!(sealer.open_chunks(1, &body[..step]).is_err(), "a chunk in another's place");
        let elsewhere = Sealer::open(&key, "other", &object[..HEADER_LENGTH]).unwrap();
        assert!(elsewhere.open_chunks(0, body).is_err());
        let stranger =
            Sealer::open(&TenantKey::generate(), "place", &object[..HEADER_LENGTH]).unwrap();
        assert!(stranger.open_chunks(0, body).is_err());
        let mut shorter = object[..HEADER_LENGTH].to_vec();
        shorter[28..36].copy_from_slice(&(u64::from(CHUNK) * 2).to_le_bytes());
        let shorter = Sealer::open(&key, "place", &shorter).unwrap();
        assert!(shorter.open_chunks(0, &body[..2 * step]).is_err(), "cut at a chunk's end");
        assert!(Sealer::open(&key, "place", b"short").is_err());
    }
}
