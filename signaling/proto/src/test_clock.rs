//! A first instant for tests; from there on they add durations.

use std::time::Instant;

/// Some instant. Machines only ever see differences.
#[expect(clippy::disallowed_methods, reason = "there is no other way to make an Instant")]
pub(crate) fn start() -> Instant {
    Instant::now()
}
