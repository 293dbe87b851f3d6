//! Browsers' legs: ICE, DTLS and SRTP with a client on a real socket, and strangers who have none of its keys.
#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks one event and leaves the others")]

mod kit;

use bytes::Bytes;
use kit::{Phone, Rig, config, group};
use media::{Codec, FailReason, LegKey, LegSettings, MediaCommand, MediaEvent};
use media_proto::tone;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::media::{Direction, Frequency, MediaKind, MediaTime, Mid};
use str0m::net::{Protocol, Receive};
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

const CLEAR: f64 = 0.9;

/// A page's connection.
struct Browser {
    rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    mid: Option<Mid>,
    says: u16,
    spoken: usize,
    connected: bool,
    heard: Vec<i16>,
    remote: Option<SocketAddr>,
}

impl Browser {
    fn says(hertz: u16) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_nonblocking(true).expect("a socket option");
        let local = socket.local_addr().expect("bound");
        let provider = Arc::new(str0m::crypto::from_feature_flags());
        let config = RtcConfig::new().set_crypto_provider(provider).clear_codecs();
        let mut rtc =
            config.enable_pcma(true, false).enable_pcmu(true, false).build(Instant::now());
        rtc.add_local_candidate(Candidate::host(local, Protocol::Udp).expect("a candidate"));
        let (mid, connected, heard, remote) = (None, false, Vec::new(), None);
        Self { rtc, socket, local, mid, says: hertz, spoken: 0, connected, heard, remote }
    }

    fn offer(&mut self) -> (String, SdpPendingOffer) {
        let mut change = self.rtc.sdp_api();
        self.mid = Some(change.add_media(MediaKind::Audio, Direction::SendRecv, None, None, None));
        let (offer, pending) = change.apply().expect("something to offer");
        (offer.to_sdp_string(), pending)
    }

    fn take(&mut self, pending: SdpPendingOffer, answer: &[u8]) {
        let answer = std::str::from_utf8(answer).expect("text");
        self.note_remote(answer);
        let answer = SdpAnswer::from_sdp_string(answer).expect("an answer it can read");
        self.rtc.sdp_api().accept_answer(pending, answer).expect("an answer it can take");
    }

    fn answer(&mut self, offer: &[u8]) -> Bytes {
        let offer = std::str::from_utf8(offer).expect("text");
        self.note_remote(offer);
        let offer = SdpOffer::from_sdp_string(offer).expect("an offer it can read");
        let answer = self.rtc.sdp_api().accept_offer(offer).expect("an offer it can take");
        Bytes::from(answer.to_sdp_string())
    }

    /// The engine's port, for what is sent past all keys.
    fn note_remote(&mut self, sdp: &str) {
        let port = sdp.lines().find_map(|l| l.strip_prefix("m=audio "));
        let port = port.and_then(|l| l.split(' ').next()?.parse().ok()).expect("a port");
        self.remote = Some(SocketAddr::new(self.local.ip(), port));
    }

    fn speak(&mut self) {
        let Some(mid) = self.mid.filter(|_| self.connected) else { return };
        let wave = tone::sine(self.says);
        let frame: Vec<u8> =
            (0..160).map(|n| Codec::Pcma.encode(wave[(self.spoken + n) % wave.len()])).collect();
        let time = MediaTime::new(self.spoken as u64, Frequency::EIGHT_KHZ);
        self.spoken += 160;
        let writer = self.rtc.writer(mid).expect("a stream to send on");
        let pcma = writer.payload_params().find(|p| p.pt() == 8.into()).map(|p| p.pt());
        writer
            .write(pcma.expect("A-law was agreed"), Instant::now(), time, frame)
            .expect("written");
    }

    /// Everything that has come, and everything that is to go.
    fn turn(&mut self) {
        let mut buffer = [0; 2048];
        loop {
            match self.rtc.poll_output().expect("no broken connection") {
                Output::Transmit(t) => {
                    let _ = self.socket.send_to(&t.contents, t.destination);
                }
                Output::Event(Event::Connected) => self.connected = true,
                Output::Event(Event::MediaAdded(added)) => self.mid = Some(added.mid),
                Output::Event(Event::MediaData(data)) => {
                    self.heard.extend(data.data.iter().map(|w| Codec::Pcma.decode(*w)));
                }
                Output::Event(_) => {}
                Output::Timeout(_) => {
                    let now = Instant::now();
                    let Ok((length, from)) = self.socket.recv_from(&mut buffer) else {
                        self.rtc.handle_input(Input::Timeout(now)).expect("time passes");
                        return;
                    };
                    let bytes = &buffer[..length];
                    let Ok(receive) = Receive::new(Protocol::Udp, from, self.local, bytes) else {
                        continue;
                    };
                    // A handshake that the other side breaks off is what some of these stories are about.
                    let _ = self.rtc.handle_input(Input::Receive(now, receive));
                }
            }
        }
    }

    fn hears(&self, hertz: u16) -> f64 {
        let from = self.heard.len().saturating_sub(300 * 8);
        tone::share(&self.heard[from..], hertz)
    }
}

/// Lets both talk and listen in real time.
fn converse(browser: &mut Browser, phone: &mut Phone, ms: u64) {
    let start = Instant::now();
    for n in 1..=ms / 20 {
        browser.speak();
        phone.speak();
        let next = start + Duration::from_millis(n * 20);
        while Instant::now() < next {
            browser.turn();
            phone.listen(Instant::now() + Duration::from_millis(4));
        }
    }
}

fn opened(rig: &mut Rig, leg: LegKey) -> Bytes {
    rig.await_event(|e| match e {
        MediaEvent::Opened { leg: l, sdp } if *l == leg => Some(sdp.clone()),
        MediaEvent::Failed { leg: l, reason } if *l == leg => panic!("refused: {reason}"),
        _ => None,
    })
}

/// A browser that offered, and a phone of plain RTP, bridged.
fn bridged(rig: &mut Rig, browser: &mut Browser, phone: &mut Phone) -> LegKey {
    bridged_with(rig, browser, phone, |offer| offer)
}

fn bridged_with(
    rig: &mut Rig,
    browser: &mut Browser,
    phone: &mut Phone,
    forge: impl FnOnce(String) -> String,
) -> LegKey {
    let leg = rig.new_leg();
    let (offer, pending) = browser.offer();
    let offer = Some(Bytes::from(forge(offer)));
    let settings = LegSettings::default();
    rig.submit(MediaCommand::Open { leg, group: group(), offer, settings });
    let answer = opened(rig, leg);
    browser.take(pending, &answer);
    let other = rig.open(phone, LegSettings::default());
    rig.submit(MediaCommand::Bridge { a: leg, b: other });
    leg
}

#[test]
fn a_browser_that_offers_and_a_phone_hear_each_other() {
    let mut rig = Rig::new(config());
    let (mut browser, mut phone) = (Browser::says(600), Phone::says(Codec::Pcmu, 1000));
    let leg = bridged(&mut rig, &mut browser, &mut phone);
    converse(&mut browser, &mut phone, 2000);
    assert!(browser.connected);
    assert!(browser.hears(1000) > CLEAR, "{}", browser.hears(1000));
    assert!(phone.hears(600, 300) > CLEAR, "{}", phone.hears(600, 300));
    let quality = rig.close(leg);
    assert!(quality.packets_received > 50 && quality.packets_lost == 0, "{quality:?}");
}

#[test]
fn a_browser_takes_our_offer() {
    let mut rig = Rig::new(config());
    let (mut browser, mut phone) = (Browser::says(600), Phone::says(Codec::Pcma, 1000));
    let leg = rig.new_leg();
    let settings = LegSettings { browser: true, ..LegSettings::default() };
    rig.submit(MediaCommand::Open { leg, group: group(), offer: None, settings });
    let sdp = browser.answer(&opened(&mut rig, leg));
    rig.submit(MediaCommand::SetAnswer { leg, sdp });
    let other = rig.open(&mut phone, LegSettings::default());
    rig.submit(MediaCommand::Bridge { a: leg, b: other });
    converse(&mut browser, &mut phone, 2000);
    assert!(browser.hears(1000) > CLEAR, "{}", browser.hears(1000));
    assert!(phone.hears(600, 300) > CLEAR, "{}", phone.hears(600, 300));
}

/// E02: the handshake of somebody else's certificate ends the leg, and nothing was heard by it.
#[test]
fn e02_a_certificate_that_was_not_promised_is_refused() {
    let mut rig = Rig::new(config());
    let (mut browser, mut phone) = (Browser::says(600), Phone::says(Codec::Pcma, 1000));
    let forge = |offer: String| {
        let at = offer.find("a=fingerprint:sha-256 ").expect("a fingerprint") + 22;
        let other = if &offer[at..at + 2] == "00" { "01" } else { "00" };
        format!("{}{other}{}", &offer[..at], &offer[at + 2..])
    };
    let leg = bridged_with(&mut rig, &mut browser, &mut phone, forge);
    for _ in 0..60 {
        browser.turn();
        phone.speak();
        phone.listen(Instant::now() + Duration::from_millis(20));
    }
    let reason = rig.await_event(|e| match e {
        MediaEvent::Failed { leg: l, reason } if *l == leg => Some(*reason),
        _ => None,
    });
    assert_eq!(reason, FailReason::Insecure);
    assert!(browser.heard.is_empty(), "{} samples", browser.heard.len());
    let loudest = phone.heard.iter().map(|s| s.unsigned_abs()).max();
    assert!(loudest.is_none_or(|l| l < 64), "the phone hears {loudest:?}");
}

/// E01, E04, C17: a stranger's checks, handshakes and packets reach nothing, before the call and in it.
#[test]
fn e01_a_stranger_reaches_neither_handshake_nor_media() {
    let mut rig = Rig::new(config());
    let (mut browser, mut phone) = (Browser::says(600), Phone::says(Codec::Pcma, 1000));
    let leg = rig.new_leg();
    let (offer, pending) = browser.offer();
    let settings = LegSettings::default();
    rig.submit(MediaCommand::Open { leg, group: group(), offer: Some(offer.into()), settings });
    let answer = opened(&mut rig, leg);
    browser.take(pending, &answer);
    let stranger = UdpSocket::bind("127.0.0.66:0").expect("a socket");
    let port = browser.remote.expect("known");
    let client_hello: &[u8] =
        &[22, 254, 253, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 1, 0, 0, 48, 0, 0, 0, 0];
    let mut check = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    check.extend([7; 12]);
    let voice = [[0x80, 8, 0, 1, 0, 0, 0, 160, 0, 0, 0, 9].as_slice(), &[0xd5; 170]].concat();
    let spray = || {
        for bytes in [client_hello, &check, &voice, &[0x80, 200, 0, 1], &[64; 40], &[]] {
            for _ in 0..20 {
                stranger.send_to(bytes, port).expect("sent");
            }
        }
    };
    spray();
    let other = rig.open(&mut phone, LegSettings::default());
    rig.submit(MediaCommand::Bridge { a: leg, b: other });
    for _ in 0..4 {
        spray();
        converse(&mut browser, &mut phone, 500);
    }
    assert!(browser.hears(1000) > CLEAR, "{}", browser.hears(1000));
    assert!(phone.hears(600, 300) > CLEAR, "{}", phone.hears(600, 300));
    stranger.set_nonblocking(true).expect("a socket option");
    assert!(stranger.recv(&mut [0; 2048]).is_err(), "nobody answers a stranger");
    let failed = rig.events().into_iter().any(|e| matches!(e, MediaEvent::Failed { .. }));
    assert!(!failed, "the leg lives");
}

/// C06, C07: packets that no key of the call made, from the browser's own address, end nothing.
#[test]
fn c07_a_flood_of_forged_tags_ends_no_call() {
    let mut rig = Rig::new(config());
    let (mut browser, mut phone) = (Browser::says(600), Phone::says(Codec::Pcma, 1000));
    bridged(&mut rig, &mut browser, &mut phone);
    converse(&mut browser, &mut phone, 1000);
    let port = browser.remote.expect("known");
    for n in 0..2000_u16 {
        let [high, low] = n.to_be_bytes();
        // Many sources, so that none may take the place of the true one.
        let mut forged = vec![0x80, 8, high, low, 0, 0, 0, 160, 9, 9, high, low];
        forged.extend([low; 170]);
        browser.socket.send_to(&forged, port).expect("sent");
    }
    converse(&mut browser, &mut phone, 1500);
    assert!(browser.hears(1000) > CLEAR, "{}", browser.hears(1000));
    assert!(phone.hears(600, 300) > CLEAR, "{}", phone.hears(600, 300));
}
