//! Do-not-call list, audit trail, settings of the tenant.

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

/// Settings of the tenant.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Settings {
    /// Name shown.
    pub name: String,
    /// IANA zone that days and calling hours follow.
    pub timezone: String,
    /// Language of prompts and new users: `en`, `hi`.
    pub language: String,
    /// SIP domain that phones use.
    pub sip_domain: String,
    /// Calls are recorded.
    pub recording_enabled: bool,
    /// How callers agree.
    pub consent_mode: ConsentMode,
    /// Earliest hour of promotional calls, `HH:MM` in `timezone`.
    pub calling_from: String,
    /// Latest hour.
    pub calling_until: String,
    /// How long an agent's phone may ring, seconds.
    pub agent_ring_timeout_s: u32,
    /// How long a customer's may, seconds.
    pub ring_timeout_s: u32,
    /// Longest call, seconds.
    pub max_duration_s: u32,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// Change of settings; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingsChange {
    /// Name shown.
    pub name: Option<String>,
    /// IANA zone.
    pub timezone: Option<String>,
    /// `en`, `hi`.
    pub language: Option<String>,
    /// Calls are recorded.
    pub recording_enabled: Option<bool>,
    /// How callers agree.
    pub consent_mode: Option<ConsentMode>,
    /// `HH:MM`.
    pub calling_from: Option<String>,
    /// `HH:MM`.
    pub calling_until: Option<String>,
    /// Seconds.
    pub agent_ring_timeout_s: Option<u32>,
    /// Seconds.
    pub ring_timeout_s: Option<u32>,
    /// Seconds.
    pub max_duration_s: Option<u32>,
}
