//! The next hop a URI names (RFC 3263 §4), as far as no name server is needed.

use crate::endpoint::Target;
use crate::uri::Host;
use crate::{NameAddr, SipUri, Transport, Uri};
use bytes::Bytes;
use std::net::{IpAddr, SocketAddr};

/// Host, port and transport a URI names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    pub(crate) host: Box<str>,
    pub(crate) port: Option<u16>,
    pub(crate) transport: Option<Transport>,
    pub(crate) secure: bool,
}

impl Hop {
    /// Of a bare URI or a name-addr (a Route value). `None`: not a SIP URI.
    pub(crate) fn of_uri(text: &str) -> Option<Self> {
        Self::of_sip_uri(&parse_uri(text)?)
    }

    /// Of a SIP URI. `None`: its transport is unknown.
    pub(crate) fn of_sip_uri(uri: &SipUri) -> Option<Self> {
        let transport = match uri.params.raw("transport") {
            Some(name) => Some(Transport::from_name(name)?),
            None => None,
        };
        let transport = match (uri.secure, transport) {
            (true, Some(Transport::Tcp)) => Some(Transport::Tls),
            (true, Some(Transport::Ws)) => Some(Transport::Wss),
            (_, transport) => transport,
        };
        let host = match uri.params.raw("maddr") {
            Some(maddr) => maddr.into(),
            None => match &uri.host {
                Host::Name(name) => name.as_str().into(),
                Host::Ip(ip) => ip.to_string().into(),
            },
        };
        Some(Self { host, port: uri.port, transport, secure: uri.secure })
    }

    /// The target, where the host is an address already.
    pub(crate) fn literal(&self) -> Option<Target> {
        let bare = self.host.trim_start_matches('[').trim_end_matches(']');
        let ip: IpAddr = bare.parse().ok()?;
        let default = if self.secure { Transport::Tls } else { Transport::Udp };
        let transport = self.transport.unwrap_or(default);
        let port = self.port.unwrap_or(transport.default_port());
        Some(Target { transport, address: SocketAddr::new(ip, port), server_name: None })
    }
}

/// The SIP URI in a bare URI or a name-addr.
pub(crate) fn parse_uri(text: &str) -> Option<SipUri> {
    let uri = if text.contains('<') {
        NameAddr::parse(&Bytes::copy_from_slice(text.as_bytes())).ok()?.uri
    } else {
        text.parse::<Uri>().ok()?
    };
    uri.as_sip().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(uri: &str) -> Option<(Transport, String)> {
        let target = Hop::of_uri(uri)?.literal()?;
        Some((target.transport, target.address.to_string()))
    }

    #[test]
    fn literal_hosts_need_no_name_server() {
        let udp = Some((Transport::Udp, "192.0.2.1:5060".into()));
        assert_eq!(target("sip:x@192.0.2.1"), udp);
        let tcp = Some((Transport::Tcp, "192.0.2.1:5070".into()));
        assert_eq!(target("<sip:192.0.2.1:5070;transport=tcp;lr>"), tcp);
        let tls = Some((Transport::Tls, "[2001:db8::1]:5061".into()));
        assert_eq!(target("sips:x@[2001:db8::1]"), tls);
        assert_eq!(target("sips:x@[2001:db8::1];transport=tcp"), tls);
    }

    #[test]
    fn names_and_unknown_transports_have_no_target() {
        assert_eq!(target("sip:x@example.com"), None);
        assert_eq!(Hop::of_uri("sip:x@192.0.2.1;transport=sctp"), None);
        assert_eq!(Hop::of_uri("tel:+911234567890"), None);
        let hop = Hop::of_uri("<sip:example.com;lr>").unwrap();
        assert_eq!((&*hop.host, hop.port, hop.transport), ("example.com", None, None));
    }
}
