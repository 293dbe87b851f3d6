//! How a carrier wants to be talked to. Data only; everything a carrier can change is in here.

use crate::directory::Secret;
use call::{TenantId, TrunkId};

/// One carrier interconnect of one tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkSettings {
    /// Which trunk.
    pub trunk: TrunkId,
    /// Owner.
    pub tenant: TenantId,
    /// For people and logs.
    pub name: String,
    /// Off: places and takes no calls.
    pub enabled: bool,
    /// Where requests go: host name (NAPTR/SRV/A) or address.
    pub host: String,
    /// Given: no SRV lookup, this port.
    pub port: Option<u16>,
    /// Share of `host` among the further hosts of its own rank.
    pub host_weight: u32,
    /// Tried by rank when `host` does not answer: second registrar, standby proxy (B09).
    pub further_hosts: Vec<FurtherHost>,
    /// Over which transport.
    pub transport: TransportKind,
    /// Send there instead of to `host`; R-URI keeps `host`.
    pub outbound_proxy: Option<String>,
    /// CIDR blocks or addresses the carrier calls from, beside the addresses of `host` (B10).
    pub sources: Vec<String>,
    /// Names in client certificates that identify the carrier on TLS (B10).
    pub client_certificate_names: Vec<String>,
    /// Its requests count only on TLS, with a certificate of one of these names: an address proves nothing.
    pub by_certificate: bool,
    /// Digest on our outgoing requests, where the carrier asks for it.
    pub credentials: Option<TrunkCredentials>,
    /// We register with the carrier.
    pub registration: Option<TrunkRegistration>,
    /// Host part of From and P-Asserted-Identity; `host` if not given.
    pub from_domain: Option<String>,
    /// How called numbers are written.
    pub number_format: NumberFormat,
    /// How our caller ID is written.
    pub caller_id_format: NumberFormat,
    /// Which header asserts the caller ID beside From.
    pub identity_header: IdentityHeader,
    /// From is anonymous (RFC 3323), the number goes into the identity header only.
    pub hide_caller_id: bool,
    /// SDP codec names in order of preference: `PCMA`, `PCMU`.
    pub codecs: Vec<String>,
    /// Most calls at once, ringing ones included; 0 means no limit.
    pub channels_max: u32,
    /// Most new calls a second; 0 means no limit.
    pub calls_per_second_max: u32,
    /// Seconds between OPTIONS; 0 means health is not probed.
    pub options_interval_s: u32,
    /// Where the number called is found in an INVITE from the carrier.
    pub dialled_from: DialledFrom,
    /// Headers kept as carrier references on the call (`X-Exotel-CallSid`).
    pub reference_headers: Vec<String>,
    /// Applied in order to outgoing INVITEs, the only requests of ours whose headers a carrier has wishes about; OPTIONS
    /// and REGISTER stay as they are.
    pub header_rules: Vec<HeaderRule>,
}

/// Another address of the same carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FurtherHost {
    /// Host name (NAPTR/SRV/A) or address.
    pub host: String,
    /// Given: no SRV lookup, this port.
    pub port: Option<u16>,
    /// 0: beside the first host, by weight; higher ones later.
    pub rank: u16,
    /// Its share among those of its rank.
    pub weight: u32,
}

/// SIP over what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransportKind {
    /// RFC 3261 §18.
    Udp,
    /// RFC 3261 §18.
    Tcp,
    /// RFC 3261 §26.2.
    Tls,
    /// RFC 7118, on the web port.
    Ws,
}

impl TransportKind {
    /// As written in configuration and stores.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
        }
    }

    /// From what [`TransportKind::as_str`] gives.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Udp, Self::Tcp, Self::Tls, Self::Ws]
            .into_iter()
            .find(|kind| kind.as_str().eq_ignore_ascii_case(text))
    }
}

/// For answering the carrier's challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkCredentials {
    /// Digest user name; user part of our AOR where we register.
    pub username: String,
    /// Digest secret.
    pub secret: Secret,
    /// Answer this realm only; any realm of the trunk's hosts if not given (B07).
    pub realm: Option<String>,
}

/// How we register with the carrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkRegistration {
    /// Lifetime we ask for.
    pub expires_s: u32,
    /// Host part of the request URI of REGISTER; the trunk's `host` if not given.
    pub registrar: Option<String>,
}

/// How a number is written for a carrier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NumberFormat {
    /// `+919812340001`.
    #[default]
    E164Plus,
    /// `919812340001`.
    E164,
    /// `09812340001` within `country_code`, `00…` outside of it.
    ZeroPrefixed {
        /// `91`.
        country_code: u16,
    },
}

/// Which header asserts the caller ID.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdentityHeader {
    /// RFC 3325.
    #[default]
    PAssertedIdentity,
    /// The draft that some carriers still want.
    RemotePartyId,
    /// None: From says it all.
    None,
}

/// Where the DID is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DialledFrom {
    /// User part of the request URI.
    #[default]
    RequestUri,
    /// User part of To (carriers that put an account id into the request URI).
    To,
}

/// A change to outgoing INVITEs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderRule {
    /// Adds a header. Names that the protocol needs (Via, From, Contact …) are not taken.
    Add {
        /// Header name.
        name: String,
        /// Header value.
        value: String,
    },
    /// Leaves out a header we would add (`Supported`, `P-Asserted-Identity` …).
    Remove {
        /// Header name.
        name: String,
    },
}

impl NumberFormat {
    /// Writes an E.164 number the carrier's way.
    pub fn write(self, number: &call::E164) -> String {
        match self {
            Self::E164Plus => number.as_str().to_owned(),
            Self::E164 => number.digits().to_owned(),
            Self::ZeroPrefixed { country_code } => {
                let digits = number.digits();
                match digits.strip_prefix(&country_code.to_string()) {
                    Some(national) => format!("0{national}"),
                    None => format!("00{digits}"),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_written_as_the_carrier_wants_it() {
        let number = call::E164::parse("+919812340001").expect("well formed");
        let foreign = call::E164::parse("+14155550100").expect("well formed");
        let zero = NumberFormat::ZeroPrefixed { country_code: 91 };
        assert_eq!(NumberFormat::E164Plus.write(&number), "+919812340001");
        assert_eq!(NumberFormat::E164.write(&number), "919812340001");
        assert_eq!(zero.write(&number), "09812340001");
        assert_eq!(zero.write(&foreign), "0014155550100");
    }

    #[test]
    fn a_transport_survives_its_text_form() {
        for kind in [TransportKind::Udp, TransportKind::Tcp, TransportKind::Tls, TransportKind::Ws]
        {
            assert_eq!(TransportKind::parse(kind.as_str()), Some(kind));
        }
    }
}
