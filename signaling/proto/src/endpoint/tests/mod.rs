//! Two endpoints, a virtual network between them, a virtual clock.

mod basics;
mod changes;
mod faults;
mod refusals;
mod routing;

use super::*;
use crate::{Method, Transport};
use bytes::Bytes;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha12Rng;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// What the network does to datagrams, in thousandths.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Faults {
    pub(super) lost: u32,
    pub(super) doubled: u32,
    /// Some bytes changed.
    pub(super) mangled: u32,
    /// Added at random to the delay: reorders.
    pub(super) jitter_ms: u64,
}

/// One message that was sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub(super) at_ms: u64,
    pub(super) from: usize,
    /// `INVITE`, or `200 INVITE`.
    pub(super) what: String,
    pub(super) bytes: Bytes,
    pub(super) path: Path,
}

#[derive(Debug)]
struct Packet {
    to: usize,
    transport: Transport,
    bytes: Bytes,
}

/// Two endpoints and what is between them.
pub(super) struct World {
    pub(super) now: Instant,
    start: Instant,
    pub(super) sides: [Endpoint; 2],
    pub(super) events: [Vec<Event>; 2],
    pub(super) log: Vec<Sent>,
    pub(super) faults: Faults,
    /// A message of this name (as in `Sent::what`) never arrives.
    pub(super) swallow: Option<&'static str>,
    wire: BTreeMap<(Instant, u64), Packet>,
    delay: Duration,
    sequence: u64,
    rng: ChaCha12Rng,
}

pub(super) const A: usize = 0;
pub(super) const B: usize = 1;
pub(super) const SDP: &[u8] = b"v=0\r\n";

pub(super) fn address(side: usize) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 10 + u8::try_from(side).expect("0 or 1")], 5060))
}

pub(super) fn config(side: usize) -> EndpointConfig {
    let host = address(side).ip().to_string();
    EndpointConfig::new(AdvertisedSet::one_host(&host, 5060, 5061))
}

/// How `side` sees a message from the other.
pub(super) fn source_at(side: usize, transport: Transport) -> Source {
    Source {
        transport,
        local: address(side),
        remote: address(1 - side),
        flow: FlowId(if transport.is_reliable() { 2 } else { 1 }),
    }
}

pub(super) fn target(side: usize, transport: Transport) -> Target {
    Target { transport, address: address(side), server_name: None }
}

pub(super) fn sdp() -> Option<Body> {
    Some(Body::sdp(Bytes::from_static(SDP)))
}

impl World {
    pub(super) fn new() -> Self {
        Self::with(config(A), config(B), 1)
    }

    pub(super) fn with(a: EndpointConfig, b: EndpointConfig, seed: u16) -> Self {
        let now = crate::transaction::epoch();
        Self {
            now,
            start: now,
            sides: [Endpoint::new(a, seed_of(seed, 1)), Endpoint::new(b, seed_of(seed, 2))],
            events: [Vec::new(), Vec::new()],
            log: Vec::new(),
            faults: Faults::default(),
            swallow: None,
            wire: BTreeMap::new(),
            delay: Duration::from_millis(20),
            sequence: 0,
            rng: ChaCha12Rng::from_seed(seed_of(seed, 3)),
        }
    }

    fn ms(&self) -> u64 {
        u64::try_from((self.now - self.start).as_millis()).expect("short")
    }

    /// Takes what both endpoints have to say.
    pub(super) fn drain(&mut self) {
        for side in [A, B] {
            while let Some(event) = self.sides[side].poll_event() {
                self.events[side].push(event);
            }
            while let Some(transmit) = self.sides[side].poll_transmit() {
                self.send(side, transmit);
            }
        }
    }

    fn send(&mut self, from: usize, transmit: Transmit) {
        let what = name_of(&transmit.bytes);
        let sent = Sent {
            at_ms: self.ms(),
            from,
            what: what.clone(),
            bytes: transmit.bytes.clone(),
            path: transmit.path.clone(),
        };
        self.log.push(sent);
        let to = 1 - from;
        if self.swallow == Some(what.as_str()) {
            return;
        }
        if transmit.path.remote() != address(to) {
            // Nobody is there: over a stream the shell would notice.
            if transmit.path.transport().is_reliable() {
                self.sides[from].handle_transmit_failed(self.now, transmit.id);
                self.drain();
            }
            return;
        }
        let transport = transmit.path.transport();
        let faults = if transport.is_reliable() { Faults::default() } else { self.faults };
        if self.rng.random_range(0..1000) < faults.lost {
            return;
        }
        let copies = 1 + u32::from(self.rng.random_range(0..1000) < faults.doubled);
        for _ in 0..copies {
            let jitter = self.rng.random_range(0..=faults.jitter_ms);
            let at = self.now + self.delay + Duration::from_millis(jitter);
            let mangled = self.rng.random_range(0..1000) < self.faults.mangled;
            let bytes = transmit.bytes.clone();
            let bytes = if mangled { mangle(&bytes, &mut self.rng) } else { bytes };
            let packet = Packet { to, transport, bytes };
            self.sequence += 1;
            self.wire.insert((at, self.sequence), packet);
        }
    }

    /// The next moment something happens.
    pub(super) fn next(&self) -> Option<Instant> {
        let timers = self.sides.iter().filter_map(|side| Some(side.poll_timeout()?.0));
        timers.chain(self.wire.keys().next().map(|(at, _)| *at)).min()
    }

    /// Goes on to the next moment something happens. False: nothing will.
    pub(super) fn step(&mut self) -> bool {
        self.drain();
        let Some(at) = self.next() else { return false };
        self.now = self.now.max(at);
        while let Some(entry) = self.wire.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let packet = entry.remove();
            let source = source_at(packet.to, packet.transport);
            self.sides[packet.to].handle_message(self.now, source, packet.bytes);
            self.drain();
        }
        for side in [A, B] {
            self.sides[side].handle_timeout(self.now);
        }
        self.drain();
        true
    }

    /// Lets time pass.
    pub(super) fn run(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        self.drain();
        while self.next().is_some_and(|at| at <= end) {
            self.step();
        }
        self.now = end;
    }

    /// Lets everything come to its end, and proves that nothing is left.
    pub(super) fn run_out(&mut self) {
        for _ in 0..20_000 {
            if !self.step() {
                break;
            }
        }
        for side in &self.sides {
            assert_eq!((side.transactions(), side.dialogs()), (0, 0), "something is left");
            assert_eq!(side.poll_timeout(), None);
            assert!(side.streams.is_empty() && side.tags.is_empty());
            side.layer.assert_empty();
        }
    }

    /// Names of all messages since the last call: `A INVITE`, `B 200 INVITE`.
    pub(super) fn flow(&mut self) -> Vec<String> {
        let side = |from| if from == A { "A" } else { "B" };
        self.log.drain(..).map(|sent| format!("{} {}", side(sent.from), sent.what)).collect()
    }

    /// Takes the news of one side.
    pub(super) fn news(&mut self, side: usize) -> Vec<Event> {
        std::mem::take(&mut self.events[side])
    }

    /// Takes the news of one side, as short names.
    pub(super) fn names(&mut self, side: usize) -> Vec<String> {
        self.news(side).iter().map(short).collect()
    }

    /// A places a call to B.
    pub(super) fn call(&mut self, transport: Transport) -> DialogId {
        let destination = Destination::Targets(vec![target(B, transport)]);
        let request = InviteRequest {
            body: sdp(),
            ..InviteRequest::new(
                "sip:b@192.0.2.11",
                "<sip:a@192.0.2.10>",
                "<sip:b@192.0.2.11>",
                destination,
            )
        };
        self.sides[A].invite(self.now, request).expect("there is room")
    }

    /// The dialog B was invited to.
    pub(super) fn invited(&mut self) -> DialogId {
        let found = self.events[B].iter().find_map(|event| match event {
            Event::Invited { dialog, .. } => Some(*dialog),
            Event::Request { .. }
            | Event::Response { .. }
            | Event::RequestFailed { .. }
            | Event::Dialog { .. }
            | Event::NeedResolve(_) => None,
        });
        found.expect("B is invited")
    }

    /// An answered call and its two handles; logs and news are empty.
    pub(super) fn established(&mut self, transport: Transport) -> (DialogId, DialogId) {
        let a = self.call(transport);
        self.run(50);
        let b = self.invited();
        self.sides[B].answer(self.now, b, vec![], sdp()).expect("offered");
        self.run(100);
        assert!(self.names(A).contains(&"Answered".to_owned()));
        assert!(self.names(B).contains(&"Confirmed".to_owned()));
        self.log.clear();
        (a, b)
    }
}

/// The seed of one part of a run.
pub(super) fn seed_of(run: u16, part: u8) -> [u8; 32] {
    let [high, low] = run.to_be_bytes();
    std::array::from_fn(|index| match index % 3 {
        0 => high,
        1 => low,
        _ => part,
    })
}

/// `INVITE`, or `200 INVITE`.
pub(super) fn name_of(bytes: &Bytes) -> String {
    let message = match Message::parse(bytes.clone()) {
        Ok(message) => message,
        // The refusal of a request that is not sound repeats what is wrong with it.
        Err(_) if bytes.windows(11).any(|w| w == b"Warning: 39") => return "unsound".to_owned(),
        Err(error) => panic!("what we send is sound: {error}: {bytes:?}"),
    };
    match message.status() {
        Some(status) => format!("{status} {}", message.method()),
        None => message.method().to_string(),
    }
}

/// A short name of an event.
pub(super) fn short(event: &Event) -> String {
    match event {
        Event::Request { message, .. } => format!("Request {}", message.method()),
        Event::Response { message, .. } => format!("Response {}", read::status(message)),
        Event::RequestFailed { failure, .. } => format!("RequestFailed {failure:?}"),
        Event::Invited { .. } => "Invited".to_owned(),
        Event::NeedResolve(query) => format!("NeedResolve {}", query.host),
        Event::Dialog { event, .. } => short_dialog(event),
    }
}

fn short_dialog(event: &DialogEvent) -> String {
    let text = |body: &Option<Body>| match body {
        Some(body) => format!(" {:?}", String::from_utf8_lossy(&body.bytes).trim()),
        None => String::new(),
    };
    match event {
        DialogEvent::Progressed { status, reliable, .. } => {
            format!("Progressed {status}{}", if *reliable { " reliable" } else { "" })
        }
        DialogEvent::Answered { .. } => "Answered".to_owned(),
        DialogEvent::Challenged { .. } => "Challenged".to_owned(),
        DialogEvent::Failed(failure) => format!("Failed {}", failure.status),
        DialogEvent::Confirmed { .. } => "Confirmed".to_owned(),
        DialogEvent::Reinvited { body } => format!("Reinvited{}", text(body)),
        DialogEvent::ReinviteConfirmed { body } => format!("ReinviteConfirmed{}", text(body)),
        DialogEvent::ReinviteAnswered { body } => format!("ReinviteAnswered{}", text(body)),
        DialogEvent::ReinviteFailed { status } => format!("ReinviteFailed {status}"),
        DialogEvent::Info { body } => format!("Info {}", body.content_type),
        DialogEvent::Referred { refer_to, .. } => format!("Referred {refer_to}"),
        DialogEvent::Notified { subscription_state, .. } => {
            format!("Notified {subscription_state}")
        }
        DialogEvent::Request { message, .. } => format!("DialogRequest {}", message.method()),
        DialogEvent::Response { status, .. } => format!("DialogResponse {status}"),
        DialogEvent::Ended { cause, .. } => format!("Ended {cause:?}"),
    }
}

/// A body with this text.
pub(super) fn body(text: &'static str) -> Option<Body> {
    Some(Body::sdp(Bytes::from_static(text.as_bytes())))
}

/// A message as a broken or hostile peer would send it: bytes changed, dropped, repeated.
fn mangle(bytes: &Bytes, rng: &mut ChaCha12Rng) -> Bytes {
    let mut out = bytes.to_vec();
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(0..out.len());
        match rng.random_range(0..4u8) {
            0 => out[at] = rng.random_range(0..=255),
            1 => drop(out.remove(at)),
            2 => {
                let piece = out[at..(at + 20).min(out.len())].to_vec();
                out.splice(at..at, piece);
            }
            3.. => out[at] = b"0;,<>:\r\n"[rng.random_range(0..8)],
        }
    }
    Bytes::from(out)
}

/// The value of a header in a sent message.
pub(super) fn header(bytes: &Bytes, name: &str) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let head = text.split("\r\n\r\n").next().expect("a head").to_owned();
    head.lines().find_map(|line| line.strip_prefix(&format!("{name}: "))).map(ToOwned::to_owned)
}

/// A raw request as a foreign peer would send it.
pub(super) fn raw_request(method: &Method, uri: &str, branch: &str, more: &str) -> Bytes {
    Bytes::from(format!(
        "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK{branch};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:x@192.0.2.10>;tag=theirs\r\nTo: <sip:y@192.0.2.11>\r\n\
         Call-ID: raw-{branch}\r\nCSeq: 7 {method}\r\n{more}Content-Length: 0\r\n\r\n"
    ))
}
