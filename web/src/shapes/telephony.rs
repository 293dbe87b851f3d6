//! Extensions, trunks and numbers.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

/// What answers at an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExtensionType {
    /// A person's phone.
    User,
    /// A queue.
    Queue,
    /// An IVR flow.
    Ivr,
    /// A voicemail box.
    Voicemail,
    /// A meeting room.
    Conference,
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
    /// What answers.
    #[serde(rename = "type")]
    pub kind: ExtensionType,
    /// Shown name.
    pub name: String,
    /// Whose phone it is.
    pub user_id: Option<Uuid>,
    /// Their name.
    pub user_name: Option<String>,
    /// False: cannot register, is not rung.
    pub active: bool,
    /// The phone may be behind NAT: its media address is learnt.
    pub nat: bool,
    /// Rings nobody.
    pub dnd: bool,
    /// Unanswered calls go to voicemail.
    pub voicemail: bool,
    /// Another extension that takes the calls.
    pub forward_to: Option<String>,
    /// How long it rings, seconds.
    pub ring_timeout_s: u32,
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
    /// What answers; `user` when not said.
    #[serde(rename = "type")]
    pub kind: Option<ExtensionType>,
    /// Whose phone it is.
    pub user_id: Option<Uuid>,
    /// The phone may be behind NAT; true when not said.
    pub nat: Option<bool>,
    /// How long it rings, 5 to 120 seconds; 25 when not said.
    #[schema(minimum = 5, maximum = 120)]
    pub ring_timeout_s: Option<u32>,
}

/// Change of an extension; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtensionChange {
    /// 2 to 6 digits, unique in the tenant.
    pub number: Option<String>,
    /// Shown name.
    pub name: Option<String>,
    /// Whose phone it is; `null` takes it away.
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = Option<Uuid>)]
    pub user_id: Option<Option<Uuid>>,
    /// False: cannot register, is not rung.
    pub active: Option<bool>,
    /// The phone may be behind NAT.
    pub nat: Option<bool>,
    /// Rings nobody.
    pub dnd: Option<bool>,
    /// Another extension that takes the calls; `null`: none.
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = Option<String>)]
    pub forward_to: Option<Option<String>>,
    /// How long it rings, 5 to 120 seconds.
    pub ring_timeout_s: Option<u32>,
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

/// How a phone may reach us.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PhoneTransport {
    /// Plain datagrams.
    Udp,
    /// A plain connection.
    Tcp,
    /// An encrypted connection.
    Tls,
}

/// One place where phones may register.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct PhoneDoor {
    /// Over what.
    pub transport: PhoneTransport,
    /// Name or address to type in as server, registrar or outbound proxy.
    #[schema(example = "192.168.1.10")]
    pub host: String,
    /// Port that is open now.
    #[schema(example = 5060)]
    pub port: u16,
    /// Reached from this machine only.
    pub this_machine_only: bool,
}

/// What to type into a desk phone or softphone, all but its password.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PhoneSetup {
    /// The extension.
    pub extension_id: Uuid,
    /// SIP user name and authentication name, the same as the extension's number.
    #[schema(example = "101")]
    pub username: String,
    /// Name to show.
    pub display_name: String,
    /// SIP domain, also the digest realm.
    #[schema(example = "pratham.telehub.local")]
    pub domain: String,
    /// Where to register, as opened: UDP first, then TCP, then TLS. The domain goes into the
    /// phone's domain field, the host into server or outbound proxy.
    pub doors: Vec<PhoneDoor>,
    /// The address this server is known by outside, where one is configured.
    pub external_ip: Option<String>,
    /// Path of SIP over WebSocket on this origin, for browsers.
    #[schema(example = "/sip")]
    pub websocket_path: Option<String>,
    /// A phone is registered now.
    pub registered: bool,
}

/// How the two sides know each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkAuth {
    /// By source address alone.
    Ip,
    /// We answer the carrier's challenge on our own requests.
    Digest,
    /// We register with the carrier, and answer its challenges.
    Register,
    /// By client certificate.
    Certificate,
}

/// How SIP travels to the carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkTransport {
    /// Datagrams.
    Udp,
    /// A connection.
    Tcp,
    /// An encrypted connection.
    Tls,
}

/// Where a trunk's first settings come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkPresetName {
    /// Exotel vSIP (India).
    Exotel,
    /// Twilio Elastic SIP Trunking.
    Twilio,
    /// The built-in carrier.
    Simulated,
    /// Anything else.
    Other,
}

/// How numbers are written towards the carrier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NumberFormat {
    /// `+919812345678`.
    Plus,
    /// `919812345678`.
    Digits,
    /// `09812345678`: national with trunk prefix.
    NationalZero,
}

/// Which header asserts who calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum IdentityHeader {
    /// None.
    None,
    /// P-Asserted-Identity (RFC 3325).
    Pai,
    /// Remote-Party-ID.
    Rpid,
}

/// Whether a carrier can be used now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TrunkHealth {
    /// Nothing is known yet; calls are tried.
    Unknown,
    /// Answers.
    Up,
    /// Does not.
    Down,
    /// Refuses our credentials; needs an administrator.
    Refused,
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

/// One address of the carrier.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrunkHost {
    /// Name or address.
    pub host: String,
    /// `null`: by SRV, else the transport's default.
    pub port: Option<u16>,
    /// Lower is tried first.
    #[serde(default)]
    pub priority: u32,
    /// Share among hosts of the same priority.
    #[serde(default)]
    pub weight: u32,
}

/// Sets or removes a header of outgoing requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeaderRule {
    /// Header name.
    pub name: String,
    /// New value; `null` removes it.
    pub value: Option<String>,
}

/// What a carrier needs. In a new trunk every key may be left out (the preset's value holds), in
/// a change too (the present value holds).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrunkSettings {
    /// Where requests go, in order.
    #[schema(required = false)]
    pub hosts: Vec<TrunkHost>,
    /// How they travel.
    #[schema(required = false)]
    pub transport: TrunkTransport,
    /// How the two sides know each other.
    #[schema(required = false)]
    pub auth: TrunkAuth,
    /// User name for digest or registration.
    pub username: Option<String>,
    /// Answer challenges of this realm only.
    pub realm: Option<String>,
    /// Send there instead of to the hosts; the request URI keeps the host.
    pub outbound_proxy: Option<String>,
    /// Registrar host where it differs from the first host.
    pub registrar: Option<String>,
    /// Asked-for registration lifetime.
    #[schema(required = false)]
    pub register_expires_s: u32,
    /// Networks whose requests are this carrier's (CIDR).
    #[schema(required = false)]
    pub source_cidrs: Vec<String>,
    /// Names accepted in the carrier's certificate.
    #[schema(required = false)]
    pub certificate_names: Vec<String>,
    /// SDP names in the order offered: `PCMA`, `PCMU`.
    #[schema(required = false)]
    pub codecs: Vec<String>,
    /// Host part of From and of the request URI where it differs from the host.
    pub from_domain: Option<String>,
    /// How numbers are written.
    #[schema(required = false)]
    pub number_format: NumberFormat,
    /// How our caller ID is written.
    #[schema(required = false)]
    pub caller_id_format: NumberFormat,
    /// From is anonymous, the number goes into the identity header only.
    #[schema(required = false)]
    pub hide_caller_id: bool,
    /// The number called stands in To, not in the request URI.
    #[schema(required = false)]
    pub dialled_in_to: bool,
    /// Headers kept with the call as carrier references.
    #[schema(required = false)]
    pub reference_headers: Vec<String>,
    /// Headers set or removed.
    #[schema(required = false)]
    pub header_rules: Vec<HeaderRule>,
    /// Who calls, asserted how.
    #[schema(required = false)]
    pub identity: IdentityHeader,
    /// Calls at once; `null`: no cap.
    pub channel_cap: Option<u32>,
    /// New calls per second; `null`: no cap.
    pub cps_cap: Option<u32>,
    /// OPTIONS this often; 0: never.
    #[schema(required = false)]
    pub options_interval_s: u32,
    /// Shown where neither agent nor tenant has a number.
    pub caller_id: Option<String>,
}

/// A carrier interconnect.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Trunk {
    /// Id.
    pub id: Uuid,
    /// Name shown, unique in the tenant.
    pub name: String,
    /// Where its settings came from.
    pub preset: TrunkPresetName,
    /// False: takes and places no calls.
    pub enabled: bool,
    /// Lower is tried first.
    pub priority: u32,
    /// Share among equals.
    pub weight: u32,
    /// A password is stored. The password itself never leaves.
    pub has_secret: bool,
    /// The rest.
    pub settings: TrunkSettings,
    /// Live state.
    pub status: TrunkStatus,
    /// When the row was made.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// A new trunk.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrunkNew {
    /// Name shown, unique in the tenant.
    pub name: String,
    /// `other` when not said.
    pub preset: Option<TrunkPresetName>,
    /// False: made, not used.
    pub enabled: Option<bool>,
    /// Lower is tried first.
    pub priority: Option<u32>,
    /// Share among equals.
    pub weight: Option<u32>,
    /// Password for digest or registration; written, never read.
    #[schema(format = Password, write_only)]
    pub secret: Option<String>,
    /// What differs from the preset.
    #[serde(default)]
    #[schema(value_type = Option<TrunkSettings>)]
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// Change of a trunk; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrunkChange {
    /// Name shown.
    pub name: Option<String>,
    /// False: takes and places no calls.
    pub enabled: Option<bool>,
    /// Lower is tried first.
    pub priority: Option<u32>,
    /// Share among equals.
    pub weight: Option<u32>,
    /// A new password; `null` removes it; written, never read.
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = Option<String>, format = Password, write_only)]
    pub secret: Option<Option<String>>,
    /// What differs from now.
    #[serde(default)]
    #[schema(value_type = Option<TrunkSettings>)]
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// A carrier we know the ways of.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct TrunkPreset {
    /// Which.
    pub preset: TrunkPresetName,
    /// What a new trunk of it starts with.
    pub settings: TrunkSettings,
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
    /// Rings an extension of any kind.
    Extension {
        /// Which.
        id: Uuid,
    },
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
    pub trunk_name: Option<String>,
    /// Where its calls go; `null`: refused.
    pub destination: Option<NumberDestination>,
    /// Number of the extension its calls go to.
    pub destination_extension: Option<String>,
    /// The carrier confirmed that we may show it.
    pub verified: bool,
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
    /// Over which carrier it comes.
    pub trunk_id: Uuid,
    /// What it is for; `general` when not said.
    pub purpose: Option<String>,
    /// Where its calls go.
    pub destination: Option<NumberDestination>,
    /// The carrier confirmed that we may show it; true when not said.
    pub verified: Option<bool>,
}

/// Change of a number; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NumberChange {
    /// Over which carrier it comes.
    pub trunk_id: Option<Uuid>,
    /// What it is for.
    pub purpose: Option<String>,
    /// Where its calls go; `null`: refused.
    #[serde(default, deserialize_with = "some")]
    #[schema(value_type = Option<NumberDestination>)]
    pub destination: Option<Option<NumberDestination>>,
    /// The carrier confirmed that we may show it.
    pub verified: Option<bool>,
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
