//! UDP: one task per listener, draining the socket after each wake-up.

use super::{NetworkEvent, Shared};
use crate::{measure, vital::Part};
use bytes::Bytes;
use signaling_proto::{
    FlowId, Message, Source, Transport,
    message::Limits,
    stun::{BindingRequest, is_stun},
};
use socket2::{Domain, Protocol, Socket, Type};
use std::{
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::net::UdpSocket;

/// Kernel buffer asked for, each way: a second of a busy registrar.
const SOCKET_BUFFER: usize = 4 << 20;

/// The largest datagram there can be.
const DATAGRAM_MAX: usize = 65_535;

/// One bound UDP socket.
#[derive(Debug)]
pub(crate) struct UdpListener {
    /// The same socket as the receiver's, for sending: what the kernel says counts, not the
    /// runtime's notion of readiness, which is false on a fresh socket.
    pub(crate) sender: std::net::UdpSocket,
    pub(crate) bound: SocketAddr,
    pub(crate) flow: FlowId,
}

impl UdpListener {
    /// Binds and starts receiving.
    pub(crate) fn start(address: SocketAddr, shared: &Shared) -> io::Result<Self> {
        let sender = bind(address)?;
        let socket = UdpSocket::from_std(sender.try_clone()?)?;
        let bound = socket.local_addr()?;
        let flow = shared.next_flow();
        let receiver = receive(socket, sender.try_clone()?, bound, flow, shared.clone());
        shared.vital.task(Part::Sip, "UDP receiver", tokio::spawn(receiver));
        Ok(Self { sender, bound, flow })
    }
}

fn bind(address: SocketAddr) -> io::Result<std::net::UdpSocket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // No SO_REUSEPORT here: there is one SIP task, so a second socket would add no speed, and
    // a second process could take half of our datagrams without an error.
    socket.set_nonblocking(true)?;
    let _ = socket.set_recv_buffer_size(SOCKET_BUFFER);
    let _ = socket.set_send_buffer_size(SOCKET_BUFFER);
    socket.bind(&address.into())?;
    Ok(socket.into())
}

async fn receive(
    socket: UdpSocket,
    sender: std::net::UdpSocket,
    bound: SocketAddr,
    flow: FlowId,
    shared: Shared,
) {
    let mut buffer = vec![0u8; DATAGRAM_MAX];
    loop {
        tokio::select! {
            () = shared.shutdown.cancelled() => return,
            ready = socket.readable() => {
                if ready.is_err() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    continue;
                }
            }
        }
        // `try_recv_from` reports an ICMP error of an earlier send as an error: not ours.
        loop {
            match socket.try_recv_from(&mut buffer) {
                Ok((length, remote)) => {
                    take(&sender, bound, flow, &shared, remote, &buffer[..length]);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => tracing::debug!(%error, "UDP receive failed"),
            }
        }
    }
}

fn take(
    sender: &std::net::UdpSocket,
    bound: SocketAddr,
    flow: FlowId,
    shared: &Shared,
    remote: SocketAddr,
    datagram: &[u8],
) {
    if !shared.gate.allow(remote.ip(), Instant::now()) {
        measure::dropped("source_rate");
        return;
    }
    if is_stun(datagram) {
        measure::keep_alive("stun");
        if let Some(request) = BindingRequest::parse(datagram) {
            let _ = sender.send_to(&request.response(remote), remote);
        }
        return;
    }
    match datagram.first() {
        // Blank lines and NULs keep a NAT binding open; nothing is expected back.
        None | Some(b'\r' | b'\n' | 0) => measure::keep_alive("udp"),
        Some(_) => {
            let local = shared.local.towards(remote.ip(), bound);
            let source = Source { transport: Transport::Udp, local, remote, flow };
            let outcome = Message::read(Bytes::copy_from_slice(datagram), &Limits::DEFAULT);
            shared.offer(NetworkEvent::Read { source, outcome: Box::new(outcome) });
        }
    }
}
