//! CPU of the endpoint per unit of work, both ends included and no network between them.
//!
//! A call is INVITE, 100, 180, 200, ACK, BYE, 200: each of its 7 messages is written once and read once.

use bytes::Bytes;
use divan::Bencher;
use signaling_proto::{
    AdvertisedSet, Body, Destination, DialogId, Endpoint, EndpointConfig, Event, FlowId,
    InviteRequest, Method, OutgoingRequest, Reply, Source, Target, TransmitId, Transport,
};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

const SDP: &[u8] = b"v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n\
m=audio 20000 RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\na=ptime:20\r\na=sendrecv\r\n";

fn main() {
    divan::main();
}

struct Pair {
    now: Instant,
    sides: [Endpoint; 2],
    target: Target,
    sources: [Source; 2],
}

impl Pair {
    #[allow(clippy::disallowed_methods)] // an Instant comes from nowhere else
    fn new() -> Self {
        let address = |n: u8| SocketAddr::from(([192, 0, 2, n], 5060));
        let config = |n: u8| {
            let host = address(n).ip().to_string();
            EndpointConfig::new(AdvertisedSet::one_host(&host, 5060, 5061))
        };
        let source = |local, remote| Source {
            transport: Transport::Udp,
            local: address(local),
            remote: address(remote),
            flow: FlowId(1),
        };
        Self {
            now: Instant::now(),
            sides: [Endpoint::new(config(10), [1; 32]), Endpoint::new(config(11), [2; 32])],
            target: Target { transport: Transport::Udp, address: address(11), server_name: None },
            sources: [source(10, 11), source(11, 10)],
        }
    }

    /// Passes messages until both are silent.
    fn exchange(&mut self) {
        let mut silent = 0;
        let mut from = 0;
        while silent < 2 {
            silent += 1;
            while let Some(transmit) = self.sides[from].poll_transmit() {
                let to = 1 - from;
                self.sides[to].handle_message(self.now, self.sources[to], transmit.bytes);
                silent = 0;
            }
            from = 1 - from;
        }
    }

    fn invited(&mut self) -> DialogId {
        loop {
            if let Some(Event::Invited { dialog, .. }) = self.sides[1].poll_event() {
                return dialog;
            }
        }
    }

    fn forget(&mut self) {
        while self.sides.iter_mut().any(|side| side.poll_event().is_some()) {}
    }

    fn call(&mut self) {
        let destination = Destination::Targets(vec![self.target.clone()]);
        let sdp = || Some(Body::sdp(Bytes::from_static(SDP)));
        let (from, to) = ("<sip:101@pratham.example>", "<sip:+919876543210@192.0.2.11>");
        let invite = InviteRequest {
            body: sdp(),
            ..InviteRequest::new("sip:+919876543210@192.0.2.11", from, to, destination)
        };
        let a = self.sides[0].invite(self.now, invite).expect("room");
        self.exchange();
        let b = self.invited();
        self.sides[1].progress(self.now, b, 180, vec![], None).expect("offered");
        self.sides[1].answer(self.now, b, vec![], sdp()).expect("offered");
        self.exchange();
        self.sides[0].hangup(self.now, a, None).expect("live");
        self.exchange();
        self.forget();
        // Lingering transactions and their timers are part of the work.
        self.now += Duration::from_millis(20);
        for side in &mut self.sides {
            side.handle_timeout(self.now);
        }
    }

    fn register(&mut self) {
        let destination = Destination::Targets(vec![self.target.clone()]);
        let aor = "<sip:101@pratham.example>";
        let request =
            OutgoingRequest::new(Method::Register, "sip:pratham.example", aor, aor, destination);
        self.sides[0].request(self.now, request).expect("room");
        self.exchange();
        let Some(Event::Request { transaction, .. }) = self.sides[1].poll_event() else { return };
        self.sides[1].respond(self.now, transaction, &Reply::new(200)).expect("open");
        self.exchange();
        self.forget();
        self.now += Duration::from_millis(20);
        for side in &mut self.sides {
            side.handle_timeout(self.now);
        }
    }
}

/// 7 messages, both ends.
#[divan::bench(sample_count = 200, sample_size = 20)]
fn call_set_up_and_ended(bencher: Bencher<'_, '_>) {
    let mut pair = Pair::new();
    bencher.bench_local(|| pair.call());
}

/// 2 messages, both ends.
#[divan::bench(sample_count = 200, sample_size = 20)]
fn register_and_answer(bencher: Bencher<'_, '_>) {
    let mut pair = Pair::new();
    bencher.bench_local(|| pair.register());
}

/// A repeated request among 20,000 live server transactions.
#[divan::bench(sample_count = 200, sample_size = 20)]
fn repetition_among_many(bencher: Bencher<'_, '_>) {
    let mut pair = Pair::new();
    let request = |n: u32| {
        Bytes::from(format!(
            "OPTIONS sip:192.0.2.11 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK{n};rport\r\n\
             Max-Forwards: 70\r\nFrom: <sip:a@192.0.2.10>;tag=t{n}\r\nTo: <sip:b@192.0.2.11>\r\n\
             Call-ID: c{n}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        ))
    };
    for n in 0..20_000 {
        pair.sides[1].handle_message(pair.now, pair.sources[1], request(n));
        if let Some(Event::Request { transaction, .. }) = pair.sides[1].poll_event() {
            pair.sides[1].respond(pair.now, transaction, &Reply::new(200)).expect("open");
        }
    }
    while pair.sides[1].poll_transmit().is_some() {}
    let repeated = request(777);
    bencher.bench_local(|| {
        pair.sides[1].handle_message(pair.now, pair.sources[1], repeated.clone());
        let transmit = pair.sides[1].poll_transmit().expect("the same response");
        assert_ne!(transmit.id, TransmitId(0));
    });
}
