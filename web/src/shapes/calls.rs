//! Calls, their control, their outcome and their recording.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// Seen from the floor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallDirection {
    /// A carrier called us.
    Inbound,
    /// We called out.
    Outbound,
    /// Extension to extension.
    Internal,
}

/// Where a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallStatus {
    /// It exists.
    Initiated,
    /// Somebody's phone rings.
    Ringing,
    /// They talk.
    InProgress,
    /// Talked and over.
    Completed,
    /// Inbound and nobody answered.
    Missed,
    /// Outbound and not connected.
    Failed,
}

/// State of a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// The call will be recorded.
    Expected,
    /// It runs.
    Recording,
    /// It is silent for a card number or the like.
    Paused,
    /// Complete on disk, being stored.
    Storing,
    /// Can be played.
    Ready,
    /// Can be played; the process died under it and the file was repaired.
    Recovered,
    /// Could not be written.
    Failed,
    /// The customer did not agree, or there was nothing to record.
    None,
}

/// The audio of a call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Recording {
    /// Can it be played?
    pub state: RecordingState,
    /// Length, once known.
    pub duration_seconds: Option<f64>,
}

/// Why a call ended.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct HangupCause {
    /// `customer`, `agent`, `system`.
    pub by: String,
    /// `normal`, `cancelled`, `busy`, `no_answer`, `rejected`, `not_found`, `unavailable` …
    pub kind: String,
    /// Q.850 cause value.
    pub q850: u8,
    /// Final SIP status, where there was one.
    pub sip_status: Option<u16>,
}

/// How the media of one party fared (TEL-17).
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct LegQuality {
    /// `agent`, `customer`, `caller`, `callee`.
    pub role: String,
    /// Codec.
    pub codec: String,
    /// Percent of packets lost towards us.
    pub loss_percent: f32,
    /// Mean jitter, milliseconds.
    pub jitter_ms: f32,
    /// Round trip, where reported.
    pub round_trip_ms: Option<f32>,
    /// E-model estimate, 1.0 to 4.5.
    pub mos: f32,
}

/// What came of a call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Outcome {
    /// One of the tenant's codes.
    #[schema(example = "INTERESTED")]
    pub code: String,
    /// Finer reason.
    pub sub_disposition: Option<String>,
    /// Words.
    pub notes: Option<String>,
    /// Promise made.
    pub callback_at: Option<DateTime<Utc>>,
    /// Who said so.
    pub user_id: Option<Uuid>,
    /// When.
    pub saved_at: DateTime<Utc>,
}

/// A call.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub struct Call {
    /// Id.
    pub id: Uuid,
    /// Seen from the floor.
    pub direction: CallDirection,
    /// Where it stands.
    pub status: CallStatus,
    /// Caller: E.164 or extension; masked for roles that may not see it.
    pub from: String,
    /// Called: E.164 or extension; masked for roles that may not see it.
    pub to: String,
    /// Who is on the far side.
    pub lead_id: Option<Uuid>,
    /// Their name.
    pub lead_name: Option<String>,
    /// Our agent.
    pub agent_id: Option<Uuid>,
    /// Their name.
    pub agent_name: Option<String>,
    /// Number of our agent's extension.
    pub extension: Option<String>,
    /// The carrier.
    pub trunk_id: Option<Uuid>,
    /// The campaign that dialled.
    pub campaign_id: Option<Uuid>,
    /// Offered or placed.
    pub started_at: DateTime<Utc>,
    /// Both sides connected.
    pub answered_at: Option<DateTime<Utc>>,
    /// Over.
    pub ended_at: Option<DateTime<Utc>>,
    /// Talk time in whole seconds; 0 when never answered.
    pub duration_seconds: i64,
    /// Why it ended.
    pub hangup_cause: Option<HangupCause>,
    /// Code of the outcome.
    pub disposition: Option<String>,
    /// The outcome in full.
    pub outcome: Option<Outcome>,
    /// Code the outcome form proposes.
    pub suggested_disposition: Option<String>,
    /// Its audio.
    pub recording: Option<Recording>,
    /// Notes taken during the call, as saved last.
    pub notes: Option<String>,
    /// How the media fared, once over.
    pub quality: Vec<LegQuality>,
}

/// Filter of the call list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CallQuery {
    /// Only this direction.
    #[param(inline)]
    pub direction: Option<CallDirection>,
    /// Only this status.
    #[param(inline)]
    pub status: Option<CallStatus>,
    /// Only of this agent.
    pub agent_id: Option<Uuid>,
    /// Only with this lead.
    pub lead_id: Option<Uuid>,
    /// Only with this outcome.
    pub disposition: Option<String>,
    /// True: only calls that are over, were ours to judge, and have no outcome yet.
    pub pending_outcome: Option<bool>,
    /// Started at or after.
    pub from: Option<DateTime<Utc>>,
    /// Started before.
    pub to: Option<DateTime<Utc>>,
    /// Rows per page, 1 to 200; 50 when not said.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// Click-to-call. One of `lead_id` and `to` is needed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallStart {
    /// A UUIDv7 made by the client: sending the same again is harmless.
    pub call_id: Option<Uuid>,
    /// Whom.
    pub lead_id: Option<Uuid>,
    /// Which number, as typed; a known lead is found by it.
    pub to: Option<String>,
    /// Which extension rings first; one's own when left out.
    pub from_extension: Option<String>,
    /// For which campaign.
    pub campaign_id: Option<Uuid>,
}

/// The call was taken; how it fares comes over the live socket.
#[derive(Serialize, ToSchema)]
pub struct CallStarted {
    /// Its id.
    pub call_id: Uuid,
}

/// Mute or unmute; left out: mute.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MuteRequest {
    /// False to be heard again.
    pub muted: Option<bool>,
}

/// Digits to send.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DtmfRequest {
    /// `0-9*#A-D`, up to 32.
    #[schema(pattern = "^[0-9*#A-D]{1,32}$")]
    pub digits: String,
}

/// Pause or go on recording, for card numbers and one-time passwords.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordingPause {
    /// True: both channels silent from now.
    pub paused: bool,
}

/// What came of the call. Ends wrap-up (DIA-04).
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DispositionRequest {
    /// One of the tenant's codes; aliases are understood.
    #[schema(example = "CALLBACK")]
    pub code: String,
    /// Finer reason, where the code has such.
    pub sub_disposition: Option<String>,
    /// Words; required by some codes.
    #[schema(max_length = 500)]
    pub notes: Option<String>,
    /// Promise made; required by `CALLBACK`-like codes unless the default (24 h) is meant.
    pub callback_at: Option<DateTime<Utc>>,
}

/// One fact about a call, as the journal keeps it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct CallEvent {
    /// Place in the journal; grows, with gaps.
    pub seq: i64,
    /// When it happened.
    pub at: DateTime<Utc>,
    /// `started`, `leg_started`, `leg_ringing`, `leg_answered`, `answered`, `bridged`, `held`,
    /// `resumed`, `muted`, `dtmf_received`, `announced`, `consent_decided`, `recording_started`,
    /// `recording_paused`, `recording_stopped`, `recording_failed`, `trunk_failed`, `leg_ended`,
    /// `ended`, `gap`; more may come.
    #[schema(example = "answered")]
    pub kind: String,
    /// What belongs to this kind: ids of legs, the cause, the quality of a leg … Numbers are masked,
    /// and digits left out, for those who may not see them.
    #[schema(value_type = Object)]
    pub data: serde_json::Map<String, serde_json::Value>,
}

/// Notes being typed.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallNotes {
    /// Up to 500 characters.
    #[schema(max_length = 500)]
    pub text: String,
}

/// Who was on the far side of a call.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallLead {
    /// The lead.
    pub lead_id: Uuid,
}

/// Notes as saved.
#[derive(Serialize, ToSchema)]
pub struct CallNotesSaved {
    /// As stored.
    pub text: String,
    /// When.
    pub saved_at: DateTime<Utc>,
}

/// Form of a recording.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RecordingFormat {
    /// PCM16, 8 kHz, two channels: left customer, right our side.
    #[default]
    Wav,
    /// Opus in Ogg, small.
    Ogg,
}

/// Which form is wanted, and the link's token where no bearer can be sent.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecordingQuery {
    /// `wav` when not said.
    #[param(inline)]
    pub format: Option<RecordingFormat>,
    /// From `POST /calls/{id}/recording/link`: good for this call, this user, 5 minutes.
    pub token: Option<String>,
}

/// A short-lived address for an audio element.
#[derive(Serialize, ToSchema)]
pub struct RecordingLink {
    /// Path with token, on this origin.
    pub url: String,
    /// Until when it opens.
    pub expires_at: DateTime<Utc>,
}

/// How many points of the waveform are wanted.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PeaksQuery {
    /// 50 to 4000; 800 when not said.
    pub points: Option<u32>,
}

/// The waveform of a recording.
#[derive(Serialize, ToSchema)]
pub struct Peaks {
    /// Length.
    pub duration_seconds: f64,
    /// Loudest sample of each span on the customer's side, 0 to 1.
    pub customer: Vec<f32>,
    /// The same on our side.
    pub agent: Vec<f32>,
}

/// An outcome that can be chosen.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Disposition {
    /// `INTERESTED`, `NOT_INTERESTED`, `CALLBACK` …
    pub code: String,
    /// `CI`, `CNI`, `CB` …
    pub short_code: Option<String>,
    /// Name shown.
    pub name: String,
    /// `connected`, `not_connected`, `special`.
    pub group: String,
    /// Other spellings that mean the same.
    pub aliases: Vec<String>,
    /// What must be given with it: `notes`, `callback_at`, `sub_disposition`.
    pub required: Vec<String>,
    /// Finer reasons.
    pub sub_dispositions: Vec<String>,
    /// What follows.
    pub next_action: String,
    /// Try again after this many minutes.
    pub retry_after_minutes: Option<i64>,
    /// Order in the grid.
    pub position: i64,
    /// False: not offered.
    pub active: bool,
}

/// Change of an outcome; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DispositionChange {
    /// Name shown.
    pub name: Option<String>,
    /// Notes must be given with it.
    pub notes_required: Option<bool>,
    /// Finer reasons.
    pub sub_dispositions: Option<Vec<String>>,
    /// Try again after this many minutes; `null`: never by itself.
    #[serde(default, deserialize_with = "super::telephony::some")]
    #[schema(value_type = Option<i64>)]
    pub retry_after_minutes: Option<Option<i64>>,
    /// Order in the grid.
    pub position: Option<i64>,
    /// False: not offered.
    pub active: Option<bool>,
}
