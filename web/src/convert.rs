//! Between the store's words and the API's.

use crate::{
    problem::Problem,
    shapes::{accounts, calls, compliance, leads, telephony},
};
use crm::{StoreError, dispositions::OutcomeError, recordings::RecordingError};

/// Enums that say the same on both sides.
macro_rules! same {
    ($($ours:ty = $theirs:ty { $($variant:ident),+ $(,)? })+) => {$(
        impl From<$theirs> for $ours {
            fn from(word: $theirs) -> Self {
                match word { $(<$theirs>::$variant => Self::$variant),+ }
            }
        }

        impl From<$ours> for $theirs {
            fn from(word: $ours) -> Self {
                match word { $(<$ours>::$variant => Self::$variant),+ }
            }
        }
    )+};
}

same! {
    accounts::Role = crm::users::Role { PlatformAdmin, Admin, Manager, Telecaller, FieldAgent, Viewer }
    telephony::ExtensionType = crm::extensions::ExtensionKind { User, Queue, Ivr, Voicemail, Conference }
    telephony::TrunkPresetName = crm::trunks::TrunkPreset { Exotel, Twilio, Simulated, Other }
    leads::LeadStatus = crm::leads::LeadStatus {
        New, Contacted, Interested, NotInterested, Customer, Invalid, Dnd,
    }
    leads::Priority = crm::leads::Priority { Hot, Warm, Cold }
    leads::Category = crm::leads::Category { Fresh, Callback, Retry, FollowUp }
    leads::LeadSort = crm::leads::LeadSort { Priority, Age, Score, LastContact, Name }
    leads::TimelineKind = crm::notes::TimelineKind { Call, Note, Callback, Change }
    leads::CallbackStatus = crm::callbacks::CallbackStatus { Pending, Done, Cancelled }
    calls::CallDirection = call::Direction { Inbound, Outbound, Internal }
    calls::CallStatus = call::CallStatus { Initiated, Ringing, InProgress, Completed, Missed, Failed }
    compliance::ConsentMode = call::ConsentMode { Silent, Announce, AnnounceOptOut, OptIn }
}

impl From<crm::trunks::TrunkTransport> for telephony::TrunkTransport {
    fn from(word: crm::trunks::TrunkTransport) -> Self {
        match word {
            crm::trunks::TrunkTransport::Udp => Self::Udp,
            crm::trunks::TrunkTransport::Tcp => Self::Tcp,
            crm::trunks::TrunkTransport::Tls => Self::Tls,
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Problem::conflict("there is one like it already"),
            StoreError::Stale => {
                Problem::conflict("changed by somebody else meanwhile: read again")
            }
            StoreError::MissingReference => {
                Problem::conflict("something it names is not there, or something still names it")
            }
            StoreError::BadCursor => Problem::bad_request("the cursor is not one of ours"),
            error @ StoreError::Database(_) if error.is_transient() => {
                tracing::error!(%error, source = ?std::error::Error::source(&error), "store is away");
                Problem::unavailable("the database does not answer", 2)
            }
            error @ (StoreError::Database(_)
            | StoreError::Migrate(_)
            | StoreError::Corrupt(_)
            | StoreError::Vault(_)
            | StoreError::Unsupported(_)) => {
                tracing::error!(%error, source = ?std::error::Error::source(&error), "store failed");
                Problem::internal()
            }
        }
    }
}

impl From<RecordingError> for Problem {
    fn from(error: RecordingError) -> Self {
        tracing::error!(%error, source = ?std::error::Error::source(&error), "recording not read");
        Problem::unavailable("the recording cannot be read now", 5)
    }
}

impl From<dialer::Closed> for Problem {
    fn from(_: dialer::Closed) -> Self {
        Problem::unavailable("shutting down", 5)
    }
}

impl From<OutcomeError> for Problem {
    fn from(error: OutcomeError) -> Self {
        let words = error.to_string();
        match error {
            OutcomeError::UnknownCall => Problem::not_found("call"),
            OutcomeError::UnknownCode => Problem::field("code", "unknown", words),
            OutcomeError::UnknownSubCode => Problem::field("sub_disposition", "unknown", words),
            OutcomeError::NotesRequired => Problem::field("notes", "required", words),
            OutcomeError::NotesTooLong => Problem::field("notes", "too_long", words),
            OutcomeError::CallbackInPast => Problem::field("callback_at", "past", words),
            OutcomeError::AlreadySaved(_) | OutcomeError::EditClosed => Problem::conflict(words),
            OutcomeError::Store(error) => error.into(),
        }
    }
}
