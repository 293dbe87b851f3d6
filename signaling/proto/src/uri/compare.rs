//! When two SIP URIs are the same (RFC 3261 §19.1.4).

use super::{Params, SipUri};
use crate::text::{self, Text};

impl PartialEq for SipUri {
    fn eq(&self, other: &Self) -> bool {
        self.secure == other.secure
            && escaped_eq(&self.user, &other.user)
            && escaped_eq(&self.password, &other.password)
            && self.host == other.host
            && self.port == other.port
            && params_eq(&self.params, &other.params)
            && headers_eq(self, other)
    }
}

impl Eq for SipUri {}

/// User parts compare with case; an escaped unreserved character equals the bare one.
fn escaped_eq(a: &Option<Text>, b: &Option<Text>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a == b || normal_escapes(a) == normal_escapes(b),
        (Some(_), None) | (None, Some(_)) => false,
    }
}

/// Unescapes what needs no escape; a reserved character is not the same as its escape.
fn normal_escapes(raw: &str) -> Vec<u8> {
    let bytes = raw.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut i = 0;
    while i < bytes.len() {
        let decoded = raw
            .get(i..i + 3)
            .filter(|e| e.starts_with('%'))
            .map(text::percent_decode)
            .filter(|d| d.len() == 1);
        match decoded {
            Some(d) if is_unreserved(d[0]) => out.push(d[0]),
            Some(_) => out.extend(bytes[i..i + 3].to_ascii_uppercase()),
            None => out.push(bytes[i]),
        }
        i += if decoded_len(bytes, i) { 3 } else { 1 };
    }
    out
}

fn decoded_len(bytes: &[u8], i: usize) -> bool {
    bytes[i] == b'%'
        && bytes.get(i + 1..i + 3).is_some_and(|pair| pair.iter().all(u8::is_ascii_hexdigit))
}

fn is_unreserved(b: u8) -> bool {
    b.is_ascii_alphanumeric()
        || matches!(b, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
}

/// These decide where a request goes, so missing on one side is a difference; others only when both have them.
const DECISIVE: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];

fn params_eq(a: &Params, b: &Params) -> bool {
    if a == b {
        return true;
    }
    let decisive = DECISIVE.iter().all(|name| a.has(name) == b.has(name));
    decisive
        && a.iter().all(|p| match b.raw(p.name) {
            Some(theirs) => {
                let ours = text::percent_decode(p.value.unwrap_or_default());
                ours.eq_ignore_ascii_case(&text::percent_decode(theirs))
            }
            None => true,
        })
}

fn headers_eq(a: &SipUri, b: &SipUri) -> bool {
    if a.headers == b.headers {
        return true;
    }
    let sorted = |uri: &SipUri| {
        let mut pairs = uri.header_pairs();
        for (name, _) in &mut pairs {
            name.make_ascii_lowercase();
        }
        pairs.sort();
        pairs
    };
    sorted(a) == sorted(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let (a, b): (SipUri, SipUri) = (a.parse().unwrap(), b.parse().unwrap());
        let forth = a == b;
        let back = b == a;
        assert_eq!(forth, back, "comparison must be symmetric");
        forth
    }

    /// The examples of RFC 3261 §19.1.4.
    #[test]
    fn equal_uris_of_the_rfc() {
        assert!(same(
            "sip:%61lice@atlanta.com;transport=TCP",
            "sip:alice@AtLanTa.CoM;Transport=tcp"
        ));
        assert!(same("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"));
        assert!(same("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;newparam=5"));
        assert!(same(
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com"
        ));
        assert!(same(
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x"
        ));
    }

    /// The examples of RFC 3261 §19.1.4.
    #[test]
    fn different_uris_of_the_rfc() {
        assert!(!same(
            "SIP:ALICE@AtLanTa.CoM;Transport=udp",
            "sip:alice@AtLanTa.CoM;Transport=UDP"
        ));
        assert!(!same("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"));
        assert!(!same("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"));
        assert!(!same("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"));
        assert!(!same("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"));
        assert!(!same("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"));
        assert!(!same("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"));
        assert!(!same("sip:a%2Cb@x.y", "sip:a,b@x.y"));
    }
}
