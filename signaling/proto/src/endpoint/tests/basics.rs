//! Calls and requests as they go when all is well, and every way to end them.

use super::*;
use crate::headers::Reason;

#[test]
fn call_is_set_up_and_ended_by_the_caller() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut world = World::new();
        let a = world.call(transport);
        world.run(50);
        let b = world.invited();
        world.sides[B].progress(world.now, b, 180, vec![], None).unwrap();
        world.run(50);
        world.sides[B].answer(world.now, b, vec![], sdp()).unwrap();
        world.run(100);
        world.sides[A].hangup(world.now, a, Some(Reason::q850(16, ""))).unwrap();
        world.run(100);
        let flow = world.flow();
        let expected = [
            "A INVITE",
            "B 100 INVITE",
            "B 180 INVITE",
            "B 200 INVITE",
            "A ACK",
            "A BYE",
            "B 200 BYE",
        ];
        assert_eq!(flow, expected);
        assert_eq!(world.names(A), ["Progressed 180", "Answered", "Ended Local"]);
        assert_eq!(world.names(B), ["Invited", "Confirmed", "Ended RemoteBye"]);
        world.run_out();
        assert!(world.flow().is_empty(), "nothing is repeated");
    }
}

#[test]
fn callee_ends_the_call_with_a_reason() {
    let mut world = World::new();
    let (_, b) = world.established(Transport::Udp);
    world.sides[B].hangup(world.now, b, Some(Reason::q850(31, "Normal, unspecified"))).unwrap();
    world.run(100);
    assert_eq!(world.flow(), ["B BYE", "A 200 BYE"]);
    let news = world.news(A);
    let [Event::Dialog { event: DialogEvent::Ended { cause, reason }, .. }] = &news[..] else {
        panic!("{news:?}");
    };
    assert_eq!(*cause, EndCause::RemoteBye);
    assert_eq!(reason.as_ref().and_then(|reason| reason.cause), Some(31));
    world.run_out();
}

#[test]
fn refused_call_is_acknowledged_and_told_with_its_status() {
    for transport in [Transport::Udp, Transport::Tcp] {
        let mut world = World::new();
        world.call(transport);
        world.run(50);
        let b = world.invited();
        world.sides[B].reject(world.now, b, 486, &[]).unwrap();
        world.run(100);
        assert_eq!(world.flow(), ["A INVITE", "B 100 INVITE", "B 486 INVITE", "A ACK"]);
        assert_eq!(world.names(A), ["Failed 486"]);
        assert_eq!(world.names(B), ["Invited", "Ended Local"]);
        world.run_out();
    }
}

#[test]
fn failure_before_ringing_is_told_apart_from_one_after() {
    for (rings, before_ringing) in [(false, true), (true, false)] {
        let mut world = World::new();
        world.call(Transport::Udp);
        world.run(50);
        let b = world.invited();
        if rings {
            world.sides[B].progress(world.now, b, 183, vec![], sdp()).unwrap();
        }
        let headers =
            [HeaderLine::new("Reason", "Q.850;cause=34"), HeaderLine::new("Retry-After", "7")];
        world.sides[B].reject(world.now, b, 480, &headers).unwrap();
        world.run(100);
        let news = world.news(A);
        let Some(Event::Dialog { event: DialogEvent::Failed(failure), .. }) = news.last() else {
            panic!("{news:?}");
        };
        assert_eq!(failure.before_ringing, before_ringing);
        assert_eq!(failure.retry_after, Some(Duration::from_secs(7)));
        assert_eq!(failure.reason.as_ref().and_then(|reason| reason.cause), Some(34));
        world.run_out();
    }
}

#[test]
fn caller_gives_up_while_it_rings() {
    let mut world = World::new();
    let a = world.call(Transport::Udp);
    world.run(50);
    let b = world.invited();
    world.sides[B].progress(world.now, b, 180, vec![], None).unwrap();
    world.run(50);
    world.flow();
    world.sides[A]
        .hangup(world.now, a, Some(Reason::sip(200, "Call completed elsewhere")))
        .unwrap();
    world.run(100);
    assert_eq!(world.flow(), ["A CANCEL", "B 200 CANCEL", "B 487 INVITE", "A ACK"]);
    assert_eq!(world.names(A), ["Progressed 180", "Ended Local"]);
    let news = world.news(B);
    let Some(Event::Dialog { event: DialogEvent::Ended { cause, reason }, .. }) = news.last()
    else {
        panic!("{news:?}");
    };
    assert_eq!(*cause, EndCause::RemoteCancel);
    assert_eq!(reason.as_ref().and_then(|reason| reason.cause), Some(200));
    world.run_out();
}

/// RFC 3261 §9.1: no CANCEL before a provisional response.
#[test]
fn cancel_waits_for_a_provisional_response() {
    let mut world = World::new();
    let a = world.call(Transport::Udp);
    world.sides[A].hangup(world.now, a, None).unwrap();
    world.run(10);
    assert_eq!(world.flow(), ["A INVITE"]);
    world.run(200);
    assert_eq!(world.flow(), ["B 100 INVITE", "A CANCEL", "B 200 CANCEL", "B 487 INVITE", "A ACK"]);
    assert_eq!(world.names(B), ["Invited", "Ended RemoteCancel"]);
    world.run_out();
}

/// A14.
#[test]
fn cancel_crossing_the_answer_ends_in_ack_and_bye() {
    let mut world = World::new();
    let a = world.call(Transport::Udp);
    world.run(50);
    let b = world.invited();
    world.flow();
    world.sides[A].hangup(world.now, a, None).unwrap();
    world.sides[B].answer(world.now, b, vec![], sdp()).unwrap();
    world.run(200);
    let mut flow = world.flow();
    flow.sort();
    assert_eq!(flow, ["A ACK", "A BYE", "A CANCEL", "B 200 BYE", "B 200 CANCEL", "B 200 INVITE"]);
    assert_eq!(world.names(A), ["Ended Local"]);
    assert_eq!(world.names(B), ["Invited", "Confirmed", "Ended RemoteBye"]);
    world.run_out();
}

/// RFC 3261 §15: no BYE before the ACK.
#[test]
fn callee_that_hangs_up_at_once_waits_for_the_ack() {
    let mut world = World::new();
    world.call(Transport::Udp);
    world.run(50);
    let b = world.invited();
    world.sides[B].answer(world.now, b, vec![], sdp()).unwrap();
    world.sides[B].hangup(world.now, b, None).unwrap();
    world.run(200);
    let flow = world.flow();
    assert_eq!(flow[2..], ["B 200 INVITE", "A ACK", "B BYE", "A 200 BYE"]);
    assert_eq!(world.names(B), ["Invited", "Ended Local"]);
    world.run_out();
}

/// A13.
#[test]
fn answer_without_ack_is_repeated_and_ended_at_32_seconds() {
    let mut world = World::new();
    world.swallow = Some("ACK");
    world.call(Transport::Tcp);
    world.run(50);
    let b = world.invited();
    let answered_at = world.ms();
    world.sides[B].answer(world.now, b, vec![], sdp()).unwrap();
    world.run(40_000);
    let at = |what: &str| -> Vec<u64> {
        let sent = world.log.iter().filter(|sent| sent.from == B && sent.what == what);
        sent.map(|sent| sent.at_ms - answered_at).collect()
    };
    assert_eq!(
        at("200 INVITE"),
        [0, 500, 1500, 3500, 7500, 11500, 15500, 19500, 23500, 27500, 31500]
    );
    assert_eq!(at("BYE"), [32_000]);
    assert_eq!(world.names(B), ["Invited", "Ended NoAck"]);
    world.run_out();
}

/// A11.
#[test]
fn silent_callee_fails_the_call_at_32_seconds() {
    let mut world = World::new();
    world.swallow = Some("INVITE");
    world.call(Transport::Udp);
    world.run(40_000);
    let times: Vec<u64> = world.log.iter().map(|sent| sent.at_ms).collect();
    assert_eq!(times, [0, 500, 1500, 3500, 7500, 15500, 31500]);
    assert_eq!(world.names(A), ["Failed 408"]);
    world.run_out();
}

#[test]
fn call_nobody_answers_ends_for_both_after_the_longest_ring() {
    let mut world = World::new();
    world.call(Transport::Udp);
    world.run(50);
    let b = world.invited();
    world.sides[B].progress(world.now, b, 180, vec![], None).unwrap();
    world.run_out();
    let names = world.names(A);
    assert_eq!(names.last().map(String::as_str), Some("Failed 408"));
    let names = world.names(B);
    assert!(names.last().is_some_and(|name| name.starts_with("Ended")), "{names:?}");
}

#[test]
fn challenge_is_answered_only_by_the_application() {
    let mut world = World::new();
    let a = world.call(Transport::Udp);
    world.run(50);
    let b = world.invited();
    let challenge = [HeaderLine::new("Proxy-Authenticate", "Digest realm=\"r\", nonce=\"n\"")];
    world.sides[B].reject(world.now, b, 407, &challenge).unwrap();
    world.run(100);
    assert_eq!(world.names(A), ["Challenged"]);
    world.news(B);
    world.flow();
    let credentials = vec![HeaderLine::new("Proxy-Authorization", "Digest username=\"u\"")];
    world.sides[A].retry_with(world.now, a, credentials).unwrap();
    world.run(50);
    let invite = &world.log[0];
    assert_eq!(header(&invite.bytes, "CSeq").as_deref(), Some("2 INVITE"));
    assert!(header(&invite.bytes, "Proxy-Authorization").is_some());
    let b = world.invited();
    world.sides[B].answer(world.now, b, vec![], sdp()).unwrap();
    world.run(100);
    let ack = world.log.iter().find(|sent| sent.what == "ACK").expect("acknowledged");
    assert_eq!(header(&ack.bytes, "CSeq").as_deref(), Some("2 ACK"));
    assert!(header(&ack.bytes, "Proxy-Authorization").is_some(), "RFC 3261 §13.2.2.4");
    world.sides[A].hangup(world.now, a, None).unwrap();
    world.run_out();
}

#[test]
fn challenge_nobody_answers_fails_the_call() {
    let mut world = World::new();
    world.call(Transport::Udp);
    world.run(50);
    let b = world.invited();
    world.sides[B].reject(world.now, b, 401, &[]).unwrap();
    world.run_out();
    assert_eq!(world.names(A), ["Challenged", "Failed 401"]);
}

#[test]
fn registration_and_options_reach_the_application_and_are_answered() {
    for (method, status) in [(Method::Register, 401), (Method::Options, 200)] {
        let mut world = World::new();
        let destination = Destination::Targets(vec![target(B, Transport::Udp)]);
        let from = "sip:a@192.0.2.10";
        let mut request =
            OutgoingRequest::new(method.clone(), "sip:192.0.2.11", from, "<sip:a@x>", destination);
        request.contact = Some("<sip:a@192.0.2.10>".to_owned());
        let id = world.sides[A].request(world.now, request).unwrap();
        world.run(50);
        let news = world.news(B);
        let [Event::Request { transaction, message, .. }] = &news[..] else { panic!("{news:?}") };
        assert_eq!(*message.method(), method);
        let reply = Reply::new(status).with_header("X-Test", "a\r\nInjected: b");
        world.sides[B].respond(world.now, *transaction, &reply).unwrap();
        // Whoever is only challenged leaves nothing behind.
        assert_eq!(world.sides[B].transactions(), usize::from(status != 401));
        let again = world.sides[B].respond(world.now, *transaction, &reply);
        assert_eq!(again, Err(InvalidUse::UnknownTransaction));
        world.run(100);
        let news = world.news(A);
        let [Event::Response { transaction, message, .. }] = &news[..] else { panic!("{news:?}") };
        assert_eq!((*transaction, read::status(message)), (id, status));
        assert!(message.to_tag().is_some());
        assert_eq!(message.named("Injected").count(), 0);
        world.run_out();
    }
}

#[test]
fn request_nobody_answers_fails_at_32_seconds() {
    let mut world = World::new();
    world.swallow = Some("OPTIONS");
    let destination = Destination::Targets(vec![target(B, Transport::Udp)]);
    let request = OutgoingRequest::new(
        Method::Options,
        "sip:192.0.2.11",
        "<sip:a@x>",
        "<sip:b@x>",
        destination,
    );
    world.sides[A].request(world.now, request).unwrap();
    world.run(31_999);
    assert!(world.news(A).is_empty());
    world.run(1);
    assert_eq!(world.names(A), ["RequestFailed Timeout"]);
    world.run_out();
}

#[test]
fn info_refer_and_notify_go_through_a_dialog() {
    let mut world = World::new();
    let (a, b) = world.established(Transport::Udp);
    let digit = Body { content_type: "application/dtmf-relay".into(), bytes: "Signal=5".into() };
    world.sides[A].info(world.now, a, digit).unwrap();
    world.run(100);
    assert_eq!(world.names(B), ["Info application/dtmf-relay"]);
    assert_eq!(world.names(A), ["DialogResponse 200"]);
    let odd = Body { content_type: "application/x-odd".into(), bytes: "x".into() };
    world.sides[A].info(world.now, a, odd).unwrap();
    world.run(100);
    assert_eq!(world.names(A), ["DialogResponse 415"]);
    world.sides[B].refer(world.now, b, "<sip:c@192.0.2.99>".to_owned(), None).unwrap();
    world.run(50);
    let news = world.news(A);
    let [Event::Dialog { event: DialogEvent::Referred { transaction, .. }, .. }] = &news[..] else {
        panic!("{news:?}");
    };
    world.sides[A].respond(world.now, *transaction, &Reply::new(202)).unwrap();
    world.sides[A]
        .notify(world.now, a, "terminated;reason=noresource".into(), "SIP/2.0 200 OK".into())
        .unwrap();
    world.run(100);
    assert_eq!(world.names(B), ["DialogResponse 202", "Notified terminated;reason=noresource"]);
    world.sides[A].hangup(world.now, a, None).unwrap();
    world.run_out();
}

#[test]
fn dead_handles_are_refused() {
    let mut world = World::new();
    let (a, _) = world.established(Transport::Udp);
    world.sides[A].hangup(world.now, a, None).unwrap();
    assert_eq!(world.sides[A].hangup(world.now, a, None), Err(InvalidUse::UnknownDialog));
    assert_eq!(world.sides[A].reinvite(world.now, a, None), Err(InvalidUse::UnknownDialog));
    world.run_out();
}
