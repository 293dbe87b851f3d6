//! The packet path allocates nothing. One test in a process of its own, as the count is the
//! process's: the engine's threads, and this one, which sends from buffers made before.

mod kit;

use alloc_tracker::{Allocator, Session};
use kit::{Phone, Rig, config, group};
use media::{Codec, Config, LegKey, LegSettings, MediaCommand, RecordingKey};
use media_proto::rtcp::{REPORT_BYTES_MAX, Report, ReportBlock, SenderInfo};
use media_proto::rtp::Header;
use media_proto::statistics::ReceiverView;
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use uuid::Uuid;

#[global_allocator]
static ALLOCATOR: Allocator<std::alloc::System> = Allocator::system();

const FRAME: Duration = Duration::from_millis(20);
/// Two seconds: five hand-overs to the writer, ten reports, several keys.
const FRAMES: u32 = 100;
/// A thread of the writer that the machine let wait may need one more buffer: the path itself
/// would allocate in each window.
const WINDOWS: usize = 4;

/// A phone that can send and listen without a heap.
struct Party {
    phone: Phone,
    leg: LegKey,
    received: u32,
    /// Presses keys, as telephone events, beside what it says.
    presses: bool,
    /// Strangers and strange packets come to its port.
    disturbed: bool,
}

impl Party {
    fn new(rig: &mut Rig, call: u128, codec: Codec, events: Option<u8>) -> Self {
        let mut phone = Phone::says(codec, 440);
        phone.event_type = events;
        let settings = LegSettings::default();
        let leg = rig.open_in(media::GroupKey(Uuid::from_u128(call)), &mut phone, settings);
        phone.socket.set_nonblocking(true).expect("a socket option");
        Self { phone, leg, received: 0, presses: false, disturbed: false }
    }

    fn send(&mut self, bytes: &[u8]) {
        self.phone.socket.send_to(bytes, self.to()).expect("sent");
    }

    fn to(&self) -> SocketAddr {
        self.phone.remote.expect("open")
    }

    fn speak(&mut self, n: u32, stranger: &std::net::UdpSocket) {
        let (sequence, timestamp, ssrc) =
            (self.phone.sequence, self.phone.timestamp, self.phone.ssrc);
        let header = |timestamp, marker| Header { marker, sequence, timestamp, ssrc };
        let mut packet = [self.phone.codec.encode(8000); 172];
        // A press of 60 ms every 300 ms.
        let step = n % 15;
        if self.presses && step < 3 {
            let begun = timestamp - 160 * step;
            packet[..12].copy_from_slice(&header(begun, step == 0).to_bytes(101));
            let digit = (n / 15 % 10) as u8;
            let end = if step == 2 { 0x80 } else { 0 };
            packet[12..16].copy_from_slice(&[digit, end | 10, 0, (step as u8 + 1) * 80]);
            self.send(&packet[..16]);
        } else {
            packet[..12]
                .copy_from_slice(&header(timestamp, n == 0).to_bytes(self.phone.payload_type));
            self.send(&packet);
        }
        if self.disturbed {
            stranger.send_to(&packet, self.to()).expect("sent");
            self.send(&[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42]);
            self.send(&[0x80]);
            packet[1] = 77;
            self.send(&packet);
        }
        if n % 10 == 5 {
            self.report(n);
        }
        self.phone.sequence = sequence.wrapping_add(1);
        self.phone.timestamp = timestamp.wrapping_add(160);
    }

    fn report(&self, n: u32) {
        let view = ReceiverView { ssrc: 1, fraction_lost: 3, ..ReceiverView::default() };
        let sender = SenderInfo {
            ntp: u64::from(n) << 32,
            rtp_timestamp: self.phone.timestamp,
            packets: n,
            octets: n * 160,
        };
        let report = Report {
            ssrc: self.phone.ssrc,
            sender: Some(sender),
            block: Some(ReportBlock { view, last_report: 1, delay: 1 }),
            cname: b"0123456789abcdef",
            bye: false,
        };
        let mut bytes = [0; REPORT_BYTES_MAX];
        let length = report.write(&mut bytes);
        let mut to = self.to();
        to.set_port(to.port() + 1);
        self.phone.socket.send_to(&bytes[..length], to).expect("sent");
    }

    fn listen(&mut self) {
        let mut buffer = [0; 2048];
        while self.phone.socket.recv(&mut buffer).is_ok() {
            self.received += 1;
        }
    }
}

/// Everybody talks for this many frames, in real time.
fn talk(parties: &mut [Party], stranger: &std::net::UdpSocket, frames: u32) {
    let begun = Instant::now();
    for n in 0..frames {
        parties.iter_mut().for_each(|p| p.speak(n, stranger));
        std::thread::sleep((begun + FRAME * (n + 1)).saturating_duration_since(Instant::now()));
        parties.iter_mut().for_each(Party::listen);
    }
}

fn floor(rig: &mut Rig, folder: &std::path::Path) -> Vec<Party> {
    let pairs = [
        // Relayed, disturbed; translated; with keys both ends know; with keys one end must hear.
        [(Codec::Pcma, Some(101)), (Codec::Pcma, Some(101))],
        [(Codec::Pcma, Some(101)), (Codec::Pcmu, Some(101))],
        [(Codec::Pcmu, Some(101)), (Codec::Pcmu, Some(96))],
        [(Codec::Pcmu, Some(101)), (Codec::Pcma, None)],
    ];
    let mut parties = Vec::new();
    for (call, pair) in (0..).zip(pairs) {
        let [a, b] = pair.map(|(codec, events)| Party::new(rig, call, codec, events));
        let (left, right) = (a.leg, b.leg);
        rig.submit(MediaCommand::Bridge { a: left, b: right });
        rig.submit(MediaCommand::DetectSpeech { leg: left, enabled: true });
        // Every call is recorded, but the first: what a packet does without it is counted too.
        if call > 0 {
            let (recording, path) =
                (RecordingKey(Uuid::from_u128(call)), folder.join(format!("{call}.wav")));
            rig.submit(MediaCommand::Record { recording, left, right, path, silence_ms: 0 });
        }
        parties.extend([a, b]);
    }
    parties[0].disturbed = true;
    parties[4].presses = true;
    parties[6].presses = true;
    parties
}

#[test]
fn no_packet_allocates_whatever_is_done_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    // Reports every 200 ms; quality is an event of the control path, off as in the product.
    let mut rig = Rig::new(Config { workers: 1, rtcp_interval_ms: 200, ..config() });
    let mut parties = floor(&mut rig, folder.path());
    let stranger = std::net::UdpSocket::bind("127.0.0.66:0").expect("a socket");
    talk(&mut parties, &stranger, FRAMES);
    rig.events();
    let session = Session::new().no_stdout().no_file();
    let mut counts = Vec::new();
    for window in 0..WINDOWS {
        parties.iter_mut().for_each(|p| p.received = 0);
        let operation = session.operation(format!("window {window}"));
        let span = operation.measure_process();
        talk(&mut parties, &stranger, FRAMES);
        drop(span.iterations(1));
        counts.push(allocations(&session, &format!("window {window}")));
        for party in &parties {
            assert!(party.received >= FRAMES * 3 / 4, "{} packets came back", party.received);
        }
        if counts.last() == Some(&0) {
            break;
        }
    }
    assert_eq!(counts.last(), Some(&0), "allocations in each of {WINDOWS} windows: {counts:?}");
    let digits =
        rig.events().iter().filter(|e| matches!(e, media::MediaEvent::Dtmf { .. })).count();
    assert!(digits >= 6, "{digits} keys were seen");
    // The count counts: a leg more is an allocation on the engine's thread.
    let span = session.operation("a leg more").measure_process();
    rig.open_in(group(), &mut Phone::new(Codec::Pcma), LegSettings::default());
    drop(span.iterations(1));
    assert!(allocations(&session, "a leg more") > 0);
}

fn allocations(session: &Session, name: &str) -> u64 {
    let report = session.to_report();
    let found = report.operations().find(|(n, _)| *n == name);
    found.map_or(0, |(_, operation)| operation.total_allocations_count())
}
