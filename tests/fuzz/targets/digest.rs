//! Challenges and credentials from strangers (A04, B06): what is written reads back, a challenge is answered so that the
//! challenger accepts exactly that answer once, and nothing else passes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signaling_proto::{
    HeaderName, Message, MessageBuilder, Method, Uri,
    digest::{Challenge, Challenger, Check, Claims, Credentials, NonceRules, Verdict},
};
use std::time::Instant;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Some(challenge) = Challenge::parse(text) {
        assert_eq!(Challenge::parse(&challenge.to_string()), Some(challenge));
    }
    let Some(claimed) = Credentials::parse(text) else { return };
    assert_eq!(Credentials::parse(&claimed.to_string()).as_ref(), Some(&claimed));
    let Some(request) = request(text) else { return };
    // A nonce of our own making was never seen by whoever wrote this, so nothing of it may pass.
    let now = Instant::now();
    let mut challenger = Challenger::new(NonceRules::default(), [7; 32], now);
    _ = challenger.challenges(now, &claimed.realm, false);
    for secret in [None, Some("secret")] {
        let claims = Claims::read(&request, HeaderName::Authorization);
        let check = Check { realm: &claimed.realm, secret };
        let verdict = challenger.check(now, &request, &claims, &check);
        assert_ne!(verdict, Verdict::Accepted, "{claimed}");
    }
});

fn request(credentials: &str) -> Option<Message> {
    let uri: Uri = "sip:pratham.example".parse().ok()?;
    MessageBuilder::request(&Method::Register, &uri)
        .header(HeaderName::Via, "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKabc")
        .header(HeaderName::From, "<sip:101@pratham.example>;tag=f")
        .header(HeaderName::To, "<sip:101@pratham.example>")
        .header(HeaderName::CallId, "c1")
        .cseq(1, &Method::Register)
        .header(HeaderName::Authorization, credentials)
        .build()
        .ok()
}
