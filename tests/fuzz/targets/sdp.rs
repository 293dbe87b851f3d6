//! Offers and answers from strangers (A04, A19): no panic, and what we answer we understand.
#![no_main]

use libfuzzer_sys::fuzz_target;
use media_proto::Codec;
use media_proto::sdp::{LocalBrowser, MediaDirection, Negotiation, Terms, browser_offer, peer_address};

fuzz_target!(|data: &[u8]| {
    let terms = Terms {
        codecs: [Codec::Pcma, Codec::Pcmu].into(),
        telephone_event: true,
        own_event_type: data.len() % 2 == 1,
        ptime_ms: 20,
        address: "192.0.2.10".parse().expect("an address"),
        port: 20_000,
        browser: browser_offer(data).map(|_| {
            Box::new(LocalBrowser {
                ufrag: "abcd".into(),
                password: "0123456789012345678901".into(),
                fingerprint: format!("sha-256 {}", ["AB"; 32].join(":")),
                candidates: vec!["1 1 udp 2130706431 192.0.2.10 20000 typ host".into()],
                ssrc: 1,
                cname: "c".into(),
            })
        }),
    };
    let _ = peer_address(data);
    let mut leg = Negotiation::new(terms.clone(), 1);
    if let Ok(answer) = leg.answer(data) {
        let again = Negotiation::new(terms.clone(), 1).answer(&answer.sdp).expect("our own answer");
        assert_eq!(again.agreed.codec, answer.agreed.codec);
        assert_eq!(again.agreed.payload_type, answer.agreed.payload_type);
        // Offering the same again changes nothing that was agreed.
        let agreed = leg.answer(data).expect("as before").agreed;
        assert_eq!(agreed.payload_type, answer.agreed.payload_type);
    }
    let mut caller = Negotiation::new(terms, 1);
    caller.offer(MediaDirection::SendRecv);
    let _ = caller.accept_answer(data);
    let _ = leg.accept_answer(data);
});
