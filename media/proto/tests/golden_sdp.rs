//! Offers and answers of real kinds of devices, byte for byte (`tests/data/sdp`).

use media_proto::Codec;
use media_proto::sdp::{Agreed, MediaDirection, Negotiation, Terms};
use std::path::{Path, PathBuf};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/sdp")
}

/// File stems with this ending.
fn names(ending: &str) -> Vec<String> {
    let entries = std::fs::read_dir(folder()).expect("the data folder").flatten();
    let files = entries.filter_map(|e| e.file_name().into_string().ok());
    let mut names: Vec<String> =
        files.filter_map(|f| f.strip_suffix(ending).map(str::to_owned)).collect();
    names.sort();
    names
}

fn text(name: &str, ending: &str) -> Option<String> {
    std::fs::read_to_string(folder().join(format!("{name}{ending}"))).ok()
}

fn wire(text: &str) -> Vec<u8> {
    text.replace('\n', "\r\n").into_bytes()
}

fn leg() -> Negotiation {
    let terms = Terms {
        codecs: [Codec::Pcma, Codec::Pcmu].into(),
        telephone_event: true,
        own_event_type: false,
        ptime_ms: 20,
        address: "192.0.2.10".parse().expect("an address"),
        port: 20_000,
        browser: None,
    };
    Negotiation::new(terms, 7)
}

#[test]
fn every_offer_gets_its_answer_or_its_refusal() {
    let names = names(".offer.sdp");
    assert!(names.len() >= 8, "{names:?}");
    for name in names {
        let offer = wire(&text(&name, ".offer.sdp").expect("listed"));
        match (leg().answer(&offer), text(&name, ".answer.sdp"), text(&name, ".refused")) {
            (Ok(answer), Some(expected), None) => {
                let ours = String::from_utf8(answer.sdp.to_vec()).expect("text");
                assert_eq!(ours.replace("\r\n", "\n"), expected, "{name}");
                let again = leg().answer(&answer.sdp).expect("we understand ourselves");
                assert_eq!(again.agreed.codec, answer.agreed.codec, "{name}");
            }
            (Err(error), None, Some(reason)) => {
                assert_eq!(error.to_string(), reason.trim(), "{name}");
            }
            (outcome, answer, refused) => panic!("{name}: {outcome:?}; {answer:?}, {refused:?}"),
        }
    }
}

#[test]
fn every_answer_to_our_offer_is_understood() {
    let names = names(".theirs.sdp");
    assert!(names.len() >= 2, "{names:?}");
    for name in names {
        let mut leg = leg();
        leg.offer(MediaDirection::SendRecv);
        let answer = wire(&text(&name, ".theirs.sdp").expect("listed"));
        let agreed = leg.accept_answer(&answer).expect("acceptable");
        let expected = text(&name, ".agreed").expect("an expectation");
        assert_eq!(in_words(&agreed), expected.trim(), "{name}");
    }
}

fn in_words(agreed: &Agreed) -> String {
    let place = |a: Option<std::net::SocketAddr>| a.map_or("nowhere".into(), |a| a.to_string());
    format!(
        "{} {} to {}, reports to {}, keys {}, {}",
        agreed.codec.name(),
        agreed.payload_type,
        place(agreed.remote),
        place(agreed.remote_rtcp),
        agreed.telephone_event.map_or("none".into(), |e| e.send.to_string()),
        agreed.direction.attribute(),
    )
}
