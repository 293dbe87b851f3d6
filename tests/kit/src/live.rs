//! The live socket as a screen sees it.

use futures::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, tungstenite::Message};

/// An open live socket. Everything received is kept.
pub struct Live {
    socket: WebSocketStream<MaybeTlsStream<tokio::net::TcpStream>>,
    /// The first message.
    pub snapshot: Value,
    /// Deltas in the order received.
    pub seen: Vec<Value>,
}

impl Live {
    /// Connects and waits for the snapshot.
    pub async fn open(base: &str, token: &str) -> Self {
        let url = format!("{}/api/v1/live", base.replacen("http", "ws", 1));
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.unwrap();
        socket.send(Message::Text(json!({ "token": token }).to_string().into())).await.unwrap();
        let mut live = Self { socket, snapshot: Value::Null, seen: Vec::new() };
        live.snapshot = live.next().await.expect("a snapshot");
        live
    }

    async fn next(&mut self) -> Option<Value> {
        while let Some(Ok(message)) = self.socket.next().await {
            if let Message::Text(text) = message {
                return serde_json::from_str(&text).ok();
            }
        }
        None
    }

    /// Reads until a delta fits, or fails after `limit`.
    pub async fn until(
        &mut self,
        what: &str,
        limit: Duration,
        fits: impl Fn(&Value) -> bool,
    ) -> Value {
        if let Some(found) = self.seen.iter().find(|v| fits(v)) {
            return found.clone();
        }
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            let next = tokio::time::timeout_at(deadline, self.next()).await;
            let Ok(Some(value)) = next else {
                panic!("no {what} on the live socket within {limit:?}; seen: {:#?}", self.seen);
            };
            self.seen.push(value.clone());
            if fits(&value) {
                return value;
            }
        }
    }

    /// Reads what comes within a time.
    pub async fn gather(&mut self, time: Duration) {
        let deadline = tokio::time::Instant::now() + time;
        while let Ok(Some(value)) = tokio::time::timeout_at(deadline, self.next()).await {
            self.seen.push(value);
        }
    }

    /// Reads until the server closes, which it must within `limit`; the code it gave.
    pub async fn closed(&mut self, limit: Duration) -> Option<u16> {
        let deadline = tokio::time::Instant::now() + limit;
        loop {
            match tokio::time::timeout_at(deadline, self.socket.next()).await {
                Ok(Some(Ok(Message::Close(frame)))) => return frame.map(|f| f.code.into()),
                Ok(Some(Ok(Message::Text(text)))) => {
                    self.seen.extend(serde_json::from_str::<Value>(&text));
                }
                Ok(Some(Ok(_))) => {}
                Ok(Some(Err(_)) | None) => return None,
                Err(_) => panic!("the live socket is still open after {limit:?}"),
            }
        }
    }
}
