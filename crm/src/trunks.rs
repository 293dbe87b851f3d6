//! Carrier interconnects and what each needs.

use crate::words::words;
use call::{E164, TenantId, TrunkId};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

words! {
    /// Where a trunk's first settings come from.
    TrunkPreset {
        /// Exotel vSIP (India).
        Exotel = "exotel",
        /// Twilio Elastic SIP Trunking.
        Twilio = "twilio",
        /// The built-in carrier.
        Simulated = "simulated",
        /// Anything else.
        Other = "other",
    }
}

words! {
    /// How SIP travels to the carrier.
    TrunkTransport {
        /// Datagrams.
        Udp = "udp",
        /// A connection.
        Tcp = "tcp",
        /// An encrypted connection.
        Tls = "tls",
    }
}

words! {
    /// How the two sides know each other.
    TrunkAuth {
        /// By source address alone.
        Ip = "ip",
        /// We answer the carrier's challenge on our own requests.
        Digest = "digest",
        /// We register with the carrier, and answer its challenges.
        Register = "register",
        /// By client certificate.
        Certificate = "certificate",
    }
}

words! {
    /// How numbers are written towards the carrier.
    NumberFormat {
        /// `+919812345678`.
        Plus = "plus",
        /// `919812345678`.
        Digits = "digits",
        /// `09812345678`: national with trunk prefix.
        NationalZero = "national_zero",
    }
}

words! {
    /// Which header asserts who calls.
    IdentityHeader {
        /// None.
        None = "none",
        /// P-Asserted-Identity (RFC 3325).
        Asserted = "pai",
        /// Remote-Party-ID.
        RemoteParty = "rpid",
    }
}

/// A carrier interconnect.
#[derive(Clone, Debug, PartialEq)]
pub struct Trunk {
    /// Its id.
    pub id: TrunkId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Name shown; unique in the tenant.
    pub name: String,
    /// Takes and gives calls.
    pub enabled: bool,
    /// Where its settings came from.
    pub preset: TrunkPreset,
    /// Lower is tried first.
    pub priority: u32,
    /// Share among trunks of the same priority.
    pub weight: u32,
    /// Whether a password is kept.
    pub has_secret: bool,
    /// The rest.
    pub settings: TrunkSettings,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// What makes a trunk.
#[derive(Clone, Debug)]
pub struct NewTrunk {
    /// Its id.
    pub id: TrunkId,
    /// Name shown.
    pub name: String,
    /// Takes and gives calls.
    pub enabled: bool,
    /// Where its settings came from.
    pub preset: TrunkPreset,
    /// Lower is tried first.
    pub priority: u32,
    /// Share among trunks of the same priority.
    pub weight: u32,
    /// Password for digest or registration.
    pub secret: Option<String>,
    /// The rest.
    pub settings: TrunkSettings,
}

/// Changes to a trunk; `None` leaves as is.
#[derive(Clone, Debug, Default)]
pub struct TrunkPatch {
    /// Name shown.
    pub name: Option<String>,
    /// Takes and gives calls.
    pub enabled: Option<bool>,
    /// Lower is tried first.
    pub priority: Option<u32>,
    /// Share among trunks of the same priority.
    pub weight: Option<u32>,
    /// New password, or none.
    pub secret: Option<Option<String>>,
    /// The rest, replaced whole.
    pub settings: Option<TrunkSettings>,
}

/// One address of the carrier.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrunkHost {
    /// Name or address.
    pub host: String,
    /// `None`: by SRV, else the transport's default.
    pub port: Option<u16>,
    /// Lower is tried first.
    pub priority: u32,
    /// Share among hosts of the same priority.
    pub weight: u32,
}

/// Sets or removes a header of outgoing requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeaderRule {
    /// Header name.
    pub name: String,
    /// New value; `None` removes it.
    pub value: Option<String>,
}

/// Everything else about a trunk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrunkSettings {
    /// Where requests go, in order.
    pub hosts: Vec<TrunkHost>,
    /// How they travel.
    pub transport: TrunkTransport,
    /// How the two sides know each other.
    pub auth: TrunkAuth,
    /// User name for digest or registration.
    pub username: Option<String>,
    /// Answer challenges of this realm only (B07).
    pub realm: Option<String>,
    /// Send there instead of to the hosts; the R-URI keeps the host.
    pub outbound_proxy: Option<String>,
    /// Registrar URI host where it differs from the first host.
    pub registrar: Option<String>,
    /// Asked-for registration lifetime.
    pub register_expires_s: u32,
    /// Networks whose requests are this carrier's (CIDR).
    pub source_cidrs: Vec<String>,
    /// Names accepted in the carrier's certificate.
    pub certificate_names: Vec<String>,
    /// SDP names in the order offered: `PCMA`, `PCMU`.
    pub codecs: Vec<String>,
    /// Host part of From and R-URI where it differs from the host.
    pub from_domain: Option<String>,
    /// How numbers are written.
    pub number_format: NumberFormat,
    /// How our caller ID is written.
    pub caller_id_format: NumberFormat,
    /// From is anonymous, the number goes into the identity header only.
    pub hide_caller_id: bool,
    /// The number called stands in To, not in the request URI.
    pub dialled_in_to: bool,
    /// Headers kept with the call as carrier references.
    pub reference_headers: Vec<String>,
    /// Headers set or removed on INVITEs to the carrier; its OPTIONS and REGISTERs stay as they are.
    pub header_rules: Vec<HeaderRule>,
    /// Who calls, asserted how.
    pub identity: IdentityHeader,
    /// Concurrent calls; `None`: no cap.
    pub channel_cap: Option<u32>,
    /// New calls per second; `None`: no cap.
    pub cps_cap: Option<u32>,
    /// OPTIONS this often; 0: never.
    pub options_interval_s: u32,
    /// Shown where neither agent nor tenant has a number.
    pub caller_id: Option<E164>,
}

impl Default for TrunkSettings {
    fn default() -> Self {
        Self {
            hosts: Vec::new(),
            transport: TrunkTransport::Udp,
            auth: TrunkAuth::Ip,
            username: None,
            realm: None,
            outbound_proxy: None,
            registrar: None,
            register_expires_s: 600,
            source_cidrs: Vec::new(),
            certificate_names: Vec::new(),
            codecs: vec!["PCMA".into(), "PCMU".into()],
            from_domain: None,
            number_format: NumberFormat::Plus,
            caller_id_format: NumberFormat::Plus,
            hide_caller_id: false,
            dialled_in_to: false,
            reference_headers: Vec::new(),
            header_rules: Vec::new(),
            identity: IdentityHeader::Asserted,
            channel_cap: None,
            cps_cap: None,
            options_interval_s: 30,
            caller_id: None,
        }
    }
}

impl TrunkSettings {
    /// The first settings of a new trunk, as the carrier's own pages ask for them.
    pub fn preset(preset: TrunkPreset) -> Self {
        match preset {
            TrunkPreset::Exotel => Self {
                hosts: vec![
                    TrunkHost {
                        host: "pstn.in2.exotel.com".into(),
                        port: Some(5070),
                        priority: 1,
                        weight: 1,
                    },
                    TrunkHost {
                        host: "pstn.in4.exotel.com".into(),
                        port: Some(5070),
                        priority: 2,
                        weight: 1,
                    },
                ],
                transport: TrunkTransport::Tcp,
                codecs: vec!["PCMA".into(), "PCMU".into()],
                channel_cap: Some(10),
                cps_cap: Some(3),
                reference_headers: vec![
                    "X-Exotel-CallSid".into(),
                    "X-Exotel-LegSid".into(),
                    "X-Exotel-TrunkSid".into(),
                ],
                ..Self::default()
            },
            TrunkPreset::Twilio => Self {
                transport: TrunkTransport::Tls,
                auth: TrunkAuth::Digest,
                codecs: vec!["PCMU".into(), "PCMA".into()],
                cps_cap: Some(1),
                reference_headers: vec!["X-Twilio-CallSid".into()],
                ..Self::default()
            },
            TrunkPreset::Simulated | TrunkPreset::Other => Self::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the carrier's own documents say: transport, port, codecs in order, caps, references.
    #[test]
    fn the_exotel_preset_is_what_exotel_documents() {
        let exotel = TrunkSettings::preset(TrunkPreset::Exotel);
        let hosts: Vec<_> =
            exotel.hosts.iter().map(|h| (h.host.as_str(), h.port, h.priority)).collect();
        let (first, second) = ("pstn.in2.exotel.com", "pstn.in4.exotel.com");
        assert_eq!(hosts, [(first, Some(5070), 1), (second, Some(5070), 2)]);
        assert_eq!((exotel.transport, exotel.auth), (TrunkTransport::Tcp, TrunkAuth::Ip));
        assert_eq!(exotel.codecs, ["PCMA", "PCMU"]);
        assert_eq!(exotel.number_format, NumberFormat::Plus);
        // 200 calls a minute, ten channels on the smallest plan.
        assert_eq!((exotel.cps_cap, exotel.channel_cap), (Some(3), Some(10)));
        for header in ["X-Exotel-CallSid", "X-Exotel-LegSid", "X-Exotel-TrunkSid"] {
            assert!(exotel.reference_headers.iter().any(|known| known == header), "{header}");
        }
    }

    #[test]
    fn the_twilio_preset_is_what_twilio_documents() {
        let twilio = TrunkSettings::preset(TrunkPreset::Twilio);
        assert_eq!((twilio.transport, twilio.auth), (TrunkTransport::Tls, TrunkAuth::Digest));
        assert_eq!(twilio.codecs, ["PCMU", "PCMA"]);
        assert_eq!((twilio.cps_cap, twilio.number_format), (Some(1), NumberFormat::Plus));
        assert_eq!(twilio.reference_headers, ["X-Twilio-CallSid"]);
        assert!(twilio.hosts.is_empty(), "each account has a name of its own");
    }
}
