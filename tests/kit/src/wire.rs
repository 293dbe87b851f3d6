//! A SIP peer written by hand, byte for byte: for what no well-behaved phone would send.

use bytes::Bytes;
use signaling_proto::{HeaderName, Message, Method, Uri, digest::DigestClient};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    time::{Duration, Instant},
};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// The status of an answer; 0 of a request.
pub fn status(message: &Message) -> u16 {
    message.status().map_or(0, |status| status.code())
}

/// Who a peer claims to be.
#[derive(Clone, Debug)]
pub struct Identity {
    /// User part.
    pub user: String,
    /// SIP secret.
    pub secret: String,
    /// Host part of the address of record.
    pub domain: String,
}

impl Identity {
    /// Address of record as a SIP URI.
    pub fn uri(&self) -> String {
        format!("sip:{}@{}", self.user, self.domain)
    }
}

/// A request to be sent.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Method.
    pub method: Method,
    /// Request URI.
    pub uri: String,
    /// URI in From.
    pub from: String,
    /// URI in To.
    pub to: String,
    /// Further header lines.
    pub lines: Vec<String>,
    /// Session description.
    pub sdp: bool,
}

impl Ask {
    /// A REGISTER of `identity` for its own address of record.
    pub fn register(identity: &Identity, lines: &[&str]) -> Self {
        Self {
            method: Method::Register,
            uri: format!("sip:{}", identity.domain),
            from: identity.uri(),
            to: identity.uri(),
            lines: lines.iter().map(|line| (*line).to_owned()).collect(),
            sdp: false,
        }
    }

    /// An INVITE with an offer.
    pub fn invite(uri: &str, from: &str) -> Self {
        Self {
            method: Method::Invite,
            uri: uri.to_owned(),
            from: from.to_owned(),
            to: uri.to_owned(),
            lines: Vec::new(),
            sdp: true,
        }
    }
}

/// The peer: one UDP socket, one Call-ID.
pub struct Wire {
    socket: UdpSocket,
    server: SocketAddr,
    /// Where it speaks from.
    pub local: SocketAddr,
    /// The media port in its session descriptions.
    pub media_port: u16,
    call_id: String,
    cseq: u32,
}

impl Wire {
    /// On 127.0.0.1.
    pub fn open(server: SocketAddr) -> Self {
        Self::open_at(IpAddr::V4(Ipv4Addr::LOCALHOST), server)
    }

    /// On another address of the machine, such as 127.0.0.66.
    pub fn open_at(ip: IpAddr, server: SocketAddr) -> Self {
        let socket = UdpSocket::bind((ip, 0)).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let local = socket.local_addr().unwrap();
        let call_id = uuid::Uuid::now_v7().simple().to_string();
        Self { socket, server, local, media_port: 40_000, call_id, cseq: 0 }
    }

    /// Sends a request with the given credentials lines; the final response.
    pub fn ask(&mut self, ask: &Ask, credentials: &[String]) -> Message {
        self.cseq += 1;
        let branch = format!("z9hG4bK{}{}", self.call_id, self.cseq);
        self.send(&self.text(ask, &branch, credentials));
        let reply = self
            .until(PATIENCE, |m| {
                m.status().is_some_and(|status| status.code() >= 200)
                    && m.cseq().seq == self.cseq
                    && *m.call_id().to_string() == self.call_id
            })
            .unwrap_or_else(|| panic!("no answer to {:?} {}", ask.method, ask.uri));
        let status = reply.status().map_or(0, |status| status.code());
        if ask.method == Method::Invite && status >= 300 {
            self.send(&self.ack(ask, &branch, &reply));
        }
        reply
    }

    /// The same, answering one challenge as `identity`. Its second request carries what the
    /// challenge asked for.
    pub fn ask_as(&mut self, identity: &Identity, ask: &Ask) -> Message {
        let mut client = DigestClient::new(&identity.user, &identity.secret, rand::random());
        let challenge = self.ask(ask, &[]);
        self.prove(&mut client, &challenge, ask)
    }

    /// Answers a challenge.
    pub fn prove(&mut self, client: &mut DigestClient, challenge: &Message, ask: &Ask) -> Message {
        client.challenged(challenge, false).expect("a challenge");
        self.ask(ask, &authorised(client, ask))
    }

    /// Acknowledges the 2xx that answered `invite`.
    pub fn acknowledge(&self, invite: &Ask, answer: &Message) {
        self.send(&self.in_dialog("ACK", self.cseq, invite, answer));
    }

    /// Ends the call that `answer` began; the response.
    pub fn hang_up(&mut self, invite: &Ask, answer: &Message) -> Message {
        self.cseq += 1;
        self.send(&self.in_dialog("BYE", self.cseq, invite, answer));
        self.until(PATIENCE, |m| m.status().is_some() && m.cseq().seq == self.cseq)
            .expect("an answer to BYE")
    }

    fn in_dialog(&self, method: &str, cseq: u32, invite: &Ask, answer: &Message) -> String {
        let value = |name: &str| answer.named(name).next().map(|v| v.to_string());
        let contact = value("Contact").unwrap_or_default();
        let uri = contact.split(['<', '>']).nth(1).expect("a contact").to_owned();
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch=z9hG4bK{}{method};rport\r\n\
             Max-Forwards: 70\r\nFrom: <{}>;tag=wire\r\nTo: {}\r\nCall-ID: {}\r\n\
             CSeq: {cseq} {method}\r\nContent-Length: 0\r\n\r\n",
            self.local,
            self.call_id,
            invite.from,
            value("To").unwrap_or_default(),
            self.call_id,
        )
    }

    /// Sends bytes as they are.
    pub fn send(&self, text: &str) {
        self.socket.send_to(text.as_bytes(), self.server).unwrap();
    }

    /// The next message that fits, within a time; others are dropped.
    pub fn until(&self, within: Duration, fits: impl Fn(&Message) -> bool) -> Option<Message> {
        let deadline = Instant::now() + within;
        let mut buffer = vec![0_u8; 65_536];
        while Instant::now() < deadline {
            let Ok((length, _)) = self.socket.recv_from(&mut buffer) else { continue };
            let bytes = Bytes::copy_from_slice(&buffer[..length]);
            if let Ok(message) = Message::parse(bytes)
                && fits(&message)
            {
                return Some(message);
            }
        }
        None
    }

    /// The next request with this method.
    pub fn request(&self, method: &Method, within: Duration) -> Option<Message> {
        self.until(within, |m| m.is_request() && m.method() == method)
    }

    /// Answers a request with a status line such as `180 Ringing` and further lines.
    pub fn respond(&self, request: &Message, status: &str, lines: &[String], sdp: bool) {
        let copied = |name: &str| -> String {
            request.named(name).map(|value| format!("{name}: {value}\r\n")).collect()
        };
        let to = request.named("To").next().map(|v| v.to_string()).unwrap_or_default();
        let tag = if to.contains(";tag=") { String::new() } else { ";tag=wire".to_owned() };
        let lines: String = lines.iter().map(|line| format!("{line}\r\n")).collect();
        self.send(&format!(
            "SIP/2.0 {status}\r\n{}{}To: {to}{tag}\r\n{}{}Contact: <sip:wire@{}>\r\n{lines}{}",
            copied("Via"),
            copied("From"),
            copied("Call-ID"),
            copied("CSeq"),
            self.local,
            self.end(sdp),
        ));
    }

    fn text(&self, ask: &Ask, branch: &str, credentials: &[String]) -> String {
        let all = ask.lines.iter().chain(credentials);
        let lines: String = all.map(|line| format!("{line}\r\n")).collect();
        let contact = if ask.method == Method::Register {
            String::new()
        } else {
            format!("Contact: <sip:wire@{}>\r\n", self.local)
        };
        format!(
            "{method} {uri} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch={branch};rport\r\n\
             Max-Forwards: 70\r\nFrom: <{from}>;tag=wire\r\nTo: <{to}>\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{contact}{lines}{end}",
            method = ask.method.as_str(),
            uri = ask.uri,
            local = self.local,
            from = ask.from,
            to = ask.to,
            call_id = self.call_id,
            cseq = self.cseq,
            end = self.end(ask.sdp),
        )
    }

    fn ack(&self, ask: &Ask, branch: &str, reply: &Message) -> String {
        let to = reply.named("To").next().map(|v| v.to_string()).unwrap_or_default();
        format!(
            "ACK {} SIP/2.0\r\nVia: SIP/2.0/UDP {};branch={branch};rport\r\nMax-Forwards: 70\r\n\
             From: <{}>;tag=wire\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {} ACK\r\n\
             Content-Length: 0\r\n\r\n",
            ask.uri, self.local, ask.from, self.call_id, self.cseq
        )
    }

    fn end(&self, sdp: bool) -> String {
        if !sdp {
            return "Content-Length: 0\r\n\r\n".to_owned();
        }
        let ip = self.local.ip();
        let body = format!(
            "v=0\r\no=wire 1 1 IN IP4 {ip}\r\ns=-\r\nc=IN IP4 {ip}\r\nt=0 0\r\n\
             m=audio {} RTP/AVP 8\r\na=rtpmap:8 PCMA/8000\r\n",
            self.media_port
        );
        let length = body.len();
        format!("Content-Type: application/sdp\r\nContent-Length: {length}\r\n\r\n{body}")
    }
}

/// The header lines that prove an identity for a request.
pub fn authorised(client: &mut DigestClient, ask: &Ask) -> Vec<String> {
    let uri: Uri = ask.uri.parse().expect("a URI");
    let lines = client.authorise(&ask.method, &uri);
    let line = |(name, value): (HeaderName, String)| format!("{}: {value}", name.as_str());
    lines.into_iter().map(line).collect()
}
