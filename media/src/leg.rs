//! One leg on its worker: sockets, agreement, streams, and what it hears.

use crate::browser::{Browser, Identity};
use crate::ports::{PortPair, PortPool};
use crate::recorder::Side;
use crate::sounds::{Resolved, Sounds};
use crate::{Config, FailReason, GroupKey, LegKey, LegQuality, LegSettings, PlaybackId};
use arrayvec::ArrayVec;
use media_proto::dtmf::{QUEUE_DIGITS_MAX, event_of};
use media_proto::rtp::SAMPLES_PER_MS;
use media_proto::sdp::{Agreed, Negotiation, Terms};
use media_proto::{
    Codec, DtmfReceiver, DtmfSender, OutStream, ReceiveStatistics, SourceGuard, SourceRules,
    SpeechDetector, e_model,
};
use mio::net::UdpSocket;
use rand::Rng;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Binding is tried on this many ports before giving up: others may sit in our range.
const BIND_ATTEMPTS: usize = 32;
/// Expedited forwarding (RFC 3246), as the upper six bits of the TOS byte.
const TOS_EXPEDITED: u32 = 0xB8;

/// What a leg hears instead of its peer.
#[derive(Debug)]
pub(crate) struct Playing {
    pub(crate) sound: Resolved,
    pub(crate) position: usize,
    /// Told at the end.
    pub(crate) playback: PlaybackId,
}

impl Playing {
    pub(crate) fn new(sound: Resolved, playback: PlaybackId) -> Self {
        Self { sound, position: 0, playback }
    }
}

/// Keys that sound in band one after the other; more than fit are dropped.
#[derive(Debug, Default)]
pub(crate) struct InBandKeys {
    /// Event codes.
    waiting: ArrayVec<u8, QUEUE_DIGITS_MAX>,
    /// In the sound of the first one.
    position: usize,
}

impl InBandKeys {
    pub(crate) fn push(&mut self, digits: &str) {
        for event in digits.chars().filter_map(event_of) {
            let _ = self.waiting.try_push(event);
        }
    }

    pub(crate) fn are_sounding(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// The next frame of them; false when there is none.
    pub(crate) fn fill(&mut self, sounds: &Sounds, codec: Codec, frame: &mut [u8]) -> bool {
        let Some(event) = self.waiting.first() else { return false };
        let clip = sounds.key(*event);
        clip.fill(codec, &mut self.position, false, frame);
        if self.position >= clip.len() {
            self.waiting.remove(0);
            self.position = 0;
        }
        true
    }
}

/// State of our RTCP reports.
#[derive(Debug)]
pub(crate) struct Reports {
    pub(crate) next: Instant,
    pub(crate) cname: [u8; 16],
    /// Middle of the NTP time of the peer's last sender report, and when it came.
    pub(crate) last_sender: Option<(u32, Instant)>,
    pub(crate) round_trip_ms: Option<f32>,
    /// Sum and number of the loss fractions the peer reported.
    pub(crate) remote_loss: (u64, u32),
    /// Where the peer's reports come from, where it may differ from what SDP said.
    pub(crate) learned: Option<SocketAddr>,
}

impl Reports {
    fn new(next: Instant, cname: [u8; 16]) -> Self {
        let (last_sender, round_trip_ms, learned) = (None, None, None);
        Self { next, cname, last_sender, round_trip_ms, remote_loss: (0, 0), learned }
    }
}

/// When a silent party is noticed.
#[derive(Debug)]
pub(crate) struct Watch {
    /// Only a leg that was bridged or echoed is watched.
    pub(crate) armed: bool,
    pub(crate) last_heard: Instant,
    pub(crate) reported: bool,
}

/// One leg.
#[derive(Debug)]
pub(crate) struct Leg {
    pub(crate) key: LegKey,
    pub(crate) group: GroupKey,
    pub(crate) negotiation: Negotiation,
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: Option<UdpSocket>,
    /// Given back when the leg is dropped.
    _ports: PortPair,
    pub(crate) guard: SourceGuard,
    pub(crate) learns: bool,
    pub(crate) agreed: Option<Agreed>,
    pub(crate) out: OutStream,
    pub(crate) statistics: ReceiveStatistics,
    pub(crate) keys_in: DtmfReceiver,
    pub(crate) keys_out: DtmfSender,
    /// Timestamp of the key being sent.
    pub(crate) key_timestamp: u32,
    /// Keys sounding in band, over everything else.
    pub(crate) keys_in_band: InBandKeys,
    pub(crate) playing: Option<Playing>,
    /// Slot of the leg it is bridged with; its own slot for an echo.
    pub(crate) peer: Option<usize>,
    pub(crate) muted: bool,
    /// Was bridged or played to: from then on it is never left without a stream.
    pub(crate) served: bool,
    pub(crate) speech: Option<SpeechDetector>,
    /// Recording slot and channel.
    pub(crate) tap: Option<(usize, Side)>,
    /// Set while the leg gets frames of our making.
    pub(crate) next_tick: Option<Instant>,
    pub(crate) reports: Reports,
    pub(crate) watch: Watch,
    /// ICE, DTLS and SRTP, where the party is a browser.
    pub(crate) browser: Option<Box<Browser>>,
}

/// What a leg is opened with besides its settings.
pub(crate) struct Surroundings<'a> {
    pub(crate) config: &'a Config,
    pub(crate) pool: &'a Arc<PortPool>,
    pub(crate) identity: &'a Identity,
}

/// A leg that is a browser's, and its payload type of telephone events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Browsing {
    pub(crate) telephone_event: Option<u8>,
}

impl Leg {
    /// Takes a pair of ports and binds RTP; RTCP too, unless the offer lets it share.
    pub(crate) fn open(
        now: Instant,
        key: LegKey,
        group: GroupKey,
        settings: &LegSettings,
        (address, browsing): (IpAddr, Option<Browsing>),
        surroundings: Surroundings<'_>,
    ) -> Result<Self, FailReason> {
        let Surroundings { config, pool, identity } = surroundings;
        let host = bind_address(config.listen, address);
        let (rtp, ports) = bind_pair(host, pool)?;
        // A browser has one port for everything.
        let rtcp = match browsing {
            None => bind(SocketAddr::new(host, ports.rtcp())).ok(),
            Some(_) => None,
        };
        let mut random = rand::rng();
        // RFC 3550 §5.1: a start below half the space leaves room before the first wrap.
        let out = OutStream::new(random.random(), random.random::<u16>() >> 1, random.random());
        let cname = cname(random.random());
        let local = SocketAddr::new(address, ports.rtp());
        let browser = browsing.map(|b| Browser::new(now, identity, (local, out.ssrc()), b));
        let mut browser = browser.transpose().map_err(|error| {
            tracing::error!(leg.id = %key.0, error, "no browser's leg can be made");
            FailReason::InternalError
        })?;
        let terms = Terms {
            codecs: allowed(&settings.codecs),
            telephone_event: settings.telephone_event,
            own_event_type: settings.own_event_type,
            ptime_ms: settings.ptime_ms.clamp(10, 60),
            address,
            port: ports.rtp(),
            browser: browser.as_mut().map(|browser| Box::new(browser.said(&cname))),
        };
        let rules = SourceRules { learn: settings.learn_address, learn_from: settings.learn_from };
        Ok(Self {
            key,
            group,
            // 62 bits, so that neither id nor version ever looks negative to anyone.
            negotiation: Negotiation::new(terms, random.random::<u64>() >> 2),
            rtp,
            rtcp,
            _ports: ports,
            guard: SourceGuard::new(rules),
            learns: settings.learn_address,
            agreed: None,
            out,
            statistics: ReceiveStatistics::default(),
            keys_in: DtmfReceiver::default(),
            keys_out: DtmfSender::default(),
            key_timestamp: 0,
            keys_in_band: InBandKeys::default(),
            playing: None,
            peer: None,
            muted: false,
            served: false,
            speech: None,
            tap: None,
            next_tick: None,
            reports: Reports::new(now + Duration::from_millis(config.rtcp_interval_ms / 2), cname),
            watch: Watch { armed: false, last_heard: now, reported: false },
            browser,
        })
    }

    /// An offer/answer exchange ended: what holds from now on. A party that was held had no
    /// reason to send; its silence counts anew.
    pub(crate) fn adopt(
        &mut self,
        now: Instant,
        agreed: Agreed,
        we_offered: bool,
    ) -> Result<(), FailReason> {
        if let (Some(browser), Some(theirs)) = (&mut self.browser, &agreed.browser) {
            browser.agree(theirs, we_offered).map_err(|error| {
                tracing::warn!(leg.id = %self.key.0, error, "a browser's description does not do");
                FailReason::IncompatibleMedia
            })?;
        }
        self.watch.last_heard = now;
        self.watch.reported = false;
        self.guard.signal(now, agreed.remote);
        if agreed.rtcp_mux {
            self.rtcp = None;
        }
        self.agreed = Some(agreed);
        Ok(())
    }

    /// Whether frames of our making are due every 20 ms.
    pub(crate) fn wants_frames(&self) -> bool {
        self.playing.is_some()
            || self.keys_in_band.are_sounding()
            || !self.keys_out.is_idle()
            || (self.peer.is_none() && self.served)
    }

    /// Something of ours is heard, so that what the peer says is left out.
    pub(crate) fn is_occupied(&self) -> bool {
        self.playing.is_some() || self.keys_in_band.are_sounding() || self.keys_out.is_sounding()
    }

    /// The codec we send, once agreed.
    pub(crate) fn codec(&self) -> Option<Codec> {
        self.agreed.as_ref().map(|a| a.codec)
    }

    /// How the leg fared so far (TEL-17).
    pub(crate) fn quality(&self) -> LegQuality {
        let (loss_sum, reports) = self.reports.remote_loss;
        let remote_loss = (reports > 0).then(|| loss_sum as f32 * 100.0 / 256.0 / reports as f32);
        let jitter_ms = self.statistics.jitter_ms_mean();
        let loss = self.statistics.loss_percent().max(remote_loss.unwrap_or(0.0));
        let rating = e_model::rating(loss, jitter_ms, self.reports.round_trip_ms);
        LegQuality {
            codec: self.codec().map_or("", Codec::name),
            packets_received: self.statistics.received(),
            packets_lost: self.statistics.lost(),
            packets_sent: self.out.sent().0,
            jitter_ms,
            round_trip_ms: self.reports.round_trip_ms,
            remote_loss_percent: remote_loss,
            mos: e_model::mos(rating),
        }
    }
}

/// Our clock in RTP timestamp units, for jitter.
pub(crate) fn arrival_units(since_start: std::time::Duration) -> u32 {
    // Wraps by design (RFC 3550 appendix A.8).
    (since_start.as_micros() as u64 * u64::from(SAMPLES_PER_MS) / 1000) as u32
}

/// The address to write into SDP for a leg.
pub(crate) fn sdp_address(config: &Config, settings: &LegSettings, peer: Option<IpAddr>) -> IpAddr {
    if let Some(address) = settings.address {
        return address;
    }
    let public = peer.is_none_or(is_public);
    let fits = |a: &IpAddr| peer.is_none_or(|p| p.is_ipv4() == a.is_ipv4());
    if let Some(external) = config.external_ip.filter(|a| public && fits(a)) {
        return external;
    }
    if !config.listen.is_unspecified() && fits(&config.listen) {
        return config.listen;
    }
    // 192.0.2.1 is nobody (RFC 5737): only the route there is looked up, nothing is sent.
    let towards = peer.unwrap_or(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)));
    local_towards(towards).unwrap_or(match towards {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
    })
}

fn local_towards(peer: IpAddr) -> Option<IpAddr> {
    let any: IpAddr = match peer {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
    socket.connect((peer, 9)).ok()?;
    socket.local_addr().ok().map(|a| a.ip())
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !(v4.is_private() || v4.is_loopback() || v4.is_link_local()),
        IpAddr::V6(v6) => !(v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local()),
    }
}

/// The configured address where its family fits, else every address of the right family.
fn bind_address(listen: IpAddr, written: IpAddr) -> IpAddr {
    match written {
        _ if listen.is_ipv4() == written.is_ipv4() => listen,
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

fn bind_pair(host: IpAddr, pool: &Arc<PortPool>) -> Result<(UdpSocket, PortPair), FailReason> {
    // Ports that others sit on are kept until we are done, lest they be drawn again.
    let mut taken = Vec::new();
    for _ in 0..BIND_ATTEMPTS {
        let Some(ports) = pool.take() else {
            return Err(if taken.is_empty() {
                FailReason::NoPorts
            } else {
                FailReason::InternalError
            });
        };
        match bind(SocketAddr::new(host, ports.rtp())) {
            Ok(socket) => return Ok((socket, ports)),
            Err(error) => {
                tracing::debug!(port = ports.rtp(), %error, "rtp port not free");
                taken.push(ports);
            }
        }
    }
    Err(FailReason::InternalError)
}

fn bind(address: SocketAddr) -> std::io::Result<UdpSocket> {
    let socket = std::net::UdpSocket::bind(address)?;
    socket.set_nonblocking(true)?;
    // Marking is a courtesy to the network; not every system lets us.
    let _ = match address {
        SocketAddr::V4(_) => socket2::SockRef::from(&socket).set_tos_v4(TOS_EXPEDITED),
        SocketAddr::V6(_) => socket2::SockRef::from(&socket).set_tclass_v6(TOS_EXPEDITED),
    };
    Ok(UdpSocket::from_std(socket))
}

/// Each once, best first; none named means all.
fn allowed(wanted: &[Codec]) -> ArrayVec<Codec, 2> {
    let all = [Codec::Pcma, Codec::Pcmu];
    let wanted = if wanted.is_empty() { &all[..] } else { wanted };
    let mut codecs = ArrayVec::new();
    for codec in wanted {
        if !codecs.contains(codec) {
            codecs.push(*codec);
        }
    }
    codecs
}

/// Random text (RFC 7022 §4.2).
fn cname(random: u64) -> [u8; 16] {
    std::array::from_fn(|n| b"0123456789abcdef"[(random >> (4 * n)) as usize & 15])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(config: &Config, peer: &str) -> IpAddr {
        let peer = Some(peer.parse().expect("an address"));
        sdp_address(config, &LegSettings::default(), peer)
    }

    #[test]
    fn the_external_address_is_for_public_peers_only() {
        let external: IpAddr = "203.0.113.5".parse().expect("an address");
        let config = Config { external_ip: Some(external), ..Config::default() };
        assert_eq!(address(&config, "198.51.100.7"), external);
        assert_eq!(address(&config, "127.0.0.1"), IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(address(&config, "::1"), IpAddr::V6(Ipv6Addr::LOCALHOST));
        let own: IpAddr = "192.0.2.77".parse().expect("an address");
        let settings = LegSettings { address: Some(own), ..LegSettings::default() };
        assert_eq!(sdp_address(&config, &settings, None), own);
        assert_eq!(sdp_address(&config, &LegSettings::default(), None), external);
    }

    /// performance.md §5: at most 16 KiB of state per leg.
    #[test]
    fn a_leg_is_small() {
        assert!(size_of::<Leg>() <= 4096, "{} bytes", size_of::<Leg>());
    }
}
