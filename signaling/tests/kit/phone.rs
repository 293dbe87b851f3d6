//! A scripted phone: one UDP socket, one `Endpoint`, one RTP socket that talks and counts.

use super::{PATIENCE, directory::DOMAIN};
use bytes::Bytes;
use signaling_proto::{
    Advertised, AdvertisedSet, Body, Destination, DialogEvent, DialogId, DialogRequest, Endpoint,
    EndpointConfig, Event, FlowId, HeaderLine, InviteRequest, Message, Method, OutgoingRequest,
    Reply, Source, Target, TransactionId, Transport, Uri, digest::DigestClient,
};
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    net::UdpSocket,
    sync::{Notify, mpsc},
    task::JoinHandle,
};

/// A scripted phone.
pub struct Phone {
    pub number: String,
    pub address: SocketAddr,
    /// Claimed in From and To; its own number unless a test says otherwise.
    pub claimed: String,
    /// The digest user and secret.
    pub user: String,
    pub secret: String,
    pub server: SocketAddr,
    endpoint: Arc<Mutex<Endpoint>>,
    woken: Arc<Notify>,
    events: tokio::sync::Mutex<mpsc::UnboundedReceiver<Event>>,
    pump: JoinHandle<()>,
    rtp: Arc<UdpSocket>,
    pub heard: Arc<AtomicU64>,
    cseq: Mutex<u32>,
}

/// A call seen from a phone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call(pub DialogId);

impl Phone {
    /// A phone on a free port.
    pub async fn new(number: &str, server: SocketAddr) -> Self {
        Self::at(([127, 0, 0, 1], 0).into(), number, server).await
    }

    /// A phone on this address.
    pub async fn at(address: SocketAddr, number: &str, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind(address).await.expect("port");
        let address = socket.local_addr().expect("bound");
        let rtp = Arc::new(UdpSocket::bind((address.ip(), 0)).await.expect("port"));
        let host = match address {
            SocketAddr::V4(v4) => v4.ip().to_string(),
            SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
        };
        let named = Advertised::new(host, address.port());
        let set = AdvertisedSet {
            udp: named.clone(),
            tcp: named.clone(),
            tls: named.clone(),
            ws: named.clone(),
            wss: named,
        };
        let config = EndpointConfig::new(set);
        let endpoint = Arc::new(Mutex::new(Endpoint::new(config, rand::random())));
        let woken = Arc::new(Notify::new());
        let (out, events) = mpsc::unbounded_channel();
        let pump = tokio::spawn(pump(socket, endpoint.clone(), woken.clone(), out));
        let heard = Arc::new(AtomicU64::new(0));
        tokio::spawn(listen(rtp.clone(), heard.clone()));
        Self {
            number: number.to_owned(),
            claimed: number.to_owned(),
            user: number.to_owned(),
            secret: format!("secret-{number}"),
            address,
            server,
            endpoint,
            woken,
            events: tokio::sync::Mutex::new(events),
            pump,
            rtp,
            heard,
            cseq: Mutex::new(0),
        }
    }

    fn with<T>(&self, act: impl FnOnce(&mut Endpoint, Instant) -> T) -> T {
        let mut endpoint = self.endpoint.lock().expect("lock");
        let done = act(&mut endpoint, Instant::now());
        self.woken.notify_one();
        done
    }

    fn to_server(&self) -> Destination {
        Destination::Targets(vec![Target {
            transport: Transport::Udp,
            address: self.server,
            server_name: None,
        }])
    }

    /// The next event that fits; others are dropped.
    pub async fn next<T>(&self, mut fits: impl FnMut(Event) -> Option<T>) -> T {
        let wait = async {
            let mut events = self.events.lock().await;
            loop {
                if let Some(found) = fits(events.recv().await.expect("the phone runs")) {
                    return found;
                }
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("the phone hears it in time")
    }

    /// Whether anything that fits comes within this time.
    pub async fn hears(&self, within: Duration, mut fits: impl FnMut(&Event) -> bool) -> bool {
        let wait = async {
            let mut events = self.events.lock().await;
            while let Some(event) = events.recv().await {
                if fits(&event) {
                    return true;
                }
            }
            false
        };
        tokio::time::timeout(within, wait).await.unwrap_or(false)
    }

    /// A request outside of dialogs, without credentials: its final response.
    pub async fn request(&self, request: OutgoingRequest) -> Box<Message> {
        let sent = self.with(|endpoint, now| endpoint.request(now, request)).expect("sent");
        self.next(|event| match event {
            Event::Response { transaction, message, .. } if transaction == sent => {
                message.status().is_some_and(|status| status.is_final()).then_some(message)
            }
            _ => None,
        })
        .await
    }

    /// REGISTER as it stands, with these lines.
    pub async fn send_register(&self, expires: u32, lines: Vec<HeaderLine>) -> Box<Message> {
        let aor = format!("<sip:{}@{DOMAIN}>", self.claimed);
        let uri = format!("sip:{DOMAIN}");
        let mut request =
            OutgoingRequest::new(Method::Register, uri, aor.clone(), aor, self.to_server());
        request.cseq = Some({
            let mut cseq = self.cseq.lock().expect("lock");
            *cseq += 1;
            *cseq
        });
        request.call_id = Some(format!("reg-{}", self.address));
        request.contact = Some(format!("<sip:{}@{}>", self.number, self.address));
        request.headers = lines;
        request.headers.push(HeaderLine::new("Expires", expires.to_string()));
        self.request(request).await
    }

    /// Registers, answering one challenge; the final status.
    pub async fn register(&self, expires: u32) -> u16 {
        let first = self.send_register(expires, Vec::new()).await;
        if status(&first) != 401 {
            return status(&first);
        }
        let lines = self.authorise(&first, &Method::Register, &format!("sip:{DOMAIN}"));
        status(&*self.send_register(expires, lines).await)
    }

    /// The answer to a challenge.
    pub fn authorise(&self, challenge: &Message, method: &Method, uri: &str) -> Vec<HeaderLine> {
        let mut digest = DigestClient::new(&self.user, &self.secret, rand::random());
        digest.challenged(challenge, false).expect("a challenge");
        let uri: Uri = uri.parse().expect("URI");
        let lines = digest.authorise(method, &uri);
        lines.into_iter().map(|(name, value)| HeaderLine::new(name.as_str(), value)).collect()
    }

    /// INVITE with an offer.
    pub fn invite(&self, to: &str) -> Call {
        self.invite_from(to, &format!("<sip:{}@{DOMAIN}>", self.claimed))
    }

    /// INVITE with a From of one's own.
    pub fn invite_from(&self, to: &str, from: &str) -> Call {
        self.invite_with(to, from, Vec::new())
    }

    /// The same with further headers.
    pub fn invite_with(&self, to: &str, from: &str, headers: Vec<HeaderLine>) -> Call {
        let uri = format!("sip:{to}@{DOMAIN}");
        let mut invite =
            InviteRequest::new(uri.clone(), from, format!("<{uri}>"), self.to_server());
        invite.contact = Some(format!("<sip:{}@{}>", self.number, self.address));
        invite.body = Some(Body::sdp(self.offer()));
        invite.headers = headers;
        Call(self.with(|endpoint, now| endpoint.invite(now, invite)).expect("sent"))
    }

    /// Calls, answering the challenge.
    pub async fn call(&self, to: &str) -> Call {
        self.call_with(to, Vec::new()).await
    }

    /// The same with further headers.
    pub async fn call_with(&self, to: &str, headers: Vec<HeaderLine>) -> Call {
        let call = self.invite_with(to, &format!("<sip:{}@{DOMAIN}>", self.claimed), headers);
        self.proves(call, to).await
    }

    /// Answers the challenge to an INVITE.
    pub async fn proves(&self, call: Call, to: &str) -> Call {
        let challenge = self
            .in_call(call, |event| match event {
                DialogEvent::Challenged { message, .. } => Some(message),
                _ => None,
            })
            .await;
        let lines = self.authorise(&challenge, &Method::Invite, &format!("sip:{to}@{DOMAIN}"));
        self.with(|endpoint, now| endpoint.retry_with(now, call.0, lines)).expect("sent");
        call
    }

    /// Wants the place that `Replaces` names, or sends whatever else it is given.
    pub async fn replace(&self, replaces: &str) -> Call {
        let line = HeaderLine::new("Replaces", replaces.to_owned());
        self.call_with("anybody", vec![line]).await
    }

    /// Its dialog as others would name it to the switch.
    pub fn named(&self, call: Call) -> String {
        let ids = self.with(|endpoint, _| endpoint.dialog_ids(call.0)).expect("a dialog");
        format!("{};to-tag={};from-tag={}", ids.0, ids.2, ids.1)
    }

    /// What happens in a call, until it fits.
    pub async fn in_call<T>(
        &self,
        call: Call,
        mut fits: impl FnMut(DialogEvent) -> Option<T>,
    ) -> T {
        self.next(|event| match event {
            Event::Dialog { dialog, event } if dialog == call.0 => fits(event),
            _ => None,
        })
        .await
    }

    /// Waits for the answer; talks to whoever the answer names.
    pub async fn answered(&self, call: Call) {
        let body = self
            .in_call(call, |event| match event {
                DialogEvent::Answered { body, .. } => Some(body),
                DialogEvent::Failed(failure) => panic!("refused with {}", failure.status),
                _ => None,
            })
            .await;
        self.talk_to(&body.expect("an answer").bytes);
    }

    /// Waits for the refusal.
    pub async fn refused(&self, call: Call) -> u16 {
        self.in_call(call, |event| match event {
            DialogEvent::Failed(failure) => Some(failure.status),
            DialogEvent::Challenged { message, .. } => Some(status(&message)),
            _ => None,
        })
        .await
    }

    /// Waits for the end.
    pub async fn ended(&self, call: Call) {
        self.in_call(call, |event| matches!(event, DialogEvent::Ended { .. }).then_some(())).await;
    }

    /// Waits for somebody to call.
    pub async fn rung(&self) -> (Call, Box<Message>) {
        self.next(|event| match event {
            Event::Invited { dialog, message, .. } => Some((Call(dialog), message)),
            _ => None,
        })
        .await
    }

    pub fn ring(&self, call: Call) {
        self.with(|endpoint, now| endpoint.progress(now, call.0, 180, Vec::new(), None))
            .expect("rings");
    }

    /// Answers and talks.
    pub fn answer(&self, call: Call, invite: &Message) {
        let body = Some(Body::sdp(self.offer()));
        self.with(|endpoint, now| endpoint.answer(now, call.0, Vec::new(), body)).expect("answers");
        if let Some(offer) = invite.sdp() {
            self.talk_to(&offer);
        }
    }

    /// Answers, and is silent until it is offered other media.
    pub fn pick_up(&self, call: Call) {
        let body = Some(Body::sdp(self.offer()));
        self.with(|endpoint, now| endpoint.answer(now, call.0, Vec::new(), body)).expect("answers");
    }

    pub fn reject(&self, call: Call, status: u16, lines: &[HeaderLine]) {
        self.with(|endpoint, now| endpoint.reject(now, call.0, status, lines)).expect("refuses");
    }

    pub fn hang_up(&self, call: Call) {
        self.with(|endpoint, now| endpoint.hangup(now, call.0, None)).expect("hangs up");
    }

    /// Asks the switch to call somebody else; the status of the answer.
    pub async fn refer(&self, call: Call, to: &str) -> u16 {
        let line = HeaderLine::new("Refer-To", format!("<sip:{to}@{DOMAIN}>"));
        let answer = self.refer_with(call, vec![line]).await;
        status(&answer)
    }

    /// The same to the party of another call of its own, named as it knows it.
    pub async fn refer_to_call(&self, call: Call, named: &str) -> u16 {
        let escaped = named.replace('@', "%40").replace(';', "%3B").replace('=', "%3D");
        let to = format!("<sip:anybody@{DOMAIN}?Replaces={escaped}>");
        let answer = self.refer_with(call, vec![HeaderLine::new("Refer-To", to)]).await;
        status(&answer)
    }

    /// REFER with these headers; the answer.
    pub async fn refer_with(&self, call: Call, headers: Vec<HeaderLine>) -> Box<Message> {
        let request = DialogRequest { method: Method::Refer, headers, body: None };
        let sent = self
            .with(|endpoint, now| endpoint.request_in_dialog(now, call.0, request))
            .expect("sent");
        self.in_call(call, |event| match event {
            DialogEvent::Response { transaction, message, .. } if transaction == sent => message,
            _ => None,
        })
        .await
    }

    /// Waits for an offer within a call, takes it and talks to whoever it names. Gives the offer.
    pub async fn takes_offer(&self, call: Call) -> Bytes {
        let offer = self
            .in_call(call, |event| match event {
                DialogEvent::Reinvited { body } => Some(body.expect("an offer").bytes),
                _ => None,
            })
            .await;
        let body = Some(Body::sdp(self.offer()));
        self.with(|endpoint, now| endpoint.accept_reinvite(now, call.0, body)).expect("accepts");
        self.talk_to(&offer);
        offer
    }

    /// Makes an offer within a call; the answer.
    pub async fn offers(&self, call: Call) -> Bytes {
        let body = Some(Body::sdp(self.offer()));
        self.with(|endpoint, now| endpoint.reinvite(now, call.0, body)).expect("sent");
        self.in_call(call, |event| match event {
            DialogEvent::ReinviteAnswered { body } => Some(body.expect("an answer").bytes),
            _ => None,
        })
        .await
    }

    /// Waits until the switch says that its phone rings there; the dialog as others would name it to the switch.
    pub async fn rings_there(&self, call: Call) -> String {
        self.in_call(call, |event| {
            let DialogEvent::Progressed { message, .. } = event else { return None };
            let (call, own) = (message.call_id().to_string(), message.from_tag().to_owned());
            Some(format!("{call};to-tag={};from-tag={own}", message.to_tag()?))
        })
        .await
    }

    pub fn respond(&self, transaction: TransactionId, reply: &Reply) {
        self.with(|endpoint, now| endpoint.respond(now, transaction, reply)).expect("responds");
    }

    /// Waits until this many packets were heard.
    pub async fn hears_audio(&self, packets: u64) {
        let wait = async {
            while self.heard.load(Ordering::Relaxed) < packets {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait).await.expect("audio in time");
    }

    fn offer(&self) -> Bytes {
        sdp(self.rtp.local_addr().expect("bound"))
    }

    /// Sends a packet of A-law every 20 ms for three seconds.
    fn talk_to(&self, sdp: &Bytes) {
        let text = String::from_utf8_lossy(sdp).into_owned();
        let field = |prefix: &str| {
            text.lines().find_map(|line| line.strip_prefix(prefix).map(str::to_owned))
        };
        let host = field("c=IN IP4 ").or_else(|| field("c=IN IP6 ")).expect("address");
        let port = field("m=audio ").expect("media");
        let port: u16 = port.split(' ').next().and_then(|p| p.parse().ok()).expect("port");
        let host: std::net::IpAddr = host.trim().parse().expect("address");
        let to = SocketAddr::new(host, port);
        let rtp = self.rtp.clone();
        tokio::spawn(async move {
            let mut packet = vec![0x80, 8, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4];
            packet.extend_from_slice(&[0x55; 160]);
            for n in 0..150u16 {
                packet[2..4].copy_from_slice(&n.to_be_bytes());
                packet[4..8].copy_from_slice(&(u32::from(n) * 160).to_be_bytes());
                let _ = rtp.send_to(&packet, to).await;
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        });
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

/// An offer or answer of A-law and µ-law.
pub fn sdp(rtp: SocketAddr) -> Bytes {
    let (host, port) = (rtp.ip(), rtp.port());
    let family = if host.is_ipv4() { "IP4" } else { "IP6" };
    Bytes::from(format!(
        "v=0\r\no=- 1 1 IN {family} {host}\r\ns=-\r\nc=IN {family} {host}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 8 0 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:0 PCMU/8000\r\n\
         a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n"
    ))
}

fn status(message: &Message) -> u16 {
    message.status().map_or(0, |status| status.code())
}

async fn pump(
    socket: UdpSocket,
    endpoint: Arc<Mutex<Endpoint>>,
    woken: Arc<Notify>,
    events: mpsc::UnboundedSender<Event>,
) {
    let local = socket.local_addr().expect("bound");
    let mut buffer = vec![0u8; 65_535];
    loop {
        let (sends, deadline) = {
            let mut endpoint = endpoint.lock().expect("lock");
            let sends: Vec<_> = std::iter::from_fn(|| endpoint.poll_transmit()).collect();
            while let Some(event) = endpoint.poll_event() {
                let _ = events.send(event);
            }
            (sends, endpoint.poll_timeout().map(|(at, _)| at))
        };
        for transmit in sends {
            let _ = socket.send_to(&transmit.bytes, transmit.path.remote()).await;
        }
        let far = Instant::now() + Duration::from_secs(3600);
        tokio::select! {
            () = woken.notified() => {}
            () = tokio::time::sleep_until(deadline.unwrap_or(far).into()) => {
                endpoint.lock().expect("lock").handle_timeout(Instant::now());
            }
            received = socket.recv_from(&mut buffer) => {
                let Ok((length, remote)) = received else { continue };
                let source = Source { transport: Transport::Udp, local, remote, flow: FlowId(1) };
                let bytes = Bytes::copy_from_slice(&buffer[..length]);
                endpoint.lock().expect("lock").handle_message(Instant::now(), source, bytes);
            }
        }
    }
}

async fn listen(rtp: Arc<UdpSocket>, heard: Arc<AtomicU64>) {
    let mut buffer = [0u8; 2048];
    while rtp.recv_from(&mut buffer).await.is_ok() {
        // RTCP has payload types 200 to 204 (RFC 5761 §4).
        if !(200..=204).contains(&buffer[1]) {
            heard.fetch_add(1, Ordering::Relaxed);
        }
    }
}
