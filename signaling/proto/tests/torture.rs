//! RFC 4475 (A01) and RFC 5118 (A02): every message against what the RFC lists for it.

use bytes::Bytes;
use signaling_proto::{
    HeaderName, Message, Method, ParseOutcome, StatusCode, Transport,
    message::{Limits, Served},
    uri::Host,
};
use std::{collections::BTreeMap, path::PathBuf};

/// What must come of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    /// A sound request this element serves.
    Request,
    /// A sound response.
    Response,
    /// A request answered with this status by the parser or by the checks every server makes.
    Refused(u16),
    /// Nothing is sent back.
    Dropped,
}
use Outcome::{Dropped, Refused, Request, Response};

/// By section of RFC 4475.
const RFC_4475: [(&str, Outcome); 49] = [
    // 3.1.1: valid
    ("wsinv", Request),
    ("intmeth", Refused(501)),
    ("esc01", Request),
    ("escnull", Request),
    // A percent sign in a method is no escape: RE%47IST%45R is a method nobody serves.
    ("esc02", Refused(501)),
    ("lwsdisp", Request),
    ("longreq", Request),
    ("dblreq", Request),
    ("semiuri", Request),
    ("transports", Request),
    // A MESSAGE: sound, but not a method of ours.
    ("mpart01", Refused(405)),
    ("unreason", Response),
    ("noreason", Response),
    // 3.1.2: invalid
    ("badinv01", Refused(400)),
    ("clerr", Refused(400)),
    ("ncl", Refused(400)),
    ("scalar02", Refused(400)),
    ("scalarlg", Dropped),
    ("quotbal", Refused(400)),
    ("ltgtruri", Refused(400)),
    ("lwsruri", Refused(400)),
    ("lwsstart", Refused(400)),
    ("trws", Refused(400)),
    ("escruri", Refused(400)),
    ("baddate", Refused(400)),
    ("regbadct", Refused(400)),
    ("badaspec", Refused(400)),
    ("baddn", Refused(400)),
    ("badvers", Refused(505)),
    ("mismatch01", Refused(400)),
    ("mismatch02", Refused(400)),
    ("bigcode", Dropped),
    // 3.2: transaction layer. The branch is only the cookie, which the transaction layer treats as none.
    ("badbranch", Request),
    // 3.3: application layer
    ("insuf", Refused(400)),
    ("unkscm", Refused(416)),
    ("novelsc", Refused(416)),
    // Sound as a message; the registrar answers 400 for the AOR that is no SIP URI.
    ("unksm2", Request),
    ("bext01", Refused(420)),
    ("invut", Refused(415)),
    // Sound as a message; the registrar challenges.
    ("regaut01", Request),
    ("multi01", Refused(400)),
    ("mcl01", Refused(400)),
    // Answers no request of ours, so the transaction layer drops it.
    ("bcast", Response),
    ("zeromf", Request),
    ("cparam01", Request),
    ("cparam02", Request),
    ("regescrt", Request),
    ("sdp01", Refused(406)),
    // 3.4: backward compatibility
    ("inv2543", Request),
];

/// By section of RFC 5118.
const RFC_5118: [(&str, Outcome); 12] = [
    ("ipv6-good", Request),
    ("ipv6-bad", Refused(400)),
    ("port-ambiguous", Request),
    ("port-unambiguous", Request),
    ("via-received-param-with-delim", Request),
    ("via-received-param-no-delim", Request),
    ("ipv6-in-sdp", Request),
    ("mult-ip-in-header", Request),
    ("mult-ip-in-sdp", Request),
    ("ipv4-mapped-ipv6", Request),
    ("ipv6-bug-abnf-3-colons", Request),
    ("ipv6-correct-abnf-2-colons", Request),
];

#[test]
fn every_rfc_4475_message_has_its_listed_outcome() {
    let wrong: BTreeMap<_, _> = RFC_4475
        .iter()
        .map(|(name, wanted)| (name, *wanted, outcome(bytes("rfc4475", name))))
        .filter(|(_, wanted, got)| wanted != got)
        .map(|(name, wanted, got)| (name, (wanted, got)))
        .collect();
    assert!(wrong.is_empty(), "(listed, got): {wrong:#?}");
    assert_eq!(files("rfc4475"), RFC_4475.len());
}

/// The archive ends lines with LF, and two of its Content-Length values are larger than what follows, which RFC 3261
/// §18.3 has answered 400. With line ends and lengths as the RFC means them, all are as listed.
#[test]
fn every_rfc_5118_message_has_its_listed_outcome_with_either_line_end() {
    for (name, wanted) in RFC_5118 {
        let raw = bytes("rfc5118", name);
        assert_eq!(outcome(repaired(&raw)), wanted, "{name} as meant");
        let short = ["ipv6-in-sdp", "mult-ip-in-sdp"].contains(&name);
        assert_eq!(outcome(raw), if short { Refused(400) } else { wanted }, "{name} as it is");
    }
    assert_eq!(files("rfc5118"), RFC_5118.len());
}

#[test]
fn what_is_refused_gets_an_answer_that_reads_back() {
    let source = "192.0.2.9:5070".parse().unwrap();
    for (name, wanted) in RFC_4475 {
        let ParseOutcome::Malformed(refused) = read(bytes("rfc4475", name)) else { continue };
        assert_eq!(wanted, Refused(refused.status().code()));
        let answer = String::from_utf8(refused.response(source, "tag").to_vec()).unwrap();
        assert!(answer.starts_with(&format!("SIP/2.0 {} ", refused.status())), "{name}: {answer}");
        assert!(
            answer.contains("\r\nVia: ") && answer.contains("received=192.0.2.9"),
            "{name}: {answer}"
        );
        assert!(answer.ends_with("\r\nContent-Length: 0\r\n\r\n"), "{name}: {answer}");
        assert_eq!(answer.matches("\r\n\r\n").count(), 1, "{name}: {answer}");
    }
}

#[test]
fn folds_and_spaces_mean_nothing() {
    let message = sound("rfc4475", "wsinv");
    assert_eq!(message.to_tag(), Some("1918181833n"));
    assert_eq!(message.from_tag(), "98asjd8");
    assert_eq!(message.from().display.as_deref(), Some("J Rosenberg \\\""));
    assert_eq!(message.cseq().seq, 9);
    assert_eq!(message.max_forwards(), Ok(Some(68)));
    let vias = message.vias().unwrap();
    let branches: Vec<&str> = vias.iter().map(|via| via.branch()).collect();
    assert_eq!(branches, ["390skdjuw", "z9hG4bK9ikj8", "z9hG4bK30239"]);
    assert_eq!(vias[1].transport(), Some(Transport::Tcp));
    let contact = message.contact().unwrap().unwrap();
    assert_eq!(contact.display.as_deref(), Some("Quoted string \"\""));
    assert_eq!(contact.params.raw("newparam"), Some("newvalue"));
    assert_eq!(contact.q_thousandths(), Some(330));
    let route = &message.routes().unwrap()[0];
    assert!(route.sip_uri().unwrap().is_loose_route());
    assert_eq!(
        message.named("NewFangledHeader").next().unwrap(),
        "newfangled value continued newfangled value"
    );
    assert_eq!(message.named("unknownheaderwithunusualvalue").next().unwrap(), ";;,,;;,;");
    assert_eq!(message.subject().unwrap(), "");
    assert_eq!(message.body().len(), 150);
}

#[test]
fn odd_characters_are_kept() {
    let message = sound("rfc4475", "intmeth");
    assert_eq!(message.method().as_str(), "!interesting-Method0123456789_*+`.%indeed'~");
    assert_eq!(message.to().display.as_deref(), Some("BEL:\u{7} NUL:\u{0} DEL:\u{7f}"));
    assert_eq!(message.from().display.as_deref(), Some("token1~` token2'+_ token3*%!.-"));
    assert_eq!(message.from_tag(), "_token~1'+`*%!-.");
    assert_eq!(message.call_id(), "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{");
    let message = sound("rfc4475", "esc01");
    assert_eq!(message.request_uri().unwrap().user().as_deref(), Some("sips:user@example.com"));
    assert_eq!(message.to().uri, "sip:user@example.com".parse().unwrap());
    let message = sound("rfc4475", "escnull");
    let contacts = message.contacts().unwrap();
    let users: Vec<_> = match contacts {
        signaling_proto::message::Contacts::List(list) => {
            list.iter().map(|c| c.uri.user().unwrap()).collect()
        }
        signaling_proto::message::Contacts::Star => vec![],
    };
    assert_eq!(users, ["\0", "\0\0"]);
    assert_eq!(sound("rfc4475", "esc02").method(), &Method::Other("RE%47IST%45R".into()));
    let message = sound("rfc4475", "semiuri");
    assert_eq!(message.request_uri().unwrap().user().as_deref(), Some("user;par=u@example.net"));
}

#[test]
fn names_parameters_and_lengths_are_read_right() {
    let message = sound("rfc4475", "lwsdisp");
    assert_eq!(message.from().display.as_deref(), Some("caller"));
    let message = sound("rfc4475", "longreq");
    assert_eq!(message.vias().unwrap().len(), 34);
    assert_eq!(message.body().len(), 150);
    // The rest of a datagram after Content-Length is not part of it, nor a message of its own (RFC 3261 §18.3).
    let message = sound("rfc4475", "dblreq");
    assert_eq!((message.method(), message.body().len()), (&Method::Register, 0));
    let transports: Vec<_> = sound("rfc4475", "transports")
        .vias()
        .unwrap()
        .iter()
        .map(|v| v.transport.to_string())
        .collect();
    assert_eq!(transports, ["UDP", "SCTP", "TLS", "UNKNOWN", "TCP"]);
    let unknown = sound("rfc4475", "cparam01").contact().unwrap().unwrap();
    assert!(
        unknown.params.has("unknownparam")
            && !unknown.sip_uri().unwrap().params.has("unknownparam")
    );
    let unknown = sound("rfc4475", "cparam02").contact().unwrap().unwrap();
    assert!(
        !unknown.params.has("unknownparam")
            && unknown.sip_uri().unwrap().params.has("unknownparam")
    );
    let escaped = sound("rfc4475", "regescrt").contact().unwrap().unwrap();
    assert_eq!(
        escaped.sip_uri().unwrap().header_pairs()[0],
        ("Route".into(), "<sip:sip.example.com>".into())
    );
    assert!(!sound("rfc4475", "badbranch").via().has_rfc3261_branch());
    assert_eq!(sound("rfc4475", "inv2543").from_tag(), "");
    assert_eq!(sound("rfc4475", "noreason").status(), Some(StatusCode::TRYING));
    assert_eq!(sound("rfc4475", "mpart01").content_type().unwrap().unwrap().sub, "mixed");
}

/// RFC 5118 §4.2 to §4.10.
#[test]
fn ipv6_is_read_where_it_stands() {
    let uri = |name| sound("rfc5118", name).request_uri().unwrap().as_sip().unwrap().clone();
    assert_eq!(uri("port-ambiguous").host, Host::from("2001:db8::10:5070"));
    assert_eq!(uri("port-ambiguous").port, None);
    assert_eq!(uri("port-unambiguous").host, Host::from("2001:db8::10"));
    assert_eq!(uri("port-unambiguous").port, Some(5070));
    assert_eq!(uri("ipv6-bug-abnf-3-colons").host, uri("ipv6-correct-abnf-2-colons").host);
    for name in ["via-received-param-with-delim", "via-received-param-no-delim"] {
        let received = sound("rfc5118", name).via().received();
        assert_eq!(received, Some("2001:db8::9:255".parse().unwrap()), "{name}");
    }
    let vias = sound("rfc5118", "mult-ip-in-header").vias().unwrap();
    assert_eq!(vias[0].port, Some(6050));
    assert_eq!(vias[2].received(), Some([192, 0, 2, 200].into()));
    let mapped = sound("rfc5118", "ipv4-mapped-ipv6");
    assert_eq!(mapped.via().host, Host::from("::ffff:192.0.2.10"));
    assert_eq!(
        mapped.contact().unwrap().unwrap().uri.host(),
        Some(&Host::from("::ffff:192.0.2.2"))
    );
}

fn served() -> Served {
    use Method::{Ack, Bye, Cancel, Info, Invite, Options, Prack, Refer, Register, Update};
    Served {
        methods: vec![Invite, Ack, Bye, Cancel, Register, Options, Prack, Update, Info, Refer],
        options: vec!["100rel", "timer", "replaces", "path", "outbound"],
        body_types: vec!["application/sdp", "multipart/mixed"],
    }
}

fn outcome(bytes: Bytes) -> Outcome {
    match read(bytes) {
        ParseOutcome::Ok(message) if message.is_request() => match served().screen(&message) {
            Ok(()) => Request,
            Err(refusal) => Refused(refusal.status.code()),
        },
        ParseOutcome::Ok(_) => Response,
        ParseOutcome::Malformed(malformed) => Refused(malformed.status().code()),
        ParseOutcome::Drop(_) => Dropped,
    }
}

fn read(bytes: Bytes) -> ParseOutcome {
    Message::read(bytes, &Limits::DEFAULT)
}

fn sound(set: &str, name: &str) -> Message {
    let raw = bytes(set, name);
    let raw = if set == "rfc5118" { repaired(&raw) } else { raw };
    let message = Message::parse(raw).unwrap_or_else(|e| panic!("{name}: {e}"));
    assert!(message.has(HeaderName::Via));
    message
}

fn folder(set: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(set)
}

fn bytes(set: &str, name: &str) -> Bytes {
    let path = folder(set).join(format!("{name}.dat"));
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display())).into()
}

fn files(set: &str) -> usize {
    let is_message = |e: &std::io::Result<std::fs::DirEntry>| {
        e.as_ref().is_ok_and(|e| e.path().extension().is_some_and(|x| x == "dat"))
    };
    std::fs::read_dir(folder(set)).expect("the data is there").filter(is_message).count()
}

/// With CRLF and the Content-Length that fits.
fn repaired(bytes: &[u8]) -> Bytes {
    let text = String::from_utf8(bytes.to_vec()).expect("these are text").replace('\n', "\r\n");
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return text.into() };
    let fits = |line: &str| match line.starts_with("Content-Length:") {
        true => format!("Content-Length: {}", body.len()),
        false => line.to_owned(),
    };
    let head: Vec<String> = head.split("\r\n").map(fits).collect();
    format!("{}\r\n\r\n{body}", head.join("\r\n")).into()
}
