//! Opt-outs: numbers never to be called again, whatever list they turn up in (SEC-01, I05).

use crate::words::words;
use call::{E164, UserId};
use chrono::{DateTime, Utc};

words! {
    /// How a number came onto the list.
    DndSource {
        /// The person said so in a call.
        Disposition = "disposition",
        /// Entered by hand.
        Manual = "manual",
        /// From an uploaded list or register.
        Import = "import",
        /// The carrier refused the call as do-not-disturb.
        Carrier = "carrier",
    }
}

/// A number never to be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DndEntry {
    /// Which.
    pub phone: E164,
    /// How it came here.
    pub source: DndSource,
    /// In words; for a disposition the call's id.
    pub reason: String,
    /// By whom.
    pub added_by: Option<UserId>,
    /// When.
    pub added_at: DateTime<Utc>,
}
