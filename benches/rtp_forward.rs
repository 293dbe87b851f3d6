//! What one relayed G.711 call costs: CPU of the media threads per packet and per call, loss and
//! time spent in the relay. Two legs per call, 50 packets a second each way, over loopback.
//!
//! `cargo bench -p media --bench rtp_forward [-- CALLS…]`; without numbers 50 and 200 calls.

use bytes::Bytes;
use media::{
    Codec, Config, Engine, GroupKey, LegKey, LegSettings, MediaCommand, MediaEvent, RecordingKey,
};
use media_proto::rtp::Header;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use uuid::Uuid;

const WINDOW: Duration = Duration::from_secs(6);
const WARM_UP: Duration = Duration::from_secs(1);
const FRAME: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, PartialEq)]
enum Work {
    Relay,
    Translate,
    Record,
}

fn main() {
    let asked: Vec<usize> = std::env::args().filter_map(|a| a.parse().ok()).collect();
    let sizes = if asked.is_empty() { vec![50, 200] } else { asked };
    say("| work | calls | CPU %/call | CPU us/packet | loss | relay p50 / p99 ms | wake-ups/s |");
    say("|---|---|---|---|---|---|---|");
    for calls in sizes {
        for work in [Work::Relay, Work::Translate, Work::Record] {
            run(calls, work);
        }
    }
}

#[allow(clippy::print_stdout, reason = "a bench prints its table")]
fn say(line: &str) {
    println!("{line}");
}

/// Sockets that are the phones: enough that a listener that is late for once loses nothing.
const SOCKETS: usize = 64;

/// Engine, legs and the sockets that are every phone.
struct Floor {
    engine: Engine,
    sockets: Vec<UdpSocket>,
    /// Ports of both legs of each call.
    calls: Vec<[SocketAddr; 2]>,
    codecs: [Codec; 2],
    _folder: tempfile::TempDir,
}

fn run(calls: usize, work: Work) {
    let floor = set_up(calls, work);
    let stop = Arc::new(AtomicBool::new(false));
    let start = Instant::now();
    let listener = {
        let stop = Arc::clone(&stop);
        let sockets = floor.sockets.iter().map(|s| s.try_clone().expect("a socket")).collect();
        std::thread::spawn(move || listen(sockets, start, &stop))
    };
    let (mut before, mut switches, mut sent) = (0, 0, 0_u64);
    let mut measured_from = start;
    for tick in 0..((WINDOW + WARM_UP).as_millis() / 20) as u32 {
        if FRAME * tick == WARM_UP {
            (before, switches, measured_from) = (media_cpu_ns(), media_switches(), Instant::now());
        }
        send_frame(&floor, start, tick, &mut sent);
    }
    let cpu_ns = media_cpu_ns() - before;
    let window = measured_from.elapsed().as_secs_f64();
    let wake_ups = (media_switches() - switches) as f64 / window;
    std::thread::sleep(Duration::from_millis(100));
    stop.store(true, Ordering::Release);
    let mut relayed = listener.join().expect("no panic");
    report(calls, work, cpu_ns as f64, window, wake_ups, sent, &mut relayed);
    floor.engine.shutdown();
}

fn report(
    calls: usize,
    work: Work,
    cpu_ns: f64,
    window: f64,
    wake_ups: f64,
    sent: u64,
    relayed_us: &mut [u32],
) {
    relayed_us.sort_unstable();
    let at = |share: f64| {
        let index = (relayed_us.len() as f64 * share) as usize;
        f64::from(relayed_us.get(index).copied().unwrap_or_default()) / 1000.0
    };
    let name = match work {
        Work::Relay => "relay",
        Work::Translate => "PCMU<->PCMA",
        Work::Record => "relay + recording",
    };
    let packets = calls as f64 * 100.0 * window;
    let loss = 100.0 * (1.0 - relayed_us.len() as f64 / sent as f64);
    // Translation does not keep the stamp.
    let relay_ms = if work == Work::Translate {
        "—".to_owned()
    } else {
        format!("{:.2} / {:.2}", at(0.5), at(0.99))
    };
    say(&format!(
        "| {name} | {calls} | {:.4} | {:.2} | {loss:.2} % | {relay_ms} | {wake_ups:.0} |",
        cpu_ns / window / 1e7 / calls as f64,
        cpu_ns / 1000.0 / packets,
    ));
}

fn set_up(calls: usize, work: Work) -> Floor {
    let bind = |_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
    let sockets: Vec<UdpSocket> = (0..SOCKETS).map(bind).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let (sender, events) = channel();
    let config = Config {
        listen: IpAddr::V4(Ipv4Addr::LOCALHOST),
        port_min: 40_000,
        port_max: 49_999,
        ..Config::default()
    };
    let sink = Arc::new(move |event| drop(sender.send(event)));
    let engine = Engine::start(config, sink).expect("an engine");
    let codecs = [Codec::Pcmu, if work == Work::Translate { Codec::Pcma } else { Codec::Pcmu }];
    let mut ports = Vec::new();
    for call in 0..calls {
        let legs = [0, 1].map(|n| LegKey(Uuid::from_u128((call * 2 + n) as u128)));
        let group = GroupKey(Uuid::from_u128(call as u128));
        let pair = [0, 1].map(|n| {
            let offer = Some(offer(&sockets[call % SOCKETS], codecs[n]));
            let settings = LegSettings::default();
            submit(&engine, MediaCommand::Open { leg: legs[n], group, offer, settings });
            loop {
                if let MediaEvent::Opened { sdp, .. } = events.recv().expect("an event") {
                    return SocketAddr::from((Ipv4Addr::LOCALHOST, port(&sdp)));
                }
            }
        });
        submit(&engine, MediaCommand::Bridge { a: legs[0], b: legs[1] });
        if work == Work::Record {
            let recording = RecordingKey(Uuid::from_u128(call as u128));
            let path = folder.path().join(format!("{call}.wav"));
            let [left, right] = legs;
            submit(&engine, MediaCommand::Record { recording, left, right, path, silence_ms: 0 });
        }
        ports.push(pair);
    }
    Floor { engine, sockets, calls: ports, codecs, _folder: folder }
}

fn submit(engine: &Engine, command: MediaCommand) {
    engine.submit(command).expect("room in the queue");
}

/// Every call sends one packet each way, spread over the frame as real calls are.
fn send_frame(floor: &Floor, start: Instant, tick: u32, sent: &mut u64) {
    let mut packet = [0xFF_u8; 172];
    for (n, legs) in floor.calls.iter().enumerate() {
        let due = FRAME * tick + FRAME.mul_f64(n as f64 / floor.calls.len() as f64);
        let early = due.saturating_sub(start.elapsed());
        if early > Duration::from_micros(300) {
            std::thread::sleep(early);
        }
        for (side, to) in legs.iter().enumerate() {
            let (sequence, timestamp) = (tick as u16, tick * 160);
            let ssrc = (n * 2 + side) as u32;
            let header = Header { marker: tick == 0, sequence, timestamp, ssrc };
            let payload_type = floor.codecs[side].static_payload_type();
            packet[..12].copy_from_slice(&header.to_bytes(payload_type));
            packet[12..20].copy_from_slice(&(start.elapsed().as_micros() as u64).to_be_bytes());
            *sent += u64::from(floor.sockets[n % SOCKETS].send_to(&packet, to).is_ok());
        }
    }
}

/// Counts what comes back; the time spent in the relay, microseconds, where the stamp survived.
fn listen(sockets: Vec<UdpSocket>, start: Instant, stop: &AtomicBool) -> Vec<u32> {
    let mut poll = mio::Poll::new().expect("a poller");
    let mut sockets: Vec<mio::net::UdpSocket> = sockets
        .into_iter()
        .map(|socket| {
            socket.set_nonblocking(true).expect("a socket option");
            mio::net::UdpSocket::from_std(socket)
        })
        .collect();
    for (n, socket) in sockets.iter_mut().enumerate() {
        poll.registry().register(socket, mio::Token(n), mio::Interest::READABLE).expect("watched");
    }
    let mut events = mio::Events::with_capacity(SOCKETS);
    let mut relayed = Vec::with_capacity(1 << 20);
    let mut buffer = [0; 2048];
    while !stop.load(Ordering::Acquire) {
        poll.poll(&mut events, Some(Duration::from_millis(50))).expect("a poll");
        for event in &events {
            while let Ok(length) = sockets[event.token().0].recv(&mut buffer) {
                let stamp = buffer[..length].get(12..20).filter(|_| length == 172);
                let Some(stamp) = stamp.and_then(|s| s.try_into().ok()) else { continue };
                let now = start.elapsed().as_micros() as u64;
                relayed.push(now.saturating_sub(u64::from_be_bytes(stamp)) as u32);
            }
        }
    }
    relayed
}

/// Processor time of the media threads, from the scheduler's own account.
fn media_cpu_ns() -> u64 {
    media_tasks(|task| {
        let account = std::fs::read_to_string(task.join("schedstat")).ok()?;
        account.split(' ').next()?.parse().ok()
    })
}

/// Times the media threads went to sleep.
fn media_switches() -> u64 {
    media_tasks(|task| {
        let status = std::fs::read_to_string(task.join("status")).ok()?;
        let line = status.lines().find(|l| l.starts_with("voluntary_ctxt_switches"))?;
        line.rsplit('\t').next()?.parse().ok()
    })
}

fn media_tasks(read: impl Fn(&Path) -> Option<u64>) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux").flatten();
    let media = tasks.map(|t| t.path()).filter(|task| {
        std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.starts_with("media-"))
    });
    media.filter_map(|task| read(&task)).sum()
}

fn port(sdp: &[u8]) -> u16 {
    let text = std::str::from_utf8(sdp).expect("text");
    let line = text.lines().find(|l| l.starts_with("m=")).expect("a media line");
    line.split(' ').nth(1).and_then(|p| p.parse().ok()).expect("a port")
}

fn offer(socket: &UdpSocket, codec: Codec) -> Bytes {
    let port = socket.local_addr().expect("bound").port();
    let pt = codec.static_payload_type();
    Bytes::from(format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {pt}\r\n"
    ))
}
