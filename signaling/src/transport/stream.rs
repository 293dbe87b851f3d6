//! TCP and TLS: one task per listener, one per connection.

use super::{CONNECTION_QUEUE, Connection, NetworkEvent, Shared, Tls, gate::Place};
use crate::{measure, vital::Part};
use bytes::{Bytes, BytesMut};
use rustls::pki_types::CertificateDer;
use signaling_proto::{
    FlowId, ParseOutcome, Source, TransmitId, Transport,
    framer::{Framed, StreamFramer},
    message::Limits,
};
use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::mpsc,
};

/// A TLS handshake takes no longer.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);

/// Connecting takes no longer; then the next target is tried.
const CONNECT_LIMIT: Duration = Duration::from_secs(4);

/// A peer that does not take our bytes for this long is gone.
const WRITE_LIMIT: Duration = Duration::from_secs(20);

/// Binds and starts accepting; with `tls`, every connection is TLS.
pub(crate) fn accept(
    address: SocketAddr,
    tls: Option<Arc<Tls>>,
    shared: &Shared,
) -> io::Result<SocketAddr> {
    let _here = shared.streams.enter();
    let listener = bind(address)?;
    let bound = listener.local_addr()?;
    let accepting = tokio::spawn(accept_loop(listener, bound, tls, shared.clone()));
    shared.vital.task(Part::Sip, "stream listener", accepting);
    Ok(bound)
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let domain = socket2::Domain::for_address(address);
    let socket = socket2::Socket::new(domain, socket2::Type::STREAM, None)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    // A restart must not wait for connections of the former process in TIME_WAIT.
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(1024)?;
    TcpListener::from_std(socket.into())
}

async fn accept_loop(
    listener: TcpListener,
    bound: SocketAddr,
    tls: Option<Arc<Tls>>,
    shared: Shared,
) {
    loop {
        let accepted = tokio::select! {
            () = shared.shutdown.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, remote) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of file descriptors, mostly: wait for some to come back.
                tracing::debug!(%error, "accept failed");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        // Dropping the stream closes it: the refusal of a full house (A08).
        let Some(place) = shared.gate.connection(remote.ip()) else {
            measure::dropped("connections");
            continue;
        };
        let (tls, shared) = (tls.clone(), shared.clone());
        tokio::spawn(
            async move { serve_accepted(stream, remote, bound, tls, shared, place).await },
        );
    }
}

async fn serve_accepted(
    stream: TcpStream,
    remote: SocketAddr,
    bound: SocketAddr,
    tls: Option<Arc<Tls>>,
    shared: Shared,
    place: Place,
) {
    let _ = stream.set_nodelay(true);
    let Some(tls) = tls else {
        let link = Link::new(Transport::Tcp, remote, bound, &shared);
        return link.serve_accepted(stream, None, shared, place).await;
    };
    match tokio::time::timeout(HANDSHAKE_LIMIT, tls.accept(stream)).await {
        Ok(Ok((stream, leaf))) => {
            let link = Link::new(Transport::Tls, remote, bound, &shared);
            link.serve_accepted(stream, leaf, shared, place).await;
        }
        Ok(Err(error)) => {
            measure::dropped("tls_handshake");
            tracing::debug!(%remote, %error, "TLS handshake failed");
        }
        Err(_) => measure::dropped("tls_handshake"),
    }
}

/// Opens a connection for messages already waiting in `queued`. Its failure fails them.
pub(super) fn connect(
    link: Link,
    server_name: Option<String>,
    tls: Arc<Tls>,
    shared: Shared,
    mut queued: mpsc::Receiver<(TransmitId, Bytes)>,
    known: Arc<AtomicBool>,
) {
    let streams = shared.streams.clone();
    streams.spawn(async move {
        let remote = link.source.remote;
        let opened = tokio::time::timeout(CONNECT_LIMIT, async {
            let stream = TcpStream::connect(remote).await?;
            stream.set_nodelay(true)?;
            Ok::<_, io::Error>(stream)
        })
        .await;
        let stream = match opened {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return fail(&shared, link, &mut queued, &error.to_string()).await,
            Err(_) => return fail(&shared, link, &mut queued, "timeout").await,
        };
        if link.source.transport == Transport::Tcp {
            return link.serve(stream, queued, known, shared).await;
        }
        let name = server_name.unwrap_or_else(|| remote.ip().to_string());
        match tokio::time::timeout(HANDSHAKE_LIMIT, tls.connect(stream, &name)).await {
            Ok(Ok(stream)) => link.serve(stream, queued, known, shared).await,
            Ok(Err(error)) => fail(&shared, link, &mut queued, &error.to_string()).await,
            Err(_) => fail(&shared, link, &mut queued, "TLS timeout").await,
        }
    });
}

async fn fail(
    shared: &Shared,
    link: Link,
    queued: &mut mpsc::Receiver<(TransmitId, Bytes)>,
    error: &str,
) {
    tracing::debug!(remote = %link.source.remote, error, "cannot connect");
    queued.close();
    while let Some((transmit, _)) = queued.recv().await {
        let _ = shared.network.send(NetworkEvent::SendFailed { transmit }).await;
    }
    let _ = shared.network.send(NetworkEvent::Closed { flow: link.source.flow }).await;
}

/// One connection between its socket and the SIP task.
pub(super) struct Link {
    pub(super) source: Source,
}

impl Link {
    fn new(transport: Transport, remote: SocketAddr, bound: SocketAddr, shared: &Shared) -> Self {
        let local = shared.local.towards(remote.ip(), bound);
        Self { source: Source { transport, local, remote, flow: shared.next_flow() } }
    }

    /// For a connection of ours, numbered by who asked for it.
    pub(super) fn outgoing(
        flow: FlowId,
        transport: Transport,
        remote: SocketAddr,
        local: SocketAddr,
    ) -> Self {
        Self { source: Source { transport, local, remote, flow } }
    }

    async fn serve_accepted<S: AsyncRead + AsyncWrite + Unpin + Send>(
        self,
        stream: S,
        certificate: Option<CertificateDer<'static>>,
        shared: Shared,
        place: Place,
    ) {
        let (outbound, queued) = mpsc::channel(CONNECTION_QUEUE);
        let known = Arc::new(AtomicBool::new(false));
        let opened = NetworkEvent::Opened(Connection {
            flow: self.source.flow,
            transport: self.source.transport,
            remote: self.source.remote,
            outbound,
            known: known.clone(),
            certificate,
        });
        if shared.network.send(opened).await.is_ok() {
            self.serve(stream, queued, known, shared).await;
        }
        drop(place);
    }

    async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(
        self,
        stream: S,
        mut queued: mpsc::Receiver<(TransmitId, Bytes)>,
        known: Arc<AtomicBool>,
        shared: Shared,
    ) {
        let end = self.pump(stream, &mut queued, &known, &shared).await;
        tracing::debug!(remote = %self.source.remote, ?end, "connection closed");
        queued.close();
        while let Ok((transmit, _)) = queued.try_recv() {
            let _ = shared.network.send(NetworkEvent::SendFailed { transmit }).await;
        }
        let _ = shared.network.send(NetworkEvent::Closed { flow: self.source.flow }).await;
    }

    async fn pump<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        stream: S,
        queued: &mut mpsc::Receiver<(TransmitId, Bytes)>,
        known: &AtomicBool,
        shared: &Shared,
    ) -> LinkEnd {
        let (mut reader, mut writer) = tokio::io::split(stream);
        let mut framer = StreamFramer::new(Limits::DEFAULT);
        let mut buffer = BytesMut::with_capacity(4096);
        let opened_at = Instant::now();
        let mut heard_at = opened_at;
        loop {
            let deadline = if known.load(Ordering::Relaxed) {
                heard_at + Duration::from_secs(shared.limits.idle_after_auth_s)
            } else {
                // From the start, not from the last byte: a slow drip buys no time (A08).
                opened_at + Duration::from_secs(shared.limits.idle_before_auth_s)
            };
            tokio::select! {
                () = shared.shutdown.cancelled() => return LinkEnd::Shutdown,
                () = tokio::time::sleep_until(deadline.into()) => return LinkEnd::Idle,
                message = queued.recv() => {
                    let Some((transmit, bytes)) = message else { return LinkEnd::Dropped };
                    if !write(&mut writer, &bytes).await {
                        let _ = shared.network.send(NetworkEvent::SendFailed { transmit }).await;
                        return LinkEnd::WriteFailed;
                    }
                }
                read = reader.read_buf(&mut buffer) => {
                    if !matches!(read, Ok(n) if n > 0) {
                        return LinkEnd::ClosedByPeer;
                    }
                    heard_at = Instant::now();
                    if let Some(end) = self.cut(&mut framer, &mut buffer, &mut writer, shared).await {
                        return end;
                    }
                }
            }
        }
    }

    /// Cuts what was read into messages and hands them on.
    async fn cut<W: AsyncWrite + Unpin>(
        &self,
        framer: &mut StreamFramer,
        buffer: &mut BytesMut,
        writer: &mut W,
        shared: &Shared,
    ) -> Option<LinkEnd> {
        framer.push(&buffer.split());
        while let Some(framed) = framer.poll() {
            let outcome = match framed {
                Framed::Ping => {
                    measure::keep_alive("stream");
                    if !write(writer, b"\r\n").await {
                        return Some(LinkEnd::WriteFailed);
                    }
                    continue;
                }
                Framed::Pong => continue,
                Framed::Message(message) => ParseOutcome::Ok(message),
                Framed::Refused(malformed) => ParseOutcome::Malformed(malformed),
                Framed::Dropped(error) => ParseOutcome::Drop(error),
                Framed::Close { refused, error } => {
                    measure::dropped("framing");
                    tracing::debug!(remote = %self.source.remote, %error, "stream cannot be framed");
                    if let Some(refused) = refused {
                        let tag = format!("{:08x}", rand::random::<u32>());
                        write(writer, &refused.response(self.source.remote, &tag)).await;
                    }
                    return Some(LinkEnd::Malformed);
                }
            };
            if !shared.gate.allow(self.source.remote.ip(), Instant::now()) {
                measure::dropped("source_rate");
                continue;
            }
            let event = NetworkEvent::Read { source: self.source, outcome: Box::new(outcome) };
            if shared.network.send(event).await.is_err() {
                return Some(LinkEnd::Shutdown);
            }
        }
        None
    }
}

/// Why a connection ended, for the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LinkEnd {
    Shutdown,
    Idle,
    Dropped,
    WriteFailed,
    ClosedByPeer,
    Malformed,
}

async fn write<W: AsyncWrite + Unpin>(writer: &mut W, bytes: &[u8]) -> bool {
    let written = tokio::time::timeout(WRITE_LIMIT, async {
        writer.write_all(bytes).await?;
        writer.flush().await
    })
    .await;
    matches!(written, Ok(Ok(())))
}
