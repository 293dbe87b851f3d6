//! Promises to call back.

use crate::{CallbackId, words::words};
use call::{CallId, LeadId, UserId};
use chrono::{DateTime, Utc};

words! {
    /// Where a promise stands.
    CallbackStatus {
        /// Not yet kept.
        Pending = "pending",
        /// Kept: the lead was called and an outcome saved.
        Done = "done",
        /// Taken back.
        Cancelled = "cancelled",
    }
}

/// A promise to call back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Callback {
    /// Its id.
    pub id: CallbackId,
    /// Whom.
    pub lead: LeadId,
    /// Their name, for lists.
    pub lead_name: Option<String>,
    /// Promised in which call.
    pub call: Option<CallId>,
    /// By whom it is to be kept.
    pub agent: Option<UserId>,
    /// When.
    pub due_at: DateTime<Utc>,
    /// What about.
    pub note: Option<String>,
    /// Where it stands.
    pub status: CallbackStatus,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// What makes a promise.
#[derive(Clone, Debug)]
pub struct NewCallback {
    /// Its id.
    pub id: CallbackId,
    /// Whom.
    pub lead: LeadId,
    /// Promised in which call.
    pub call: Option<CallId>,
    /// By whom it is to be kept.
    pub agent: Option<UserId>,
    /// When.
    pub due_at: DateTime<Utc>,
    /// What about.
    pub note: Option<String>,
}

/// Which promises to list, by time.
#[derive(Clone, Debug, Default)]
pub struct CallbackFilter {
    /// Where they stand.
    pub status: Option<CallbackStatus>,
    /// By whom they are to be kept.
    pub agent: Option<UserId>,
    /// Only those of the team this user leads, and nobody's.
    pub team_of: Option<UserId>,
    /// To whom.
    pub lead: Option<LeadId>,
    /// Due at or after.
    pub from: Option<DateTime<Utc>>,
    /// Due before.
    pub to: Option<DateTime<Utc>>,
    /// At most this many (1 to 500).
    pub limit: u32,
    /// From an earlier page.
    pub cursor: Option<String>,
}
