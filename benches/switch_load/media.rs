//! Concurrent G.711 calls relayed by the running server: CPU, loss, latency, memory.
//!
//! One thread is all phones: every millisecond it sends the packets of one slot of the 20 ms
//! frame, four times a millisecond it reads what came. The called side sends back what it hears,
//! so each packet passes the relay twice and its stamp comes home.

use crate::{
    floor::Floor,
    process::Process,
    sip::Calls,
    stamp::{self, WORDS},
};
use media_proto::Codec;
use mio::{Events, Interest, Poll, Token, net::UdpSocket};
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

const SLOT: Duration = Duration::from_millis(1);
const SLOTS: usize = 20;
/// Between two looks at the sockets.
const LOOK: Duration = Duration::from_micros(250);
/// Between two looks at signalling, in slots.
const SIGNALLING: u64 = 50;
/// Announcements are over by then, and the server has its buffers.
const WARM_UP: Duration = Duration::from_secs(2);
/// What a load left behind is waited for.
const SETTLING: Duration = Duration::from_secs(60);
/// Late packets are waited for.
const AFTER: Duration = Duration::from_millis(500);
/// Sockets of one side: enough that a listener late for once loses nothing.
const SOCKETS: usize = 16;
/// A slot sent later than this was not sent in time.
const LATE: Duration = Duration::from_millis(5);
/// Share of late slots from which the load was not the one asked for.
const LATE_SHARE_MAX: f64 = 0.02;
/// From here on a relay that looks cheap is one that was not run (performance.md §6).
const ROUND_TRIP_MS_MAX: f64 = 20.0;

/// What is done with the packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Relay,
    Record,
    /// µ-law on one side, A-law on the other.
    Translate,
}

/// One stretch of time under load.
#[derive(Clone, Debug, Default)]
pub(crate) struct Window {
    sent: u64,
    slots: u64,
    late_slots: u64,
    round_trips_us: Vec<u32>,
    cpu: Duration,
    lasted: Duration,
}

impl Window {
    /// Why its CPU figure is worth nothing.
    pub(crate) fn fault(&self) -> Option<String> {
        let lost = self.sent - self.round_trips_us.len() as u64;
        let (late, slots) = (self.late_slots, self.slots);
        let p95 = self.round_trip_ms(0.95);
        if lost > 0 {
            Some(format!("{lost} of {} packets lost", self.sent))
        } else if late as f64 > LATE_SHARE_MAX * slots as f64 {
            Some(format!("starved: {late} of {slots} slots sent late"))
        } else if p95 >= ROUND_TRIP_MS_MAX {
            Some(format!("starved: round trip p95 {p95:.0} ms"))
        } else {
            None
        }
    }

    /// Percent of a core per call.
    pub(crate) fn cpu_percent(&self, calls: usize) -> f64 {
        100.0 * self.cpu.as_secs_f64() / self.lasted.as_secs_f64() / calls as f64
    }

    /// A quantile of there and back, through the relay both times.
    pub(crate) fn round_trip_ms(&self, share: f64) -> f64 {
        let index = (self.round_trips_us.len() as f64 * share) as usize;
        f64::from(self.round_trips_us.get(index).copied().unwrap_or(u32::MAX)) / 1000.0
    }
}

/// What a load cost.
pub(crate) struct Relayed {
    pub(crate) windows: Vec<Window>,
    /// The same packets without a server.
    pub(crate) direct: Window,
    /// Memory with all calls up and talking.
    pub(crate) memory_kib: u64,
    /// CPU to end a call and put its recording away, milliseconds.
    pub(crate) ending_ms: f64,
}

/// Measures `windows` times `window` with `count` calls up.
pub(crate) fn relay(
    floor: &Floor,
    work: Work,
    count: usize,
    windows: usize,
    window: Duration,
) -> Relayed {
    let server = Process(floor.server.pid());
    let far = if work == Work::Translate { Codec::Pcma } else { Codec::Pcmu };
    let mut phones = Phones::new();
    server.settle(SETTLING);
    let ports = [phones.ports(NEAR), phones.ports(FAR)];
    let mut calls = Calls::set_up(floor, count, ports, [Codec::Pcmu, far]);
    phones.call(calls.media());
    phones.talk(WARM_UP, || calls.idle());
    let memory_kib = server.memory_kib();
    for _ in 0..windows {
        phones.begin(count, window);
        let (from, spent) = (Instant::now(), server.cpu());
        phones.talk(window, || calls.idle());
        let newest = phones.windows.last_mut().expect("begun");
        (newest.cpu, newest.lasted) = (server.cpu() - spent, from.elapsed());
    }
    let windows = phones.finish();
    let spent = server.cpu();
    calls.hang_up();
    server.settle(SETTLING);
    let ending_ms = (server.cpu() - spent).as_secs_f64() * 1000.0 / count as f64;
    phones.call(phones.listeners(count));
    phones.talk(SLOT * 200, || {});
    phones.begin(count, window);
    phones.talk(SLOT * 1000, || {});
    let direct = phones.finish().pop().expect("begun");
    Relayed { windows, direct, memory_kib, ending_ms }
}

const NEAR: usize = 0;
const FAR: usize = 1;

/// Both sides of every call.
struct Phones {
    poll: Poll,
    events: Events,
    sides: [Vec<UdpSocket>; 2],
    /// Where the packets of each call go.
    to: Vec<SocketAddr>,
    start: Instant,
    /// Slots since `start`.
    slot: u64,
    windows: Vec<Window>,
    /// When each window began, microseconds after `start`.
    begun_us: Vec<u64>,
    packet: [u8; 172],
    buffer: [u8; 2048],
}

impl Phones {
    fn new() -> Self {
        let poll = Poll::new().expect("a poller");
        let side = |side: usize| {
            let open = |n| {
                let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
                let mut socket = UdpSocket::bind(address).expect("a socket");
                let token = Token(side * SOCKETS + n);
                poll.registry().register(&mut socket, token, Interest::READABLE).expect("watched");
                socket
            };
            (0..SOCKETS).map(open).collect()
        };
        let mut packet = [Codec::Pcmu.silence(); 172];
        packet[..2].copy_from_slice(&[0x80, Codec::Pcmu.static_payload_type()]);
        Self {
            sides: [side(NEAR), side(FAR)],
            poll,
            events: Events::with_capacity(2 * SOCKETS),
            to: Vec::new(),
            start: Instant::now(),
            slot: 0,
            windows: Vec::new(),
            begun_us: Vec::new(),
            packet,
            buffer: [0; 2048],
        }
    }

    fn ports(&self, side: usize) -> Vec<u16> {
        self.sides[side].iter().map(|s| s.local_addr().expect("bound").port()).collect()
    }

    /// Where `count` calls go that go straight to the called side.
    fn listeners(&self, count: usize) -> Vec<SocketAddr> {
        let ports = self.ports(FAR);
        let address = |n: usize| SocketAddr::from((Ipv4Addr::LOCALHOST, ports[n % SOCKETS]));
        (0..count).map(address).collect()
    }

    fn call(&mut self, to: Vec<SocketAddr>) {
        self.to = to;
    }

    /// What is sent from now on counts for a new window.
    fn begin(&mut self, count: usize, window: Duration) {
        let packets = count * (window.as_millis() as usize / SLOTS + 50);
        let round_trips_us = Vec::with_capacity(packets);
        self.windows.push(Window { round_trips_us, ..Window::default() });
        self.begun_us.push(self.now_us());
    }

    fn now_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    /// The windows so far, once nothing is on its way any more.
    fn finish(&mut self) -> Vec<Window> {
        let until = Instant::now() + AFTER;
        while Instant::now() < until {
            self.listen();
            std::thread::sleep(LOOK);
        }
        self.begun_us.clear();
        let mut windows = std::mem::take(&mut self.windows);
        windows.iter_mut().for_each(|w| w.round_trips_us.sort_unstable());
        windows
    }

    /// Sends and listens for so long.
    fn talk(&mut self, time: Duration, mut between: impl FnMut()) {
        let begun = Instant::now();
        let slots = (time.as_micros() / SLOT.as_micros()) as u32;
        for n in 0..slots {
            let due = begun + SLOT * n;
            loop {
                self.listen();
                let early = due.saturating_duration_since(Instant::now());
                if early.is_zero() {
                    break;
                }
                std::thread::sleep(early.min(LOOK));
            }
            self.send_slot(due.elapsed() > LATE);
            if self.slot.is_multiple_of(SIGNALLING) {
                between();
            }
        }
    }

    fn send_slot(&mut self, late: bool) {
        let (frame, slot) = (self.slot / SLOTS as u64, (self.slot % SLOTS as u64) as usize);
        self.packet[2..4].copy_from_slice(&(frame as u16).to_be_bytes());
        self.packet[4..8].copy_from_slice(&(frame as u32 * 160).to_be_bytes());
        let mut sent = 0;
        for n in (slot..self.to.len()).step_by(SLOTS) {
            self.packet[8..12].copy_from_slice(&(n as u32 + 1).to_be_bytes());
            let now_us = self.now_us();
            stamp::write(Codec::Pcmu, now_us, &mut self.packet[12..12 + WORDS]);
            let socket = &self.sides[NEAR][n % SOCKETS];
            sent += u64::from(socket.send_to(&self.packet, self.to[n]).is_ok());
        }
        self.slot += 1;
        if let Some(window) = self.windows.last_mut() {
            window.sent += sent;
            window.slots += 1;
            window.late_slots += u64::from(late);
        }
    }

    fn listen(&mut self) {
        self.poll.poll(&mut self.events, Some(Duration::ZERO)).expect("a poll");
        for event in &self.events {
            let (side, n) = (event.token().0 / SOCKETS, event.token().0 % SOCKETS);
            let socket = &self.sides[side][n];
            while let Ok((length, from)) = socket.recv_from(&mut self.buffer) {
                let packet = &mut self.buffer[..length];
                if side == FAR {
                    // An endpoint has an SSRC of its own.
                    packet[8] ^= 0x5A;
                    // A full socket loses the packet; the near side will miss it.
                    let _ = socket.send_to(packet, from);
                    continue;
                }
                let Some(stamp) = packet.get(12..12 + WORDS) else { continue };
                let Some(sent_us) = stamp::read(Codec::Pcmu, stamp) else { continue };
                let window = self.begun_us.iter().rposition(|begun| *begun <= sent_us);
                let now_us = self.start.elapsed().as_micros() as u64;
                if let Some(window) = window {
                    let took = now_us.saturating_sub(sent_us) as u32;
                    self.windows[window].round_trips_us.push(took);
                }
            }
        }
    }
}
