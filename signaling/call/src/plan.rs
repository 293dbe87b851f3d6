//! Where a call goes and under which terms: the answer to `Output::NeedRoute`.

use crate::{
    CalledNumber, CampaignId, Direction, E164, ExtensionId, LeadId, NumberId, TenantId, TrunkId,
    UserId,
};
use serde::{Deserialize, Serialize};

/// The settled route of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Owner of the call.
    pub tenant: TenantId,
    /// Seen from the floor.
    pub direction: Direction,
    /// The person on the far side, where known (TEL-10).
    pub lead: Option<LeadId>,
    /// The agent who placed the call from a phone, where known.
    pub agent: Option<UserId>,
    /// The agent's extension, for a call placed from a phone.
    pub extension: Option<ExtensionId>,
    /// The DID that was called.
    pub number: Option<NumberId>,
    /// Set when a campaign placed the call.
    pub campaign: Option<CampaignId>,
    /// Tried in order: extensions together ring at once, trunks fail over before ringing.
    pub targets: Vec<Target>,
    /// What the called side is shown: verified by policy, never the caller's own claim (D10).
    pub caller_id: String,
    /// Display name beside the caller ID.
    pub caller_name: Option<String>,
    /// How long the called side may ring.
    pub ring_timeout_ms: u64,
    /// How long the call may last once answered.
    pub max_duration_ms: u64,
    /// Whether and how it is recorded.
    pub record: RecordPlan,
}

/// One place to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Every phone registered for an extension.
    Extension(ExtensionTarget),
    /// A number through a carrier. Made only by `crm::policy` (checked by `tests/tidy.rs`).
    Trunk(TrunkTarget),
}

/// Every phone registered for an extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionTarget {
    /// Which extension.
    pub extension: ExtensionId,
    /// Whose it is.
    pub user: Option<UserId>,
    /// Address of record without scheme: `101@pratham.local`.
    pub aor: String,
}

/// A number through a carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkTarget {
    /// Through which carrier.
    pub trunk: TrunkId,
    /// Whom to call.
    pub number: CalledNumber,
    /// What to show.
    pub caller_id: E164,
}

/// How callers agree to be recorded (SEC-02).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConsentMode {
    /// Recorded without a word by us (consent was taken elsewhere).
    #[default]
    Silent,
    /// The announcement is played to the customer at answer.
    Announce,
    /// As `Announce`, and the customer may press 9 within the call's first 30 s to stop it.
    AnnounceOptOut,
    /// Recorded only after the customer pressed 1.
    OptIn,
}

/// Whether and how a call is recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordPlan {
    /// Off means no audio is kept.
    pub enabled: bool,
    /// How the customer agrees.
    pub consent: ConsentMode,
    /// Prompt language, as in `sounds/<language>/`.
    pub language: String,
}
