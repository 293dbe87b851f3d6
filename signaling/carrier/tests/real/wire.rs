//! The phone's own way to the network: one UDP socket, or one TCP connection.

use bytes::Bytes;
use signaling_proto::framer::{Framed, StreamFramer};
use signaling_proto::message::Limits;
use signaling_proto::{FlowId, Source, Transmit, Transport};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UdpSocket};

pub(crate) enum Wire {
    Udp(UdpSocket),
    Tcp { listener: TcpListener, stream: Option<TcpStream>, framer: Box<StreamFramer> },
}

impl Wire {
    pub(crate) async fn new(transport: Transport) -> Self {
        let any = "127.0.0.1:0";
        if transport == Transport::Udp {
            return Self::Udp(UdpSocket::bind(any).await.expect("a free port"));
        }
        Self::Tcp {
            listener: TcpListener::bind(any).await.expect("a free port"),
            stream: None,
            framer: Box::new(StreamFramer::new(Limits::DEFAULT)),
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        match self {
            Self::Udp(socket) => socket.local_addr(),
            Self::Tcp { listener, .. } => listener.local_addr(),
        }
        .expect("bound")
    }

    pub(crate) async fn send(&mut self, transmit: Transmit) {
        let to = transmit.path.remote();
        match self {
            Self::Udp(socket) => {
                socket.send_to(&transmit.bytes, to).await.expect("loopback takes it");
            }
            Self::Tcp { stream, .. } => {
                if stream.is_none() {
                    *stream = Some(TcpStream::connect(to).await.expect("it listens"));
                }
                let stream = stream.as_mut().expect("just made");
                stream.write_all(&transmit.bytes).await.expect("it is open");
            }
        }
    }

    pub(crate) async fn next(&mut self) -> (Source, Bytes) {
        let (local, flow) = (self.address(), FlowId(1));
        let mut buffer = vec![0; 65_535];
        match self {
            Self::Udp(socket) => {
                let (length, remote) = socket.recv_from(&mut buffer).await.expect("open");
                let bytes = Bytes::copy_from_slice(&buffer[..length]);
                (Source { transport: Transport::Udp, local, remote, flow }, bytes)
            }
            Self::Tcp { listener, stream, framer } => loop {
                if let Some(Framed::Message(message)) = framer.poll() {
                    let remote = stream.as_ref().expect("it came by it").peer_addr();
                    let remote = remote.expect("connected");
                    let source = Source { transport: Transport::Tcp, local, remote, flow };
                    return (source, message.bytes().clone());
                }
                match stream {
                    None => *stream = Some(listener.accept().await.expect("listening").0),
                    Some(stream) => match stream.read(&mut buffer).await {
                        Ok(length @ 1..) => framer.push(&buffer[..length]),
                        _ => std::future::pending().await,
                    },
                }
            },
        }
    }
}
