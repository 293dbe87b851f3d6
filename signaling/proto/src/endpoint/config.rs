//! What an endpoint is told once.

use crate::dialog::SUPPORTED;
use crate::message::Served;
use crate::{Method, SessionTimerConfig, Timing};
use std::time::Duration;

/// Our own name on one transport, as peers shall reach it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advertised {
    /// Host or address literal (IPv6 in brackets).
    pub host: Box<str>,
    /// Port.
    pub port: u16,
}

impl Advertised {
    /// From host and port.
    pub fn new(host: impl Into<Box<str>>, port: u16) -> Self {
        Self { host: host.into(), port }
    }
}

/// Our own names, for Via and Contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdvertisedSet {
    /// For UDP.
    pub udp: Advertised,
    /// For TCP.
    pub tcp: Advertised,
    /// For TLS.
    pub tls: Advertised,
    /// For WebSocket, plain.
    pub ws: Advertised,
    /// For WebSocket over TLS.
    pub wss: Advertised,
}

impl AdvertisedSet {
    /// One host, the well-known ports.
    pub fn one_host(host: &str, port: u16, tls_port: u16) -> Self {
        Self {
            udp: Advertised::new(host, port),
            tcp: Advertised::new(host, port),
            tls: Advertised::new(host, tls_port),
            ws: Advertised::new(host, 80),
            wss: Advertised::new(host, 443),
        }
    }
}

/// What an endpoint is told once.
#[derive(Clone, Debug)]
pub struct EndpointConfig {
    /// Our own names.
    pub advertised: AdvertisedSet,
    /// User-Agent and Server; empty: neither is sent.
    pub user_agent: Box<str>,
    /// Base of all timers.
    pub timing: Timing,
    /// More transactions than this are not begun.
    pub max_transactions: usize,
    /// More dialogs than this are not begun: a new INVITE gets 503.
    pub max_dialogs: usize,
    /// Value of Retry-After in that 503.
    pub overload_retry_after: Duration,
    /// An INVITE without final response, either way, ends after this.
    pub max_ring: Duration,
    /// Session timers (RFC 4028).
    pub session_timer: SessionTimerConfig,
    /// Offer `100rel` in our INVITEs and send our 18x reliably to who supports it (RFC 3262).
    pub reliable_provisional: bool,
    /// Methods, extensions and body types a new request may have (A22).
    pub served: Served,
    /// Content types of INFO that are handed up; others get 415.
    pub info_types: Vec<Box<str>>,
}

impl EndpointConfig {
    /// Defaults of the RFCs with our own names.
    pub fn new(advertised: AdvertisedSet) -> Self {
        Self {
            advertised,
            user_agent: "TeleHub".into(),
            timing: Timing::default(),
            max_transactions: 200_000,
            max_dialogs: 20_000,
            overload_retry_after: Duration::from_secs(5),
            max_ring: Duration::from_secs(300),
            session_timer: SessionTimerConfig::default(),
            reliable_provisional: false,
            served: served(),
            info_types: vec![
                "application/dtmf-relay".into(),
                "application/dtmf".into(),
                "application/broadsoft".into(),
            ],
        }
    }
}

fn served() -> Served {
    Served {
        methods: vec![
            Method::Invite,
            Method::Ack,
            Method::Cancel,
            Method::Bye,
            Method::Options,
            Method::Info,
            Method::Update,
            Method::Prack,
            Method::Refer,
            Method::Notify,
            Method::Message,
            Method::Register,
        ],
        options: SUPPORTED.to_vec(),
        body_types: vec!["application/sdp", "multipart/mixed", "text/plain"],
    }
}
