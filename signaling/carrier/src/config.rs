//! What the simulated carrier is told at start.

use crate::Mix;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

/// Settings of the simulated carrier; the defaults serve one machine.
#[derive(Clone, Debug)]
pub struct Config {
    /// UDP and TCP address; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What numbers without a fixed behaviour do.
    pub mix: Mix,
    /// Language of its announcements: a folder of `sounds_dir`.
    pub language: String,
    /// Folder with `<language>/<name>.wav`.
    pub sounds_dir: Option<PathBuf>,
    /// Address of its RTP sockets.
    pub rtp_listen: IpAddr,
    /// First RTP port.
    pub rtp_port_min: u16,
    /// Last RTP port.
    pub rtp_port_max: u16,
    /// Calls at the same time; more get 503.
    pub calls_max: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 5090)),
            mix: Mix { answer_rate: 0.6, seed: 1 },
            language: "en".to_owned(),
            sounds_dir: None,
            rtp_listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
            rtp_port_min: 30_000,
            rtp_port_max: 34_999,
            calls_max: 2_000,
        }
    }
}
