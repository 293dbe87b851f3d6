//! Extensions, trunks and numbers.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What stands behind an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExtensionType {
    /// A person's phone.
    Agent,
    /// A phone of a place: reception, meeting room.
    Phone,
}

/// One registered phone.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Registration {
    /// What the phone calls itself.
    pub user_agent: Option<String>,
    /// `udp`, `tcp`, `tls`, `ws`.
    pub transport: String,
    /// Where its packets come from.
    pub source: String,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// An internal number.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Extension {
    /// Id.
    pub id: Uuid,
    /// As dialled inside; also the SIP user name.
    #[schema(example = "101")]
    pub number: String,
    /// What stands behind it.
    #[serde(rename = "type")]
    pub kind: ExtensionType,
    /// Shown name.
    pub name: String,
    /// Whose it is.
    pub user_id: Option<Uuid>,
    /// Their name.
    pub user_name: Option<String>,
    /// False: cannot register or call.
    pub active: bool,
    /// Learn the real media address of a phone behind NAT.
    pub nat: bool,
    /// A phone is registered now.
    pub registered: bool,
    /// Which ones.
    pub registrations: Vec<Registration>,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// A new extension; its SIP secret is generated.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtensionNew {
    /// 2 to 6 digits, unique in the tenant.
    #[schema(pattern = "^[0-9]{2,6}$")]
    pub number: String,
    /// Shown name.
    pub name: String,
    /// What stands behind it; `agent` when not said.
    #[serde(rename = "type")]
    pub kind: Option<ExtensionType>,
    /// Whose it is.
    pub user_id: Option<Uuid>,
    /// Learn the media address of a phone behind NAT; true when not said.
    pub nat: Option<bool>,
}

/// Change of an extension; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtensionChange {
    /// Shown name.
    pub name: Option<String>,
    /// What stands behind it.
    #[serde(rename = "type")]
    pub kind: Option<ExtensionType>,
    /// Whose it is; `null` takes it away.
    #[serde(default, deserialize_with = "super::telephony::some")]
    #[schema(value_type = Option<Uuid>)]
    pub user_id: Option<Option<Uuid>>,
    /// False: cannot register or call.
    pub active: Option<bool>,
    /// Learn the media address of a phone behind NAT.
    pub nat: Option<bool>,
}

/// Reads a field that may be absent, `null` or a value: present is `Some`.
pub(crate) fn some<'de, T, D>(deserializer: D) -> Result<Option<Option<T>>, D::Error>
where
    T: Deserialize<'de>,
    D: serde::Deserializer<'de>,
{
    Option::<T>::deserialize(deserializer).map(Some)
}

/// What to type into a desk phone.
#[derive(Serialize, ToSchema)]
pub struct ExtensionSecret {
    /// SIP user name, the same as the extension's number.
    pub username: String,
    /// SIP password, 128 random bits.
    pub secret: String,
    /// SIP domain, also the digest realm.
    pub domain: String,
}

/// How we and the carrier prove who we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkAuth {
    /// By source address only.
    Address,
    /// The carrier challenges our requests.
    Digest,
    /// We register with the carrier.
    Register,
}

/// Transport to a carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkTransport {
    /// Datagrams.
    Udp,
    /// Stream.
    Tcp,
    /// Encrypted stream.
    Tls,
}

/// Whether a carrier can be used now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkHealth {
    /// Not asked yet.
    Unknown,
    /// Answers.
    Up,
    /// Does not.
    Down,
    /// Switched off by an administrator.
    Disabled,
}

/// Live state of a trunk.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TrunkStatus {
    /// Usable now.
    pub health: TrunkHealth,
    /// Outbound registration, where the trunk has one: `registered`, `trying`, `refused`, `off`.
    pub registration: Option<String>,
    /// Last failure in plain words.
    pub last_error: Option<String>,
    /// Last change of `health`.
    pub since: Option<DateTime<Utc>>,
    /// Round trip of the last OPTIONS in milliseconds.
    pub latency_ms: Option<u32>,
    /// Calls on it now.
    pub live_calls: u32,
}

/// A carrier interconnect.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Trunk {
    /// Id.
    pub id: Uuid,
    /// Name shown, unique in the tenant.
    pub name: String,
    /// Which preset it was made from: `exotel`, `twilio`, `generic`.
    pub preset: String,
    /// False: takes and places no calls.
    pub enabled: bool,
    /// Host name or address of the carrier.
    pub host: String,
    /// 0: found by DNS (NAPTR, SRV).
    pub port: u16,
    /// How to get there.
    pub transport: TrunkTransport,
    /// How it knows us.
    pub auth: TrunkAuth,
    /// User name for digest or registration.
    pub username: Option<String>,
    /// A secret is stored. The secret itself never leaves.
    pub has_secret: bool,
    /// Addresses and networks its calls come from.
    pub source_networks: Vec<String>,
    /// Domain in our From; empty: `host`.
    pub from_domain: Option<String>,
    /// Codecs in the order of preference: `PCMA`, `PCMU`.
    pub codecs: Vec<String>,
    /// How numbers are written to it: `e164`, `e164_no_plus`, `national`.
    pub number_format: String,
    /// Shown when nothing better is known: one of the tenant's numbers.
    pub default_caller_id: Option<String>,
    /// Most calls at once.
    pub max_channels: u32,
    /// Most new calls per second.
    pub max_cps: u32,
    /// Lower is tried first.
    pub priority: u32,
    /// Share among equals.
    pub weight: u32,
    /// Live state.
    pub status: TrunkStatus,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// A new trunk. What is left out comes from the preset.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrunkNew {
    /// Name shown, unique in the tenant.
    pub name: String,
    /// `exotel`, `twilio` or `generic`.
    pub preset: Option<String>,
    /// Host name or address of the carrier.
    pub host: String,
    /// Port; left out or 0: found by DNS.
    pub port: Option<u16>,
    /// How to get there.
    pub transport: Option<TrunkTransport>,
    /// How it knows us.
    pub auth: Option<TrunkAuth>,
    /// User name for digest or registration.
    pub username: Option<String>,
    /// Password for digest or registration; written, never read.
    #[schema(format = Password, write_only)]
    pub secret: Option<String>,
    /// Addresses and networks its calls come from.
    pub source_networks: Option<Vec<String>>,
    /// Domain in our From.
    pub from_domain: Option<String>,
    /// Codecs in the order of preference.
    pub codecs: Option<Vec<String>>,
    /// `e164`, `e164_no_plus`, `national`.
    pub number_format: Option<String>,
    /// Shown when nothing better is known.
    pub default_caller_id: Option<String>,
    /// Most calls at once.
    pub max_channels: Option<u32>,
    /// Most new calls per second.
    pub max_cps: Option<u32>,
    /// Lower is tried first.
    pub priority: Option<u32>,
    /// Share among equals.
    pub weight: Option<u32>,
    /// False: made, not used.
    pub enabled: Option<bool>,
}

/// Change of a trunk; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrunkChange {
    /// Name shown.
    pub name: Option<String>,
    /// Host name or address.
    pub host: Option<String>,
    /// Port; 0: found by DNS.
    pub port: Option<u16>,
    /// How to get there.
    pub transport: Option<TrunkTransport>,
    /// How it knows us.
    pub auth: Option<TrunkAuth>,
    /// User name.
    pub username: Option<String>,
    /// A new password; written, never read.
    #[schema(format = Password, write_only)]
    pub secret: Option<String>,
    /// Addresses and networks its calls come from.
    pub source_networks: Option<Vec<String>>,
    /// Domain in our From.
    pub from_domain: Option<String>,
    /// Codecs in the order of preference.
    pub codecs: Option<Vec<String>>,
    /// `e164`, `e164_no_plus`, `national`.
    pub number_format: Option<String>,
    /// Shown when nothing better is known.
    pub default_caller_id: Option<String>,
    /// Most calls at once.
    pub max_channels: Option<u32>,
    /// Most new calls per second.
    pub max_cps: Option<u32>,
    /// Lower is tried first.
    pub priority: Option<u32>,
    /// Share among equals.
    pub weight: Option<u32>,
    /// False: takes and places no calls.
    pub enabled: Option<bool>,
}

/// A carrier we know the ways of.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TrunkPreset {
    /// `exotel`, `twilio`, `generic`.
    pub id: String,
    /// Name shown.
    pub name: String,
    /// Suggested host.
    pub host: String,
    /// Suggested port.
    pub port: u16,
    /// Suggested transport.
    pub transport: TrunkTransport,
    /// How it knows us.
    pub auth: TrunkAuth,
    /// Codecs.
    pub codecs: Vec<String>,
    /// How numbers are written.
    pub number_format: String,
    /// Networks its calls come from.
    pub source_networks: Vec<String>,
    /// What to have at hand, in plain words.
    pub notes: String,
}

/// A test call over one trunk.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TestCallRequest {
    /// Whom to call.
    #[schema(example = "+919812340001")]
    pub to: String,
    /// Which of the tenant's extensions rings first; one's own when left out.
    pub from_extension: Option<String>,
}

/// Where calls to a number go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum NumberDestination {
    /// Rings an extension.
    Extension {
        /// Which.
        id: Uuid,
    },
    /// Refused as not in use.
    None,
}

/// A number that carriers deliver to us.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Number {
    /// Id.
    pub id: Uuid,
    /// E.164.
    #[schema(example = "+918047190000")]
    pub number: String,
    /// What it is for: `general`, `promotional` (140), `service` (1600).
    pub purpose: String,
    /// Over which carrier it comes.
    pub trunk_id: Uuid,
    /// Its name.
    pub trunk_name: String,
    /// Where its calls go.
    pub destination: NumberDestination,
    /// May be shown as caller ID.
    pub caller_id: bool,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// A new number.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberNew {
    /// As typed; stored as E.164.
    pub number: String,
    /// What it is for; `general` when not said.
    pub purpose: Option<String>,
    /// Over which carrier it comes.
    pub trunk_id: Uuid,
    /// Where its calls go.
    pub destination: Option<NumberDestination>,
    /// May be shown as caller ID; true when not said.
    pub caller_id: Option<bool>,
}

/// Change of a number; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberChange {
    /// What it is for.
    pub purpose: Option<String>,
    /// Over which carrier it comes.
    pub trunk_id: Option<Uuid>,
    /// Where its calls go.
    pub destination: Option<NumberDestination>,
    /// May be shown as caller ID.
    pub caller_id: Option<bool>,
}

/// Filter of the extension list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ExtensionQuery {
    /// Part of number or name.
    pub q: Option<String>,
    /// Rows per page, 1 to 200; 50 when not said.
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
}
