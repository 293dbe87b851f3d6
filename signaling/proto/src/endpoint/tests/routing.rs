//! Where messages go: route sets, flows, name resolution, fail-over, forks.

use super::*;

/// A message A sent to a callee that is played by hand, and its answer.
fn reply(invite: &Bytes, status: &str, tag: &str, more: &str) -> Bytes {
    let get = |name| header(invite, name).expect("every request has it");
    Bytes::from(format!(
        "SIP/2.0 {status}\r\nVia: {}\r\nFrom: {}\r\nTo: {};tag={tag}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
         {more}Content-Length: 0\r\n\r\n",
        get("Via"),
        get("From"),
        get("To"),
        get("Call-ID"),
        get("CSeq"),
    ))
}

fn hand(world: &mut World, bytes: Bytes) {
    let source = source_at(A, Transport::Udp);
    world.sides[A].handle_message(world.now, source, bytes);
    world.drain();
}

fn paths(world: &mut World) -> Vec<(String, String, String)> {
    let of = |sent: Sent| {
        let Path::Address(target) = &sent.path else { panic!("by address: {:?}", sent.path) };
        let message = Message::parse(sent.bytes.clone()).unwrap();
        let uri = message.request_uri().map(ToString::to_string).unwrap_or_default();
        (sent.what, format!("{} {}", target.transport, target.address), uri)
    };
    world.log.drain(..).filter(|sent| sent.from == A).map(of).collect()
}

/// Field note 34: Record-Route says TCP, Contact says TLS; the route set decides.
#[test]
fn requests_follow_the_route_set_and_not_the_contact() {
    let mut world = World::new();
    let a = world.call(Transport::Udp);
    world.drain();
    let invite = world.log[0].bytes.clone();
    world.log.clear();
    let ok = reply(
        &invite,
        "200 OK",
        "t1",
        "Record-Route: <sip:198.51.100.2;lr>, <sip:198.51.100.1:5070;transport=tcp;lr>\r\n\
         Contact: <sip:b@203.0.113.9:443;transport=tls>\r\n",
    );
    hand(&mut world, ok);
    world.sides[A].hangup(world.now, a, None).unwrap();
    world.drain();
    let routes: Vec<_> =
        world.log.iter().map(|sent| header(&sent.bytes, "Route").expect("routed")).collect();
    assert_eq!(routes[0], "<sip:198.51.100.1:5070;transport=tcp;lr>");
    let way = "TCP 198.51.100.1:5070".to_owned();
    let uri = "sip:b@203.0.113.9:443;transport=tls".to_owned();
    let first_two: Vec<_> = paths(&mut world).into_iter().take(2).collect();
    assert_eq!(
        first_two,
        [("ACK".to_owned(), way.clone(), uri.clone()), ("BYE".to_owned(), way, uri)]
    );
}

#[test]
fn strict_router_is_the_request_uri_and_the_destination() {
    let mut world = World::new();
    world.call(Transport::Udp);
    world.drain();
    let invite = world.log[0].bytes.clone();
    world.log.clear();
    let more = "Record-Route: <sip:198.51.100.1>\r\nContact: <sip:b@203.0.113.9>\r\n";
    hand(&mut world, reply(&invite, "200 OK", "t1", more));
    assert_eq!(header(&world.log[0].bytes, "Route").as_deref(), Some("<sip:b@203.0.113.9>"));
    assert_eq!(
        paths(&mut world),
        [("ACK".to_owned(), "UDP 198.51.100.1:5060".to_owned(), "sip:198.51.100.1".to_owned())]
    );
}

/// RFC 3261 §13.2.2.4.
#[test]
fn second_answer_of_a_forked_invite_is_acknowledged_and_ended() {
    let mut world = World::new();
    world.call(Transport::Udp);
    world.drain();
    let invite = world.log[0].bytes.clone();
    world.log.clear();
    let contact = "Contact: <sip:b@203.0.113.1>\r\n";
    hand(&mut world, reply(&invite, "180 Ringing", "t1", contact));
    hand(&mut world, reply(&invite, "180 Ringing", "t2", "Contact: <sip:b@203.0.113.2>\r\n"));
    hand(&mut world, reply(&invite, "200 OK", "t1", contact));
    hand(&mut world, reply(&invite, "200 OK", "t2", "Contact: <sip:b@203.0.113.2>\r\n"));
    hand(&mut world, reply(&invite, "200 OK", "t1", contact));
    let said: Vec<_> = paths(&mut world).into_iter().map(|(what, way, _)| (what, way)).collect();
    let expected = [
        ("ACK", "UDP 203.0.113.1:5060"),
        ("ACK", "UDP 203.0.113.2:5060"),
        ("BYE", "UDP 203.0.113.2:5060"),
        ("ACK", "UDP 203.0.113.1:5060"),
    ];
    let expected: Vec<_> =
        expected.iter().map(|(what, way)| ((*what).to_owned(), (*way).to_owned())).collect();
    assert_eq!(said, expected);
    assert_eq!(world.names(A), ["Progressed 180", "Progressed 180", "Answered"]);
    assert_eq!(world.sides[A].dialogs(), 1);
}

#[test]
fn host_names_are_asked_for_and_the_first_address_is_used() {
    let mut world = World::new();
    let destination =
        Destination::Host { host: "carrier.example".into(), port: None, transport: None };
    let invite = InviteRequest {
        body: sdp(),
        ..InviteRequest::new("sip:b@carrier.example", "sip:a@x", "sip:b@x", destination)
    };
    world.sides[A].invite(world.now, invite).unwrap();
    world.drain();
    let news = world.news(A);
    let [Event::NeedResolve(query)] = &news[..] else { panic!("{news:?}") };
    assert_eq!((&*query.host, query.port, query.transport), ("carrier.example", None, None));
    let id = query.id;
    world.sides[A].resolved(world.now, id, vec![target(B, Transport::Tcp)]);
    world.run(100);
    let b = world.invited();
    world.sides[B].reject(world.now, b, 486, &[]).unwrap();
    world.run_out();
    assert_eq!(world.names(A), ["Failed 486"]);
}

#[test]
fn name_without_address_or_without_answer_fails_the_request() {
    for answered in [true, false] {
        let mut world = World::new();
        let request = OutgoingRequest::new(
            Method::Options,
            "sip:nowhere.example",
            "sip:a@x",
            "sip:b@x",
            Destination::Uri,
        );
        world.sides[A].request(world.now, request).unwrap();
        world.drain();
        let news = world.news(A);
        let [Event::NeedResolve(query)] = &news[..] else { panic!("{news:?}") };
        if answered {
            world.sides[A].resolved(world.now, query.id, vec![]);
        }
        world.run_out();
        assert_eq!(world.names(A), ["RequestFailed Unresolved"]);
    }
}

fn two_targets(first: Target) -> Destination {
    Destination::Targets(vec![first, target(B, Transport::Udp)])
}

fn nowhere(transport: Transport) -> Target {
    Target { transport, address: SocketAddr::from(([203, 0, 113, 66], 5060)), server_name: None }
}

/// H14, A21.
#[test]
fn unreachable_target_is_left_for_the_next_at_once_and_a_silent_one_after_four_seconds() {
    for (transport, wait) in [(Transport::Tcp, 0), (Transport::Udp, 4000)] {
        let mut world = World::new();
        let invite = InviteRequest {
            body: sdp(),
            ..InviteRequest::new("sip:b@x", "sip:a@x", "sip:b@x", two_targets(nowhere(transport)))
        };
        let a = world.sides[A].invite(world.now, invite).unwrap();
        world.run(5000);
        let reached =
            world.log.iter().find(|sent| sent.what == "INVITE" && sent.path.remote() == address(B));
        assert_eq!(reached.expect("tried").at_ms, wait);
        let b = world.invited();
        world.sides[B].answer(world.now, b, vec![], sdp()).unwrap();
        world.run(100);
        assert_eq!(world.names(A), ["Answered"]);
        world.sides[A].hangup(world.now, a, None).unwrap();
        world.run_out();
    }
}

#[test]
fn late_answer_of_a_target_we_left_is_ended() {
    let mut world = World::new();
    let first = Target { transport: Transport::Udp, ..nowhere(Transport::Udp) };
    let invite = InviteRequest {
        body: sdp(),
        ..InviteRequest::new("sip:b@x", "sip:a@x", "sip:b@x", two_targets(first))
    };
    world.sides[A].invite(world.now, invite).unwrap();
    world.drain();
    let left = world.log[0].bytes.clone();
    world.run(4100);
    world.log.clear();
    hand(&mut world, reply(&left, "200 OK", "late", "Contact: <sip:b@203.0.113.66>\r\n"));
    let said: Vec<_> = world.log.iter().map(|sent| sent.what.as_str()).collect();
    assert_eq!(said, ["ACK", "BYE"]);
    let b = world.invited();
    world.sides[B].reject(world.now, b, 603, &[]).unwrap();
    world.run(100);
    assert_eq!(world.names(A), ["Failed 603"]);
    world.run_out();
}

/// H14.
#[test]
fn refusal_503_before_ringing_goes_on_to_the_next_target() {
    let mut world = World::new();
    let first = Target { transport: Transport::Udp, ..nowhere(Transport::Udp) };
    let invite = InviteRequest {
        body: sdp(),
        ..InviteRequest::new("sip:b@x", "sip:a@x", "sip:b@x", two_targets(first))
    };
    world.sides[A].invite(world.now, invite).unwrap();
    world.drain();
    let sent = world.log[0].bytes.clone();
    world.log.clear();
    hand(&mut world, reply(&sent, "503 Service Unavailable", "t", ""));
    let said: Vec<_> =
        world.log.iter().map(|sent| (sent.what.as_str(), sent.path.remote())).collect();
    assert_eq!(said, [("ACK", nowhere(Transport::Udp).address), ("INVITE", address(B))]);
    world.run(100);
    let b = world.invited();
    world.sides[B].reject(world.now, b, 486, &[]).unwrap();
    world.run(100);
    assert_eq!(world.names(A), ["Failed 486"]);
    world.run_out();
}

/// RFC 3261 §18.1.1: a request too large for a datagram goes by TCP where nobody asked for UDP, and by UDP after all
/// where TCP is not to be had.
#[test]
fn large_requests_go_by_tcp_unless_udp_was_asked_for() {
    let path = |uri: &str, size: usize| {
        let mut world = World::new();
        let mut request =
            OutgoingRequest::new(Method::Options, uri, "sip:a@x", "sip:b@x", Destination::Uri);
        request.headers.push(HeaderLine::new("Subject", "x".repeat(size)));
        world.sides[A].request(world.now, request).unwrap();
        world.drain();
        let sent: Vec<Transport> = world.log.iter().map(|sent| sent.path.transport()).collect();
        for sent in &world.log {
            let via = header(&sent.bytes, "Via").expect("there");
            assert!(via.starts_with(&format!("SIP/2.0/{} ", sent.path.transport())), "{via}");
        }
        sent
    };
    assert_eq!(path("sip:b@192.0.2.11", 400), [Transport::Udp]);
    assert_eq!(path("sip:b@192.0.2.11", 1200), [Transport::Tcp]);
    assert_eq!(path("sip:b@192.0.2.11;transport=udp", 1200), [Transport::Udp]);
    // Nobody listens there: the world fails the connection at once.
    assert_eq!(path("sip:b@203.0.113.66", 1200), [Transport::Tcp, Transport::Udp]);
}

#[test]
fn closed_connection_fails_what_waited_on_it() {
    let mut world = World::new();
    world.swallow = Some("OPTIONS");
    let destination = Destination::Flow(source_at(A, Transport::Tcp));
    let request =
        OutgoingRequest::new(Method::Options, "sip:192.0.2.11", "sip:a@x", "sip:b@x", destination);
    world.sides[A].request(world.now, request).unwrap();
    world.drain();
    world.sides[A].handle_flow_closed(world.now, FlowId(2));
    world.drain();
    assert_eq!(world.names(A), ["RequestFailed Unreachable"]);
    world.run_out();
}

/// RFC 5626: a phone behind a NAT is reached by the flow it registered on.
#[test]
fn phone_behind_a_nat_is_reached_by_its_flow_and_not_its_contact() {
    let mut world = World::new();
    let flow = source_at(A, Transport::Tcp);
    let invite = InviteRequest {
        body: sdp(),
        reach: Reach::Flow,
        ..InviteRequest::new("sip:b@10.0.0.7", "sip:a@x", "sip:b@x", Destination::Flow(flow))
    };
    let a = world.sides[A].invite(world.now, invite).unwrap();
    world.drain();
    let sent = world.log.remove(0);
    assert_eq!(sent.path, flow.reply_path());
    let source = flow;
    let ok = reply(&sent.bytes, "200 OK", "t", "Contact: <sip:b@10.0.0.7:5060>\r\n");
    world.sides[A].handle_message(world.now, source, ok);
    world.drain();
    world.log.clear();
    world.sides[A].hangup(world.now, a, None).unwrap();
    world.drain();
    assert_eq!((world.log[0].what.as_str(), &world.log[0].path), ("BYE", &flow.reply_path()));
}

/// RFC 3581.
#[test]
fn responses_go_back_where_the_request_came_from() {
    let mut world = World::new();
    let via_port = |via: &str| {
        Bytes::from(format!(
            "OPTIONS sip:x@192.0.2.11 SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5080;branch=z9hG4bK{via}\r\n\
             From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: {via}\r\nCSeq: 1 DANCE\r\n\
             Content-Length: 0\r\n\r\n"
        ).replace("OPTIONS", "DANCE"))
    };
    let remote = SocketAddr::from(([198, 51, 100, 7], 40_000));
    let source = Source { remote, ..source_at(B, Transport::Udp) };
    for (via, port) in [("1;rport", 40_000), ("2", 5080)] {
        world.sides[B].handle_message(world.now, source, via_port(via));
        let transmit = world.sides[B].poll_transmit().expect("answered");
        assert_eq!(transmit.path.remote(), SocketAddr::new(remote.ip(), port));
        let via = header(&transmit.bytes, "Via").unwrap();
        assert!(via.contains("received=198.51.100.7"), "{via}");
    }
}

#[test]
fn response_whose_connection_is_gone_opens_a_new_one() {
    let mut world = World::new();
    let request = Bytes::from(
        "OPTIONS sip:x@192.0.2.11 SIP/2.0\r\nVia: SIP/2.0/TCP 10.0.0.1:5080;branch=z9hG4bKq\r\n\
         From: <sip:a@x>;tag=1\r\nTo: <sip:b@x>\r\nCall-ID: q\r\nCSeq: 1 OPTIONS\r\n\
         Content-Length: 0\r\n\r\n",
    );
    let source = source_at(B, Transport::Tcp);
    world.sides[B].handle_message(world.now, source, request);
    let Some(Event::Request { transaction, .. }) = world.sides[B].poll_event() else {
        panic!("handed up")
    };
    world.sides[B].respond(world.now, transaction, &Reply::new(200)).unwrap();
    let first = world.sides[B].poll_transmit().expect("sent");
    assert_eq!(first.path, source.reply_path());
    world.sides[B].handle_transmit_failed(world.now, first.id);
    let second = world.sides[B].poll_transmit().expect("sent again");
    let there = SocketAddr::new(source.remote.ip(), 5080);
    assert_eq!((second.path.remote(), second.bytes), (there, first.bytes));
    world.run_out();
}

/// H14: a carrier says 100 first and 503 then.
#[test]
fn refusal_503_after_100_still_goes_on_and_after_ringing_does_not() {
    for (provisional, goes_on) in [("100 Trying", true), ("180 Ringing", false)] {
        let mut world = World::new();
        let first = nowhere(Transport::Udp);
        let invite = InviteRequest {
            body: sdp(),
            ..InviteRequest::new("sip:b@x", "sip:a@x", "sip:b@x", two_targets(first))
        };
        world.sides[A].invite(world.now, invite).unwrap();
        world.drain();
        let sent = world.log[0].bytes.clone();
        hand(&mut world, reply(&sent, provisional, "t", ""));
        world.log.clear();
        hand(&mut world, reply(&sent, "503 Service Unavailable", "t", ""));
        assert_eq!(world.log.iter().any(|sent| sent.what == "INVITE"), goes_on);
        assert_eq!(world.names(A).contains(&"Failed 503".to_owned()), !goes_on);
    }
}

#[test]
fn challenged_invite_keeps_its_way_and_its_other_targets() {
    let mut world = World::new();
    let first = nowhere(Transport::Udp);
    let invite = InviteRequest {
        body: sdp(),
        ..InviteRequest::new("sip:b@x", "sip:a@x", "sip:b@x", two_targets(first.clone()))
    };
    let a = world.sides[A].invite(world.now, invite).unwrap();
    world.drain();
    let sent = world.log[0].bytes.clone();
    hand(&mut world, reply(&sent, "407 Proxy Authentication Required", "t", ""));
    world.log.clear();
    world.sides[A].retry_with(world.now, a, vec![]).unwrap();
    world.drain();
    assert_eq!(world.log[0].path.remote(), first.address);
    world.run(4100);
    let last = world.log.iter().rfind(|sent| sent.what == "INVITE").expect("tried");
    assert_eq!(last.path.remote(), address(B));
    world.sides[A].hangup(world.now, a, None).unwrap();
    world.run_out();
}

/// RFC 3261 §12.2: requests of the callee in the early dialog.
#[test]
fn callee_may_speak_in_the_early_dialog() {
    let mut world = World::new();
    world.call(Transport::Udp);
    world.drain();
    let invite = world.log[0].bytes.clone();
    world.log.clear();
    hand(
        &mut world,
        reply(&invite, "183 Session Progress", "early", "Contact: <sip:b@192.0.2.11>\r\n"),
    );
    let get = |name| header(&invite, name).unwrap();
    let info = format!(
        "INFO sip:a@192.0.2.10 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.11;branch=z9hG4bKe\r\n\
         From: {};tag=early\r\nTo: {}\r\nCall-ID: {}\r\nCSeq: 1 INFO\r\nContent-Length: 0\r\n\r\n",
        get("To"),
        get("From"),
        get("Call-ID"),
    );
    hand(&mut world, Bytes::from(info.clone()));
    assert_eq!(world.log.pop().unwrap().what, "200 INFO");
    hand(
        &mut world,
        Bytes::from(
            info.replace("INFO", "BYE").replace("CSeq: 1", "CSeq: 2").replace("bKe", "bKf"),
        ),
    );
    let said: Vec<_> = world.log.iter().map(|sent| sent.what.as_str()).collect();
    assert_eq!(said, ["200 BYE", "CANCEL"]);
    assert_eq!(world.names(A), ["Progressed 183", "Ended RemoteBye"]);
}

/// A carrier's Record-Route and Contact are bare addresses; its certificate is not.
#[test]
fn name_to_prove_is_kept_for_later_connections() {
    let mut world = World::new();
    let name = Some("carrier.example".into());
    let target = Target { server_name: name, ..nowhere(Transport::Tls) };
    let destination = Destination::Targets(vec![target.clone(), target]);
    let invite = InviteRequest {
        body: sdp(),
        ..InviteRequest::new("sip:b@x", "sip:a@x", "sip:b@x", destination)
    };
    let a = world.sides[A].invite(world.now, invite).unwrap();
    let sent = world.sides[A].poll_transmit().expect("sent");
    let more = "Contact: <sip:b@203.0.113.66:5061;transport=tls>\r\n";
    let source = source_at(A, Transport::Tls);
    world.sides[A].handle_message(world.now, source, reply(&sent.bytes, "200 OK", "t", more));
    world.sides[A].hangup(world.now, a, None).unwrap();
    for what in ["ACK", "BYE"] {
        let transmit = world.sides[A].poll_transmit().expect("sent");
        assert_eq!(name_of(&transmit.bytes), what);
        let Path::Address(target) = transmit.path else { panic!("by address") };
        assert_eq!(target.server_name.as_deref(), Some("carrier.example"));
    }
}
