//! Sockets: one task per listener and per connection, bounded queues in between.
//!
//! What comes in is limited by source and cut into messages here, then handed to the SIP task
//! as [`NetworkEvent`]s. What goes out is handed to [`Flows`], which the SIP task owns.

mod flows;
mod gate;
mod local;
mod stream;
mod tls;
mod udp;
mod ws;

pub(crate) use flows::Flows;
pub(crate) use gate::{KnownSources, SourceGate};
pub(crate) use local::LocalAddresses;
pub(crate) use stream::accept;
pub use tls::TlsError;
pub(crate) use tls::{Tls, certificate_carries};
pub(crate) use udp::UdpListener;
pub(crate) use ws::serve as serve_ws;

use crate::{Limits, measure, vital::Vital};
use bytes::Bytes;
use rustls::pki_types::CertificateDer;
use signaling_proto::{FlowId, ParseOutcome, Source, TransmitId, Transport};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};
use tokio::{runtime::Handle, sync::mpsc};
use tokio_util::sync::CancellationToken;

/// How many events may wait for the SIP task. When it is full, datagrams are dropped and
/// counted (they are retransmitted), streams wait (TCP pushes back on the sender).
pub(crate) const NETWORK_QUEUE: usize = 4096;

/// How many messages may wait for one connection; then sending fails for that message.
const CONNECTION_QUEUE: usize = 256;

/// From the transports to the SIP task.
#[derive(Debug)]
pub(crate) enum NetworkEvent {
    /// One message, read by the transport's own task.
    Read { source: Source, outcome: Box<ParseOutcome> },
    /// A connection is there: accepted, or come about as [`Flows`] asked.
    Opened(Connection),
    /// The connection is gone.
    Closed { flow: FlowId },
    /// A message could not be sent.
    SendFailed { transmit: TransmitId },
}

/// A connection as the SIP task sees it.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) flow: FlowId,
    pub(crate) transport: Transport,
    pub(crate) remote: SocketAddr,
    pub(crate) outbound: mpsc::Sender<(TransmitId, Bytes)>,
    /// Set by the SIP task once the party proved who it is; relaxes the idle limit.
    pub(crate) known: Arc<AtomicBool>,
    /// The client's certificate, verified; trunks may be known by it (B10).
    pub(crate) certificate: Option<CertificateDer<'static>>,
}

/// What every transport task shares.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) network: mpsc::Sender<NetworkEvent>,
    pub(crate) gate: Arc<SourceGate>,
    pub(crate) local: Arc<LocalAddresses>,
    pub(crate) limits: Limits,
    pub(crate) flows_made: Arc<AtomicU64>,
    pub(crate) shutdown: CancellationToken,
    /// Where streams are served: not on the signalling thread.
    pub(crate) streams: Handle,
    /// Listeners are among what must not end.
    pub(crate) vital: Vital,
}

impl Shared {
    fn next_flow(&self) -> FlowId {
        FlowId(self.flows_made.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Hands on a datagram or counts its loss.
    fn offer(&self, event: NetworkEvent) {
        if self.network.try_send(event).is_err() {
            measure::dropped("network_queue");
        }
    }
}
