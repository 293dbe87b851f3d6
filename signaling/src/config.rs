//! What the switch is told at start. Defaults give a working single machine.

use call::NodeId;
use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

/// Everything `Switch::start` needs beside its neighbours.
#[derive(Clone, Debug)]
pub struct SwitchConfig {
    /// This process.
    pub node: NodeId,
    /// UDP listeners; port 0 takes a free one.
    pub udp: Vec<SocketAddr>,
    /// TCP listeners.
    pub tcp: Vec<SocketAddr>,
    /// TLS listeners, where wanted.
    pub tls: Option<TlsConfig>,
    /// PEM of further authorities trusted when we call out over TLS, listening or not.
    pub trusted_authorities: Option<PathBuf>,
    /// Path on the web port where SIP over WebSocket is served (for the documents only; the
    /// web server hands upgraded sockets to `Switch::ws_connection`).
    pub ws_path: String,
    /// Host name put into Via and Contact where no address fits better.
    pub domain: Option<String>,
    /// Our address as seen from outside a NAT; used towards peers that are not private.
    pub external_ip: Option<IpAddr>,
    /// Folder below which recordings are written: `<spool>/<tenant>/<call>.wav`.
    pub spool: PathBuf,
    /// Value of User-Agent and Server.
    pub user_agent: String,
    /// Name servers; empty uses the system's.
    pub dns_servers: Vec<SocketAddr>,
    /// Digest algorithms offered to phones, in this order: `MD5`, `SHA-256`, `SHA-512-256`
    /// (RFC 8760). Common phones give up at an algorithm they do not know, so only MD5 is
    /// offered unless asked for; what is offered is accepted.
    pub digest: Vec<String>,
    /// Bounds.
    pub limits: Limits,
}

/// TLS listeners and their certificate.
#[derive(Clone, Debug)]
pub struct TlsConfig {
    /// Where to listen.
    pub listen: Vec<SocketAddr>,
    /// PEM chain; read again when the file changes (B14).
    pub certificate: PathBuf,
    /// PEM key.
    pub key: PathBuf,
    /// PEM of authorities whose client certificates identify trunks (B10).
    pub client_authorities: Option<PathBuf>,
}

/// Bounds, each with a stated answer for "full".
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Live calls; then 503 with Retry-After.
    pub calls_max: usize,
    /// Unauthenticated requests a second from one address; then dropped and counted.
    pub unauthenticated_per_s: u32,
    /// How many of them may come at once.
    pub unauthenticated_burst: u32,
    /// Stream connections from one address; then refused.
    pub connections_per_ip_max: usize,
    /// Stream connections in all; then refused.
    pub connections_max: usize,
    /// A connection on which nobody proved an identity is closed after this (A08).
    pub idle_before_auth_s: u64,
    /// A connection of a known party is closed after this much silence.
    pub idle_after_auth_s: u64,
    /// Shortest registration (423 below).
    pub registration_min_s: u32,
    /// Longest registration (shortened above).
    pub registration_max_s: u32,
    /// What a REGISTER without a wish gets.
    pub registration_default_s: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            calls_max: 2000,
            unauthenticated_per_s: 50,
            unauthenticated_burst: 200,
            connections_per_ip_max: 100,
            connections_max: 10_000,
            idle_before_auth_s: 30,
            idle_after_auth_s: 3900,
            registration_min_s: 60,
            registration_max_s: 3600,
            registration_default_s: 600,
        }
    }
}

impl SwitchConfig {
    /// The defaults of the installation, recording below `spool`.
    pub fn new(node: NodeId, spool: PathBuf) -> Self {
        let any = SocketAddr::from(([0, 0, 0, 0], 5060));
        Self {
            node,
            udp: vec![any],
            tcp: vec![any],
            tls: None,
            trusted_authorities: None,
            ws_path: "/sip".to_owned(),
            domain: None,
            external_ip: None,
            spool,
            user_agent: concat!("TeleHub/", env!("CARGO_PKG_VERSION")).to_owned(),
            dns_servers: Vec::new(),
            digest: vec!["MD5".to_owned()],
            limits: Limits::default(),
        }
    }
}
