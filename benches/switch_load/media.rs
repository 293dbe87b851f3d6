//! Concurrent G.711 calls relayed by the running server: CPU, loss, latency, memory.

use crate::{
    floor::Floor,
    process::{Process, median},
    sip::Calls,
};
use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

const FRAME: Duration = Duration::from_millis(20);
const WARM_UP: Duration = Duration::from_secs(1);
/// Late packets are waited for.
const AFTER: Duration = Duration::from_millis(300);
/// Sockets that are the phones of one side: enough that a listener late for once loses nothing.
const SOCKETS: usize = 64;

/// What a load cost.
pub(crate) struct Relayed {
    /// Percent of a core per call.
    pub(crate) cpu_percent: f64,
    pub(crate) us_per_packet: f64,
    pub(crate) loss_percent: f64,
    /// One way through the relay, less the same way without it: median, and 99th percentile
    /// with everything the generator adds.
    pub(crate) added_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) kib_per_call: f64,
}

/// Both sides' sockets.
struct Phones {
    sides: [Vec<UdpSocket>; 2],
}

impl Phones {
    fn new() -> Self {
        let bind = |_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        Self { sides: [0, 1].map(|_| (0..SOCKETS).map(bind).collect()) }
    }

    fn ports(&self, side: usize) -> Vec<u16> {
        self.sides[side].iter().map(|s| s.local_addr().expect("bound").port()).collect()
    }
}

/// Measures `windows` times `window` with `count` calls up.
pub(crate) fn relay(floor: &Floor, count: usize, windows: usize, window: Duration) -> Relayed {
    let server = Process(floor.server.pid());
    let phones = Arc::new(Phones::new());
    let memory = server.memory_kib();
    let mut calls = Calls::set_up(floor, count, [&phones.ports(0), &phones.ports(1)]);
    let kib_per_call = server.memory_kib().saturating_sub(memory) as f64 / count as f64;
    let heard = Listener::start(&phones);
    let mut sender = Sender::new(phones.clone(), calls.media.clone(), heard.start);
    sender.send_for(WARM_UP, || calls.idle());
    heard.forget();
    sender.sent = 0;
    let mut cpu = Vec::new();
    for _ in 0..windows {
        let (from, spent) = (Instant::now(), server.cpu());
        sender.send_for(window, || calls.idle());
        cpu.push((server.cpu() - spent).as_secs_f64() / from.elapsed().as_secs_f64());
    }
    let mut latencies = heard.finish();
    latencies.sort_unstable();
    calls.hang_up();
    let direct = direct(&phones, count.min(200));
    let cpu = median(cpu);
    Relayed {
        cpu_percent: 100.0 * cpu / count as f64,
        us_per_packet: 1e6 * cpu / (count as f64 * 100.0),
        loss_percent: 100.0 * (1.0 - latencies.len() as f64 / sender.sent as f64),
        added_ms: (at(&latencies, 0.5) - direct).max(0.0),
        p99_ms: at(&latencies, 0.99),
        kib_per_call,
    }
}

/// The median way from socket to socket without a server, milliseconds.
fn direct(phones: &Arc<Phones>, count: usize) -> f64 {
    let to = |side: usize| -> Vec<SocketAddr> {
        let ports = phones.ports(side);
        (0..count).map(|n| SocketAddr::from((Ipv4Addr::LOCALHOST, ports[n % SOCKETS]))).collect()
    };
    let heard = Listener::start(phones);
    let mut sender = Sender::new(phones.clone(), [to(1), to(0)], heard.start);
    sender.send_for(WARM_UP, || {});
    let mut latencies = heard.finish();
    latencies.sort_unstable();
    at(&latencies, 0.5)
}

fn at(sorted_us: &[u32], share: f64) -> f64 {
    let index = (sorted_us.len() as f64 * share) as usize;
    f64::from(sorted_us.get(index).copied().unwrap_or_default()) / 1000.0
}

/// Sends a packet each way for every call every 20 ms, spread over the frame as real calls are.
struct Sender {
    phones: Arc<Phones>,
    to: [Vec<SocketAddr>; 2],
    start: Instant,
    tick: u32,
    sent: u64,
}

impl Sender {
    fn new(phones: Arc<Phones>, to: [Vec<SocketAddr>; 2], start: Instant) -> Self {
        Self { phones, to, start, tick: 0, sent: 0 }
    }

    fn send_for(&mut self, time: Duration, mut between: impl FnMut()) {
        let begin = Instant::now();
        for frame in 0..(time.as_millis() / FRAME.as_millis()) as u32 {
            self.send_frame(begin + FRAME * frame);
            between();
            self.tick += 1;
        }
    }

    fn send_frame(&mut self, begin: Instant) {
        let mut packet = [0xFF_u8; 172];
        packet[..2].copy_from_slice(&[0x80, 0]);
        packet[2..4].copy_from_slice(&(self.tick as u16).to_be_bytes());
        packet[4..8].copy_from_slice(&(self.tick * 160).to_be_bytes());
        let count = self.to[0].len();
        for n in 0..count {
            let due = begin + FRAME.mul_f64(n as f64 / count as f64);
            let early = due.saturating_duration_since(Instant::now());
            if early > Duration::from_micros(300) {
                std::thread::sleep(early);
            }
            for side in 0..2 {
                packet[8..12].copy_from_slice(&((n * 2 + side) as u32).to_be_bytes());
                let stamp = self.start.elapsed().as_micros() as u64;
                packet[12..20].copy_from_slice(&stamp.to_be_bytes());
                let socket = &self.phones.sides[side][n % SOCKETS];
                self.sent += u64::from(socket.send_to(&packet, self.to[side][n]).is_ok());
            }
        }
    }
}

/// Counts what comes back and how long it was on its way.
struct Listener {
    start: Instant,
    stop: Arc<AtomicBool>,
    latencies: Arc<Mutex<Vec<u32>>>,
    thread: std::thread::JoinHandle<()>,
}

impl Listener {
    fn start(phones: &Phones) -> Self {
        let (start, stop) = (Instant::now(), Arc::new(AtomicBool::new(false)));
        let latencies = Arc::new(Mutex::new(Vec::with_capacity(1 << 20)));
        let sockets = phones.sides.iter().flatten().map(|s| s.try_clone().expect("a socket"));
        let sockets = sockets.collect();
        let (stopping, kept) = (stop.clone(), latencies.clone());
        let thread = std::thread::spawn(move || listen(sockets, start, &stopping, &kept));
        Self { start, stop, latencies, thread }
    }

    /// Waits for what is on its way and begins anew.
    fn forget(&self) {
        std::thread::sleep(AFTER);
        self.latencies.lock().expect("no panic under this lock").clear();
    }

    fn finish(self) -> Vec<u32> {
        std::thread::sleep(AFTER);
        self.stop.store(true, Ordering::Release);
        self.thread.join().expect("no panic");
        std::mem::take(&mut self.latencies.lock().expect("no panic under this lock"))
    }
}

fn listen(sockets: Vec<UdpSocket>, start: Instant, stop: &AtomicBool, kept: &Mutex<Vec<u32>>) {
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
    let mut events = mio::Events::with_capacity(sockets.len());
    let mut buffer = [0; 2048];
    while !stop.load(Ordering::Acquire) {
        poll.poll(&mut events, Some(Duration::from_millis(50))).expect("a poll");
        let mut kept = kept.lock().expect("no panic under this lock");
        for event in &events {
            while let Ok(length) = sockets[event.token().0].recv(&mut buffer) {
                let stamp = buffer[..length].get(12..20).filter(|_| length == 172);
                let Some(stamp) = stamp.and_then(|s| s.try_into().ok()) else { continue };
                let now = start.elapsed().as_micros() as u64;
                kept.push(now.saturating_sub(u64::from_be_bytes(stamp)) as u32);
            }
        }
    }
}
