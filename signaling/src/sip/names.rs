//! Our own names on each transport, as peers shall reach them.

use crate::{Listening, SwitchConfig, transport::LocalAddresses};
use signaling_proto::{Advertised, AdvertisedSet, Source, Transport};
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// What we listen on, and what that is called.
#[derive(Clone, Debug)]
pub(crate) struct OurNames {
    udp: Vec<SocketAddr>,
    tcp: Vec<SocketAddr>,
    tls: Vec<SocketAddr>,
    domain: Option<String>,
    external: Option<IpAddr>,
    local: Arc<LocalAddresses>,
}

impl OurNames {
    pub(crate) fn new(
        config: &SwitchConfig,
        listening: &Listening,
        local: Arc<LocalAddresses>,
    ) -> Self {
        Self {
            udp: listening.udp.clone(),
            tcp: listening.tcp.clone(),
            tls: listening.tls.clone(),
            domain: config.domain.clone(),
            external: config.external_ip,
            local,
        }
    }

    /// For Via, where one name must do for all peers; they answer to where we sent from.
    pub(crate) fn advertised(&self) -> AdvertisedSet {
        let port = |listeners: &[SocketAddr], fallback: u16| {
            listeners.first().map_or(fallback, SocketAddr::port)
        };
        let host = self.host();
        let named = |port| Advertised::new(host.clone(), port);
        AdvertisedSet {
            udp: named(port(&self.udp, 5060)),
            tcp: named(port(&self.tcp, 5060)),
            tls: named(port(&self.tls, 5061)),
            ws: named(80),
            wss: named(443),
        }
    }

    /// Contact value for a peer.
    pub(crate) fn contact_for(&self, transport: Transport, peer: IpAddr) -> String {
        let listeners = match transport {
            Transport::Udp => &self.udp,
            Transport::Tls => &self.tls,
            Transport::Tcp | Transport::Ws | Transport::Wss => &self.tcp,
        };
        let same_family = |bound: &&SocketAddr| bound.is_ipv4() == peer.is_ipv4();
        let bound = listeners.iter().find(same_family).or(listeners.first());
        let bound = bound.copied().unwrap_or(SocketAddr::from(([0, 0, 0, 0], 5060)));
        contact(transport, self.local.towards(peer, bound))
    }

    /// Contact value for who sent this: the address they sent to, unless that is the far end of a connection we opened
    /// ourselves, where nobody could call us once it is closed.
    pub(crate) fn contact_towards(&self, source: &Source) -> String {
        let listeners = match source.transport {
            Transport::Tcp => &self.tcp,
            Transport::Tls => &self.tls,
            Transport::Udp | Transport::Ws | Transport::Wss => {
                return contact(source.transport, source.local);
            }
        };
        let ports = listeners.iter().map(SocketAddr::port);
        if listeners.is_empty() || ports.into_iter().any(|port| port == source.local.port()) {
            return contact(source.transport, source.local);
        }
        self.contact_for(source.transport, source.remote.ip())
    }

    /// A request URI host that means us rather than a tenant.
    pub(crate) fn is_our_host(&self, host: &str) -> bool {
        self.domain.as_deref().is_some_and(|domain| domain.eq_ignore_ascii_case(host))
            || host.eq_ignore_ascii_case("localhost")
            || host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_ok()
    }

    fn host(&self) -> String {
        if let Some(external) = self.external {
            return bracketed(external);
        }
        let first = self.udp.iter().chain(&self.tcp).chain(&self.tls).next();
        match first {
            Some(bound) if !bound.ip().is_unspecified() => bracketed(bound.ip()),
            // Any public address shows which of ours leads out; nothing is sent to it.
            Some(bound) => {
                let outside: IpAddr = match bound {
                    SocketAddr::V4(_) => [192, 0, 2, 1].into(),
                    SocketAddr::V6(_) => [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into(),
                };
                let found = self.local.towards(outside, *bound).ip();
                let loopback: IpAddr = [127, 0, 0, 1].into();
                bracketed(if found.is_unspecified() { loopback } else { found })
            }
            None => self.domain.clone().unwrap_or_else(|| "localhost".to_owned()),
        }
    }
}

/// `<sip:address;transport=…>`.
pub(crate) fn contact(transport: Transport, address: SocketAddr) -> String {
    let suffix = match transport {
        Transport::Udp => "",
        Transport::Tcp => ";transport=tcp",
        Transport::Tls => ";transport=tls",
        Transport::Ws | Transport::Wss => ";transport=ws",
    };
    format!("<sip:{address}{suffix}>")
}

fn bracketed(address: IpAddr) -> String {
    match address {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => format!("[{v6}]"),
    }
}
