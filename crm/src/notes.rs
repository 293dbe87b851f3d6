//! Notes on leads and calls; the timeline of a lead.

use crate::{NoteId, audit::AuditEntry, callbacks::Callback, calls::Call, words::words};
use call::{CallId, LeadId, UserId};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Longest note (DSP-20).
pub const NOTE_LIMIT: usize = 500;

impl NoteId {
    /// The note written during a call: one per call, so its id follows from the call's and
    /// saving it again replaces it.
    pub fn of(call: CallId) -> Self {
        let mut bytes = *call.0.as_bytes();
        bytes[12] ^= 0x5a;
        Self(Uuid::from_bytes(bytes))
    }
}

/// What somebody wrote down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Its id, made by the client, so that saving again is harmless.
    pub id: NoteId,
    /// About whom.
    pub lead: Option<LeadId>,
    /// During which call.
    pub call: Option<CallId>,
    /// By whom.
    pub author: UserId,
    /// At most [`NOTE_LIMIT`] characters.
    pub body: String,
    /// First saved.
    pub created_at: DateTime<Utc>,
    /// Last saved.
    pub updated_at: DateTime<Utc>,
}

words! {
    /// Kinds of entries in a timeline (C36-01).
    TimelineKind {
        /// A call with outcome and recording.
        Call = "call",
        /// A note.
        Note = "note",
        /// A promise to call back.
        Callback = "callback",
        /// Somebody changed the lead.
        Change = "change",
    }
}

/// One entry of a lead's timeline.
#[derive(Clone, Debug, PartialEq)]
pub enum TimelineEntry {
    /// A call with outcome and recording.
    Call(Box<Call>),
    /// A note.
    Note(Note),
    /// A promise to call back.
    Callback(Callback),
    /// Somebody changed the lead.
    Change(AuditEntry),
}

impl TimelineEntry {
    /// When it happened.
    pub fn at(&self) -> DateTime<Utc> {
        match self {
            Self::Call(call) => call.started_at,
            Self::Note(note) => note.created_at,
            Self::Callback(callback) => callback.created_at,
            Self::Change(entry) => entry.at,
        }
    }

    /// The id of what it shows.
    pub fn id(&self) -> Uuid {
        match self {
            Self::Call(call) => call.id.0,
            Self::Note(note) => note.id.0,
            Self::Callback(callback) => callback.id.0,
            Self::Change(entry) => entry.id.0,
        }
    }
}
