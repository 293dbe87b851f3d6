//! Properties over arbitrary and damaged input: nothing panics, however the stream is cut the messages are the same,
//! what we write reads back, and whatever another parser accepts too means the same to both.

use bytes::Bytes;
use proptest::prelude::*;
use rsip::prelude::{HeadersExt, ToTypedHeader, UntypedHeader};
use signaling_proto::{
    HeaderName, Message, MessageBuilder, Method, NameAddr, ParseOutcome, StatusCode, Uri, Via,
    digest::{Challenge, Credentials},
    framer::{Framed, StreamFramer},
    message::Limits,
    text::is_token,
    uri::Host,
};
use std::path::PathBuf;

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
        read_everything(&bytes);
    }

    #[test]
    fn damaged_messages_never_panic(message in damaged()) {
        read_everything(&message.0);
    }

    /// A07: what comes out of a stream does not depend on how it was cut.
    #[test]
    fn streams_mean_the_same_however_they_are_cut(
        messages in proptest::collection::vec(damaged(), 1..4),
        cuts in proptest::collection::vec(1usize..200, 1..20),
    ) {
        let stream: Vec<u8> = messages.iter().flat_map(|m| m.0.clone()).collect();
        let whole = frames(&[&stream]);
        let mut chunks = Vec::new();
        let mut rest = stream.as_slice();
        for cut in cuts.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (chunk, tail) = rest.split_at((*cut).min(rest.len()));
            chunks.push(chunk);
            rest = tail;
        }
        // How many line ends stand between messages may be told as one ping or two pongs; all else must be equal.
        prop_assert_eq!(frames(&chunks), whole);
    }

    #[test]
    fn what_is_sound_can_be_answered_and_sent_on(message in damaged()) {
        let Ok(message) = Message::parse(message.0.into()) else { return Ok(()) };
        let again = message.to_builder().build();
        prop_assert!(again.is_ok(), "{:?} from {:?}", again, message);
        let again = again.expect("just checked");
        prop_assert_eq!(again.start(), message.start());
        prop_assert_eq!(again.vias(), message.vias());
        prop_assert_eq!((again.from(), again.to()), (message.from(), message.to()));
        prop_assert_eq!((again.cseq(), again.call_id()), (message.cseq(), message.call_id()));
        prop_assert_eq!(again.body(), message.body());
        if message.is_request() {
            let answer = MessageBuilder::response_to(&message, StatusCode::OK).to_tag("t").build();
            prop_assert!(answer.is_ok(), "{:?} to {:?}", answer, message);
        }
    }

    /// The oracle: rsip.
    #[test]
    fn whatever_rsip_accepts_too_means_the_same(message in damaged()) {
        let Ok(ours) = Message::parse(Bytes::from(message.0.clone())) else { return Ok(()) };
        let theirs = std::panic::catch_unwind(|| rsip::SipMessage::try_from(message.0.as_slice()));
        let Ok(Ok(theirs)) = theirs else { return Ok(()) };
        match (&theirs, ours.request_uri()) {
            (rsip::SipMessage::Request(request), Some(uri)) => {
                prop_assert_eq!(request.method.to_string(), ours.method().to_string());
                let host = request.uri.host_with_port.host.to_string();
                // It takes an escaped user part for a host name.
                if let Uri::Sip(uri) = uri
                    && !host.contains('@')
                {
                    prop_assert_eq!(&Host::from(host.as_str()), &uri.host);
                    prop_assert_eq!(request.uri.user(), uri.user.as_deref());
                }
            }
            (rsip::SipMessage::Response(response), None) => {
                prop_assert_eq!(Some(response.status_code.code()), ours.status().map(StatusCode::code));
            }
            _ => prop_assert!(false, "one sees a request, one a response: {:?}", theirs),
        }
        if let Ok(id) = theirs.call_id_header() {
            prop_assert_eq!(id.value().trim(), ours.call_id().as_str());
        }
        if let Ok(Ok(cseq)) = theirs.cseq_header().map(|h| h.clone().typed()) {
            prop_assert_eq!((cseq.seq, cseq.method.to_string()), (ours.cseq().seq, ours.cseq().method.to_string()));
        }
        // rsip silently leaves out or cuts short parameters it cannot read (white space before `;tag`, values that are no
        // token), takes a list of Vias for one and knows no upper-case compact names, so only what it did find in a single value says anything.
        let found = |theirs: Option<&str>, ours: &str| {
            !is_token(ours.as_bytes()) || theirs.is_none_or(|v| v.is_empty() || v == ours)
        };
        if let Ok(Ok(from)) = theirs.from_header().map(|h| h.clone().typed()) {
            let tag = from.tag().map(|t| t.value());
            prop_assert!(found(tag, ours.from_tag()), "{:?} is {:?}", tag, ours.from_tag());
        }
        if let Ok(Ok(to)) = theirs.to_header().map(|h| h.clone().typed()) {
            let tag = to.tag().map(|t| t.value());
            prop_assert!(found(tag, ours.to_tag().unwrap_or_default()), "{:?} is {:?}", tag, ours.to_tag());
        }
        if let Ok(Ok(via)) = theirs.via_header().map(|h| h.clone().typed())
            && ours.count(HeaderName::Via) == 1
            && ours.first(HeaderName::Via).is_some_and(|line| !line.contains(&b','))
        {
            let branch = via.branch().map(|b| b.value());
            prop_assert!(found(branch, ours.via().branch()), "{:?} is {:?}", branch, ours.via().branch());
        }
    }
}

/// More by `PROPTEST_CASES`.
fn cases() -> u32 {
    std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(2000)
}

/// Everything a peer's bytes can reach.
fn read_everything(bytes: &[u8]) {
    let shared = Bytes::copy_from_slice(bytes);
    _ = (Uri::parse(&shared), NameAddr::parse(&shared), Via::parse(&shared));
    let text = String::from_utf8_lossy(bytes);
    _ = (Challenge::parse(&text), Credentials::parse(&text));
    _ = frames(&[bytes]);
    match Message::read(shared, &Limits::DEFAULT) {
        ParseOutcome::Ok(message) => {
            touch(&message);
            _ = message.sdp();
        }
        ParseOutcome::Malformed(malformed) => {
            let answer = malformed.response("192.0.2.1:5060".parse().expect("an address"), "t");
            let head = answer.windows(4).position(|w| w == b"\r\n\r\n").expect("a head");
            assert_eq!(head + 4, answer.len(), "one head and nothing behind it");
        }
        ParseOutcome::Drop(_) => {}
    }
}

fn touch(message: &Message) {
    _ = (
        message.vias(),
        message.contacts(),
        message.routes(),
        message.record_routes(),
        message.path(),
    );
    _ = (
        message.service_route(),
        message.p_asserted_identity(),
        message.remote_party_id(),
        message.diversion(),
    );
    _ = (message.expires(), message.min_expires(), message.session_expires(), message.min_se());
    _ = (
        message.rack(),
        message.rseq(),
        message.reasons(),
        message.retry_after(),
        message.refer_to(),
    );
    _ = (message.referred_by(), message.replaces(), message.content_type(), message.event());
    _ = (message.require().count(), message.supported().count(), message.allow().count());
    _ = (message.max_forwards(), message.content_length(), message.iter().count());
    if let Ok(contacts) = message.contacts()
        && let Some(contact) = contacts.first()
    {
        _ = (contact.q_thousandths(), contact.expires(), contact.to_string());
        _ = contact
            .sip_uri()
            .map(|uri| (uri.header_pairs(), uri.socket_addr(), uri.clone() == *uri));
    }
}

fn frames(chunks: &[&[u8]]) -> Vec<String> {
    let mut framer = StreamFramer::new(Limits::DEFAULT);
    let mut out = Vec::new();
    for chunk in chunks {
        framer.push(chunk);
        while let Some(framed) = framer.poll() {
            match framed {
                Framed::Message(message) => out.push(format!("{message:?}")),
                Framed::Refused(malformed) => out.push(format!("refused {}", malformed.error)),
                Framed::Dropped(error) => out.push(format!("dropped {error}")),
                Framed::Ping | Framed::Pong => {}
                // What else had been read when the stream broke differs with the cuts.
                Framed::Close { .. } => out.push("close".into()),
            }
        }
    }
    out
}

/// Bytes shown as text when a case fails.
#[derive(Clone)]
struct Wire(Vec<u8>);

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0.escape_ascii().to_string().replace("\\r\\n", "\\r\\n\n"))
    }
}

/// One of the RFCs' messages or a plain call, with a few bytes cut out, put in or doubled.
fn damaged() -> impl Strategy<Value = Wire> {
    let seeds = seeds();
    let edit = (any::<prop::sample::Index>(), 0usize..12, prop::sample::select(PIECES));
    (prop::sample::select(seeds), proptest::collection::vec(edit, 0..4)).prop_map(
        |(seed, edits)| {
            let mut bytes = seed;
            for (at, cut, piece) in edits {
                let at = at.index(bytes.len() + 1);
                let end = (at + cut).min(bytes.len());
                bytes.splice(at..end, piece.bytes());
            }
            Wire(bytes)
        },
    )
}

/// What tends to sit at the joints of the grammar.
const PIECES: &[&str] = &[
    "",
    "",
    "",
    " ",
    "\t",
    "\r\n",
    "\r\n ",
    "\r",
    "\n",
    "\0",
    ":",
    ";",
    ",",
    "<",
    ">",
    "\"",
    "\\",
    "=",
    "@",
    "?",
    "/",
    "%",
    "%00",
    "[",
    "]",
    "::",
    "*",
    "a",
    "0",
    "9999999999",
    "-1",
    "SIP/2.0",
    "INVITE",
    ";tag=x",
    ";branch=z9hG4bKq",
    "Content-Length: 3\r\n",
    "l: 0\r\n",
    "Via: SIP/2.0/UDP h\r\n",
    "\r\n\r\n",
    "\u{20ac}",
    ";lr",
    "sip:",
    "<sip:a@b>",
];

fn seeds() -> Vec<Vec<u8>> {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let mut files: Vec<PathBuf> = ["rfc4475", "rfc5118"]
        .iter()
        .flat_map(|set| std::fs::read_dir(data.join(set)).expect("the data is there"))
        .filter_map(|entry| entry.ok().map(|e| e.path()))
        .filter(|path| path.extension().is_some_and(|x| x == "dat"))
        .collect();
    files.sort();
    let mut seeds: Vec<Vec<u8>> =
        files.iter().map(|path| std::fs::read(path).expect("readable")).collect();
    for method in [Method::Invite, Method::Register, Method::Bye, Method::Options, Method::Refer] {
        let uri: Uri = "sip:101@pratham.example;transport=tcp".parse().expect("a uri");
        let request = MessageBuilder::request(&method, &uri)
            .header(HeaderName::Via, "SIP/2.0/TCP 192.0.2.1:5060;rport;branch=z9hG4bKabc")
            .header(HeaderName::MaxForwards, 70)
            .header(HeaderName::From, "\"Asha\" <sip:102@pratham.example>;tag=f1")
            .header(HeaderName::To, "<sip:101@pratham.example>")
            .header(HeaderName::CallId, "c1@192.0.2.1")
            .cseq(7, &method)
            .header(
                HeaderName::Contact,
                "<sip:102@192.0.2.1:5060;ob>;expires=60;+sip.instance=\"<urn:uuid:1>\"",
            )
            .header(HeaderName::Supported, "outbound, path, 100rel")
            .body("application/sdp", "v=0\r\n");
        let response =
            MessageBuilder::response_to(&request.clone().build().expect("sound"), StatusCode::OK);
        seeds.push(request.into_bytes().expect("sound").to_vec());
        seeds.push(response.to_tag("t1").into_bytes().expect("sound").to_vec());
    }
    seeds
}
