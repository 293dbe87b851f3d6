//! Calls as the CRM shows them: the fold of the journal with outcome, recording and names.

use crate::{dispositions::CallDisposition, words::words};
use call::{
    CallId, CallStatus, CampaignId, Direction, ExtensionId, HangupCause, LeadId, LegQuality,
    LegRole, NumberId, RecordingId, TenantId, TrunkId, UserId,
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// How the media of one leg fared (TEL-17).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CallQuality {
    /// Whose leg.
    pub role: LegRole,
    /// Loss, jitter, MOS.
    #[serde(flatten)]
    pub quality: LegQuality,
}

words! {
    /// Where the audio of a call is.
    RecordingState {
        /// The row is there before the first packet.
        Expected = "expected",
        /// Being written.
        Recording = "recording",
        /// Being written, silence now.
        Paused = "paused",
        /// Complete in the spool, on its way into the store.
        Storing = "storing",
        /// Encrypted in the store and verified.
        Ready = "ready",
        /// Lost, with the reason.
        Failed = "failed",
    }
}

/// The audio of a call.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Its id.
    pub id: RecordingId,
    /// Of which call.
    pub call: CallId,
    /// Where it is.
    pub state: RecordingState,
    /// Repaired after a crash (H03).
    pub recovered: bool,
    /// Length.
    pub duration_ms: u64,
    /// Size of the WAV file.
    pub bytes: u64,
    /// SHA-256 of the WAV file.
    pub sha256: Option<String>,
    /// Where in the object store.
    pub object_key: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// From.
    pub started_at: DateTime<Utc>,
    /// Until.
    pub stopped_at: Option<DateTime<Utc>>,
    /// In the store since.
    pub stored_at: Option<DateTime<Utc>>,
}

/// A call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Its id.
    pub id: CallId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Seen from the floor.
    pub direction: Direction,
    /// Where it stands.
    pub status: CallStatus,
    /// Caller as shown.
    pub from: String,
    /// Called.
    pub to: String,
    /// The person.
    pub lead: Option<LeadId>,
    /// Their name.
    pub lead_name: Option<String>,
    /// Our agent.
    pub agent: Option<UserId>,
    /// Their name.
    pub agent_name: Option<String>,
    /// Their extension.
    pub extension: Option<ExtensionId>,
    /// Its number.
    pub extension_number: Option<String>,
    /// The carrier.
    pub trunk: Option<TrunkId>,
    /// The DID called.
    pub number: Option<NumberId>,
    /// The campaign.
    pub campaign: Option<CampaignId>,
    /// First event.
    pub started_at: DateTime<Utc>,
    /// Both sides connected.
    pub answered_at: Option<DateTime<Utc>>,
    /// Over.
    pub ended_at: Option<DateTime<Utc>>,
    /// From answer to end.
    pub duration_ms: u64,
    /// Why it ended.
    pub hangup_cause: Option<HangupCause>,
    /// What the outcome form proposes.
    pub suggested_disposition: Option<String>,
    /// How the media fared.
    pub quality: Vec<CallQuality>,
    /// The carrier's references.
    pub carrier_refs: Vec<(String, String)>,
    /// Closed by us after a crash.
    pub recovered: bool,
    /// The outcome.
    pub disposition: Option<CallDisposition>,
    /// The audio.
    pub recording: Option<Recording>,
    /// What the agent wrote during the call.
    pub note: Option<String>,
}

impl Call {
    /// Over, ours, and without an outcome (DSP-16).
    pub fn wants_outcome(&self) -> bool {
        self.ended_at.is_some()
            && self.agent.is_some()
            && self.disposition.is_none()
            && !matches!(self.direction, Direction::Internal)
    }
}

/// Which calls to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct CallFilter {
    /// Seen from the floor.
    pub direction: Option<Direction>,
    /// Where they stand.
    pub status: Option<CallStatus>,
    /// By this agent.
    pub agent: Option<UserId>,
    /// Only those of the team this user leads, and those nobody had.
    pub team_of: Option<UserId>,
    /// With this person.
    pub lead: Option<LeadId>,
    /// With this outcome.
    pub disposition: Option<String>,
    /// Only those that want (true) or do not want (false) an outcome.
    pub pending_outcome: Option<bool>,
    /// Only those that are not over.
    pub live: bool,
    /// Started at or after.
    pub from: Option<DateTime<Utc>>,
    /// Started before.
    pub to: Option<DateTime<Utc>>,
    /// At most this many (1 to 500).
    pub limit: u32,
    /// From an earlier page.
    pub cursor: Option<String>,
}

pub(crate) const fn direction_word(direction: Direction) -> &'static str {
    match direction {
        Direction::Inbound => "inbound",
        Direction::Outbound => "outbound",
        Direction::Internal => "internal",
    }
}

pub(crate) fn direction_of(word: &str) -> Option<Direction> {
    match word {
        "inbound" => Some(Direction::Inbound),
        "outbound" => Some(Direction::Outbound),
        "internal" => Some(Direction::Internal),
        _ => None,
    }
}

pub(crate) const fn status_word(status: CallStatus) -> &'static str {
    match status {
        CallStatus::Initiated => "initiated",
        CallStatus::Ringing => "ringing",
        CallStatus::InProgress => "in_progress",
        CallStatus::Completed => "completed",
        CallStatus::Missed => "missed",
        CallStatus::Failed => "failed",
    }
}

pub(crate) fn status_of(word: &str) -> Option<CallStatus> {
    match word {
        "initiated" => Some(CallStatus::Initiated),
        "ringing" => Some(CallStatus::Ringing),
        "in_progress" => Some(CallStatus::InProgress),
        "completed" => Some(CallStatus::Completed),
        "missed" => Some(CallStatus::Missed),
        "failed" => Some(CallStatus::Failed),
        _ => None,
    }
}
