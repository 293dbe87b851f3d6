//! How phones are reached: by either IP, through an edge proxy, and what becomes of one that never acknowledges.
// In scripts, events that do not matter are let pass.
#![allow(clippy::wildcard_enum_match_arm)]

mod kit;

use call::{CallEventKind, CauseKind};
use kit::{Floor, MemoryDirectory, Phone};
use signaling_proto::{Event, HeaderLine, HeaderName, Method};
use std::{
    net::{Ipv6Addr, SocketAddr},
    time::{Duration, Instant},
};

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// A phone on IPv6 and one on IPv4 call each other and hear each other, both ways round.
#[tokio::test(flavor = "multi_thread")]
async fn phones_on_ipv6_and_ipv4_talk_to_each_other() {
    let six: SocketAddr = (Ipv6Addr::LOCALHOST, 0).into();
    let directory = MemoryDirectory::new(&["101", "102"], Vec::new());
    let floor = Floor::open_with(directory, |config| {
        config.udp.push(six);
        config.tcp.push(six);
    })
    .await;
    let door = floor.switch.listening().udp[1];
    assert!(door.is_ipv6());
    let alice = Phone::at(six, "101", door).await;
    assert_eq!(alice.register(600).await, 200);
    let bob = floor.registered("102").await;
    for (caller, called) in [(&alice, &bob), (&bob, &alice)] {
        let heard =
            [&caller.heard, &called.heard].map(|n| n.load(std::sync::atomic::Ordering::Relaxed));
        let call = caller.call(&called.number).await;
        let (incoming, invite) = called.rung().await;
        let contact = invite.text(HeaderName::Contact).expect("a contact").to_string();
        assert_eq!(contact.contains("[::1]"), called.address.is_ipv6(), "{contact}");
        let offer = String::from_utf8_lossy(&invite.sdp().expect("an offer")).into_owned();
        assert_eq!(offer.contains("IN IP6 ::1"), called.address.is_ipv6(), "{offer}");
        called.answer(incoming, &invite);
        caller.answered(call).await;
        caller.hears_audio(heard[0] + 20).await;
        called.hears_audio(heard[1] + 20).await;
        caller.hang_up(call);
        called.ended(incoming).await;
    }
}

/// RFC 3327: a phone behind an edge proxy is called through it, with the proxy's own URI as Route.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_registered_through_a_proxy_is_called_through_it() {
    let floor = Floor::open(MemoryDirectory::new(&["101", "102"], Vec::new())).await;
    let edge = Phone::at(LOOPBACK, "102", floor.udp).await;
    let path = format!("<sip:edge@{};lr;ob>", edge.address);
    let lines =
        || vec![HeaderLine::new("Path", path.clone()), HeaderLine::new("Supported", "path")];
    let challenge = edge.send_register(600, lines()).await;
    let mut proved = edge.authorise(&challenge, &Method::Register, "sip:pratham.local");
    proved.extend(lines());
    let accepted = edge.send_register(600, proved).await;
    assert_eq!(accepted.status().map(|status| status.code()), Some(200));
    assert_eq!(accepted.path().expect("a path").len(), 1, "told back to who knows it");
    let alice = floor.registered("101").await;
    let call = alice.call("102").await;
    let (incoming, invite) = edge.rung().await;
    let route = invite.text(HeaderName::Route).expect("a route").to_string();
    assert_eq!(route, path);
    assert!(invite.request_uri().is_some_and(|uri| uri.user().as_deref() == Some("102")));
    edge.answer(incoming, &invite);
    alice.answered(call).await;
    alice.hang_up(call);
    edge.ended(incoming).await;
}

/// A13: a caller that never acknowledges our 200 gets it again and again, then BYE after 32 s; the record says why.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_never_acknowledges_is_left_after_thirty_two_seconds() {
    let mut floor = Floor::open(MemoryDirectory::new(&["101", "102"], Vec::new())).await;
    let bob = floor.registered("102").await;
    let socket = tokio::net::UdpSocket::bind(LOOPBACK).await.expect("port");
    let local = socket.local_addr().expect("bound");
    let prover = Phone::at(LOOPBACK, "101", floor.udp).await;
    let offer = String::from_utf8_lossy(&kit::sdp(local)).into_owned();
    let invite = |cseq: u32, lines: &str| {
        format!(
            "INVITE sip:102@pratham.local SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKn{cseq}\r\n\
             Max-Forwards: 70\r\nFrom: <sip:101@pratham.local>;tag=mute\r\nTo: <sip:102@pratham.local>\r\n\
             Call-ID: mute-1\r\nCSeq: {cseq} INVITE\r\nContact: <sip:101@{local}>\r\n{lines}\
             Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{offer}",
            offer.len()
        )
    };
    let mut buffer = vec![0u8; 65_535];
    socket.send_to(invite(1, "").as_bytes(), floor.udp).await.expect("sent");
    let challenge = loop {
        let (length, _) = socket.recv_from(&mut buffer).await.expect("an answer");
        let bytes = bytes::Bytes::copy_from_slice(&buffer[..length]);
        let message = signaling_proto::Message::parse(bytes).expect("a message");
        if message.status().is_some_and(|status| status.code() == 401) {
            break message;
        }
    };
    let proof = prover.authorise(&challenge, &Method::Invite, "sip:102@pratham.local");
    let proof: String =
        proof.iter().map(|line| format!("{}: {}\r\n", line.name, line.value)).collect();
    socket.send_to(invite(2, &proof).as_bytes(), floor.udp).await.expect("sent");
    let (incoming, ring) = bob.rung().await;
    bob.answer(incoming, &ring);
    let (mut answers, mut first) = (0, None);
    let bye_after = loop {
        let wait = socket.recv_from(&mut buffer);
        let (length, _) =
            tokio::time::timeout(Duration::from_secs(45), wait).await.expect("BYE").expect("read");
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        let began = *first.get_or_insert_with(Instant::now);
        if text.starts_with("SIP/2.0 200") && text.contains(" INVITE") {
            answers += 1;
        } else if text.starts_with("BYE ") {
            break began.elapsed();
        }
    };
    let seconds = bye_after.as_secs_f64();
    assert!((30.0..36.0).contains(&seconds), "BYE after {seconds} s");
    // At 0, 0.5, 1.5, 3.5 and then every 4 s.
    assert!((9..=11).contains(&answers), "{answers} times 200");
    bob.ended(incoming).await;
    let end = floor.event(|kind| matches!(kind, CallEventKind::Ended { .. })).await;
    let CallEventKind::Ended { cause, .. } = end.event.kind else { panic!("the end") };
    assert_eq!(cause.kind, CauseKind::NoAck);
}

/// A22 on UDP, beside the streams: NOTIFY and what belongs to no dialog.
#[tokio::test(flavor = "multi_thread")]
async fn methods_we_do_not_serve_are_refused_on_udp() {
    let floor = Floor::open(MemoryDirectory::new(&["101", "102"], Vec::new())).await;
    let desk = floor.registered("101").await;
    let stranger = Phone::at(LOOPBACK, "102", floor.udp).await;
    for method in
        [Method::Message, Method::Subscribe, Method::Publish, Method::Refer, Method::Notify]
    {
        let target = signaling_proto::Target {
            transport: signaling_proto::Transport::Udp,
            address: floor.udp,
            server_name: None,
        };
        let request = signaling_proto::OutgoingRequest::new(
            method.clone(),
            "sip:101@pratham.local",
            "<sip:102@pratham.local>",
            "<sip:101@pratham.local>",
            signaling_proto::Destination::Targets(vec![target]),
        );
        let answer = stranger.request(request).await;
        let status = answer.status().map_or(0, |status| status.code());
        assert!([401, 405, 501].contains(&status), "{method:?}: {status}");
    }
    let relayed =
        desk.hears(Duration::from_millis(300), |event| matches!(event, Event::Request { .. }));
    assert!(!relayed.await, "nothing is relayed");
}
