//! Do-not-call list, audit trail, settings of the tenant.

use super::accounts::Role;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// A number never to be called.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DndEntry {
    /// E.164; masked for roles that may not see it.
    pub phone: String,
    /// Why, in own words.
    pub reason: Option<String>,
    /// `agent`, `manual`, `registry`, `import`.
    pub source: String,
    /// Since when.
    pub created_at: DateTime<Utc>,
}

/// A number to put on the list.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DndNew {
    /// As typed; stored as E.164.
    pub phone: String,
    /// Why.
    #[schema(max_length = 200)]
    pub reason: Option<String>,
}

/// One line of the audit trail.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct AuditEntry {
    /// Id.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Who; `null` is the system.
    pub user_id: Option<Uuid>,
    /// Their name.
    pub user_name: Option<String>,
    /// What: `auth.login`, `extension.secret_read`, `recording.play` …
    pub action: String,
    /// On what kind of thing.
    pub object_type: Option<String>,
    /// On which.
    pub object_id: Option<String>,
    /// More.
    #[schema(value_type = Object)]
    pub detail: serde_json::Value,
    /// From which address.
    pub ip: Option<String>,
}

/// Filter of the audit trail.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only by this user.
    pub user_id: Option<Uuid>,
    /// Only actions that begin so.
    pub action: Option<String>,
    /// Only on this object.
    pub object_id: Option<String>,
    /// At or after.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub to: Option<DateTime<Utc>>,
    /// Rows per page, 1 to 200; 50 when not said.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}

/// How callers agree to be recorded (SEC-02).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentMode {
    /// Recorded without a word.
    Silent,
    /// Announced.
    Announce,
    /// Announced; key 9 stops it.
    AnnounceOptOut,
    /// Only after key 1.
    OptIn,
}

/// Who may be called, when, how often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CallingSettings {
    /// Earliest moment in the lead's zone, `HH:MM`.
    #[schema(required = false, example = "09:00")]
    pub window_start: String,
    /// First moment that is too late, `HH:MM`.
    #[schema(required = false, example = "21:00")]
    pub window_end: String,
    /// Attempts to one person per day; 0 is no cap.
    #[schema(required = false)]
    pub daily_attempts: u32,
    /// Countries that may be called, ISO 3166 letters.
    #[schema(required = false)]
    pub countries: Vec<String>,
    /// Premium-rate and shared-cost numbers may be called.
    #[schema(required = false)]
    pub premium: bool,
    /// Satellite and international network numbers may be called.
    #[schema(required = false)]
    pub satellite: bool,
    /// Emergency numbers may be dialled by hand, at any hour.
    #[schema(required = false)]
    pub emergency: bool,
    /// Shown where the agent has no number of their own.
    pub default_caller_id: Option<String>,
    /// How long the agent's phone rings, seconds.
    #[schema(required = false)]
    pub agent_ring_timeout_s: u32,
    /// How long the customer's phone rings, seconds.
    #[schema(required = false)]
    pub ring_timeout_s: u32,
    /// Longest call, seconds.
    #[schema(required = false)]
    pub max_duration_s: u32,
}

/// Whether calls are recorded and how that is said (SEC-02).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordingSettings {
    /// Record every call with a customer.
    #[schema(required = false)]
    pub enabled: bool,
    /// Record calls between colleagues as well.
    #[schema(required = false)]
    pub internal: bool,
    /// How the customer agrees.
    #[schema(required = false)]
    pub consent: ConsentMode,
    /// Prompt language where the lead's is unknown.
    #[schema(required = false)]
    pub language: String,
    /// Days until recordings are deleted.
    #[schema(required = false)]
    pub retention_days: u32,
}

/// Outcomes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DispositionSettings {
    /// Minutes the agent may still change an outcome.
    #[schema(required = false)]
    pub edit_minutes: u32,
    /// Seconds of wrap-up before a reminder.
    #[schema(required = false)]
    pub wrap_up_s: u32,
}

/// Who sees what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeskSettings {
    /// Telecallers may list leads that are not theirs (numbers masked).
    #[schema(required = false)]
    pub telecallers_see_all: bool,
    /// Telecallers may call leads that are assigned to nobody.
    #[schema(required = false)]
    pub telecallers_take_unassigned: bool,
    /// Telecallers may dial numbers that belong to no lead.
    #[schema(required = false)]
    pub manual_dialing: bool,
}

/// Numbers that somebody wants to be called and nobody of another role has agreed to yet (D02).
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Widening {
    /// Countries that would be added, ISO 3166 letters.
    pub countries: Vec<String>,
    /// Premium-rate and shared-cost numbers would be allowed.
    pub premium: bool,
    /// Satellite and international network numbers would be allowed.
    pub satellite: bool,
    /// Who asked.
    pub asked_by: Uuid,
    /// Their name, while they are here.
    pub asked_by_name: Option<String>,
    /// Their role: somebody of another one agrees.
    pub asked_as: Role,
    /// When; sent back by who agrees.
    pub asked_at: DateTime<Utc>,
}

/// Agreement to what was asked for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WideningAgreed {
    /// `asked_at` of what was seen: another wish is not agreed to by it.
    pub asked_at: DateTime<Utc>,
}

/// Settings of the tenant.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Settings {
    /// Name shown.
    pub name: String,
    /// IANA zone that days and calling hours follow.
    pub timezone: String,
    /// SIP domain that phones use.
    pub sip_domain: String,
    /// Language of screens and prompts where nothing else says one.
    pub language: String,
    /// Who may be called, when, how often.
    pub calling: CallingSettings,
    /// Whether calls are recorded and how that is said.
    pub recording: RecordingSettings,
    /// Outcomes.
    pub dispositions: DispositionSettings,
    /// Who sees what.
    pub desk: DeskSettings,
    /// What is asked for and waits for somebody of another role.
    pub widening: Option<Widening>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// Change of settings; what is left out stays, in each section too. More countries, premium or satellite numbers are not
/// allowed by it: they become `widening`, which somebody of another role agrees to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsChange {
    /// Name shown.
    pub name: Option<String>,
    /// IANA zone.
    pub timezone: Option<String>,
    /// `en`, `hi`.
    pub language: Option<String>,
    /// Who may be called, when, how often.
    #[serde(default)]
    #[schema(value_type = Option<CallingSettings>)]
    pub calling: serde_json::Map<String, serde_json::Value>,
    /// Whether calls are recorded and how that is said.
    #[serde(default)]
    #[schema(value_type = Option<RecordingSettings>)]
    pub recording: serde_json::Map<String, serde_json::Value>,
    /// Outcomes.
    #[serde(default)]
    #[schema(value_type = Option<DispositionSettings>)]
    pub dispositions: serde_json::Map<String, serde_json::Value>,
    /// Who sees what.
    #[serde(default)]
    #[schema(value_type = Option<DeskSettings>)]
    pub desk: serde_json::Map<String, serde_json::Value>,
}
