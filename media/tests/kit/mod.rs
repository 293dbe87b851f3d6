//! Test phones over real UDP on loopback, and an engine whose events can be awaited.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks one event and leaves the others")]

use bytes::Bytes;
use media::{
    Codec, Config, Engine, GroupKey, LegKey, LegQuality, LegSettings, MediaCommand, MediaEvent,
    RecordingKey,
};
use media_proto::rtp::{Header, Packet};
use media_proto::tone;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// Nothing a test waits for takes longer.
const PATIENCE: Duration = Duration::from_secs(5);
/// Events that may wait to be looked at; the queue takes its memory at once.
const EVENTS_MAX: usize = 4096;
static NEXT_PORT: AtomicU16 = AtomicU16::new(0);

/// A range of ports of its own for each engine, also over test binaries.
pub(crate) fn port_range(size: u16) -> (u16, u16) {
    let base = 30_000 + (std::process::id() % 100) as u16 * 200;
    let min = base + NEXT_PORT.fetch_add(size, Ordering::Relaxed) % 20_000;
    (min, min + size - 1)
}

pub(crate) fn config() -> Config {
    let (port_min, port_max) = port_range(40);
    let listen = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Config { listen, port_min, port_max, workers: 2, ..Config::default() }
}

/// An engine and what it says.
pub(crate) struct Rig {
    pub(crate) engine: Engine,
    events: Receiver<MediaEvent>,
    kept: Vec<MediaEvent>,
    legs: u128,
}

impl Rig {
    pub(crate) fn new(config: Config) -> Self {
        Self::with(config, |_| {})
    }

    /// With something that happens on the media thread at each event.
    pub(crate) fn with(config: Config, hook: impl Fn(&MediaEvent) + Send + Sync + 'static) -> Self {
        let (sender, events) = sync_channel(EVENTS_MAX);
        let sink = Arc::new(move |event| {
            hook(&event);
            drop(sender.try_send(event));
        });
        let engine = Engine::start(config, sink).expect("an engine");
        Self { engine, events, kept: Vec::new(), legs: 0 }
    }

    pub(crate) fn submit(&self, command: MediaCommand) {
        self.engine.submit(command).expect("room in the queue");
    }

    pub(crate) fn new_leg(&mut self) -> LegKey {
        self.legs += 1;
        LegKey(Uuid::from_u128(self.legs))
    }

    /// The first event the picker takes; the others are kept for later.
    pub(crate) fn await_event<T>(&mut self, mut pick: impl FnMut(&MediaEvent) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        if let Some(index) = self.kept.iter().position(|e| pick(e).is_some()) {
            return pick(&self.kept.remove(index)).expect("picked before");
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.events.recv_timeout(left) {
                Ok(event) => match pick(&event) {
                    Some(found) => return found,
                    None => self.kept.push(event),
                },
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("event did not come; instead: {:?}", self.kept)
                }
            }
        }
    }

    /// Everything said so far.
    pub(crate) fn events(&mut self) -> Vec<MediaEvent> {
        self.kept.extend(self.events.try_iter());
        std::mem::take(&mut self.kept)
    }

    /// Ends the engine; everything it said.
    pub(crate) fn shut_down(self) -> Vec<MediaEvent> {
        self.engine.shutdown();
        self.kept.into_iter().chain(self.events.try_iter()).collect()
    }

    /// A leg whose party offered.
    pub(crate) fn open(&mut self, phone: &mut Phone, settings: LegSettings) -> LegKey {
        self.open_in(group(), phone, settings)
    }

    pub(crate) fn open_in(
        &mut self,
        group: GroupKey,
        phone: &mut Phone,
        settings: LegSettings,
    ) -> LegKey {
        let leg = self.new_leg();
        let offer = Some(phone.sdp());
        self.submit(MediaCommand::Open { leg, group, offer, settings });
        let sdp = self.await_event(|e| match e {
            MediaEvent::Opened { leg: l, sdp } if *l == leg => Some(sdp.clone()),
            MediaEvent::Failed { leg: l, reason } if *l == leg => panic!("refused: {reason}"),
            _ => None,
        });
        phone.take(&sdp);
        leg
    }

    /// Two bridged legs of one call.
    pub(crate) fn bridge(&mut self, a: &mut Phone, b: &mut Phone) -> [LegKey; 2] {
        let settings = LegSettings::default();
        let legs = [self.open(a, settings.clone()), self.open(b, settings)];
        self.submit(MediaCommand::Bridge { a: legs[0], b: legs[1] });
        legs
    }

    pub(crate) fn close(&mut self, leg: LegKey) -> LegQuality {
        self.submit(MediaCommand::Close { leg });
        self.await_event(|e| match e {
            MediaEvent::Closed { leg: l, quality } if *l == leg => Some(quality.clone()),
            _ => None,
        })
    }

    /// A new offer of the party.
    pub(crate) fn reoffer(&mut self, leg: LegKey, phone: &mut Phone, sdp: Bytes) -> String {
        self.submit(MediaCommand::AnswerReoffer { leg, sdp: Some(sdp) });
        let answer = self.await_event(|e| match e {
            MediaEvent::Reanswered { leg: l, sdp, .. } if *l == leg => Some(sdp.clone()),
            MediaEvent::Failed { leg: l, reason } if *l == leg => panic!("refused: {reason}"),
            _ => None,
        });
        phone.take(&answer);
        String::from_utf8(answer.to_vec()).expect("text")
    }

    pub(crate) fn stop_recording(&mut self, recording: RecordingKey) -> u64 {
        self.submit(MediaCommand::StopRecording { recording });
        self.await_event(|e| match e {
            MediaEvent::RecordingStopped { recording: r, duration_ms } if *r == recording => {
                Some(*duration_ms)
            }
            _ => None,
        })
    }
}

pub(crate) fn group() -> GroupKey {
    GroupKey(Uuid::from_u128(1))
}

pub(crate) fn recording() -> RecordingKey {
    RecordingKey(Uuid::from_u128(1))
}

/// A party with a real socket.
pub(crate) struct Phone {
    pub(crate) socket: UdpSocket,
    pub(crate) codec: Codec,
    pub(crate) payload_type: u8,
    pub(crate) event_type: Option<u8>,
    /// The engine's RTP port.
    pub(crate) remote: Option<SocketAddr>,
    /// What it says: a sine, or nothing.
    pub(crate) says: Option<u16>,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) packet_ms: u32,
    /// Samples heard since last cleared.
    pub(crate) heard: Vec<i16>,
    /// Headers and payloads received since last cleared.
    pub(crate) packets: Vec<(Packet, Vec<u8>)>,
    spoken: usize,
}

impl Phone {
    pub(crate) fn new(codec: Codec) -> Self {
        Self::at("127.0.0.1", codec)
    }

    pub(crate) fn at(host: &str, codec: Codec) -> Self {
        let socket = UdpSocket::bind((host, 0)).expect("a socket");
        let ssrc = u32::from(socket.local_addr().expect("bound").port());
        Self {
            socket,
            codec,
            payload_type: codec.static_payload_type(),
            event_type: Some(101),
            remote: None,
            says: None,
            sequence: 1000,
            timestamp: 50_000,
            ssrc,
            packet_ms: 20,
            heard: Vec::new(),
            packets: Vec::new(),
            spoken: 0,
        }
    }

    pub(crate) fn says(codec: Codec, hertz: u16) -> Self {
        Self { says: Some(hertz), ..Self::new(codec) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("bound")
    }

    pub(crate) fn sdp(&self) -> Bytes {
        self.sdp_with("a=sendrecv\r\n")
    }

    pub(crate) fn sdp_with(&self, extra: &str) -> Bytes {
        let (ip, port) = (self.address().ip(), self.address().port());
        self.sdp_at(ip, port, extra)
    }

    pub(crate) fn sdp_at(&self, ip: IpAddr, port: u16, extra: &str) -> Bytes {
        let pt = self.payload_type;
        let name = self.codec.name();
        let kind = if ip.is_ipv4() { "IP4" } else { "IP6" };
        let (format, map) = self.event_type.map_or_else(Default::default, |e| {
            (format!(" {e}"), format!("a=rtpmap:{e} telephone-event/8000\r\n"))
        });
        let text = format!(
            "v=0\r\no=- 1 1 IN {kind} {ip}\r\ns=-\r\nc=IN {kind} {ip}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {pt}{format}\r\na=rtpmap:{pt} {name}/8000\r\n{map}{extra}"
        );
        Bytes::from(text)
    }

    /// Reads where the engine listens.
    pub(crate) fn take(&mut self, sdp: &[u8]) {
        let text = std::str::from_utf8(sdp).expect("text");
        let field = |prefix: &str, n: usize| {
            let line = text.lines().find(|l| l.starts_with(prefix)).expect("a line");
            line.split(' ').nth(n).expect("a field").to_owned()
        };
        let ip: IpAddr = field("c=", 2).parse().expect("an address");
        self.remote = Some(SocketAddr::new(ip, field("m=audio", 1).parse().expect("a port")));
    }

    /// Sends one packet of what it says.
    pub(crate) fn speak(&mut self) {
        let samples = self.packet_ms as usize * 8;
        if let (Some(hertz), Some(_)) = (self.says, self.remote) {
            let wave = tone::sine(hertz);
            let payload: Vec<u8> = (0..samples)
                .map(|n| self.codec.encode(wave[(self.spoken + n) % wave.len()]))
                .collect();
            self.send(self.payload_type, false, &payload);
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(samples as u32);
        self.spoken += samples;
    }

    pub(crate) fn send(&self, payload_type: u8, marker: bool, payload: &[u8]) {
        let header =
            Header { marker, sequence: self.sequence, timestamp: self.timestamp, ssrc: self.ssrc };
        let mut bytes = header.to_bytes(payload_type).to_vec();
        bytes.extend_from_slice(payload);
        self.send_raw(&bytes);
    }

    pub(crate) fn send_raw(&self, bytes: &[u8]) {
        let to = self.remote.expect("the engine's port");
        self.socket.send_to(bytes, to).expect("sent");
    }

    /// Listens until the deadline.
    pub(crate) fn listen(&mut self, until: Instant) {
        let mut buffer = [0; 2048];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.socket.set_nonblocking(true).expect("a socket option");
            } else {
                self.socket.set_nonblocking(false).expect("a socket option");
                self.socket.set_read_timeout(Some(left)).expect("a socket option");
            }
            let Ok(length) = self.socket.recv(&mut buffer) else { return };
            let Ok(packet) = Packet::parse(&buffer[..length]) else { continue };
            let payload = buffer[packet.payload.clone()].to_vec();
            if packet.payload_type == self.payload_type {
                self.heard.extend(payload.iter().map(|w| self.codec.decode(*w)));
            }
            self.packets.push((packet, payload));
        }
    }

    /// The share of a frequency in the newest `ms` of what was heard.
    pub(crate) fn hears(&self, hertz: u16, ms: usize) -> f64 {
        let from = self.heard.len().saturating_sub(ms * 8);
        tone::share(&self.heard[from..], hertz)
    }

    pub(crate) fn clear(&mut self) {
        self.heard.clear();
        self.packets.clear();
    }
}

/// Lets the phones talk and listen in real time.
pub(crate) fn converse(phones: &mut [&mut Phone], ms: u64) {
    let start = Instant::now();
    let step = u64::from(phones.iter().map(|p| p.packet_ms).min().unwrap_or(20));
    for n in 0..ms / step {
        let next = start + Duration::from_millis((n + 1) * step);
        for phone in phones.iter_mut() {
            if (n * step).is_multiple_of(u64::from(phone.packet_ms)) {
                phone.speak();
            }
        }
        let share = next.saturating_duration_since(Instant::now()) / phones.len() as u32;
        for phone in phones.iter_mut() {
            phone.listen(Instant::now() + share);
        }
    }
}

/// How purely a tone sounds for most of the time: the median over 40 ms blocks. A recording keeps
/// the wall clock, so on a busy machine a packet sent late leaves a gap and a jump of phase.
pub(crate) fn mostly(samples: &[i16], hertz: u16) -> f64 {
    let mut shares: Vec<f64> =
        samples.chunks_exact(320).map(|block| tone::share(block, hertz)).collect();
    shares.sort_by(f64::total_cmp);
    shares.get(shares.len() / 2).copied().unwrap_or(0.0)
}

/// Both channels of a recording.
pub(crate) fn channels(path: &std::path::Path) -> [Vec<i16>; 2] {
    let mut reader = hound::WavReader::open(path).expect("a sound wav");
    assert_eq!((reader.spec().channels, reader.spec().sample_rate), (2, 8000));
    let samples: Vec<i16> = reader.samples().map(|s| s.expect("a sample")).collect();
    [0, 1].map(|c| samples.iter().skip(c).step_by(2).copied().collect())
}
