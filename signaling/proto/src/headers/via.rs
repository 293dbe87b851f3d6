//! Via: where a response goes (RFC 3261 §20.42, RFC 3581).

use crate::{
    text::{self, Span, Text},
    uri::{Dotted, Host, HostPart, Params, UriError, push},
};
use bytes::Bytes;
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

/// The transports SIP runs over here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// RFC 3261 §18.
    Udp,
    /// RFC 3261 §18.
    Tcp,
    /// TLS over TCP.
    Tls,
    /// WebSocket (RFC 7118).
    Ws,
    /// WebSocket over TLS.
    Wss,
}

impl Transport {
    /// As written in a Via.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Udp => "UDP",
            Self::Tcp => "TCP",
            Self::Tls => "TLS",
            Self::Ws => "WS",
            Self::Wss => "WSS",
        }
    }

    /// As written in a URI's `transport` parameter.
    pub const fn uri_param(self) -> &'static str {
        match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Ws => "ws",
            Self::Wss => "wss",
        }
    }

    /// The transport of this name in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss]
            .into_iter()
            .find(|t| t.as_str().eq_ignore_ascii_case(name))
    }

    /// The transport written exactly so.
    fn from_wire(name: &[u8]) -> Option<Self> {
        [Self::Udp, Self::Tcp, Self::Tls, Self::Ws, Self::Wss]
            .into_iter()
            .find(|t| t.as_str().as_bytes() == name)
    }

    /// Does the transport itself repeat what is lost? (Everything but UDP.)
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }

    /// Encrypted and authenticated?
    pub const fn is_secure(self) -> bool {
        matches!(self, Self::Tls | Self::Wss)
    }

    /// The port used where none is written.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Udp | Self::Tcp => 5060,
            Self::Tls => 5061,
            Self::Ws => 80,
            Self::Wss => 443,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One Via value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Via {
    /// `SIP/2.0`, or what else was written.
    pub protocol: Text,
    /// The transport as written.
    pub transport: Text,
    /// The sent-by host.
    pub host: Host,
    /// The sent-by port.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport`, `maddr`, `ttl` and extensions.
    pub params: Params,
}

/// What a branch of RFC 3261 begins with.
pub const MAGIC_COOKIE: &str = "z9hG4bK";

const PROTOCOL: &str = "SIP/2.0";

impl Via {
    /// A Via of ours, with `rport` asked for.
    pub fn new(
        transport: Transport,
        sent_by: impl Into<Host>,
        port: Option<u16>,
        branch: &str,
    ) -> Self {
        let mut params = Params::EMPTY;
        params.set("branch", Some(branch));
        params.set("rport", None);
        Self {
            protocol: Text::from_static(PROTOCOL),
            transport: Text::from_static(transport.as_str()),
            host: sent_by.into(),
            port,
            params,
        }
    }

    /// Reads one value that fills all of `bytes`.
    pub fn parse(bytes: &Bytes) -> Result<Self, UriError> {
        Self::parse_span(Span::all(bytes))
    }

    pub(crate) fn parse_span(span: Span<'_>) -> Result<Self, UriError> {
        // Another protocol or version is legal grammar (RFC 3261 §20.42) and is echoed as it came.
        let plain = span.starts_with(b"SIP/2.0/");
        let mut at = if plain { 8 } else { 0 };
        let mut usual = true;
        for wanted in ["SIP", "2.0"].into_iter().filter(|_| !plain) {
            let slash = text::find(&span[at..], b'/').ok_or(UriError::Syntax)? + at;
            let word = span.range(at, slash).trimmed();
            if !text::is_token(&word) {
                return Err(UriError::Syntax);
            }
            usual &= word.eq_ignore_ascii_case(wanted.as_bytes());
            at = slash + 1;
        }
        let protocol = match usual {
            true => Text::from_static(PROTOCOL),
            false => span.range(0, at - 1).text(),
        };
        let rest = span.from(at).trimmed();
        let end = rest.iter().position(|b| text::is_lws(*b)).ok_or(UriError::Syntax)?;
        let transport = rest.range(0, end);
        if !text::is_token(&transport) {
            return Err(UriError::Syntax);
        }
        let transport = match Transport::from_wire(&transport) {
            Some(known) => Text::from_static(known.as_str()),
            None => transport.text(),
        };
        let rest = rest.from(end);
        let sent_by = rest.before(b';');
        let params = Params::parse_span(rest.from(sent_by.len()))?;
        let (host, port) = HostPart::read_spaced(sent_by)?;
        Ok(Self { protocol, transport, host: host.kept(), port, params })
    }

    /// The transport, if it is one of ours.
    pub fn transport(&self) -> Option<Transport> {
        Transport::from_name(&self.transport)
    }

    /// The branch as written; empty when missing.
    pub fn branch(&self) -> &str {
        self.params.raw("branch").unwrap_or_default()
    }

    /// Is the branch a transaction id of RFC 3261? (`z9hG4bK` alone is not: RFC 4475 §3.2.1.)
    pub fn has_rfc3261_branch(&self) -> bool {
        self.branch()
            .get(..MAGIC_COOKIE.len())
            .is_some_and(|cookie| cookie.eq_ignore_ascii_case(MAGIC_COOKIE))
            && self.branch().len() > MAGIC_COOKIE.len()
    }

    /// `received`, when it holds an address (with or without brackets: RFC 5118 §4.5).
    pub fn received(&self) -> Option<std::net::IpAddr> {
        self.params.raw("received").and_then(|raw| Host::from(raw).ip())
    }

    /// Did the sender ask for the response on its source port (RFC 3581)?
    pub fn wants_rport(&self) -> bool {
        self.params.has("rport")
    }

    /// The filled-in `rport`.
    pub fn rport(&self) -> Option<u16> {
        self.params.number("rport").and_then(|n| u16::try_from(n).ok()).filter(|n| *n != 0)
    }

    /// The sent-by port or the transport's default.
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or_else(|| self.transport().map_or(5060, Transport::default_port))
    }

    /// Notes where the request came from: `received` when it differs from sent-by, `rport` when asked for
    /// (RFC 3261 §18.2.1, RFC 3581 §4). Values the sender put there itself are overwritten.
    pub fn note_source(&mut self, source: SocketAddr) {
        let rport = self.wants_rport();
        let received = rport || self.host.ip() != Some(source.ip());
        if !received && !self.params.has("received") {
            return;
        }
        let mut params = String::with_capacity(128);
        let (mut answered, mut noted) = (false, false);
        let port = source.port().to_string();
        let address = match source.ip() {
            IpAddr::V4(ip) => Dotted::new(ip).as_str().to_owned(),
            IpAddr::V6(ip) => ip.to_string(),
        };
        for param in self.params.iter() {
            if param.name.eq_ignore_ascii_case("rport") && rport {
                if !std::mem::replace(&mut answered, true) {
                    push(&mut params, "rport", Some(&port));
                }
            } else if !param.name.eq_ignore_ascii_case("received") {
                push(&mut params, param.name, param.value);
            } else if received && !noted {
                noted = true;
                push(&mut params, "received", Some(&address));
            }
        }
        if received && !noted {
            push(&mut params, "received", Some(&address));
        }
        self.params = Params::from_written(params);
    }
}

impl FromStr for Via {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        Self::parse(&Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.protocol, self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        self.params.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Via {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn white_space_may_stand_around_every_separator() {
        let via = parse("SIP  /   2.0\r\n /UDP\r\n    192.0.2.2 : 5070 ;rport ; branch = z9hG4bKx");
        assert_eq!((via.transport(), via.port), (Some(Transport::Udp), Some(5070)));
        assert_eq!(via.branch(), "z9hG4bKx");
        assert!(via.wants_rport() && via.rport().is_none() && via.has_rfc3261_branch());
    }

    /// RFC 5118 §4.5: `received` with and without brackets.
    #[test]
    fn received_ipv6_is_read_with_and_without_brackets() {
        for raw in ["[2001:db8::9:255]", "2001:db8::9:255"] {
            let via =
                parse(&format!("SIP/2.0/UDP [2001:db8::9:1];received={raw};branch=z9hG4bKas3-111"));
            assert_eq!(via.received(), Some("2001:db8::9:255".parse().unwrap()));
        }
    }

    #[test]
    fn the_bare_cookie_is_no_transaction_id() {
        assert!(!parse("SIP/2.0/UDP h;branch=z9hG4bK").has_rfc3261_branch());
        assert!(!parse("SIP/2.0/UDP h").has_rfc3261_branch());
        assert!(!parse("SIP/2.0/UDP h;branch=abc").has_rfc3261_branch());
    }

    #[test]
    fn the_source_overrides_what_the_sender_claims() {
        let mut via = parse("SIP/2.0/UDP 10.0.0.1:5060;rport=1;received=9.9.9.9;branch=z9hG4bK1");
        via.note_source("192.0.2.7:40000".parse().unwrap());
        assert_eq!(
            via.to_string(),
            "SIP/2.0/UDP 10.0.0.1:5060;rport=40000;received=192.0.2.7;branch=z9hG4bK1"
        );
        let mut via = parse("SIP/2.0/TCP 192.0.2.7;branch=z9hG4bK1");
        via.note_source("192.0.2.7:40000".parse().unwrap());
        assert_eq!(via.received(), None);
    }

    #[test]
    fn broken_values_are_refused() {
        for bad in [
            "",
            "SIP/2.0",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ",
            "SIP//UDP h",
            "SIP/2.0/UDP 192.0.2.15;;,;,,",
            "SIP/2.0/UDP h:99999",
            "SIP/2.0/U DP h",
            "SIP/2.0/UDP h;branch=\"x",
        ] {
            assert!(bad.parse::<Via>().is_err(), "{bad}");
        }
    }
}
