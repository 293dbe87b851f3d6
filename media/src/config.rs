//! Settings of the engine.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// Settings of the engine; the defaults give a working single machine.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address the RTP sockets are bound to.
    pub listen: IpAddr,
    /// Address written into SDP for public peers, where it differs from the local one.
    pub external_ip: Option<IpAddr>,
    /// First port of the range.
    pub port_min: u16,
    /// Last port of the range.
    pub port_max: u16,
    /// Worker threads; 0 means one per core.
    pub workers: usize,
    /// Folder with `<language>/<name>.wav` and `music/hold.wav`; `None`: no prompts.
    pub sounds_dir: Option<PathBuf>,
    /// A bridged leg that receives nothing for this long is reported `Silent` (C13).
    pub dead_media_ms: u64,
    /// The same while on hold.
    pub dead_media_hold_ms: u64,
    /// Time between RTCP reports of a leg.
    pub rtcp_interval_ms: u64,
    /// Report `MediaEvent::Quality` with every RTCP report.
    pub quality_events: bool,
    /// Commands that may wait per worker. The last quarter is kept for legs that are open.
    pub queue_capacity: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            external_ip: None,
            port_min: 20_000,
            port_max: 29_999,
            workers: 0,
            sounds_dir: None,
            dead_media_ms: 30_000,
            dead_media_hold_ms: 1_800_000,
            rtcp_interval_ms: 5_000,
            quality_events: false,
            queue_capacity: 4_096,
        }
    }
}
