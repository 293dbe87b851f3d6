//! TCP, TLS and WebSocket: framing, keep-alives, limits, certificates, calls by the same flow.

mod kit;

use bytes::Bytes;
use kit::{Floor, MemoryDirectory, trunk};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use signaling::TlsConfig;
use signaling_proto::{
    HeaderName, Message, Method, Uri,
    digest::DigestClient,
    framer::{Framed, StreamFramer},
    message::Limits,
};
use std::{net::SocketAddr, path::Path, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::TcpStream,
    sync::mpsc,
};
use tokio_rustls::client::TlsStream;

/// One stream and what was read of it.
struct Line<S> {
    stream: S,
    framer: StreamFramer,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Line<S> {
    fn new(stream: S) -> Self {
        Self { stream, framer: StreamFramer::new(Limits::DEFAULT) }
    }

    async fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.expect("written");
        self.stream.flush().await.expect("written");
    }

    async fn hear(&mut self) -> Message {
        let wait = async {
            let mut buffer = [0u8; 4096];
            loop {
                if let Some(Framed::Message(message)) = self.framer.poll() {
                    return message;
                }
                let length = self.stream.read(&mut buffer).await.expect("read");
                assert_ne!(length, 0, "closed");
                self.framer.push(&buffer[..length]);
            }
        };
        tokio::time::timeout(kit::PATIENCE, wait).await.expect("an answer in time")
    }

    async fn is_closed(&mut self) -> bool {
        let mut buffer = [0u8; 4096];
        let wait =
            async { while !matches!(self.stream.read(&mut buffer).await, Ok(0) | Err(_)) {} };
        tokio::time::timeout(kit::PATIENCE, wait).await.is_ok()
    }
}

fn request(method: &str, branch: &str, cseq: u32, lines: &str) -> String {
    let aor = "<sip:102@pratham.local>";
    format!(
        "{method} sip:pratham.local SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bK{branch}\r\n\
         From: {aor};tag=t1\r\nTo: {aor}\r\nCall-ID: stream-1\r\nCSeq: {cseq} {method}\r\n\
         Max-Forwards: 70\r\n{lines}Content-Length: 0\r\n\r\n"
    )
}

fn status(message: &Message) -> u16 {
    message.status().map_or(0, |status| status.code())
}

async fn register<S: AsyncRead + AsyncWrite + Unpin>(line: &mut Line<S>) {
    let contact = "Contact: <sip:102@127.0.0.1:9;transport=tcp>\r\nExpires: 600\r\n";
    line.say(&request("REGISTER", "r1", 1, contact)).await;
    let challenge = line.hear().await;
    assert_eq!(status(&challenge), 401);
    let answer = authorised(&challenge);
    line.say(&request("REGISTER", "r2", 2, &format!("{answer}{contact}"))).await;
    assert_eq!(status(&line.hear().await), 200);
}

fn authorised(challenge: &Message) -> String {
    let mut digest = DigestClient::new("102", "secret-102", 1);
    digest.challenged(challenge, false).expect("challenge");
    let uri: Uri = "sip:pratham.local".parse().expect("URI");
    let lines = digest.authorise(&Method::Register, &uri);
    lines.iter().map(|(name, value)| format!("{}: {value}\r\n", name.as_str())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_on_tcp_is_called_by_the_connection_it_registered_on() {
    let floor = Floor::open(MemoryDirectory::new(&["101", "102"], Vec::new())).await;
    let tcp = floor.switch.listening().tcp[0];
    let mut bob = Line::new(TcpStream::connect(tcp).await.expect("connects"));
    register(&mut bob).await;
    let alice = floor.registered("101").await;
    let call = alice.call("102").await;
    let invite = bob.hear().await;
    assert_eq!(*invite.method(), Method::Invite);
    let contact = invite.text(HeaderName::Contact).expect("contact").to_string();
    assert_eq!(contact, format!("<sip:{tcp};transport=tcp>"));
    // The phone hangs up the connection: it cannot be called any more, the caller is told.
    drop(bob);
    let refused = alice.refused(call).await;
    assert!(refused >= 400, "{refused}");
}

/// RFC 5626 §6: a phone that asks to be kept by its flow is told that it is, and how often it must be heard; back from
/// another address it takes its own place. Who does not ask is told nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_names_its_instance_is_kept_by_its_newest_flow() {
    let floor = Floor::open(MemoryDirectory::new(&["102"], Vec::new())).await;
    let tcp = floor.switch.listening().tcp[0];
    let contact = "Contact: <sip:102@127.0.0.1:9;transport=tcp>;reg-id=1;\
                   +sip.instance=\"<urn:uuid:00000000-0000-1000-8000-000a95a0e128>\"\r\nExpires: 600\r\n";
    let asking = format!("{contact}Supported: path, outbound\r\n");
    let mut lines = Vec::new();
    for call in ["stream-1", "stream-2"] {
        let mut line = Line::new(TcpStream::connect(tcp).await.expect("connects"));
        let ask = |branch: &str, cseq, lines: &str| {
            request("REGISTER", &format!("{branch}{call}"), cseq, lines).replace("stream-1", call)
        };
        line.say(&ask("a", 1, &asking)).await;
        let answer = authorised(&line.hear().await);
        line.say(&ask("b", 2, &format!("{answer}{asking}"))).await;
        let accepted = line.hear().await;
        assert_eq!(status(&accepted), 200);
        assert!(accepted.requires("outbound"), "{accepted:?}");
        let timer = accepted.named("Flow-Timer").next().map(|value| value.to_string());
        assert_eq!(timer.as_deref(), Some("120"));
        let bound = floor.switch.registrations("102@pratham.local");
        assert_eq!(bound.len(), 1, "{bound:?}");
        assert_eq!(bound[0].source, line.stream.local_addr().expect("bound"));
        lines.push(line);
    }
    let mut plain = Line::new(TcpStream::connect(tcp).await.expect("connects"));
    let ask = |branch: &str, cseq, lines: &str| {
        request("REGISTER", branch, cseq, lines).replace("stream-1", "stream-3")
    };
    plain.say(&ask("p1", 1, contact)).await;
    let answer = authorised(&plain.hear().await);
    plain.say(&ask("p2", 2, &format!("{answer}{contact}"))).await;
    let accepted = plain.hear().await;
    assert_eq!(status(&accepted), 200);
    assert!(!accepted.requires("outbound") && accepted.named("Flow-Timer").next().is_none());
}

/// RFC 3261 §11.2: what we serve is told alike in every answer, and is what we serve.
#[tokio::test(flavor = "multi_thread")]
async fn every_allow_is_the_same() {
    let floor = Floor::open(MemoryDirectory::new(&["102"], Vec::new())).await;
    let tcp = floor.switch.listening().tcp[0];
    let mut line = Line::new(TcpStream::connect(tcp).await.expect("connects"));
    for (method, expected) in [("OPTIONS", 200), ("MESSAGE", 405)] {
        line.say(&request(method, &format!("w{method}"), 1, "")).await;
        let answer = line.hear().await;
        assert_eq!(status(&answer), expected);
        let allow = answer.text(HeaderName::Allow).expect("told").to_string();
        assert_eq!(allow, signaling_proto::ALLOW, "{method}");
    }
    assert!(signaling_proto::ALLOW.contains("REFER"));
    assert!(!signaling_proto::ALLOW.contains("MESSAGE"));
}

/// A07.
#[tokio::test(flavor = "multi_thread")]
async fn messages_are_cut_out_of_a_dripping_stream_and_pings_are_answered() {
    let floor = Floor::open(MemoryDirectory::new(&["102"], Vec::new())).await;
    let tcp = floor.switch.listening().tcp[0];
    let mut line = Line::new(TcpStream::connect(tcp).await.expect("connects"));
    line.say("\r\n\r\n").await;
    let mut pong = [0u8; 2];
    line.stream.read_exact(&mut pong).await.expect("pong");
    assert_eq!(&pong, b"\r\n");
    let two = request("OPTIONS", "o1", 1, "") + &request("OPTIONS", "o2", 2, "");
    for byte in two.as_bytes().chunks(7) {
        line.stream.write_all(byte).await.expect("written");
        line.stream.flush().await.expect("written");
    }
    assert_eq!(status(&line.hear().await), 200);
    assert_eq!(line.hear().await.cseq().seq, 2);
    let broken = request("OPTIONS", "o3", 3, "Content-Length: 99999999999\r\n");
    line.say(&broken).await;
    assert!(line.is_closed().await, "nobody can say where the next message begins");
}

/// A08.
#[tokio::test(flavor = "multi_thread")]
async fn silent_strangers_are_cut_and_one_address_cannot_take_every_connection() {
    let directory = MemoryDirectory::new(&["102"], Vec::new());
    let floor = Floor::open_with(directory, |config| {
        config.limits.connections_per_ip_max = 3;
        config.limits.idle_before_auth_s = 1;
    })
    .await;
    let tcp = floor.switch.listening().tcp[0];
    let mut lines = Vec::new();
    for _ in 0..3 {
        lines.push(Line::new(TcpStream::connect(tcp).await.expect("connects")));
    }
    // Somebody who proved who they are stays.
    register(&mut lines[0]).await;
    let mut fourth = Line::new(TcpStream::connect(tcp).await.expect("the kernel takes it"));
    assert!(fourth.is_closed().await);
    assert!(lines[1].is_closed().await && lines[2].is_closed().await);
    lines[0].say(&request("OPTIONS", "o1", 9, "")).await;
    assert_eq!(status(&lines[0].hear().await), 200);
}

/// A22: whatever the transport, methods we do not serve are refused at once and reach nobody; so is a new request
/// inside of no dialog.
#[tokio::test(flavor = "multi_thread")]
async fn methods_we_do_not_serve_are_refused_on_every_stream() {
    let (floor, trusted) = floor_with_tls().await;
    let desk = floor.registered("101").await;
    let expected = |method: &str, status: u16| match method {
        "BYE" | "INFO" | "UPDATE" => status == 481,
        _ => [401, 405, 501].contains(&status),
    };
    const METHODS: [&str; 8] =
        ["MESSAGE", "SUBSCRIBE", "PUBLISH", "REFER", "NOTIFY", "BYE", "INFO", "UPDATE"];
    let asked = |n: usize, method: &str| {
        let tag = if matches!(method, "BYE" | "INFO" | "UPDATE") { ";tag=gone" } else { "" };
        request(method, &format!("m{n}{method}"), 1, "Refer-To: <sip:101@pratham.local>\r\n")
            .replace(
                "To: <sip:102@pratham.local>\r\n",
                &format!("To: <sip:102@pratham.local>{tag}\r\n"),
            )
            .replace("sip:pratham.local SIP", "sip:101@pratham.local SIP")
    };
    let (mut tcp, mut secure, to_switch, mut from_switch) = every_stream(&floor, &trusted).await;
    for method in METHODS {
        tcp.say(&asked(1, method)).await;
        let answer = status(&tcp.hear().await);
        assert!(expected(method, answer), "{method} on TCP: {answer}");
        secure.say(&asked(2, method)).await;
        let answer = status(&secure.hear().await);
        assert!(expected(method, answer), "{method} on TLS: {answer}");
        to_switch.send(asked(3, method).into()).await.expect("sent");
        let answer = Message::parse(from_switch.recv().await.expect("answer")).expect("message");
        assert!(expected(method, status(&answer)), "{method} on WebSocket: {answer:?}");
    }
    assert!(!desk.hears(Duration::from_millis(300), |_| true).await, "nothing is relayed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_on_websocket_registers_and_is_called() {
    let floor = Floor::open(MemoryDirectory::new(&["101", "102"], Vec::new())).await;
    let (to_switch, inbound) = mpsc::channel(16);
    let (outbound, mut from_switch) = mpsc::channel::<Bytes>(16);
    let peer: SocketAddr = "127.0.0.1:40999".parse().expect("address");
    let switch = floor.switch.clone();
    let served =
        tokio::spawn(async move { switch.ws_connection(peer, false, inbound, outbound).await });
    let contact = "Contact: <sip:102@abc.invalid;transport=ws>\r\nExpires: 600\r\n";
    to_switch.send(request("REGISTER", "w1", 1, contact).into()).await.expect("sent");
    let challenge = Message::parse(from_switch.recv().await.expect("answer")).expect("message");
    let answer = authorised(&challenge);
    let second = request("REGISTER", "w2", 2, &format!("{answer}{contact}"));
    to_switch.send(second.into()).await.expect("sent");
    let accepted = Message::parse(from_switch.recv().await.expect("answer")).expect("message");
    assert_eq!(status(&accepted), 200);
    let alice = floor.registered("101").await;
    let _call = alice.call("102").await;
    let invite = Message::parse(from_switch.recv().await.expect("INVITE")).expect("message");
    assert_eq!(*invite.method(), Method::Invite);
    drop(to_switch);
    tokio::time::timeout(kit::PATIENCE, served).await.expect("in time").expect("served");
    let gone = async {
        while !floor.switch.registrations("102@pratham.local").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(kit::PATIENCE, gone).await.expect("cannot be reached any more");
}

/// RFC 7118 §5.1: what we send over a socket of the https port says WSS in its Via, over a plain one WS.
#[tokio::test(flavor = "multi_thread")]
async fn the_via_of_a_websocket_tells_whether_it_is_secure() {
    for (secure, expected) in [(true, "SIP/2.0/WSS "), (false, "SIP/2.0/WS ")] {
        let floor = Floor::open(MemoryDirectory::new(&["101", "102"], Vec::new())).await;
        let (to_switch, inbound) = mpsc::channel(16);
        let (outbound, mut from_switch) = mpsc::channel::<Bytes>(16);
        let peer: SocketAddr = "127.0.0.1:40997".parse().expect("address");
        let switch = floor.switch.clone();
        tokio::spawn(async move { switch.ws_connection(peer, secure, inbound, outbound).await });
        let contact = "Contact: <sip:102@abc.invalid;transport=ws>\r\nExpires: 600\r\n";
        to_switch.send(request("REGISTER", "v1", 1, contact).into()).await.expect("sent");
        let challenge = Message::parse(from_switch.recv().await.expect("answer")).expect("message");
        let second = format!("{}{contact}", authorised(&challenge));
        to_switch.send(request("REGISTER", "v2", 2, &second).into()).await.expect("sent");
        let accepted = Message::parse(from_switch.recv().await.expect("answer")).expect("message");
        assert_eq!(status(&accepted), 200);
        let alice = floor.registered("101").await;
        let _call = alice.call("102").await;
        let invite = Message::parse(from_switch.recv().await.expect("INVITE")).expect("message");
        let via = invite.text(HeaderName::Via).expect("a Via").to_string();
        assert!(via.starts_with(expected), "{via}");
    }
}

/// D01: whoever calls without a secret is asked for one, by whatever transport.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_without_credentials_is_challenged_on_every_stream() {
    let (floor, trusted) = floor_with_tls().await;
    let desk = floor.registered("101").await;
    let invite = |n: u8, to: &str| {
        request("INVITE", &format!("i{n}"), 1, "Contact: <sip:102@127.0.0.1:9>\r\n")
            .replace("sip:pratham.local SIP", &format!("sip:{to}@pratham.local SIP"))
            .replace("stream-1", &format!("stream-{n}"))
    };
    let challenged = |answer: &Message| {
        assert_eq!(status(answer), 401);
        assert!(answer.has(HeaderName::WwwAuthenticate));
    };
    let (mut tcp, mut secure, to_switch, mut from_switch) = every_stream(&floor, &trusted).await;
    for (n, to) in [(10, "101"), (20, "+919812340001")] {
        tcp.say(&invite(n, to)).await;
        assert_eq!(status(&tcp.hear().await), 100);
        challenged(&tcp.hear().await);
        secure.say(&invite(n + 1, to)).await;
        assert_eq!(status(&secure.hear().await), 100);
        challenged(&secure.hear().await);
        to_switch.send(invite(n + 2, to).into()).await.expect("sent");
        for expected in [100, 401] {
            let bytes = from_switch.recv().await.expect("answer");
            let answer = Message::parse(bytes).expect("message");
            assert_eq!(status(&answer), expected);
        }
    }
    assert!(!desk.hears(Duration::from_millis(300), |_| true).await, "nobody is rung");
    assert!(floor.directory.routed.lock().expect("lock").is_empty(), "nothing is routed");
}

/// A floor with a TLS door, and whom its phones trust.
async fn floor_with_tls() -> (Floor, CertificateDer<'static>) {
    let folder = tempfile::tempdir().expect("folder");
    let (trusted, tls) = certificate(folder.path());
    let directory = MemoryDirectory::new(&["101", "102"], Vec::new());
    (Floor::open_with(directory, |config| config.tls = Some(tls)).await, trusted)
}

/// A connection by TCP, one by TLS, and both ends of one by secure WebSocket.
async fn every_stream(
    floor: &Floor,
    trusted: &CertificateDer<'static>,
) -> (Line<TcpStream>, Line<TlsStream<TcpStream>>, mpsc::Sender<Bytes>, mpsc::Receiver<Bytes>) {
    let listening = floor.switch.listening().clone();
    let tcp = Line::new(TcpStream::connect(listening.tcp[0]).await.expect("connects"));
    let secure = connect_tls(listening.tls[0], trusted, "sip.example").await.expect("TLS");
    let (to_switch, inbound) = mpsc::channel(16);
    let (outbound, from_switch) = mpsc::channel::<Bytes>(16);
    let switch = floor.switch.clone();
    let peer: SocketAddr = "127.0.0.1:40998".parse().expect("address");
    tokio::spawn(async move { switch.ws_connection(peer, true, inbound, outbound).await });
    (tcp, Line::new(secure), to_switch, from_switch)
}

fn certificate(folder: &Path) -> (CertificateDer<'static>, TlsConfig) {
    let made = rcgen::generate_simple_self_signed(vec!["sip.example".to_owned()]).expect("made");
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let config = TlsConfig {
        listen: vec!["127.0.0.1:0".parse().expect("address")],
        certificate: certificate.clone(),
        key,
        client_authorities: None,
    };
    (made.cert.der().clone(), config)
}

async fn connect_tls(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    name: &'static str,
) -> std::io::Result<TlsStream<TcpStream>> {
    connect_tls_as(address, trusted, name, None).await
}

async fn connect_tls_as(
    address: SocketAddr,
    trusted: &CertificateDer<'static>,
    name: &'static str,
    own: Option<(CertificateDer<'static>, PrivateKeyDer<'static>)>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(trusted.clone()).expect("root");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots);
    let config = match own {
        Some((leaf, key)) => config.with_client_auth_cert(vec![leaf], key).expect("certificate"),
        None => config.with_no_client_auth(),
    };
    let stream = TcpStream::connect(address).await?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    connector.connect(ServerName::try_from(name).expect("name"), stream).await
}

/// B14.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_used_without_a_restart_and_old_connections_stay() {
    let folder = tempfile::tempdir().expect("folder");
    let (first, tls) = certificate(folder.path());
    let directory = MemoryDirectory::new(&["102"], Vec::new());
    let floor = Floor::open_with(directory, |config| config.tls = Some(tls)).await;
    let address = floor.switch.listening().tls[0];
    let mut old = Line::new(connect_tls(address, &first, "sip.example").await.expect("TLS"));
    register(&mut old).await;
    let (second, _) = certificate(folder.path());
    floor.switch.reload_tls().expect("read again");
    let mut new = Line::new(connect_tls(address, &second, "sip.example").await.expect("TLS"));
    new.say(&request("OPTIONS", "n1", 1, "")).await;
    assert_eq!(status(&new.hear().await), 200);
    assert!(connect_tls(address, &first, "sip.example").await.is_err(), "the old one is gone");
    old.say(&request("OPTIONS", "n2", 3, "")).await;
    assert_eq!(status(&old.hear().await), 200);
}

/// B10: a verified certificate with the carrier's name is the carrier, wherever it calls from; a
/// connection without one is a stranger's.
#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_is_known_by_its_client_certificate() {
    let folder = tempfile::tempdir().expect("folder");
    let (server, mut tls) = certificate(folder.path());
    let ca_key = rcgen::KeyPair::generate().expect("key");
    let mut ca = rcgen::CertificateParams::new(Vec::new()).expect("parameters");
    ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let ca_file = folder.path().join("ca.pem");
    std::fs::write(&ca_file, ca.self_signed(&ca_key).expect("made").pem()).expect("written");
    tls.client_authorities = Some(ca_file);
    let issuer = rcgen::Issuer::new(ca, ca_key);
    let key = rcgen::KeyPair::generate().expect("key");
    let name = vec!["carrier.example".to_owned()];
    let leaf = rcgen::CertificateParams::new(name).expect("parameters");
    let leaf = leaf.signed_by(&key, &issuer).expect("signed").der().clone();
    let key = PrivateKeyDer::try_from(key.serialize_der()).expect("key");
    let mut settings = trunk(1, "192.0.2.1:5061".parse().expect("address"));
    settings.client_certificate_names = vec!["carrier.example".into()];
    // Whoever calls from the carrier's address without its certificate is a stranger all the same.
    settings.by_certificate = true;
    settings.sources = vec!["127.0.0.0/8".into()];
    let directory = MemoryDirectory::new(&["101"], vec![settings]);
    let floor = Floor::open_with(directory, |config| config.tls = Some(tls)).await;
    let desk = floor.registered("101").await;
    let address = floor.switch.listening().tls[0];
    let invite = |branch: &str| {
        let offer = kit::sdp("127.0.0.1:40000".parse().expect("address"));
        let head = request("INVITE", branch, 1, "Contact: <sip:c@127.0.0.1:9>\r\n")
            .replace("sip:pratham.local SIP", "sip:+918012345678@pratham.local SIP")
            .replace(
                "Content-Length: 0",
                &format!("Content-Type: application/sdp\r\nContent-Length: {}", offer.len()),
            );
        head + &String::from_utf8_lossy(&offer)
    };
    let mut stranger = Line::new(connect_tls(address, &server, "sip.example").await.expect("TLS"));
    stranger.say(&invite("s1")).await;
    assert_eq!(status(&stranger.hear().await), 100);
    assert_eq!(status(&stranger.hear().await), 401);
    let plain = TcpStream::connect(floor.switch.listening().tcp[0]).await.expect("connects");
    let mut plain = Line::new(plain);
    plain.say(&invite("s2").replace("stream-1", "stream-3")).await;
    assert_eq!(status(&plain.hear().await), 100);
    assert_eq!(status(&plain.hear().await), 401);
    let own = Some((leaf, key));
    let carrier = connect_tls_as(address, &server, "sip.example", own).await.expect("TLS");
    let mut carrier = Line::new(carrier);
    carrier.say(&invite("c1").replace("stream-1", "stream-2")).await;
    desk.rung().await;
}
