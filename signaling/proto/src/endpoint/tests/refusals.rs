//! What strangers, latecomers and the malformed are told, and what it costs us.

use super::*;

fn tell(world: &mut World, bytes: Bytes) -> Vec<String> {
    let source = source_at(B, Transport::Udp);
    world.sides[B].handle_message(world.now, source, bytes);
    world.drain();
    let what = world.log.iter().map(|sent| sent.what.clone()).collect();
    world.log.clear();
    what
}

const URI: &str = "sip:y@192.0.2.11";

/// A16.
#[test]
fn requests_for_no_dialog_get_481_and_leave_no_state() {
    let mut world = World::new();
    for method in [Method::Bye, Method::Info, Method::Update, Method::Prack, Method::Cancel] {
        let told = tell(&mut world, raw_request(&method, URI, "s1", ""));
        assert_eq!(told, [format!("481 {method}")]);
    }
    let tagged = String::from_utf8(raw_request(&Method::Invite, URI, "s2", "").to_vec()).unwrap();
    let tagged = tagged.replace("To: <sip:y@192.0.2.11>", "To: <sip:y@192.0.2.11>;tag=nobody");
    assert_eq!(tell(&mut world, Bytes::from(tagged)), ["481 INVITE"]);
    assert!(tell(&mut world, raw_request(&Method::Ack, URI, "s3", "")).is_empty());
    assert_eq!(world.sides[B].transactions(), 0);
    assert_eq!(world.sides[B].poll_timeout(), None);
    assert_eq!(world.sides[B].counters().stray_acks, 1);
}

/// A15.
#[test]
fn exhausted_and_merged_requests_are_refused() {
    let mut world = World::new();
    let request = String::from_utf8(raw_request(&Method::Invite, URI, "m1", "").to_vec()).unwrap();
    let exhausted = request.replace("Max-Forwards: 70", "Max-Forwards: 0");
    assert_eq!(tell(&mut world, Bytes::from(exhausted)), ["483 INVITE"]);
    assert_eq!(tell(&mut world, Bytes::from(request.clone())), ["100 INVITE"]);
    let other_way = request.replace("branch=z9hG4bKm1", "branch=z9hG4bKm2");
    assert_eq!(tell(&mut world, Bytes::from(other_way)), ["482 INVITE"]);
    assert_eq!(tell(&mut world, Bytes::from(request)), ["100 INVITE"], "a repetition");
    assert_eq!(world.names(B), ["Invited"]);
}

/// A22.
#[test]
fn methods_extensions_and_schemes_we_do_not_serve_are_named() {
    let mut world = World::new();
    for (method, status) in [
        (Method::Subscribe, 405),
        (Method::Publish, 405),
        (Method::Refer, 405),
        (Method::Notify, 405),
    ] {
        let told = tell(&mut world, raw_request(&method, URI, "u1", ""));
        assert_eq!(told, [format!("{status} {method}")]);
    }
    let odd = Method::Other("DANCE".into());
    assert_eq!(tell(&mut world, raw_request(&odd, URI, "u2", "")), ["501 DANCE"]);
    let demanding = raw_request(&Method::Invite, URI, "u3", "Require: 100rel, telepathy\r\n");
    let source = source_at(B, Transport::Udp);
    world.sides[B].handle_message(world.now, source, demanding);
    world.drain();
    assert_eq!(world.log[0].what, "420 INVITE");
    assert_eq!(header(&world.log[0].bytes, "Unsupported").as_deref(), Some("telepathy"));
    world.log.clear();
    assert_eq!(
        tell(&mut world, raw_request(&Method::Invite, "mailto:a@b", "u4", "")),
        ["416 INVITE"]
    );
    assert!(world.news(B).is_empty());
    assert_eq!(world.sides[B].transactions(), 0);
}

/// A14.
#[test]
fn repeated_invite_gets_the_same_response_and_one_dialog() {
    let mut world = World::new();
    let request = raw_request(&Method::Invite, URI, "r1", "Contact: <sip:x@192.0.2.10>\r\n");
    tell(&mut world, request.clone());
    let b = world.invited();
    world.sides[B].progress(world.now, b, 180, vec![], None).unwrap();
    world.drain();
    let ringing = world.log.pop().unwrap().bytes;
    world.log.clear();
    let source = source_at(B, Transport::Udp);
    world.sides[B].handle_message(world.now, source, request);
    world.drain();
    assert_eq!(world.log.pop().unwrap().bytes, ringing);
    assert_eq!(world.names(B), ["Invited"]);
}

/// B11.
#[test]
fn stranger_with_the_right_tags_but_another_address_cannot_end_a_call() {
    let mut world = World::new();
    let (a, b) = world.established(Transport::Udp);
    let (call_id, b_tag, a_tag) = world.sides[B].dialog_ids(b).unwrap();
    let bye = |from_tag: &str, to_tag: &str, cseq: u32| {
        Bytes::from(format!(
            "BYE sip:b@192.0.2.11 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.66;branch=z9hG4bK{cseq}\r\n\
             From: <sip:a@192.0.2.10>;tag={from_tag}\r\nTo: <sip:b@192.0.2.11>;tag={to_tag}\r\n\
             Call-ID: {call_id}\r\nCSeq: {cseq} BYE\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ))
    };
    let near = source_at(B, Transport::Udp);
    let far = Source { remote: SocketAddr::from(([192, 0, 2, 66], 5060)), ..near };
    for (source, from_tag, to_tag, status) in [
        (far, a_tag.as_str(), b_tag.as_str(), "403 BYE"),
        (near, "wrong", b_tag.as_str(), "481 BYE"),
        (near, a_tag.as_str(), "0123456789abcdef", "481 BYE"),
    ] {
        world.sides[B].handle_message(world.now, source, bye(from_tag, to_tag, 50));
        world.drain();
        assert_eq!(world.log.pop().unwrap().what, status);
    }
    assert_eq!(world.sides[B].dialogs(), 1);
    assert_eq!(world.sides[B].counters().foreign_requests, 1);
    world.sides[B].allow_address(b, far.remote.ip()).unwrap();
    world.sides[B].handle_message(world.now, far, bye(&a_tag, &b_tag, 51));
    world.drain();
    assert_eq!(world.names(B), ["Ended RemoteBye"]);
    world.sides[A].hangup(world.now, a, None).unwrap();
    world.run_out();
}

#[test]
fn cseq_that_does_not_grow_gets_500() {
    let mut world = World::new();
    let (a, b) = world.established(Transport::Udp);
    let digit = || Body { content_type: "application/dtmf".into(), bytes: "5".into() };
    world.sides[A].info(world.now, a, digit()).unwrap();
    world.run(100);
    let old = String::from_utf8(world.log[0].bytes.to_vec()).unwrap();
    world.log.clear();
    let replayed = old.replace("branch=z9hG4bK", "branch=z9hG4bKy");
    assert_eq!(tell(&mut world, Bytes::from(replayed)), ["500 INFO"]);
    assert_eq!(world.names(B), ["Info application/dtmf"]);
    world.sides[B].hangup(world.now, b, None).unwrap();
    world.run_out();
}

#[test]
fn full_tables_refuse_new_calls_and_let_live_ones_end() {
    let full = EndpointConfig { max_dialogs: 1, ..config(B) };
    let mut world = World::with(config(A), full, 9);
    let (a, _) = world.established(Transport::Udp);
    world.call(Transport::Udp);
    world.run(100);
    let refusal = world.log.iter().find(|sent| sent.what == "503 INVITE").expect("refused");
    assert_eq!(header(&refusal.bytes, "Retry-After").as_deref(), Some("5"));
    assert_eq!(world.names(A), ["Failed 503"]);
    world.sides[A].hangup(world.now, a, None).unwrap();
    world.run(100);
    assert_eq!(world.names(B), ["Ended RemoteBye"]);
    world.run_out();
}

#[test]
fn transaction_table_is_bounded_under_a_flood() {
    let full = EndpointConfig { max_transactions: 10, ..config(B) };
    let mut world = World::with(config(A), full, 9);
    for n in 0..100 {
        tell(&mut world, raw_request(&Method::Invite, URI, &format!("f{n}"), ""));
        tell(&mut world, raw_request(&Method::Options, URI, &format!("o{n}"), ""));
    }
    assert!(world.sides[B].transactions() <= 10);
    assert!(world.sides[B].counters().refused_full > 150);
    world.news(B);
    world.run_out();
}

#[test]
fn noise_is_counted_and_broken_requests_are_answered() {
    let mut world = World::new();
    for noise in
        [&b"\r\n\r\n"[..], b"\0\0\0\0", b"GET / HTTP/1.1\r\n\r\n", b"SIP/2.0 200 OK\r\n\r\n"]
    {
        assert!(tell(&mut world, Bytes::from_static(noise)).is_empty());
    }
    let sound = String::from_utf8(raw_request(&Method::Options, URI, "n", "").to_vec()).unwrap();
    let source = source_at(B, Transport::Udp);
    let broken = Bytes::from(sound.replace("CSeq: 7 OPTIONS", "CSeq: seven OPTIONS"));
    world.sides[B].handle_message(world.now, source, broken);
    let transmit = world.sides[B].poll_transmit().expect("answered");
    assert!(transmit.bytes.starts_with(b"SIP/2.0 400 "));
    assert_eq!(world.sides[B].counters().malformed, 5);
    assert_eq!(world.sides[B].transactions(), 0);
}

/// A client that fails over after a refusal uses the same Call-ID and CSeq.
#[test]
fn request_sent_anew_after_its_refusal_is_no_merged_copy() {
    let mut world = World::new();
    let request = String::from_utf8(raw_request(&Method::Invite, URI, "w1", "").to_vec()).unwrap();
    tell(&mut world, Bytes::from(request.clone()));
    let b = world.invited();
    world.sides[B].reject(world.now, b, 503, &[]).unwrap();
    world.drain();
    world.log.clear();
    let again = request.replace("branch=z9hG4bKw1", "branch=z9hG4bKw2");
    assert_eq!(tell(&mut world, Bytes::from(again)), ["100 INVITE"]);
    assert_eq!(world.names(B), ["Invited", "Ended Local", "Invited"]);
}
