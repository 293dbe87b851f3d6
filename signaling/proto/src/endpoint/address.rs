//! Where messages come from and go to.

use super::id::{FlowId, ResolveId, TransmitId};
use crate::Transport;
use bytes::Bytes;
use std::net::SocketAddr;

/// Where a message came from, as the socket saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Source {
    /// By which transport.
    pub transport: Transport,
    /// Our address.
    pub local: SocketAddr,
    /// Theirs.
    pub remote: SocketAddr,
    /// The socket (UDP) or connection (all others) it came by.
    pub flow: FlowId,
}

impl Source {
    /// The way back: the same flow.
    pub fn reply_path(&self) -> Path {
        Path::Flow { transport: self.transport, flow: self.flow, remote: self.remote }
    }
}

/// One address a host name stands for (RFC 3263).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// By which transport.
    pub transport: Transport,
    /// Where.
    pub address: SocketAddr,
    /// The name a TLS certificate must carry.
    pub server_name: Option<Box<str>>,
}

/// How one message leaves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    /// By a known socket or connection.
    Flow {
        /// By which transport.
        transport: Transport,
        /// Which socket or connection.
        flow: FlowId,
        /// Where to (meaningful for UDP).
        remote: SocketAddr,
    },
    /// To an address; the shell reuses a connection to it or opens one.
    Address(Target),
}

impl Path {
    /// By which transport.
    pub fn transport(&self) -> Transport {
        match self {
            Self::Flow { transport, .. } => *transport,
            Self::Address(target) => target.transport,
        }
    }

    /// The far address.
    pub fn remote(&self) -> SocketAddr {
        match self {
            Self::Flow { remote, .. } => *remote,
            Self::Address(target) => target.address,
        }
    }
}

/// Where a request of ours shall go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Where its route set or request-URI says (RFC 3261 §8.1.2); names are asked for by
    /// [`Event::NeedResolve`](super::Event::NeedResolve).
    Uri,
    /// By the flow a registration came by (RFC 5626).
    Flow(Source),
    /// To these addresses in order, the next one when one fails (RFC 3263 §4.3).
    Targets(Vec<Target>),
    /// To a host, resolved by [`Event::NeedResolve`](super::Event::NeedResolve): an outbound proxy or trunk host.
    Host {
        /// Name or address literal.
        host: Box<str>,
        /// `None`: by SRV, or the default port.
        port: Option<u16>,
        /// `None`: by NAPTR, or UDP.
        transport: Option<Transport>,
    },
}

/// One message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// For [`handle_transmit_failed`](super::Endpoint::handle_transmit_failed).
    pub id: TransmitId,
    /// How it leaves.
    pub path: Path,
    /// The whole message.
    pub bytes: Bytes,
}

/// A host whose addresses are needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveQuery {
    /// To be given back.
    pub id: ResolveId,
    /// A name (literals are never asked for).
    pub host: Box<str>,
    /// A given port excludes NAPTR and SRV (RFC 3263 §4.2).
    pub port: Option<u16>,
    /// A given transport excludes NAPTR.
    pub transport: Option<Transport>,
    /// `sips`: only TLS (or WSS) will do.
    pub secure: bool,
}
