//! Reading and writing whole messages.

use super::*;
use crate::headers::Transport;

const INVITE: &str = "INVITE sip:bob@biloxi.com SIP/2.0\r\n\
    Via: SIP/2.0/UDP pc33.atlanta.com;branch=z9hG4bK776asdhds;rport, SIP/2.0/TCP 10.0.0.9:5080;branch=z9hG4bKold\r\n\
    v : SIP/2.0/TLS far.example.com;branch=z9hG4bKfar\r\n\
    Max-Forwards: 70\r\n\
    To: Bob <sip:bob@biloxi.com>\r\n\
    f: \"Alice, A\" <sip:alice@atlanta.com>;tag=1928301774\r\n\
    Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n\
    CSeq: 314159 INVITE\r\n\
    Contact: <sip:alice@pc33.atlanta.com>\r\n\
    Record-Route: <sip:p2.example.com;lr>,\r\n <sip:p1.example.com;lr>\r\n\
    Supported: 100rel,\ttimer\r\n\
    k: replaces\r\n\
    X-Odd: one\r\n\
    Content-Type: application/sdp\r\n\
    Content-Length: 4\r\n\
    \r\n\
    v=0\n";

fn read(text: &str) -> Message {
    match Message::parse(Bytes::copy_from_slice(text.as_bytes())) {
        Ok(message) => message,
        Err(refused) => panic!("{refused:?}"),
    }
}

fn error(text: &str) -> (Option<u16>, MessageError) {
    match Message::read(Bytes::copy_from_slice(text.as_bytes()), &Limits::DEFAULT) {
        ParseOutcome::Malformed(m) => (Some(m.status().code()), m.error),
        ParseOutcome::Drop(error) => (None, error),
        ParseOutcome::Ok(message) => panic!("accepted: {message:?}"),
    }
}

#[test]
fn a_request_is_read_whole() {
    let message = read(INVITE);
    assert_eq!(message.method(), &Method::Invite);
    assert_eq!(message.request_uri().unwrap().to_string(), "sip:bob@biloxi.com");
    assert_eq!(message.via().branch(), "z9hG4bK776asdhds");
    let vias: Vec<_> = message.vias().unwrap().iter().map(|v| v.transport()).collect();
    assert_eq!(vias, [Some(Transport::Udp), Some(Transport::Tcp), Some(Transport::Tls)]);
    assert_eq!(message.from().display.as_deref(), Some("Alice, A"));
    assert_eq!((message.from_tag(), message.to_tag()), ("1928301774", None));
    assert_eq!(message.cseq().seq, 314_159);
    assert_eq!(message.record_routes().unwrap().len(), 2);
    assert!(
        message.supports("timer") && message.supports("Replaces") && !message.requires("100rel")
    );
    assert_eq!(message.named("x-odd").next().unwrap(), "one");
    assert_eq!(&message.body()[..], b"v=0\n");
    assert_eq!(message.max_forwards(), Ok(Some(70)));
}

#[test]
fn a_response_copies_what_the_request_said() {
    let mut request = read(INVITE);
    request.note_source("192.0.2.7:40000".parse().unwrap());
    let response =
        MessageBuilder::response_to(&request, StatusCode::RINGING).to_tag("z9").build().unwrap();
    assert_eq!(response.status(), Some(StatusCode::RINGING));
    let vias = response.vias().unwrap();
    assert_eq!(vias.len(), 3);
    assert_eq!((vias[0].received(), vias[0].rport()), (Some([192, 0, 2, 7].into()), Some(40000)));
    assert_eq!(response.from(), request.from());
    assert_eq!(response.to_tag(), Some("z9"));
    assert_eq!(response.call_id(), request.call_id());
    assert_eq!(response.record_routes().unwrap(), request.record_routes().unwrap());
    let refused = MessageBuilder::response_to(&request, StatusCode::BUSY_HERE).build().unwrap();
    assert!(refused.record_routes().unwrap().is_empty());
}

#[test]
fn a_tag_that_is_there_stays() {
    let request =
        read(&INVITE.replace("<sip:bob@biloxi.com>\r\n", "<sip:bob@biloxi.com>;tag=ours\r\n"));
    let response =
        MessageBuilder::response_to(&request, StatusCode::OK).to_tag("new").build().unwrap();
    assert_eq!(response.to_tag(), Some("ours"));
}

#[test]
fn a_tag_without_a_value_does_not_hide_ours() {
    let request =
        read(&INVITE.replace("<sip:bob@biloxi.com>\r\n", "<sip:bob@biloxi.com>; tag;x=1\r\n"));
    assert_eq!(request.to_tag(), None);
    let response =
        MessageBuilder::response_to(&request, StatusCode::OK).to_tag("new").build().unwrap();
    assert_eq!(response.to_tag(), Some("new"));
    assert_eq!(response.to().params.raw("x"), Some("1"));
}

/// A10: nothing we are told to write can open a header of its own.
#[test]
fn values_with_line_ends_are_refused() {
    let uri: Uri = "sip:a@b".parse().unwrap();
    let bad = MessageBuilder::request(&Method::Info, &uri)
        .header(HeaderName::Subject, "x\r\nX-Evil: 1")
        .into_bytes();
    assert_eq!(bad, Err(BuildError::LineEnd("Subject".into())));
    let bad = MessageBuilder::request(&Method::Info, &uri).header_named("X Y", 1).into_bytes();
    assert_eq!(bad, Err(BuildError::Name("X Y".into())));
    let bad = MessageBuilder::response(StatusCode::OK).reason_phrase("a\nb").into_bytes();
    assert!(bad.is_err());
}

#[test]
fn a_message_sent_on_keeps_its_headers_in_order() {
    let message = read(INVITE);
    let via = Via::new(Transport::Udp, "10.1.1.1", Some(5060), "z9hG4bKnew");
    let onward = message
        .to_builder()
        .via(&via)
        .max_forwards(69)
        .remove(HeaderName::RecordRoute)
        .without_body()
        .build()
        .unwrap();
    assert_eq!(onward.vias().unwrap().len(), 4);
    assert_eq!(onward.via(), &via);
    assert_eq!(onward.max_forwards(), Ok(Some(69)));
    assert_eq!(onward.content_length(), Ok(Some(0)));
    assert!(!onward.has(HeaderName::RecordRoute) && onward.body().is_empty());
    assert_eq!(onward.named("X-Odd").next().unwrap(), "one");
}

/// A10: white space before the colon, tabs and folds never make another header of it.
#[test]
fn spelling_tricks_do_not_change_a_header() {
    for trick in ["Max-Forwards : 70", "mAX-fORWARDS\t: 70", "Max-Forwards:\r\n\t70"] {
        let message = read(&INVITE.replace("Max-Forwards: 70", trick));
        assert_eq!(message.max_forwards(), Ok(Some(70)), "{trick}");
    }
    for trick in [
        "Max-Forwards\u{a0}: 70",
        "Max Forwards: 70",
        "Max-Forwards 70",
        ": 70",
        "Max-Forwards\r\n : 70",
    ] {
        let (status, _) = error(&INVITE.replace("Max-Forwards: 70", trick));
        assert_eq!(status, Some(400), "{trick}");
    }
}

/// A10: headers that may stand once.
#[test]
fn duplicates_of_single_headers_are_refused() {
    for twice in [
        "f: <sip:x@y>;tag=2",
        "TO: <sip:x@y>",
        "i: 2",
        "CSeq: 1 INVITE",
        "Max-Forwards: 1",
        "c: a/b",
    ] {
        let text = INVITE.replace("X-Odd: one", twice);
        assert!(matches!(error(&text), (Some(400), MessageError::Duplicate(_))), "{twice}");
    }
}

/// A10: two readers must never see different headers.
#[test]
fn line_ends_may_not_be_mixed() {
    assert_eq!(error(&INVITE.replace("X-Odd: one\r\n", "X-Odd: one\n")).0, Some(400));
    assert_eq!(error(&INVITE.replace("X-Odd: one\r\n", "X-Odd: one\rX: 2\r\n")).0, Some(400));
    assert_eq!(read(&INVITE.replace("\r\n", "\n")).record_routes().unwrap().len(), 2);
    assert_eq!(error(&INVITE.replace("\r\n", "\n").replace("one\n", "one\r\n")).0, Some(400));
    assert_eq!(error(&INVITE.replace("\r\n", "\r")).0, None);
}

#[test]
fn the_body_obeys_content_length() {
    assert_eq!(
        error(&INVITE.replace("Length: 4", "Length: 5")),
        (Some(400), MessageError::BodyShort)
    );
    assert_eq!(&read(&INVITE.replace("Length: 4", "Length: 1")).body()[..], b"v");
    for bad in ["-1", "4294967328", "0x4", "", "4, 4", "4 4"] {
        let (status, _) = error(&INVITE.replace("Length: 4", &format!("Length: {bad}")));
        assert_eq!(status, Some(400), "{bad}");
    }
    assert_eq!(error(&INVITE.replace("X-Odd: one", "l: 3")).1, MessageError::ContentLength);
    assert_eq!(read(&INVITE.replace("X-Odd: one", "l: 4")).body().len(), 4);
    assert_eq!(read(&INVITE.replace("Content-Length: 4\r\n", "")).body().len(), 4);
}

/// A09: every size bound has its answer.
#[test]
fn sizes_are_bounded_with_a_stated_answer() {
    let fill = |line: String| INVITE.replace("X-Odd: one", &line);
    let cases = [
        (fill(format!("X-Odd: {}", "a".repeat(8192))), 513),
        (fill("X-Odd: a\r\n".repeat(200).trim_end().into()), 513),
        (fill(format!("X-Odd: {}", "a\r\n X".repeat(2000))), 513),
        (fill(vec![format!("X-Odd: {}", "a".repeat(4000)); 5].join("\r\n")), 513),
        (fill(vec!["v: SIP/2.0/UDP h"; 75].join("\r\n")), 400),
        (fill(format!("v: {}", vec!["SIP/2.0/UDP h"; 75].join(","))), 400),
        (fill(format!("m: {}", vec!["<sip:a@b>"; 200].join(","))), 400),
        (
            INVITE.replace("bob@biloxi.com SIP", &format!("{}@biloxi.com SIP", "b".repeat(3000))),
            414,
        ),
        (INVITE.replace("Content-Length: 4\r\n", "").replace("v=0\n", &"v".repeat(40_000)), 413),
    ];
    for (index, (text, status)) in cases.iter().enumerate() {
        assert_eq!(error(text).0, Some(*status), "case {index}");
    }
}

#[test]
fn broken_requests_are_answered_as_far_as_they_go() {
    let text = INVITE.replace("Call-ID: a84b4c76e66710@pc33.atlanta.com\r\n", "");
    let ParseOutcome::Malformed(malformed) =
        Message::read(Bytes::copy_from_slice(text.as_bytes()), &Limits::DEFAULT)
    else {
        panic!()
    };
    let answer = malformed.response("192.0.2.7:5061".parse().unwrap(), "t9");
    let answer = String::from_utf8(answer.to_vec()).unwrap();
    assert!(
        answer.starts_with("SIP/2.0 400 Bad Request\r\nVia: SIP/2.0/UDP pc33.atlanta.com;"),
        "{answer}"
    );
    assert!(answer.contains("received=192.0.2.7") && answer.contains("rport=5061"));
    assert!(answer.contains("To: Bob <sip:bob@biloxi.com>;tag=t9\r\n"));
    assert!(answer.contains("CSeq: 314159 INVITE\r\n") && answer.contains("Call-ID missing"));
}

#[test]
fn broken_responses_and_acks_are_dropped() {
    let response = read(INVITE);
    let ok = MessageBuilder::response_to(&response, StatusCode::OK).into_bytes().unwrap();
    let ok = String::from_utf8(ok.to_vec()).unwrap();
    assert!(error(&ok.replace("CSeq: 314159 INVITE\r\n", "")).0.is_none());
    assert!(error(&ok.replace("SIP/2.0 200", "SIP/2.0 4294967301")).0.is_none());
    assert!(error(&ok.replace("SIP/2.0 200", "SIP/2.0 99")).0.is_none());
    let ack = INVITE.replace("INVITE", "ACK").replace("Max-Forwards: 70", "Max-Forwards: x");
    assert!(error(&ack).0.is_none());
    assert_eq!(error("\r\n\r\n"), (None, MessageError::Empty));
    assert_eq!(error("garbage"), (None, MessageError::HeadOpen));
}

#[test]
fn contacts_are_a_list_or_a_star() {
    let star = read(&INVITE.replace("Contact: <sip:alice@pc33.atlanta.com>", "m: *"));
    assert_eq!(star.contacts(), Ok(Contacts::Star));
    let mixed = INVITE.replace("Contact: <sip:alice@pc33.atlanta.com>", "m: *\r\nm: <sip:a@b>");
    assert_eq!(error(&mixed).0, Some(400));
    let list =
        read(&INVITE.replace(
            "Contact: <sip:alice@pc33.atlanta.com>",
            "m: \"a, b\" <sip:a@b>;q=1, <sip:c@d>",
        ));
    let Ok(Contacts::List(list)) = list.contacts() else { panic!() };
    assert_eq!(list.len(), 2);
}
