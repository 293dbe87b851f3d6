//! UDP and TCP on one address, as little as a carrier in a test box needs: no TLS, no limits.

use bytes::Bytes;
use signaling_proto::framer::{Framed, StreamFramer};
use signaling_proto::message::Limits;
use signaling_proto::{FlowId, ParseOutcome, Path, Source, Transmit, Transport};
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Events that may wait for the carrier's task; then connections wait, and datagrams stay in
/// the kernel.
const EVENT_QUEUE: usize = 1024;

/// Messages that may wait for one connection; then sending fails.
const CONNECTION_QUEUE: usize = 256;

/// How often a free port is looked for that UDP and TCP can share.
const SHARED_PORT_TRIES: usize = 20;

/// The largest datagram there can be.
const DATAGRAM_MAX: usize = 65_535;

const UDP_FLOW: FlowId = FlowId(0);

/// What the sockets report.
#[derive(Debug)]
pub(crate) enum SocketEvent {
    /// One datagram.
    Datagram { source: Source, bytes: Bytes },
    /// One message cut out of a stream.
    Message { source: Source, outcome: ParseOutcome },
    /// A connection was accepted.
    Accepted(Connection),
    /// A connection is gone.
    Closed { flow: FlowId },
}

/// The writing end of a connection.
#[derive(Debug)]
pub(crate) struct Connection {
    flow: FlowId,
    remote: SocketAddr,
    outbound: mpsc::Sender<Bytes>,
}

/// UDP and TCP on one address.
pub(crate) struct Sockets {
    udp: UdpSocket,
    /// The same socket, for sending without asking the runtime whether it is ready.
    udp_out: std::net::UdpSocket,
    address: SocketAddr,
    buffer: Vec<u8>,
    connections: HashMap<FlowId, Connection>,
    flows_made: u64,
    events: mpsc::Receiver<SocketEvent>,
    event_door: mpsc::Sender<SocketEvent>,
    shutdown: CancellationToken,
}

impl Sockets {
    /// Binds both to one port; port 0 takes a free one.
    pub(crate) fn open(listen: SocketAddr) -> io::Result<Self> {
        let (udp_out, tcp) = bind_both(listen)?;
        let address = udp_out.local_addr()?;
        let udp = UdpSocket::from_std(udp_out.try_clone()?)?;
        let (event_door, events) = mpsc::channel(EVENT_QUEUE);
        let shutdown = CancellationToken::new();
        let listener = TcpListener::from_std(tcp)?;
        tokio::spawn(accept(listener, address, event_door.clone(), shutdown.clone()));
        Ok(Self {
            udp,
            udp_out,
            address,
            buffer: vec![0; DATAGRAM_MAX],
            connections: HashMap::new(),
            flows_made: 0,
            events,
            event_door,
            shutdown,
        })
    }

    /// Where they listen.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Our address as a peer can reach it.
    pub(crate) fn local_towards(&self, peer: IpAddr) -> SocketAddr {
        if !self.address.ip().is_unspecified() {
            return self.address;
        }
        // Connecting a UDP socket sends nothing; it makes the kernel choose a source address.
        let route = std::net::UdpSocket::bind(SocketAddr::new(self.address.ip(), 0))
            .and_then(|probe| probe.connect((peer, 9)).and_then(|()| probe.local_addr()));
        route.map_or(self.address, |local| SocketAddr::new(local.ip(), self.address.port()))
    }

    /// The next event; safe to drop half-way.
    pub(crate) async fn next(&mut self) -> SocketEvent {
        loop {
            tokio::select! {
                received = self.udp.recv_from(&mut self.buffer) => {
                    // An error here reports an earlier datagram nobody took: not ours.
                    let Ok((length, remote)) = received else { continue };
                    let bytes = Bytes::copy_from_slice(&self.buffer[..length]);
                    let local = self.local_towards(remote.ip());
                    let source =
                        Source { transport: Transport::Udp, local, remote, flow: UDP_FLOW };
                    return SocketEvent::Datagram { source, bytes };
                }
                Some(event) = self.events.recv() => match event {
                    SocketEvent::Accepted(connection) => {
                        self.connections.insert(connection.flow, connection);
                    }
                    SocketEvent::Closed { flow } => {
                        self.connections.remove(&flow);
                        return SocketEvent::Closed { flow };
                    }
                    event @ (SocketEvent::Datagram { .. } | SocketEvent::Message { .. }) => {
                        return event;
                    }
                },
            }
        }
    }

    /// Hands a message to its way out. False: there is none.
    pub(crate) fn send(&mut self, transmit: Transmit) -> bool {
        match transmit.path {
            Path::Flow { transport: Transport::Udp, remote, .. } => {
                self.udp_out.send_to(&transmit.bytes, remote).is_ok()
            }
            Path::Flow { flow, .. } => self.queue(flow, transmit.bytes),
            Path::Address(target) => match target.transport {
                Transport::Udp => self.udp_out.send_to(&transmit.bytes, target.address).is_ok(),
                Transport::Tcp => {
                    let flow = self.connection_to(target.address);
                    self.queue(flow, transmit.bytes)
                }
                Transport::Tls | Transport::Ws | Transport::Wss => false,
            },
        }
    }

    fn queue(&self, flow: FlowId, bytes: Bytes) -> bool {
        let connection = self.connections.get(&flow);
        connection.is_some_and(|connection| connection.outbound.try_send(bytes).is_ok())
    }

    fn connection_to(&mut self, remote: SocketAddr) -> FlowId {
        let open = self.connections.values().find(|connection| connection.remote == remote);
        if let Some(connection) = open {
            return connection.flow;
        }
        // Even numbers are ours, odd ones the accepting task's.
        self.flows_made += 2;
        let flow = FlowId(self.flows_made);
        let (outbound, queued) = mpsc::channel(CONNECTION_QUEUE);
        self.connections.insert(flow, Connection { flow, remote, outbound });
        let (events, shutdown) = (self.event_door.clone(), self.shutdown.clone());
        let local = self.local_towards(remote.ip());
        tokio::spawn(async move {
            let source = Source { transport: Transport::Tcp, local, remote, flow };
            match TcpStream::connect(remote).await {
                Ok(stream) => serve(stream, source, events, queued, shutdown).await,
                Err(error) => {
                    tracing::debug!(%remote, %error, "cannot connect");
                    let _ = events.send(SocketEvent::Closed { flow }).await;
                }
            }
        });
        flow
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn bind_both(listen: SocketAddr) -> io::Result<(std::net::UdpSocket, std::net::TcpListener)> {
    let mut tries = if listen.port() == 0 { SHARED_PORT_TRIES } else { 1 };
    loop {
        tries -= 1;
        let udp = std::net::UdpSocket::bind(listen)?;
        match std::net::TcpListener::bind(udp.local_addr()?) {
            Ok(tcp) => {
                udp.set_nonblocking(true)?;
                tcp.set_nonblocking(true)?;
                return Ok((udp, tcp));
            }
            Err(error) if tries == 0 => return Err(error),
            Err(_) => {}
        }
    }
}

async fn accept(
    listener: TcpListener,
    local: SocketAddr,
    events: mpsc::Sender<SocketEvent>,
    shutdown: CancellationToken,
) {
    let mut made = 1;
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, remote)) = accepted else { continue };
        made += 2;
        let flow = FlowId(made);
        let local = stream.local_addr().unwrap_or(local);
        let source = Source { transport: Transport::Tcp, local, remote, flow };
        let (outbound, queued) = mpsc::channel(CONNECTION_QUEUE);
        if events.send(SocketEvent::Accepted(Connection { flow, remote, outbound })).await.is_err()
        {
            return;
        }
        tokio::spawn(serve(stream, source, events.clone(), queued, shutdown.clone()));
    }
}

/// Reads and writes one connection until it ends.
async fn serve(
    mut stream: TcpStream,
    source: Source,
    events: mpsc::Sender<SocketEvent>,
    mut queued: mpsc::Receiver<Bytes>,
    shutdown: CancellationToken,
) {
    let _ = stream.set_nodelay(true);
    let (mut reading, mut writing) = stream.split();
    let mut framer = StreamFramer::new(Limits::DEFAULT);
    let mut buffer = vec![0; DATAGRAM_MAX];
    loop {
        tokio::select! {
            () = shutdown.cancelled() => {
                // What was queued before the end still leaves: the last BYE.
                while let Ok(bytes) = queued.try_recv() {
                    if writing.write_all(&bytes).await.is_err() {
                        return;
                    }
                }
                return;
            }
            Some(bytes) = queued.recv() => {
                if writing.write_all(&bytes).await.is_err() {
                    break;
                }
            }
            read = reading.read(&mut buffer) => {
                let Ok(length @ 1..) = read else { break };
                framer.push(&buffer[..length]);
                if !deliver(&mut framer, source, &events, &mut writing).await {
                    break;
                }
            }
        }
    }
    let _ = events.send(SocketEvent::Closed { flow: source.flow }).await;
}

/// Hands on every whole message. False: the stream is of no use any more.
async fn deliver(
    framer: &mut StreamFramer,
    source: Source,
    events: &mpsc::Sender<SocketEvent>,
    writing: &mut tokio::net::tcp::WriteHalf<'_>,
) -> bool {
    while let Some(framed) = framer.poll() {
        let outcome = match framed {
            Framed::Message(message) => ParseOutcome::Ok(message),
            Framed::Refused(malformed) => ParseOutcome::Malformed(malformed),
            Framed::Ping => {
                if writing.write_all(b"\r\n").await.is_err() {
                    return false;
                }
                continue;
            }
            Framed::Dropped(_) | Framed::Pong => continue,
            Framed::Close { .. } => return false,
        };
        if events.send(SocketEvent::Message { source, outcome }).await.is_err() {
            return false;
        }
    }
    true
}
