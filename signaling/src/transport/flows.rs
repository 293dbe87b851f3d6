//! Every way out: UDP sockets, open connections, connections to be opened. Owned by the SIP task.

use super::{CONNECTION_QUEUE, Connection, Shared, Tls, UdpListener, stream};
use crate::measure;
use bytes::Bytes;
use rustls::pki_types::CertificateDer;
use signaling_proto::{FlowId, Path, Target, Transmit, TransmitId, Transport};
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::mpsc;

/// The message could not even be queued.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct NotSent;

/// Every way out.
pub(crate) struct Flows {
    udp: Vec<UdpListener>,
    connections: HashMap<FlowId, Connection>,
    by_peer: HashMap<(Transport, SocketAddr), FlowId>,
    tls: Arc<Tls>,
    shared: Shared,
}

impl Flows {
    pub(crate) fn new(udp: Vec<UdpListener>, tls: Arc<Tls>, shared: Shared) -> Self {
        Self { udp, connections: HashMap::new(), by_peer: HashMap::new(), tls, shared }
    }

    /// A connection was accepted.
    pub(crate) fn opened(&mut self, connection: Connection) {
        self.by_peer.insert((connection.transport, connection.remote), connection.flow);
        self.connections.insert(connection.flow, connection);
    }

    /// A connection is gone; tells of which transport it was.
    pub(crate) fn closed(&mut self, flow: FlowId) -> Option<Transport> {
        let connection = self.connections.remove(&flow)?;
        let peer = (connection.transport, connection.remote);
        if self.by_peer.get(&peer) == Some(&flow) {
            self.by_peer.remove(&peer);
        }
        Some(connection.transport)
    }

    /// The party on this connection proved who it is.
    pub(crate) fn mark_known(&self, flow: FlowId) {
        if let Some(connection) = self.connections.get(&flow) {
            connection.known.store(true, Ordering::Relaxed);
        }
    }

    /// The client certificate shown on this connection.
    pub(crate) fn certificate(&self, flow: FlowId) -> Option<&CertificateDer<'static>> {
        self.connections.get(&flow).and_then(|connection| connection.certificate.as_ref())
    }

    /// Whether messages can still be sent on this flow.
    pub(crate) fn is_open(&self, flow: FlowId) -> bool {
        self.connections.contains_key(&flow) || self.udp.iter().any(|udp| udp.flow == flow)
    }

    /// Hands a message to its way out. Never waits.
    pub(crate) fn send(&mut self, transmit: Transmit) -> Result<(), NotSent> {
        match transmit.path {
            Path::Flow { transport: Transport::Udp, flow, remote } => {
                let udp = self.udp.iter().find(|udp| udp.flow == flow);
                send_datagram(udp.or_else(|| self.udp_for(remote)), &transmit.bytes, remote)
            }
            Path::Flow { flow, .. } => self.queue(flow, transmit.id, transmit.bytes),
            Path::Address(target) if target.transport == Transport::Udp => {
                send_datagram(self.udp_for(target.address), &transmit.bytes, target.address)
            }
            Path::Address(target) => {
                let flow = self.connection_to(&target)?;
                self.queue(flow, transmit.id, transmit.bytes)
            }
        }
    }

    fn udp_for(&self, peer: SocketAddr) -> Option<&UdpListener> {
        let fits = |udp: &&UdpListener| udp.bound.is_ipv4() == peer.is_ipv4();
        // A socket bound to loopback reaches loopback only.
        self.udp
            .iter()
            .filter(fits)
            .find(|udp| {
                udp.bound.ip().is_unspecified()
                    || udp.bound.ip().is_loopback() == peer.ip().is_loopback()
            })
            .or_else(|| self.udp.iter().find(fits))
    }

    fn queue(&mut self, flow: FlowId, id: TransmitId, bytes: Bytes) -> Result<(), NotSent> {
        let connection = self.connections.get(&flow).ok_or(NotSent)?;
        connection.outbound.try_send((id, bytes)).map_err(|_| {
            measure::dropped("connection_queue");
            NotSent
        })
    }

    /// The open connection to a target, or a new one being opened.
    fn connection_to(&mut self, target: &Target) -> Result<FlowId, NotSent> {
        let peer = (target.transport, target.address);
        if let Some(flow) = self.by_peer.get(&peer) {
            return Ok(*flow);
        }
        if !matches!(target.transport, Transport::Tcp | Transport::Tls)
            || self.connections.len() >= self.shared.limits.connections_max
        {
            return Err(NotSent);
        }
        let (outbound, queued) = mpsc::channel(CONNECTION_QUEUE);
        let flow = self.shared.next_flow();
        // Who we call is known from the start: the idle limit of strangers is not for them.
        let known = Arc::new(AtomicBool::new(true));
        let bound = SocketAddr::from(([0, 0, 0, 0], 5060));
        let local = self.shared.local.towards(target.address.ip(), bound);
        let link = stream::Link::outgoing(flow, target.transport, target.address, local);
        let name = target.server_name.as_deref().map(str::to_owned);
        stream::connect(link, name, self.tls.clone(), self.shared.clone(), queued, known.clone());
        self.opened(Connection {
            flow,
            transport: target.transport,
            remote: target.address,
            outbound,
            known,
            certificate: None,
        });
        Ok(flow)
    }
}

fn send_datagram(
    udp: Option<&UdpListener>,
    bytes: &Bytes,
    remote: SocketAddr,
) -> Result<(), NotSent> {
    let udp = udp.ok_or(NotSent)?;
    match udp.sender.send_to(bytes, remote) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
            // The kernel's buffer is full: as good as lost on the way, and sent again by timer.
            measure::dropped("udp_send");
            Ok(())
        }
        Err(error) => {
            tracing::debug!(%remote, %error, "UDP send failed");
            Err(NotSent)
        }
    }
}
