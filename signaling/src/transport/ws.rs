//! SIP over WebSocket (RFC 7118): the web server owns the socket, we see whole messages.

use super::{CONNECTION_QUEUE, Connection, NetworkEvent, Shared};
use bytes::Bytes;
use signaling_proto::{Message, Source, TransmitId, Transport, message::Limits};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::sync::mpsc;

/// Serves one upgraded socket, WSS where the web port speaks TLS (RFC 7118 §5.1), until either side closes its channel.
pub(crate) async fn serve(
    shared: Shared,
    (peer, transport): (SocketAddr, Transport),
    mut inbound: mpsc::Receiver<Bytes>,
    outbound: mpsc::Sender<Bytes>,
) {
    let Some(_place) = shared.gate.connection(peer.ip()) else { return };
    let flow = shared.next_flow();
    let (queue, mut queued) = mpsc::channel::<(TransmitId, Bytes)>(CONNECTION_QUEUE);
    let known = Arc::new(AtomicBool::new(false));
    let opened = NetworkEvent::Opened(Connection {
        flow,
        transport,
        remote: peer,
        outbound: queue,
        known: known.clone(),
        certificate: None,
    });
    if shared.network.send(opened).await.is_err() {
        return;
    }
    let bound = SocketAddr::from(([0, 0, 0, 0], transport.default_port()));
    let source =
        Source { transport, local: shared.local.towards(peer.ip(), bound), remote: peer, flow };
    loop {
        let limit = if known.load(Ordering::Relaxed) {
            shared.limits.idle_after_auth_s
        } else {
            shared.limits.idle_before_auth_s
        };
        tokio::select! {
            () = shared.shutdown.cancelled() => break,
            () = tokio::time::sleep(Duration::from_secs(limit)) => break,
            message = inbound.recv() => {
                let Some(bytes) = message else { break };
                if !take(&shared, source, bytes, &outbound).await {
                    break;
                }
            }
            message = queued.recv() => {
                let Some((transmit, bytes)) = message else { break };
                if outbound.send(bytes).await.is_err() {
                    let _ = shared.network.send(NetworkEvent::SendFailed { transmit }).await;
                    break;
                }
            }
        }
    }
    let _ = shared.network.send(NetworkEvent::Closed { flow }).await;
}

/// False when the connection is to end.
async fn take(
    shared: &Shared,
    source: Source,
    bytes: Bytes,
    outbound: &mpsc::Sender<Bytes>,
) -> bool {
    if bytes.as_ref() == b"\r\n\r\n" {
        return outbound.send(Bytes::from_static(b"\r\n")).await.is_ok();
    }
    if bytes.iter().all(|byte| byte.is_ascii_whitespace()) {
        return true;
    }
    if !shared.gate.allow(source.remote.ip(), Instant::now()) {
        crate::measure::dropped("source_rate");
        return true;
    }
    let outcome = Message::read(bytes, &Limits::DEFAULT);
    shared.network.send(NetworkEvent::Read { source, outcome: Box::new(outcome) }).await.is_ok()
}
