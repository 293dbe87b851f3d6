//! Test kit: the real binary, real phones and carriers, and ears to hear what they hear.
//!
//! Used by `tests/it` and the benches. Nothing in here imitates TeleHub.

#![allow(clippy::unwrap_used, reason = "a test kit fails loudly")]

pub mod api;
pub mod authenticator;
pub mod certificates;
pub mod ears;
pub mod live;
pub mod names;
pub mod peers;
pub mod ports;
pub mod server;
pub mod wire;

use std::{future::Future, time::Duration};

/// A fresh folder that is gone with its handle.
pub fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// The hexadecimal hash of a text, to check digest answers apart from the product.
pub fn digest(algorithm: &str, text: &str) -> String {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    match algorithm {
        "MD5" => hex(&<md5::Md5 as md5::Digest>::digest(text)),
        "SHA-256" => hex(&<sha2::Sha256 as sha2::Digest>::digest(text)),
        other => panic!("no such algorithm: {other}"),
    }
}

/// Asks again and again until the answer is `Some`, or fails with `what` after `limit`.
pub async fn eventually<T, F, A>(what: &str, limit: Duration, mut ask: F) -> T
where
    F: FnMut() -> A,
    A: Future<Output = Option<T>>,
{
    let deadline = tokio::time::Instant::now() + limit;
    loop {
        if let Some(found) = ask().await {
            return found;
        }
        assert!(tokio::time::Instant::now() < deadline, "not within {limit:?}: {what}");
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
}
