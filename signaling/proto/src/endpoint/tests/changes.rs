//! Changing a session: re-INVITE, UPDATE, glare, late offers, reliable 18x, session timers.

use super::*;

#[test]
fn reinvite_is_accepted_or_refused_by_the_application() {
    let mut world = World::new();
    let (a, b) = world.established(Transport::Udp);
    world.sides[A].reinvite(world.now, a, body("hold")).unwrap();
    assert_eq!(world.sides[A].reinvite(world.now, a, body("more")), Err(InvalidUse::Pending));
    world.run(50);
    assert_eq!(world.names(B), ["Reinvited \"hold\""]);
    world.sides[B].accept_reinvite(world.now, b, body("held")).unwrap();
    world.run(100);
    assert_eq!(world.flow(), ["A INVITE", "B 100 INVITE", "B 200 INVITE", "A ACK"]);
    assert_eq!(world.names(A), ["ReinviteAnswered \"held\""]);
    world.sides[B].reinvite(world.now, b, body("codec")).unwrap();
    world.run(50);
    world.news(A);
    world.sides[A].refuse_reinvite(world.now, a, 488).unwrap();
    world.run(100);
    assert_eq!(world.names(B), ["ReinviteFailed 488"]);
    assert_eq!((world.sides[A].dialogs(), world.sides[B].dialogs()), (1, 1), "the call goes on");
    world.sides[A].hangup(world.now, a, None).unwrap();
    world.run_out();
}

#[test]
fn update_carries_an_offer_and_a_bare_one_is_answered_by_itself() {
    let mut world = World::new();
    let (a, b) = world.established(Transport::Tcp);
    world.sides[A].update(world.now, a, body("new").unwrap()).unwrap();
    world.run(50);
    assert_eq!(world.names(B), ["Reinvited \"new\""]);
    world.sides[B].accept_reinvite(world.now, b, body("fine")).unwrap();
    world.run(100);
    assert_eq!(world.flow(), ["A UPDATE", "B 200 UPDATE"]);
    assert_eq!(world.names(A), ["ReinviteAnswered \"fine\""]);
    let bare = DialogRequest { method: Method::Update, headers: vec![], body: None };
    world.sides[B].request_in_dialog(world.now, b, bare).unwrap();
    world.run(100);
    assert!(world.news(A).is_empty());
    assert_eq!(world.names(B), ["DialogResponse 200"]);
    world.sides[A].hangup(world.now, a, None).unwrap();
    world.run_out();
}

/// A17: both re-INVITE at once; the owner of the Call-ID waits 2.1–4 s, the other 0–2 s.
#[test]
fn glare_is_resolved_by_role_and_one_offer_wins_at_a_time() {
    for seed in 0..40 {
        let mut world = World::with(config(A), config(B), seed);
        let (a, b) = world.established(Transport::Udp);
        let begun = world.ms();
        world.sides[A].reinvite(world.now, a, body("a")).unwrap();
        world.sides[B].reinvite(world.now, b, body("b")).unwrap();
        let mut again = [None, None];
        for _ in 0..6000 {
            world.run(1);
            for sent in world.log.drain(..).filter(|sent| sent.what == "INVITE") {
                if sent.at_ms > begun {
                    again[sent.from].get_or_insert(sent.at_ms - begun);
                }
            }
            for (side, dialog) in [(A, a), (B, b)] {
                let news = world.names(side);
                if news.iter().any(|name| name.starts_with("Reinvited ")) {
                    world.sides[side].accept_reinvite(world.now, dialog, body("ok")).unwrap();
                }
                assert!(!news.iter().any(|name| name.starts_with("ReinviteFailed")));
            }
        }
        let (Some(ours), Some(theirs)) = (again[A], again[B]) else { panic!("both try again") };
        assert!((2100..=4060).contains(&ours), "owner after {ours} ms");
        assert!(theirs <= 2060, "other after {theirs} ms");
        world.sides[A].hangup(world.now, a, None).unwrap();
        world.run_out();
    }
}

#[test]
fn second_reinvite_before_the_first_is_answered_gets_500_with_retry_after() {
    let mut world = World::new();
    let (a, b) = world.established(Transport::Udp);
    world.sides[A].reinvite(world.now, a, body("one")).unwrap();
    world.run(50);
    let first = world.log[0].bytes.clone();
    world.log.clear();
    let second = String::from_utf8(first.to_vec()).unwrap();
    let cseq = header(&first, "CSeq").unwrap();
    let second = second
        .replace(&format!("CSeq: {cseq}"), "CSeq: 900 INVITE")
        .replace("branch=z9hG4bK", "branch=z9hG4bKx");
    let source = source_at(B, Transport::Udp);
    world.sides[B].handle_message(world.now, source, Bytes::from(second));
    world.drain();
    assert_eq!(world.log[0].what, "500 INVITE");
    assert!(header(&world.log[0].bytes, "Retry-After").is_some());
    world.sides[B].accept_reinvite(world.now, b, body("ok")).unwrap();
    world.run(100);
    world.sides[A].hangup(world.now, a, None).unwrap();
    world.run_out();
}

#[test]
fn change_nobody_answers_is_refused_in_time() {
    let mut world = World::new();
    let (a, _) = world.established(Transport::Udp);
    world.sides[A].reinvite(world.now, a, body("x")).unwrap();
    world.run(30_000);
    assert_eq!(world.names(A), ["ReinviteFailed 487"]);
    world.sides[A].hangup(world.now, a, None).unwrap();
    world.run_out();
}

#[test]
fn late_offer_is_answered_in_the_ack() {
    let mut world = World::new();
    let destination = Destination::Targets(vec![target(B, Transport::Udp)]);
    let invite = InviteRequest::new("sip:b@192.0.2.11", "sip:a@x", "sip:b@x", destination);
    let a = world.sides[A].invite(world.now, invite).unwrap();
    world.run(50);
    let b = world.invited();
    world.sides[B].answer(world.now, b, vec![], body("offer")).unwrap();
    world.run(600);
    let acks = world.log.iter().filter(|sent| sent.what == "ACK").count();
    assert_eq!(acks, 0, "the application has not answered");
    world.sides[A].acknowledge(world.now, a, body("answer")).unwrap();
    world.run(100);
    let news = world.news(B);
    let Some(Event::Dialog { event: DialogEvent::Confirmed { body: Some(answer) }, .. }) =
        news.last()
    else {
        panic!("{news:?}");
    };
    assert_eq!(&answer.bytes[..], b"answer");
    world.news(A);
    world.sides[B].reinvite(world.now, b, None).unwrap();
    world.run(50);
    assert_eq!(world.names(A), ["Reinvited"]);
    world.sides[A].accept_reinvite(world.now, a, body("late offer")).unwrap();
    world.run(50);
    assert_eq!(world.names(B), ["ReinviteAnswered \"late offer\""]);
    world.sides[B].acknowledge(world.now, b, body("late answer")).unwrap();
    world.run(50);
    assert_eq!(world.names(A), ["ReinviteConfirmed \"late answer\""]);
    world.sides[B].hangup(world.now, b, None).unwrap();
    world.run_out();
}

#[test]
fn late_offer_nobody_answers_ends_the_call() {
    let mut world = World::new();
    let destination = Destination::Targets(vec![target(B, Transport::Udp)]);
    let invite = InviteRequest::new("sip:b@192.0.2.11", "sip:a@x", "sip:b@x", destination);
    world.sides[A].invite(world.now, invite).unwrap();
    world.run(50);
    let b = world.invited();
    world.sides[B].answer(world.now, b, vec![], body("offer")).unwrap();
    world.run_out();
    assert_eq!(world.names(A).last().map(String::as_str), Some("Ended NoAck"));
}

fn reliable_world() -> World {
    let reliable = |side| EndpointConfig { reliable_provisional: true, ..config(side) };
    World::with(reliable(A), reliable(B), 3)
}

/// RFC 3262.
#[test]
fn reliable_ringing_is_acknowledged_in_order_before_the_answer() {
    let mut world = reliable_world();
    let a = world.call(Transport::Udp);
    world.run(50);
    let b = world.invited();
    world.sides[B].progress(world.now, b, 180, vec![], None).unwrap();
    world.sides[B].progress(world.now, b, 183, vec![], sdp()).unwrap();
    world.run(50);
    world.sides[B].answer(world.now, b, vec![], sdp()).unwrap();
    world.run(200);
    assert_eq!(
        world.flow(),
        [
            "A INVITE",
            "B 100 INVITE",
            "B 180 INVITE",
            "A PRACK",
            "B 200 PRACK",
            "B 183 INVITE",
            "A PRACK",
            "B 200 PRACK",
            "B 200 INVITE",
            "A ACK",
        ]
    );
    assert_eq!(world.names(A), ["Progressed 180 reliable", "Progressed 183 reliable", "Answered"]);
    world.sides[A].hangup(world.now, a, None).unwrap();
    world.run_out();
}

/// RFC 3262 §3.
#[test]
fn reliable_ringing_nobody_acknowledges_ends_the_call() {
    let mut world = reliable_world();
    world.swallow = Some("PRACK");
    world.call(Transport::Udp);
    world.run(50);
    let b = world.invited();
    world.sides[B].progress(world.now, b, 180, vec![], None).unwrap();
    world.run_out();
    assert_eq!(world.names(B), ["Invited", "Ended NoPrack"]);
    assert_eq!(world.names(A), ["Progressed 180 reliable", "Failed 504"]);
}

/// Sends a request within A's early dialog, as a peer other than our own endpoint would.
fn early_request(world: &mut World, rang: &Bytes, method: &Method, cseq: u32, more: &str) {
    let part = |name| header(rang, name).expect("there");
    let (from, to, call_id) = (part("From"), part("To"), part("Call-ID"));
    let bytes = Bytes::from(format!(
        "{method} sip:b@192.0.2.11 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKearly{cseq};rport\r\n\
         Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n{more}\
         Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\nnew"
    ));
    world.sides[B].handle_message(world.now, source_at(B, Transport::Udp), bytes);
    world.drain();
}

/// A call from A that rings reliably at B, and the 18x: what a caller must know to speak in the early dialog.
fn early(reliable_status: u16, with_answer: bool) -> (World, DialogId, Bytes) {
    let mut world = reliable_world();
    world.call(Transport::Udp);
    world.run(50);
    let b = world.invited();
    let body = if with_answer { sdp() } else { None };
    world.sides[B].progress(world.now, b, reliable_status, vec![], body).unwrap();
    world.run(100);
    let rang = world.log.iter().find(|s| s.what == format!("{reliable_status} INVITE"));
    let rang = rang.expect("it rings").bytes.clone();
    world.log.clear();
    world.news(B);
    (world, b, rang)
}

/// RFC 3311 §5.2: a new offer is negotiated while the phone rings, and the 200 waits for it.
#[test]
fn an_offer_in_an_early_dialog_is_negotiated_before_the_answer() {
    let (mut world, b, rang) = early(183, true);
    early_request(&mut world, &rang, &Method::Update, 50, "");
    assert_eq!(world.names(B), ["Reinvited \"new\""]);
    world.sides[B].answer(world.now, b, vec![], sdp()).unwrap();
    world.drain();
    assert!(world.flow().is_empty(), "not before the new offer has its answer");
    world.sides[B].accept_reinvite(world.now, b, body("fine")).unwrap();
    world.drain();
    let sent: Vec<_> = world.log.drain(..).collect();
    let names: Vec<&str> = sent.iter().map(|sent| sent.what.as_str()).collect();
    assert_eq!(names, ["200 UPDATE", "200 INVITE"]);
    assert!(sent[0].bytes.ends_with(b"fine"));
    assert!(sent[1].bytes.ends_with(b"Content-Length: 0\r\n\r\n"), "the old session is over");
}

/// RFC 3311 §5.2: not while the first offer is open.
#[test]
fn an_offer_before_the_first_has_its_answer_is_told_to_come_back() {
    let (mut world, b, rang) = early(180, false);
    early_request(&mut world, &rang, &Method::Update, 50, "");
    let refused = world.log.pop().expect("an answer");
    assert_eq!(refused.what, "500 UPDATE");
    let pause: u32 =
        header(&refused.bytes, "Retry-After").expect("there").parse().expect("a number");
    assert!(pause <= 10);
    assert!(world.names(B).is_empty());
    world.sides[B].answer(world.now, b, vec![], sdp()).unwrap();
    world.drain();
    assert_eq!(world.flow(), ["B 200 INVITE"], "the call goes on");
}

/// RFC 3311 §5.2: two at once, and a refusal that leaves the session as it was.
#[test]
fn a_second_early_offer_waits_and_a_refused_one_changes_nothing() {
    let (mut world, b, rang) = early(183, true);
    early_request(&mut world, &rang, &Method::Update, 50, "");
    early_request(&mut world, &rang, &Method::Update, 51, "");
    assert_eq!(world.flow(), ["B 500 UPDATE"]);
    world.sides[B].refuse_reinvite(world.now, b, 488).unwrap();
    world.sides[B].answer(world.now, b, vec![], sdp()).unwrap();
    world.drain();
    assert_eq!(world.flow(), ["B 488 UPDATE", "B 200 INVITE"]);
    world.sides[B].hangup(world.now, b, None).unwrap();
}

/// RFC 3311 §5.2: glare, since our own INVITE's offer is still open.
#[test]
fn the_called_side_may_not_offer_while_our_offer_is_open() {
    let mut world = World::new();
    let a = world.call(Transport::Udp);
    world.run(50);
    let b = world.invited();
    world.sides[B].progress(world.now, b, 183, vec![], sdp()).unwrap();
    world.run(50);
    let rang = world.log.iter().find(|s| s.what == "183 INVITE").expect("rang").bytes.clone();
    world.log.clear();
    let (from, to) = (header(&rang, "To").expect("there"), header(&rang, "From").expect("there"));
    let call_id = header(&rang, "Call-ID").expect("there");
    let bytes = Bytes::from(format!(
        "UPDATE sip:a@192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.11:5060;branch=z9hG4bKu;rport\r\n\
         Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: 9 UPDATE\r\n\
         Content-Type: application/sdp\r\nContent-Length: 3\r\n\r\nnew"
    ));
    world.sides[A].handle_message(world.now, source_at(A, Transport::Udp), bytes);
    world.drain();
    assert_eq!(world.flow(), ["A 491 UPDATE"]);
    world.sides[A].hangup(world.now, a, None).unwrap();
}

/// RFC 3262 §5: a PRACK's offer is answered in its 200.
#[test]
fn an_offer_in_a_prack_is_answered_in_its_200() {
    let (mut world, b, rang) = early(183, true);
    world.sides[B].progress(world.now, b, 180, vec![], None).unwrap();
    world.swallow = Some("PRACK");
    world.drain();
    let second = world.log.pop().expect("it rings");
    let rseq = header(&second.bytes, "RSeq").expect("reliable");
    world.log.clear();
    early_request(&mut world, &rang, &Method::Prack, 50, &format!("RAck: {rseq} 1 INVITE\r\n"));
    assert_eq!(world.names(B), ["Reinvited \"new\""]);
    assert!(world.flow().is_empty());
    world.sides[B].accept_reinvite(world.now, b, body("fine")).unwrap();
    world.drain();
    let answer = world.log.pop().expect("an answer");
    assert_eq!(answer.what, "200 PRACK");
    assert!(answer.bytes.ends_with(b"fine"));
}

fn timers(expires: u64, min_se: u64) -> crate::SessionTimerConfig {
    crate::SessionTimerConfig {
        enabled: true,
        expires: Duration::from_secs(expires),
        min_se: Duration::from_secs(min_se),
    }
}

fn timed_world(a: crate::SessionTimerConfig, b: crate::SessionTimerConfig) -> World {
    World::with(
        EndpointConfig { session_timer: a, ..config(A) },
        EndpointConfig { session_timer: b, ..config(B) },
        5,
    )
}

/// A20.
#[test]
fn session_is_refreshed_at_half_its_interval_as_long_as_both_live() {
    let mut world = timed_world(timers(120, 90), timers(120, 90));
    let (a, _) = world.established(Transport::Udp);
    world.run(600_000);
    let refreshes: Vec<u64> =
        world.log.iter().filter(|s| s.what == "UPDATE").map(|s| s.at_ms / 1000).collect();
    assert_eq!(refreshes.len(), 9, "{refreshes:?}");
    assert!(refreshes.windows(2).all(|pair| pair[1] - pair[0] == 60), "{refreshes:?}");
    assert!(world.news(A).is_empty() && world.news(B).is_empty());
    world.sides[A].hangup(world.now, a, None).unwrap();
    world.run_out();
}

/// A20.
#[test]
fn lost_refreshes_end_the_session_for_both() {
    let mut world = timed_world(timers(120, 90), timers(120, 90));
    world.established(Transport::Udp);
    world.swallow = Some("UPDATE");
    world.run(240_000);
    for side in [A, B] {
        let names = world.names(side);
        assert_eq!(names.len(), 1, "{names:?}");
        assert!(
            ["Ended Expired", "Ended PeerGone", "Ended RemoteBye"].contains(&names[0].as_str()),
            "{names:?}"
        );
    }
    world.run_out();
}

/// A20: RFC 4028 §7.3.
#[test]
fn interval_below_their_minimum_is_raised_after_422() {
    let mut world = timed_world(timers(90, 90), timers(1800, 300));
    world.call(Transport::Udp);
    world.run(200);
    assert_eq!(world.flow(), ["A INVITE", "B 422 INVITE", "A ACK", "A INVITE", "B 100 INVITE"]);
    let b = world.invited();
    world.sides[B].answer(world.now, b, vec![], sdp()).unwrap();
    world.run(50);
    let ok = world.log.iter().find(|sent| sent.what == "200 INVITE").unwrap();
    let expires = header(&ok.bytes, "Session-Expires").unwrap();
    assert!(expires.starts_with("300;"), "{expires}");
    world.sides[B].hangup(world.now, b, None).unwrap();
    world.run_out();
}

#[test]
fn refresh_by_reinvite_repeats_the_last_description() {
    let mut world = timed_world(timers(120, 90), timers(120, 90));
    let a = world.call(Transport::Udp);
    world.run(50);
    // A peer that does not take UPDATE.
    let b = world.invited();
    world.sides[B].answer(world.now, b, vec![], body("last")).unwrap();
    let sent = world.log.len();
    world.drain();
    let ok = String::from_utf8(world.log[sent].bytes.to_vec()).unwrap();
    assert!(ok.contains("Session-Expires: 120;refresher=uac"), "{ok}");
    let deaf = ok.replace("UPDATE, ", "");
    world.swallow = Some("200 INVITE");
    let source = source_at(A, Transport::Udp);
    world.sides[A].handle_message(world.now, source, Bytes::from(deaf));
    world.run(59_000);
    world.swallow = None;
    world.log.clear();
    world.run(2_000);
    let refresh = world.log.iter().find(|sent| sent.from == A && sent.what == "INVITE");
    let refresh = refresh.expect("a refresh");
    assert!(refresh.bytes.ends_with(SDP), "the offer of the first INVITE again");
    world.run(100);
    assert!(world.names(B).contains(&"Reinvited \"v=0\"".to_owned()));
    world.sides[B].accept_reinvite(world.now, b, body("last")).unwrap();
    world.run(100);
    assert_eq!(world.names(A), ["Answered"], "a refresh is no news");
    world.sides[A].hangup(world.now, a, None).unwrap();
    world.run_out();
}

/// RFC 3261 §9.2.
#[test]
fn reinvite_taken_back_gets_487_and_the_call_goes_on() {
    let mut world = World::new();
    let (a, b) = world.established(Transport::Udp);
    world.sides[A].reinvite(world.now, a, body("x")).unwrap();
    world.run(70_000);
    let names = world.names(B);
    assert_eq!(names, ["Reinvited \"x\""]);
    world.sides[A].reinvite(world.now, a, body("y")).unwrap();
    world.run(50);
    let invite = world.log.iter().rfind(|sent| sent.what == "INVITE").unwrap().bytes.clone();
    let cancel = String::from_utf8(invite.to_vec()).unwrap();
    let head = cancel.split("Content-Type").next().unwrap();
    let cancel = format!(
        "{}Content-Length: 0\r\n\r\n",
        head.replace("INVITE ", "CANCEL ").replace(" INVITE\r\n", " CANCEL\r\n")
    );
    world.log.clear();
    let source = source_at(B, Transport::Udp);
    world.sides[B].handle_message(world.now, source, Bytes::from(cancel));
    world.drain();
    let said: Vec<_> = world.log.iter().map(|sent| sent.what.as_str()).collect();
    assert_eq!(said, ["200 CANCEL", "487 INVITE"]);
    assert_eq!(world.sides[B].accept_reinvite(world.now, b, None), Err(InvalidUse::WrongState));
    world.run(100);
    world.sides[A].hangup(world.now, a, None).unwrap();
    world.run_out();
}

#[test]
fn hold_right_after_the_answer_waits_for_the_ack() {
    let mut world = World::new();
    world.call(Transport::Udp);
    world.run(50);
    let b = world.invited();
    world.sides[B].answer(world.now, b, vec![], sdp()).unwrap();
    world.sides[B].reinvite(world.now, b, body("hold")).unwrap();
    assert_eq!(world.sides[B].reinvite(world.now, b, body("2")), Err(InvalidUse::Pending));
    world.run(10);
    assert!(!world.log.iter().any(|sent| sent.from == B && sent.what == "INVITE"));
    world.run(200);
    assert!(world.names(A).contains(&"Reinvited \"hold\"".to_owned()));
    assert!(world.log.iter().all(|sent| !sent.what.starts_with("491")));
    world.sides[B].hangup(world.now, b, None).unwrap();
    world.run_out();
}
