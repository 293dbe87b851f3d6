//! SIP over WebSocket (RFC 7118): the handshake is ours, the messages are the switch's.

use crate::{AppState, guard::Peer, origin, problem::Problem};
use axum::{
    extract::{
        State, WebSocketUpgrade,
        ws::{Message, WebSocket},
    },
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use std::time::Duration;
use tokio::sync::mpsc;

/// Messages waiting in either direction; a peer that does not read is cut.
const QUEUE: usize = 64;
const LARGEST_MESSAGE: usize = 64 * 1024;
const SEND_WAIT: Duration = Duration::from_secs(5);

pub(crate) async fn sip(
    State(state): State<AppState>,
    Peer(peer): Peer,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if let Err(problem) = origin::check(&headers, &state.config) {
        return problem.into_response();
    }
    let Some(acceptor) = state.sip_socket.clone() else {
        return Problem::not_found("page").into_response();
    };
    if !speaks_sip(&headers) {
        return Problem::bad_request("ask for the WebSocket subprotocol `sip`").into_response();
    }
    upgrade
        .protocols(["sip"])
        .max_message_size(LARGEST_MESSAGE)
        .max_frame_size(LARGEST_MESSAGE)
        .on_upgrade(move |socket| async move {
            let (to_switch, inbound) = mpsc::channel(QUEUE);
            let (outbound, from_switch) = mpsc::channel(QUEUE);
            acceptor(peer, inbound, outbound);
            carry(socket, to_switch, from_switch).await;
        })
}

/// RFC 7118 §4.1: without the subprotocol it is no SIP socket.
fn speaks_sip(headers: &HeaderMap) -> bool {
    headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|list| list.split(','))
        .any(|name| name.trim().eq_ignore_ascii_case("sip"))
}

async fn carry(
    mut socket: WebSocket,
    to_switch: mpsc::Sender<Bytes>,
    mut from_switch: mpsc::Receiver<Bytes>,
) {
    loop {
        tokio::select! {
            message = socket.recv() => {
                let bytes = match message {
                    Some(Ok(Message::Text(text))) => Bytes::from(text),
                    Some(Ok(Message::Binary(bytes))) => bytes,
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                };
                if to_switch.send(bytes).await.is_err() {
                    return;
                }
            }
            bytes = from_switch.recv() => {
                let Some(bytes) = bytes else { return };
                let message = match std::str::from_utf8(&bytes) {
                    Ok(text) => Message::Text(text.into()),
                    Err(_) => Message::Binary(bytes),
                };
                match tokio::time::timeout(SEND_WAIT, socket.send(message)).await {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) | Err(_) => return,
                }
            }
        }
    }
}
