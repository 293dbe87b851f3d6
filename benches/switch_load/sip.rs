//! A carrier that places many calls and a phone that takes them all, on one thread.

use crate::floor::{Account, DID, Floor};
use bytes::Bytes;
use media_proto::Codec;
use signaling_proto::{
    AdvertisedSet, Body, Destination, DialogEvent, DialogId, Endpoint, EndpointConfig, Event,
    FlowId, HeaderLine, InviteRequest, Message, Method, OutgoingRequest, Source, Target, Transport,
    digest::DigestClient,
};
use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

/// Longest wait for any one step of signalling.
const PATIENCE: Duration = Duration::from_secs(30);
const NEW_CALLS_PER_S: u32 = 50;

/// One user agent on one socket.
struct Party {
    socket: UdpSocket,
    local: SocketAddr,
    server: SocketAddr,
    endpoint: Endpoint,
}

impl Party {
    fn new(port: u16, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect("a free port");
        socket.set_nonblocking(true).expect("a socket option");
        let local = socket.local_addr().expect("bound");
        let names = AdvertisedSet::one_host("127.0.0.1", local.port(), local.port());
        let endpoint = Endpoint::new(EndpointConfig::new(names), rand::random());
        Self { socket, local, server, endpoint }
    }

    fn to_server(&self) -> Destination {
        let (transport, address) = (Transport::Udp, self.server);
        Destination::Targets(vec![Target { transport, address, server_name: None }])
    }

    /// Takes what came, lets timers fire, sends what is due; what happened.
    fn pump(&mut self) -> Vec<Event> {
        let mut buffer = [0; 4096];
        while let Ok((length, remote)) = self.socket.recv_from(&mut buffer) {
            let (transport, local, flow) = (Transport::Udp, self.local, FlowId(1));
            let source = Source { transport, local, remote, flow };
            let bytes = Bytes::copy_from_slice(&buffer[..length]);
            self.endpoint.handle_message(Instant::now(), source, bytes);
        }
        if self.endpoint.poll_timeout().is_some_and(|(at, _)| at <= Instant::now()) {
            self.endpoint.handle_timeout(Instant::now());
        }
        let events = std::iter::from_fn(|| self.endpoint.poll_event()).collect();
        self.send();
        events
    }

    fn send(&mut self) {
        while let Some(transmit) = self.endpoint.poll_transmit() {
            // A full socket is as good as loss on the way: timers send again.
            let _ = self.socket.send_to(&transmit.bytes, transmit.path.remote());
        }
    }

    fn register(&mut self, account: &Account) {
        let challenge = self.send_register(account, 1, Vec::new());
        let mut digest = DigestClient::new(&account.user, &account.secret, rand::random());
        digest.challenged(&challenge, false).expect("a challenge");
        let uri = format!("sip:{}", account.domain).parse().expect("a URI");
        let lines = digest.authorise(&Method::Register, &uri).into_iter();
        let lines = lines.map(|(name, value)| HeaderLine::new(name.as_str(), value)).collect();
        let done = self.send_register(account, 2, lines);
        assert_eq!(done.status().map(|s| s.code()), Some(200), "not registered: {done:?}");
    }

    fn send_register(
        &mut self,
        account: &Account,
        cseq: u32,
        lines: Vec<HeaderLine>,
    ) -> Box<Message> {
        let aor = format!("<sip:{}@{}>", account.user, account.domain);
        let uri = format!("sip:{}", account.domain);
        let to = self.to_server();
        let mut request = OutgoingRequest::new(Method::Register, uri, aor.clone(), aor, to);
        request.cseq = Some(cseq);
        request.call_id = Some(format!("load-{}", self.local));
        request.contact = Some(format!("<sip:{}@{}>", account.user, self.local));
        request.headers = lines;
        request.headers.push(HeaderLine::new("Expires", "3600"));
        self.endpoint.request(Instant::now(), request).expect("room");
        let deadline = Instant::now() + PATIENCE;
        loop {
            for event in self.pump() {
                if let Event::Response { message, .. } = event {
                    return message;
                }
            }
            assert!(Instant::now() < deadline, "REGISTER is not answered");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Many calls that are up at once.
pub(crate) struct Calls {
    carrier: Party,
    phone: Party,
    /// By call, in the order they were placed.
    placed: Vec<DialogId>,
    /// Where the server expects the carrier's media of each call that is up.
    media: Vec<Option<SocketAddr>>,
    answered: usize,
    /// What the carrier and the phone speak.
    codecs: [Codec; 2],
}

impl Calls {
    /// Sets up `count` calls, the carrier's media at `ports[0]` in turn, the phone's at `ports[1]`.
    pub(crate) fn set_up(
        floor: &Floor,
        count: usize,
        ports: [Vec<u16>; 2],
        codecs: [Codec; 2],
    ) -> Self {
        let server = floor.server.sip;
        let mut phone = Party::new(0, server);
        phone.register(&floor.accounts[0]);
        let carrier = Party::new(floor.carrier_port, server);
        let (placed, media) = (Vec::new(), vec![None; count]);
        let mut calls = Self { carrier, phone, placed, media, answered: 0, codecs };
        let start = Instant::now();
        while calls.up().min(calls.answered) < count {
            let due = (start.elapsed().as_secs_f64() * f64::from(NEW_CALLS_PER_S)) as usize + 1;
            while calls.placed.len() < due.min(count) {
                let n = calls.placed.len();
                calls.place(n, ports[0][n % ports[0].len()]);
            }
            calls.step(&ports[1]);
            let limit = PATIENCE + Duration::from_secs(1) * count as u32 / NEW_CALLS_PER_S;
            let up = [calls.up(), calls.answered];
            assert!(start.elapsed() < limit, "{count} calls wanted, {up:?} up");
            std::thread::sleep(Duration::from_millis(1));
        }
        calls
    }

    fn up(&self) -> usize {
        self.media.iter().flatten().count()
    }

    /// Where the carrier's packets of each call go.
    pub(crate) fn media(&self) -> Vec<SocketAddr> {
        self.media.iter().flatten().copied().collect()
    }

    fn place(&mut self, n: usize, port: u16) {
        let uri = format!("sip:{DID}@{}", self.carrier.server);
        // A number each, so that nobody has two calls.
        let from = format!("<sip:+91981188{n:04}@127.0.0.1>");
        let to = self.carrier.to_server();
        let mut invite = InviteRequest::new(uri.clone(), from, format!("<{uri}>"), to);
        invite.body = Some(Body::sdp(description(port, self.codecs[0])));
        let dialog = self.carrier.endpoint.invite(Instant::now(), invite).expect("room");
        self.placed.push(dialog);
        self.carrier.send();
    }

    fn step(&mut self, phone_ports: &[u16]) {
        for event in self.carrier.pump() {
            let Event::Dialog { dialog, event } = event else { continue };
            if let DialogEvent::Answered { body: Some(body), .. } = event {
                // Calls are not answered in the order they were placed.
                let n = self.placed.iter().position(|d| *d == dialog).expect("placed by us");
                self.media[n] = Some(media_address(&body.bytes));
            } else if let DialogEvent::Failed(failure) = event {
                panic!("a call failed: {}", failure.status);
            }
        }
        for event in self.phone.pump() {
            let Event::Invited { dialog, .. } = event else { continue };
            let (now, port) = (Instant::now(), phone_ports[self.answered % phone_ports.len()]);
            let endpoint = &mut self.phone.endpoint;
            endpoint.progress(now, dialog, 180, Vec::new(), None).expect("it rings");
            let body = Some(Body::sdp(description(port, self.codecs[1])));
            endpoint.answer(now, dialog, Vec::new(), body).expect("it is answered");
            self.answered += 1;
            self.phone.send();
        }
    }

    /// Keeps signalling alive for a moment.
    pub(crate) fn idle(&mut self) {
        self.carrier.pump();
        self.phone.pump();
    }

    /// The carrier hangs up; returns when everything is over.
    pub(crate) fn hang_up(mut self) {
        for (n, dialog) in self.placed.iter().enumerate() {
            self.carrier.endpoint.hangup(Instant::now(), *dialog, None).expect("it is up");
            self.carrier.send();
            if n % 10 == 9 {
                self.carrier.pump();
                self.phone.pump();
                std::thread::sleep(Duration::from_millis(20));
            }
        }
        let deadline = Instant::now() + PATIENCE;
        while self.phone.endpoint.dialogs() + self.carrier.endpoint.dialogs() > 0 {
            self.idle();
            assert!(Instant::now() < deadline, "calls do not end");
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}

fn description(port: u16, codec: Codec) -> Bytes {
    let (pt, name) = (codec.static_payload_type(), codec.name());
    Bytes::from(format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP {pt}\r\na=rtpmap:{pt} {name}/8000\r\na=ptime:20\r\na=sendrecv\r\n"
    ))
}

fn media_address(sdp: &[u8]) -> SocketAddr {
    let text = std::str::from_utf8(sdp).expect("text");
    let line = text.lines().find(|l| l.starts_with("m=")).expect("a media line");
    let port = line.split(' ').nth(1).and_then(|p| p.parse().ok()).expect("a port");
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}
