//! Random tokens that name their tenant and are kept as hashes: refresh tokens, reset links.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use call::TenantId;
use rand::RngCore;
use sha2::{Digest, Sha256};

/// A new token with its hash: 256 random bits.
pub(crate) fn mint(tenant: TenantId) -> (String, Vec<u8>) {
    let mut random = [0; 32];
    rand::rng().fill_bytes(&mut random);
    let token = format!("{}.{}", tenant.0.simple(), BASE64_URL_SAFE_NO_PAD.encode(random));
    let hash = hash(&token);
    (token, hash)
}

/// Where to look for it.
pub(crate) fn tenant_of(token: &str) -> Option<TenantId> {
    token.split_once('.')?.0.parse().ok()
}

/// As kept.
pub(crate) fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}
