//! Test kit: the real binary, real phones and carriers, and ears to hear what they hear.
//!
//! Used by `tests/it` and the benches. Nothing in here imitates TeleHub.

#![allow(clippy::unwrap_used, reason = "a test kit fails loudly")]

pub mod api;
pub mod ears;
pub mod live;
pub mod peers;
pub mod ports;
pub mod server;

use std::{future::Future, time::Duration};

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
