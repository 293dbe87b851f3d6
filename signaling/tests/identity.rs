//! Who may do what: guessing, stealing, forging, draining, restarting.
// In scripts, events that do not matter are let pass.
#![allow(clippy::wildcard_enum_match_arm)]

mod kit;

use kit::{Call, Floor, MemoryDirectory, Phone, trunk};
use signaling::directory::{Secret, TransportKind};
use signaling::directory::{SecurityEventKind, TrunkCredentials};
use signaling_proto::{
    Destination, DialogEvent, HeaderLine, HeaderName, Message, Method, OutgoingRequest, Target,
    Transport,
};
use std::{net::SocketAddr, sync::Arc, time::Duration};

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn shape(message: &Message) -> (u16, Vec<String>) {
    let names = message.iter().map(|(_, name, _)| name.to_string()).collect();
    (message.status().map_or(0, |status| status.code()), names)
}

/// B03.
#[tokio::test(flavor = "multi_thread")]
async fn real_and_absent_users_get_the_same_answers() {
    let floor = Floor::open(MemoryDirectory::new(&["101"], Vec::new())).await;
    let mut shapes = Vec::new();
    for number in ["101", "999"] {
        let mut phone = Phone::new(number, floor.udp).await;
        phone.secret = "wrong".into();
        let challenge = phone.send_register(600, Vec::new()).await;
        let lines = phone.authorise(&challenge, &Method::Register, "sip:pratham.local");
        let refusal = phone.send_register(600, lines).await;
        shapes.push((shape(&challenge), shape(&refusal)));
    }
    assert_eq!(shapes[0], shapes[1]);
    assert_eq!((shapes[0].0.0, shapes[0].1.0), (401, 403));
}

/// B04.
#[tokio::test(flavor = "multi_thread")]
async fn a_guesser_is_shut_out_even_after_a_restart_and_the_victim_still_registers() {
    let directory = MemoryDirectory::new(&["101"], Vec::new());
    let floor = Floor::open(directory.clone()).await;
    let guesser_at: SocketAddr = "127.0.0.66:0".parse().expect("address");
    let mut guesser = Phone::at(guesser_at, "101", floor.udp).await;
    guesser.secret = "guess".into();
    for _ in 0..10 {
        assert_eq!(guesser.register(600).await, 403);
    }
    guesser.secret = "secret-101".into();
    assert_eq!(guesser.register(600).await, 403, "shut out, even with the right secret");
    floor.registered("101").await;
    assert!(!directory.bans.lock().expect("lock").is_empty());
    let audited = |kind: &SecurityEventKind| matches!(kind, SecurityEventKind::Banned { .. });
    assert!(directory.audit.lock().expect("lock").iter().any(|event| audited(&event.kind)));
    floor.switch.shutdown().await;
    let again = Floor::open(directory).await;
    let mut guesser = Phone::at(guesser_at, "101", again.udp).await;
    guesser.secret = "secret-101".into();
    assert_eq!(guesser.register(600).await, 403, "the ban survives a restart");
}

/// B12.
#[tokio::test(flavor = "multi_thread")]
async fn registering_as_somebody_else_is_refused_and_audited() {
    let directory = MemoryDirectory::new(&["101", "102"], Vec::new());
    let floor = Floor::open(directory.clone()).await;
    let mut thief = Phone::new("101", floor.udp).await;
    thief.claimed = "102".into();
    assert_eq!(thief.register(600).await, 403);
    assert!(floor.switch.registrations("102@pratham.local").is_empty());
    // The answer does not wait for the audit.
    let until = std::time::Instant::now() + kit::PATIENCE;
    while directory.audit.lock().expect("lock").is_empty() && std::time::Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let audit = directory.audit.lock().expect("lock").first().map(|event| event.kind.clone());
    assert!(
        matches!(&audit, Some(SecurityEventKind::AorTheft { claimed, .. }) if claimed.contains("102")),
        "{audit:?}"
    );
}

/// D01, B10.
#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_challenged_alike_and_reach_no_trunk() {
    let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let trunks = vec![trunk(1, carrier.address)];
    let directory = MemoryDirectory::new(&["101"], trunks);
    let floor = Floor::open(directory.clone()).await;
    let stranger = Phone::new("555", floor.udp).await;
    let numbers = ["+919812340001", "00919812340001", "0119198", "9001", "*98", "101"];
    for number in numbers {
        let call = stranger.invite(number);
        assert_eq!(stranger.refused(call).await, 401, "{number}");
        stranger.hang_up(call);
    }
    // The carrier's own name and address in the headers help nobody (B10).
    let forged = format!("<sip:+919812340001@{}>", carrier.address);
    let call = stranger.invite_from("+918012345678", &forged);
    assert_eq!(stranger.refused(call).await, 401);
    let rung = carrier.hears(Duration::from_millis(300), |_| true).await;
    assert!(!rung, "a stranger's call reached the trunk");
    assert!(directory.routed.lock().expect("lock").is_empty());
}

/// D10.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_caller_id_of_a_phone_is_replaced_and_audited() {
    let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let directory = MemoryDirectory::new(&["101"], vec![trunk(1, carrier.address)]);
    let floor = Floor::open(directory.clone()).await;
    let mut phone = floor.registered("101").await;
    phone.claimed = "+911100000000".into();
    let _call = phone.call("+919812340001").await;
    let (_, invite) = carrier.rung().await;
    let text = String::from_utf8_lossy(invite.bytes()).into_owned();
    assert!(!text.contains("1100000000"), "{text}");
    let audit = directory.audit.lock().expect("lock");
    assert!(audit.iter().any(|e| matches!(e.kind, SecurityEventKind::ForeignIdentity { .. })));
}

/// B07: a called phone that challenges with the trunk's realm gets nothing, and neither does a
/// trunk that never ends challenging get more than two tries (B08).
#[tokio::test(flavor = "multi_thread")]
async fn credentials_go_to_the_trunk_only_and_not_for_ever() {
    let challenge = || {
        HeaderLine::new(
            "WWW-Authenticate",
            "Digest realm=\"carrier\", nonce=\"n1\", algorithm=MD5, qop=\"auth\"",
        )
    };
    let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let mut settings = trunk(1, carrier.address);
    settings.credentials = Some(TrunkCredentials {
        username: "acc".into(),
        secret: Secret("pw".into()),
        realm: Some("carrier".into()),
    });
    let floor = Floor::open(MemoryDirectory::new(&["101", "102"], vec![settings])).await;
    let (alice, rogue) = (floor.registered("101").await, floor.registered("102").await);
    let call = alice.call("102").await;
    let (incoming, invite) = rogue.rung().await;
    assert!(!invite.has(HeaderName::Authorization));
    rogue.reject(incoming, 401, &[challenge()]);
    alice.refused(call).await;
    let again = rogue.hears(Duration::from_millis(300), |event| {
        matches!(event, signaling_proto::Event::Invited { .. })
    });
    assert!(!again.await, "a phone was sent credentials");
    let call = alice.call("+919812340001").await;
    let mut authorised = Vec::new();
    for _ in 0..2 {
        let (incoming, invite) = carrier.rung().await;
        authorised.push(invite.has(HeaderName::Authorization));
        carrier.reject(incoming, 401, &[challenge()]);
    }
    assert_eq!(authorised, [false, true]);
    alice.refused(call).await;
    assert_eq!(floor.switch.trunk_status()[0].last_statuses, [401]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draining_switch_refuses_new_calls_and_finishes_the_old_one() {
    let floor = Floor::open(MemoryDirectory::new(&["101", "102"], Vec::new())).await;
    let (alice, bob) = (floor.registered("101").await, floor.registered("102").await);
    let call = alice.call("102").await;
    let (incoming, invite) = bob.rung().await;
    bob.answer(incoming, &invite);
    alice.answered(call).await;
    floor.switch.drain();
    let late = bob.invite("101");
    let failure = bob
        .in_call(late, |event| match event {
            DialogEvent::Failed(failure) => Some(failure),
            _ => None,
        })
        .await;
    assert_eq!((failure.status, failure.retry_after.is_some()), (503, true));
    let to = Destination::Targets(vec![Target {
        transport: Transport::Udp,
        address: floor.udp,
        server_name: None,
    }]);
    let ping = OutgoingRequest::new(
        Method::Options,
        "sip:pratham.local",
        "<sip:a@b>",
        "<sip:pratham.local>",
        to,
    );
    assert_eq!(shape(&*bob.request(ping).await).0, 503);
    assert_eq!(floor.switch.live_calls().len(), 1, "the old call goes on");
    bob.hang_up(incoming);
    alice.ended(call).await;
    tokio::time::timeout(kit::PATIENCE, floor.switch.drained()).await.expect("drained");
}

#[tokio::test(flavor = "multi_thread")]
async fn registered_phones_are_reached_after_a_restart() {
    let directory = MemoryDirectory::new(&["101", "102"], Vec::new());
    let floor = Floor::open(directory.clone()).await;
    let bob = floor.registered("102").await;
    let wait = async {
        while directory.stored.lock().expect("lock").is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(kit::PATIENCE, wait).await.expect("stored");
    assert_eq!(directory.stored.lock().expect("lock")[0].transport, TransportKind::Udp);
    floor.switch.shutdown().await;
    let again = Floor::open(directory).await;
    assert_eq!(again.switch.registrations("102@pratham.local").len(), 1);
    let alice = again.registered("101").await;
    let call = alice.call("102").await;
    let (incoming, invite) = bob.rung().await;
    bob.answer(incoming, &invite);
    alice.answered(call).await;
    alice.hang_up(call);
}

/// A06.
#[tokio::test(flavor = "multi_thread")]
async fn a_panic_inside_one_call_ends_that_call_only() {
    let mut directory = MemoryDirectory::plain(&["101", "102", "103"], Vec::new());
    directory.poison = Some("666".into());
    let floor = Floor::open(Arc::new(directory)).await;
    let (alice, bob) = (floor.registered("101").await, floor.registered("102").await);
    let call = alice.call("102").await;
    let (incoming, invite) = bob.rung().await;
    bob.answer(incoming, &invite);
    alice.answered(call).await;
    let carol = floor.registered("103").await;
    let poisoned: Call = carol.call("666").await;
    assert_eq!(carol.refused(poisoned).await, 500);
    assert_eq!(floor.switch.live_calls().len(), 1, "the bystanders go on");
    alice.hang_up(call);
    bob.ended(incoming).await;
}

/// B11: the right tags from the wrong address end nothing. The intruder cannot know the tags, so
/// it is the phone itself that speaks from another address.
#[tokio::test(flavor = "multi_thread")]
async fn a_bye_from_elsewhere_does_not_end_the_call() {
    let floor = Floor::open(MemoryDirectory::new(&["101", "102"], Vec::new())).await;
    let (alice, bob) = (floor.registered("101").await, floor.registered("102").await);
    let call = alice.call("102").await;
    let (incoming, invite) = bob.rung().await;
    bob.answer(incoming, &invite);
    let answer = alice
        .in_call(call, |event| match event {
            DialogEvent::Answered { message, .. } => Some(message),
            _ => None,
        })
        .await;
    let socket = tokio::net::UdpSocket::bind("127.0.0.66:0").await.expect("port");
    let at = socket.local_addr().expect("bound");
    let tag = answer.to_tag().expect("tag");
    let bye = format!(
        "BYE sip:{udp} SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bKintruder\r\n\
         From: {from}\r\nTo: <sip:102@pratham.local>;tag={tag}\r\nCall-ID: {id}\r\n\
         CSeq: 900 BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        udp = floor.udp,
        from = answer.text(HeaderName::From).expect("from"),
        id = answer.call_id(),
    );
    socket.send_to(bye.as_bytes(), floor.udp).await.expect("sent");
    let mut reply = [0u8; 2048];
    let received = tokio::time::timeout(kit::PATIENCE, socket.recv_from(&mut reply)).await;
    let (length, _) = received.expect("in time").expect("reply");
    assert!(
        reply[..length].starts_with(b"SIP/2.0 403"),
        "{:?}",
        String::from_utf8_lossy(&reply[..length])
    );
    assert_eq!(floor.switch.live_calls().len(), 1);
    alice.hang_up(call);
    bob.ended(incoming).await;
}

/// D04: neither a redirect nor a transfer of a phone is a way to dial past the policy. A redirect is not followed; for a
/// transfer the policy is asked, and what it refuses is not called.
#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_or_transfer_by_a_phone_calls_nobody_whom_the_policy_refuses() {
    let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let directory = MemoryDirectory::new(&["101", "102"], vec![trunk(1, carrier.address)]);
    let floor = Floor::open(directory.clone()).await;
    let (alice, bob) = (floor.registered("101").await, floor.registered("102").await);
    let call = alice.call("102").await;
    let (incoming, _) = bob.rung().await;
    let away = HeaderLine::new("Contact", "<sip:+919812340001@pratham.local>");
    bob.reject(incoming, 302, &[away]);
    assert_eq!(alice.refused(call).await, 480);
    let call = alice.call("102").await;
    let (incoming, invite) = bob.rung().await;
    bob.answer(incoming, &invite);
    alice.answered(call).await;
    assert_eq!(directory.routed.lock().expect("lock").len(), 2, "only what was dialled");
    assert_eq!(bob.refer(incoming, "nobody").await, 202);
    assert!(!carrier.hears(Duration::from_millis(300), |_| true).await);
    let asked =
        directory.routed.lock().expect("lock").get(2).cloned().expect("the policy is asked");
    assert_eq!((asked.to.as_str(), asked.diverted_by.is_some()), ("nobody", true));
    assert_eq!(floor.switch.live_calls().len(), 1, "the two have each other back");
    alice.hang_up(call);
}

/// RFC 5626 §3.5.2: a phone behind a NAT learns its address on the SIP port itself.
#[tokio::test(flavor = "multi_thread")]
async fn a_stun_keep_alive_on_the_sip_port_is_answered() {
    let floor = Floor::open(MemoryDirectory::new(&[], Vec::new())).await;
    let socket = tokio::net::UdpSocket::bind(LOOPBACK).await.expect("port");
    let mut question = vec![0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42];
    question.extend_from_slice(&[7; 12]);
    socket.send_to(&question, floor.udp).await.expect("sent");
    let mut answer = [0u8; 512];
    let received = tokio::time::timeout(kit::PATIENCE, socket.recv_from(&mut answer)).await;
    let (length, _) = received.expect("in time").expect("answer");
    assert_eq!(&answer[..2], [1, 1]);
    assert_eq!(&answer[4..20], &question[4..20]);
    let port = socket.local_addr().expect("bound").port() ^ 0x2112;
    assert!(answer[..length].windows(2).any(|pair| pair == port.to_be_bytes()));
}

/// A23: one source floods with calls nobody asked for. It gets its small allowance, and a call between others is set up
/// and heard as if nothing happened.
#[tokio::test(flavor = "multi_thread")]
async fn a_flood_from_one_source_leaves_the_calls_of_others_alone() {
    const PER_SECOND: u32 = 10;
    const BURST: u32 = 20;
    let directory = MemoryDirectory::new(&["101", "102"], Vec::new());
    let floor = Floor::open_with(directory.clone(), |config| {
        config.limits.unauthenticated_per_s = PER_SECOND;
        config.limits.unauthenticated_burst = BURST;
    })
    .await;
    let (alice, bob) = (floor.registered("101").await, floor.registered("102").await);
    let socket = tokio::net::UdpSocket::bind("127.0.0.66:0").await.expect("port");
    let (flooder, server) = (Arc::new(socket), floor.udp);
    let (sender, began) = (flooder.clone(), std::time::Instant::now());
    let flood = tokio::spawn(async move {
        for n in 0u64.. {
            let bytes = format!(
                "INVITE sip:+919812340001@pratham.local SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.66;branch=z9hG4bKf{n};rport\r\n\
                 Max-Forwards: 70\r\nFrom: <sip:x@x>;tag={n}\r\nTo: <sip:y@y>\r\nCall-ID: flood-{n}\r\nCSeq: 1 INVITE\r\n\
                 Content-Length: 0\r\n\r\n"
            );
            let _ = sender.send_to(bytes.as_bytes(), server).await;
            if n % 32 == 0 {
                tokio::task::yield_now().await;
            }
        }
    });
    let call = alice.call("102").await;
    let (incoming, invite) = bob.rung().await;
    bob.ring(incoming);
    bob.answer(incoming, &invite);
    alice.answered(call).await;
    alice.hears_audio(10).await;
    bob.hears_audio(10).await;
    flood.abort();
    let allowed = f64::from(BURST) + f64::from(PER_SECOND) * began.elapsed().as_secs_f64() + 1.0;
    let mut answered = std::collections::BTreeSet::new();
    let mut buffer = [0u8; 4096];
    while let Ok((length, _)) = flooder.try_recv_from(&mut buffer) {
        let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
        answered.extend(text.lines().find(|line| line.starts_with("Call-ID:")).map(str::to_owned));
    }
    assert!(!answered.is_empty(), "the first ones are answered like anybody's");
    assert!((answered.len() as f64) <= allowed, "{} of {allowed} allowed", answered.len());
    assert!(directory.routed.lock().expect("lock").iter().all(|request| request.to == "102"));
    alice.hang_up(call);
    bob.ended(incoming).await;
}
