//! What happened in a call. The only serialisable type of the core, and versioned.

use crate::{
    CallId, CampaignId, ExtensionId, HangupCause, LeadId, LegId, NumberId, RecordingId, TenantId,
    TrunkId, UserId,
};
use serde::{Deserialize, Serialize};

/// Version written into every event body; readers refuse newer ones.
pub const EVENT_VERSION: u8 = 1;

/// One fact about one call. The journal adds `seq` and wall time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallEvent {
    /// [`EVENT_VERSION`] when written.
    pub v: u8,
    /// Owner.
    pub tenant: TenantId,
    /// Which call.
    pub call: CallId,
    /// What happened.
    #[serde(flatten)]
    pub kind: CallEventKind,
}

/// Seen from the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// A carrier called us.
    Inbound,
    /// We called out.
    Outbound,
    /// Extension to extension.
    Internal,
}

/// What a leg is in its call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LegRole {
    /// Our agent.
    Agent,
    /// The person on the far side of a trunk.
    Customer,
    /// Internal call: who dialled.
    Caller,
    /// Internal call: who was dialled.
    Callee,
    /// A listening, whispering or barging manager.
    Supervisor,
}

/// Where a leg leads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "via", rename_all = "snake_case")]
pub enum LegEndpoint {
    /// A phone of ours.
    Extension {
        /// Which extension.
        extension: ExtensionId,
        /// Whose it is.
        user: Option<UserId>,
    },
    /// A carrier.
    Trunk {
        /// Which carrier.
        trunk: TrunkId,
    },
}

/// Media quality of a leg over its life (TEL-17).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LegQuality {
    /// Codec as in SDP: `PCMA`, `PCMU`.
    pub codec: String,
    /// Packets received from the party.
    pub packets_received: u64,
    /// Packets expected and not received.
    pub packets_lost: u64,
    /// Packets sent to the party.
    pub packets_sent: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1), mean, milliseconds.
    pub jitter_ms: f32,
    /// Round trip by RTCP, where the party reports.
    pub round_trip_ms: Option<f32>,
    /// Loss the party reported of our packets, percent.
    pub remote_loss_percent: Option<f32>,
    /// E-model estimate (ITU-T G.107), 1.0 to 4.5.
    pub mos: f32,
}

impl Eq for LegQuality {}

/// Past tense, closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum CallEventKind {
    /// The call exists. First event of every call.
    Started {
        /// Seen from the floor.
        direction: Direction,
        /// Caller as shown: E.164 or extension number.
        from: String,
        /// Called: E.164 or extension number.
        to: String,
        /// Who is on the far side.
        lead: Option<LeadId>,
        /// Our agent, where known from the start.
        agent: Option<UserId>,
        /// Our agent's extension, where known.
        extension: Option<ExtensionId>,
        /// The carrier, where known.
        trunk: Option<TrunkId>,
        /// The DID called.
        number: Option<NumberId>,
        /// The campaign that dialled.
        campaign: Option<CampaignId>,
        /// Carrier references kept for disputes (`X-Exotel-CallSid`, `X-Twilio-CallSid` …).
        carrier_refs: Vec<(String, String)>,
    },
    /// A leg was offered to us or placed by us.
    LegStarted {
        /// Which leg.
        leg: LegId,
        /// What it is.
        role: LegRole,
        /// Where it leads.
        endpoint: LegEndpoint,
    },
    /// The party's phone rings.
    LegRinging {
        /// Which leg.
        leg: LegId,
        /// The carrier sends audio before answer.
        early_media: bool,
    },
    /// The party answered.
    LegAnswered {
        /// Which leg.
        leg: LegId,
    },
    /// Both sides are connected for the first time: talk time starts.
    Answered {
        /// The agent who has it.
        agent: Option<UserId>,
        /// On which extension.
        extension: Option<ExtensionId>,
        /// Through which carrier.
        trunk: Option<TrunkId>,
    },
    /// Two legs hear each other.
    Bridged {
        /// One leg.
        a: LegId,
        /// The other.
        b: LegId,
    },
    /// A party was handed on: another leg has taken the place of the one it spoke with.
    Transferred {
        /// The leg that handed over, and ends.
        from: LegId,
        /// The leg that has the party now.
        to: LegId,
        /// The agent who has it, where it is one of ours.
        agent: Option<UserId>,
        /// On which extension.
        extension: Option<ExtensionId>,
    },
    /// A party was put on hold.
    Held {
        /// The leg that waits.
        leg: LegId,
        /// True: by the party's own phone (re-INVITE); false: by a command of ours.
        by_party: bool,
    },
    /// The hold ended.
    Resumed {
        /// The leg that waited.
        leg: LegId,
    },
    /// The agent's microphone was muted or unmuted.
    Muted {
        /// The agent's leg.
        leg: LegId,
        /// Muted now.
        muted: bool,
    },
    /// A party pressed a key.
    DtmfReceived {
        /// Which leg.
        leg: LegId,
        /// `0-9*#A-D`.
        digit: char,
    },
    /// The recording announcement was played to its end to a party (I09).
    Announced {
        /// To which leg.
        leg: LegId,
        /// Which prompt.
        prompt: String,
    },
    /// The customer agreed to or refused the recording by key.
    ConsentDecided {
        /// Agreed.
        agreed: bool,
    },
    /// Recording runs.
    RecordingStarted {
        /// Which recording.
        recording: RecordingId,
        /// The file begins at the answer, so long ago: silence until now.
        #[serde(default)]
        silence_ms: u32,
    },
    /// Recording was paused or resumed (C15).
    RecordingPaused {
        /// Which recording.
        recording: RecordingId,
        /// Paused now.
        paused: bool,
    },
    /// Recording ended and its last byte is on disk.
    RecordingStopped {
        /// Which recording.
        recording: RecordingId,
        /// Length in milliseconds.
        duration_ms: u64,
    },
    /// Recording could not be written.
    RecordingFailed {
        /// Which recording.
        recording: RecordingId,
        /// Why, for an administrator.
        error: String,
    },
    /// A trunk did not take the call; the next is tried.
    TrunkFailed {
        /// Which trunk.
        trunk: TrunkId,
        /// Why.
        cause: HangupCause,
    },
    /// A leg is over.
    LegEnded {
        /// Which leg.
        leg: LegId,
        /// Why.
        cause: HangupCause,
        /// How its media fared, where it had any.
        quality: Option<LegQuality>,
    },
    /// Somebody at the desk said who is on the far side: the number alone did not tell.
    LeadFound {
        /// Who.
        lead: LeadId,
    },
    /// The call is over. Last event of every call but late facts: recording, quality, who it was.
    Ended {
        /// Why.
        cause: HangupCause,
        /// Code the outcome form proposes (never set by itself).
        suggested_disposition: Option<String>,
    },
    /// The call's outbox overflowed; this many events were lost.
    Gap {
        /// How many.
        lost: u64,
    },
}
