//! A phone with its own SDP and its own RTP: nothing of our media engine is in it.

use crate::ears::{from_alaw, from_mulaw, to_alaw, tone};
use crate::wire::Wire;
use bytes::Bytes;
use signaling_proto::{
    AdvertisedSet, Body, Destination, DialogEvent, DialogId, DialogRequest, Endpoint,
    EndpointConfig, Event, InviteRequest, Method, Target, Transport,
};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;

/// Dynamic payload type of our telephone events.
const EVENT_TYPE: u8 = 96;

/// How long the phone lets it ring at least: a busy machine is slow.
const PATIENCE: Duration = Duration::from_secs(4);

/// What the phone sends while it talks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Say {
    Nothing,
    Tone(f32),
    /// One press by RFC 4733, half a second after the answer.
    Key(char),
    /// One press by INFO, half a second after the answer.
    Info(char),
}

/// What became of a call.
#[derive(Debug, Default)]
pub(crate) struct Story {
    /// Every provisional status but 100, with whether it carried SDP.
    pub(crate) progress: Vec<(u16, bool)>,
    /// Final status; 0 when none came.
    pub(crate) status: u16,
    /// Reason header of the end.
    pub(crate) reason: Option<(Option<u16>, String)>,
    /// Their final description.
    pub(crate) answer: String,
    /// Time from INVITE to answer, and from answer to end.
    pub(crate) rang: Duration,
    pub(crate) talked: Duration,
    /// Everything heard, early media too.
    pub(crate) heard: Vec<i16>,
    /// Keys the other side pressed.
    pub(crate) keys: Vec<char>,
    /// Direction lines of the offers they made in the dialog.
    pub(crate) reoffers: Vec<String>,
    /// They hung up, not we.
    pub(crate) ended_by_them: bool,
}

pub(crate) struct Phone {
    wire: Wire,
    endpoint: Endpoint,
    rtp: UdpSocket,
    transport: Transport,
    started: Instant,
    peer: Option<SocketAddr>,
    story: Story,
    answered: Option<Instant>,
    dialog: Option<DialogId>,
    say: Say,
    sent: u32,
    key_packets: u32,
    last_event: Option<u32>,
    over: bool,
}

impl Phone {
    pub(crate) async fn new(transport: Transport, say: Say) -> Self {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let wire = Wire::new(transport).await;
        let address = wire.address();
        let advertised = AdvertisedSet::one_host("127.0.0.1", address.port(), address.port());
        Self {
            wire,
            endpoint: Endpoint::new(EndpointConfig::new(advertised), rand::random()),
            rtp: UdpSocket::bind(any).await.expect("a free port"),
            transport,
            started: Instant::now(),
            peer: None,
            story: Story::default(),
            answered: None,
            dialog: None,
            say,
            sent: 0,
            key_packets: 0,
            last_event: None,
            over: false,
        }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.wire.address()
    }

    fn sdp(&self) -> Bytes {
        let port = self.rtp.local_addr().expect("bound").port();
        Bytes::from(format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 8 0 {EVENT_TYPE}\r\na=rtpmap:8 PCMA/8000\r\n\
             a=rtpmap:0 PCMU/8000\r\na=rtpmap:{EVENT_TYPE} telephone-event/8000\r\n\
             a=fmtp:{EVENT_TYPE} 0-15\r\na=sendrecv\r\n"
        ))
    }

    /// Calls a number of the carrier and hangs up after so much talk (or waiting).
    pub(crate) async fn call(mut self, carrier: SocketAddr, number: &str, span: Duration) -> Story {
        let uri = format!("sip:{number}@{carrier}");
        let from = format!("<sip:+918040000001@{}>", self.address());
        let target = Target { transport: self.transport, address: carrier, server_name: None };
        let request = InviteRequest {
            body: Some(Body::sdp(self.sdp())),
            ..InviteRequest::new(
                uri.clone(),
                from,
                format!("<{uri}>"),
                Destination::Targets(vec![target]),
            )
        };
        self.dialog = Some(self.endpoint.invite(Instant::now(), request).expect("room"));
        self.live(span).await
    }

    /// Waits for a call and answers it, or refuses it with this status.
    pub(crate) async fn answer(mut self, refuse: Option<u16>, span: Duration) -> Story {
        let end = Instant::now() + Duration::from_secs(5);
        while self.dialog.is_none() && Instant::now() < end {
            self.turn().await;
        }
        let dialog = self.dialog.expect("a call came in");
        let now = Instant::now();
        let done = match refuse {
            Some(status) => self.endpoint.reject(now, dialog, status, &[]),
            None => {
                let body = Some(Body::sdp(self.sdp()));
                self.endpoint.answer(now, dialog, Vec::new(), body)
            }
        };
        done.expect("still there");
        self.live(span).await
    }

    async fn live(mut self, span: Duration) -> Story {
        let mut hung_up = false;
        while !self.over {
            let (since, limit) = match self.answered {
                Some(answered) => (answered, span),
                None => (self.started, span.max(PATIENCE)),
            };
            if since.elapsed() > limit && !hung_up {
                hung_up = true;
                let dialog = self.dialog.expect("begun");
                self.endpoint.hangup(Instant::now(), dialog, None).expect("still there");
            }
            self.turn().await;
        }
        // The last ACK or BYE wants to leave.
        for _ in 0..5 {
            self.turn().await;
        }
        self.story.ended_by_them = !hung_up;
        self.story
    }

    /// At most 20 ms of life.
    async fn turn(&mut self) {
        self.drain().await;
        self.speak().await;
        let mut packet = [0u8; 2048];
        tokio::select! {
            (source, bytes) = self.wire.next() => {
                self.endpoint.handle_message(Instant::now(), source, bytes);
            }
            Ok((length, _)) = self.rtp.recv_from(&mut packet) => self.hear(&packet[..length]),
            () = tokio::time::sleep(Duration::from_millis(5)) => {}
        }
        self.endpoint.handle_timeout(Instant::now());
        self.drain().await;
    }

    async fn drain(&mut self) {
        loop {
            while let Some(transmit) = self.endpoint.poll_transmit() {
                self.wire.send(transmit).await;
            }
            match self.endpoint.poll_event() {
                Some(Event::Invited { dialog, message, .. }) => {
                    self.peer = rtp_address(message.body());
                    self.dialog = Some(dialog);
                }
                Some(Event::Dialog { event, .. }) => self.dialog_event(event),
                Some(_) => {}
                None => return,
            }
        }
    }

    fn dialog_event(&mut self, event: DialogEvent) {
        match event {
            DialogEvent::Progressed { status, body, .. } => {
                self.story.progress.push((status, body.is_some()));
                self.learn(body);
            }
            DialogEvent::Answered { body, .. } => {
                self.story.status = 200;
                self.story.rang = self.started.elapsed();
                self.answered = Some(Instant::now());
                self.learn(body);
            }
            DialogEvent::Confirmed { .. } => {
                self.story.status = 200;
                self.answered = Some(Instant::now());
            }
            DialogEvent::Reinvited { body } => {
                let text = text_of(body);
                let direction =
                    text.lines().find(|l| l.starts_with("a=send") || l.starts_with("a=inactive"));
                self.story.reoffers.push(direction.unwrap_or_default().to_owned());
                let answer = Bytes::from(String::from_utf8_lossy(&self.sdp()).replace(
                    "a=sendrecv",
                    if text.contains("a=sendonly") { "a=recvonly" } else { "a=sendrecv" },
                ));
                let dialog = self.dialog.expect("begun");
                let done =
                    self.endpoint.accept_reinvite(Instant::now(), dialog, Some(Body::sdp(answer)));
                done.expect("still there");
            }
            DialogEvent::Failed(failure) => {
                self.story.status = failure.status;
                self.story.reason = failure
                    .reason
                    .map(|r| (r.cause, r.text.map(|t| t.to_string()).unwrap_or_default()));
                self.over = true;
            }
            DialogEvent::Ended { .. } => {
                self.story.talked = self.answered.map(|at| at.elapsed()).unwrap_or_default();
                self.over = true;
            }
            DialogEvent::Challenged { .. }
            | DialogEvent::ReinviteConfirmed { .. }
            | DialogEvent::ReinviteAnswered { .. }
            | DialogEvent::ReinviteFailed { .. }
            | DialogEvent::Info { .. }
            | DialogEvent::Referred { .. }
            | DialogEvent::Notified { .. }
            | DialogEvent::Request { .. }
            | DialogEvent::Response { .. } => {}
        }
    }

    fn learn(&mut self, body: Option<Body>) {
        if let Some(body) = body {
            self.peer = rtp_address(&body.bytes);
            self.story.answer = text_of(Some(body));
        }
    }

    async fn speak(&mut self) {
        let (Some(peer), Some(answered)) = (self.peer, self.answered) else { return };
        let due = (answered.elapsed().as_millis() / 20) as u32;
        while self.sent < due {
            let packet = match self.say {
                Say::Nothing | Say::Info(_) => {
                    rtp(8, self.sent, self.sent * 160, false, &[0xd5; 160])
                }
                Say::Tone(hertz) => {
                    let samples = tone(hertz, (self.sent as usize + 1) * 160);
                    let audio: Vec<u8> =
                        samples[self.sent as usize * 160..].iter().map(|s| to_alaw(*s)).collect();
                    rtp(8, self.sent, self.sent * 160, false, &audio)
                }
                Say::Key(key) if (25..33).contains(&self.sent) => {
                    self.key_packets += 1;
                    let code = "0123456789*#ABCD".find(key).expect("a key") as u8;
                    let last = self.key_packets > 5;
                    let duration = (self.key_packets.min(6) * 160) as u16;
                    let [high, low] = duration.to_be_bytes();
                    let event = [code, if last { 0x8a } else { 0x0a }, high, low];
                    rtp(EVENT_TYPE, self.sent, 25 * 160, self.key_packets == 1, &event)
                }
                Say::Key(_) => rtp(8, self.sent, self.sent * 160, false, &[0xd5; 160]),
            };
            self.sent += 1;
            if let (Say::Info(key), 25) = (self.say, self.sent) {
                self.inform(key);
            }
            self.rtp.send_to(&packet, peer).await.expect("loopback takes it");
        }
    }

    fn inform(&mut self, key: char) {
        let body = Body {
            content_type: "application/dtmf-relay".into(),
            bytes: Bytes::from(format!("Signal={key}\r\nDuration=160\r\n")),
        };
        let request = DialogRequest { method: Method::Info, headers: Vec::new(), body: Some(body) };
        let dialog = self.dialog.expect("begun");
        let sent = self.endpoint.request_in_dialog(Instant::now(), dialog, request);
        sent.expect("still there");
    }

    fn hear(&mut self, packet: &[u8]) {
        let [_, kind, _, _, t0, t1, t2, t3, ..] = packet else { return };
        let stamp = u32::from_be_bytes([*t0, *t1, *t2, *t3]);
        match (kind & 0x7f, packet.get(12..).unwrap_or_default()) {
            (8, audio) => self.story.heard.extend(audio.iter().map(|b| from_alaw(*b))),
            (0, audio) => self.story.heard.extend(audio.iter().map(|b| from_mulaw(*b))),
            (EVENT_TYPE, [code, ..]) if self.last_event != Some(stamp) => {
                self.last_event = Some(stamp);
                let key = "0123456789*#ABCD".chars().nth(usize::from(*code));
                self.story.keys.extend(key);
            }
            _ => {}
        }
    }
}

fn rtp(kind: u8, sequence: u32, stamp: u32, marker: bool, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, kind | if marker { 0x80 } else { 0 }];
    packet.extend((sequence as u16).to_be_bytes());
    packet.extend(stamp.to_be_bytes());
    packet.extend(0x1234_5678u32.to_be_bytes());
    packet.extend(payload);
    packet
}

fn text_of(body: Option<Body>) -> String {
    body.map(|body| String::from_utf8_lossy(&body.bytes).into_owned()).unwrap_or_default()
}

fn rtp_address(sdp: &[u8]) -> Option<SocketAddr> {
    let text = String::from_utf8_lossy(sdp);
    let port = text.lines().find_map(|line| line.strip_prefix("m=audio "))?;
    let port: u16 = port.split(' ').next()?.parse().ok()?;
    let host = text.lines().find_map(|line| line.strip_prefix("c=IN IP4 "))?;
    Some(SocketAddr::new(host.trim().parse().ok()?, port))
}
