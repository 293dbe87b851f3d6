//! Properties over arbitrary and damaged input: nothing panics, however the stream is cut the messages are the same,
//! what we write reads back, and whatever another parser accepts too means the same to both.

mod oracle;

use bytes::Bytes;
use proptest::prelude::*;
use signaling_proto::{
    HeaderName, Message, MessageBuilder, Method, NameAddr, ParseOutcome, StatusCode, Uri, Via,
    digest::{Challenge, Credentials},
    message::Limits,
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
        let whole = oracle::frames([stream.as_slice()]);
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
        prop_assert_eq!(oracle::frames(chunks), whole);
    }

    #[test]
    fn what_is_sound_can_be_answered_and_sent_on(message in damaged()) {
        let Ok(message) = Message::parse(message.0.into()) else { return Ok(()) };
        prop_assert_eq!(oracle::survives_the_next_hop(&message), Ok(()));
    }

    /// The oracle: rsip.
    #[test]
    fn whatever_rsip_accepts_too_means_the_same(message in damaged()) {
        let Ok(ours) = Message::parse(Bytes::from(message.0.clone())) else { return Ok(()) };
        prop_assert_eq!(oracle::agrees_with_rsip(&ours, &message.0), Ok(()));
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
    _ = oracle::frames([bytes]);
    match Message::read(shared, &Limits::DEFAULT) {
        ParseOutcome::Ok(message) => {
            oracle::touch(&message);
        }
        ParseOutcome::Malformed(malformed) => {
            let answer = malformed.response("192.0.2.1:5060".parse().expect("an address"), "t");
            assert_eq!(oracle::refusal_is_one_head(&answer), Ok(()));
        }
        ParseOutcome::Drop(_) => {}
    }
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
