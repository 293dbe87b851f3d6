//! How messages find their transaction (RFC 3261 §17.1.3, §17.2.3).

use crate::{Message, Method, Via, uri::Host};
use siphasher::sip128::{Hasher128, SipHasher13};
use std::{
    collections::HashMap,
    fmt,
    hash::{BuildHasherDefault, Hash, Hasher},
    net::IpAddr,
};

/// What every branch made by RFC 3261 begins with.
pub(crate) const MAGIC_COOKIE: &str = "z9hG4bK";

/// A random token of ours: branch, tag or half a Call-ID. Carried as a number, so that the
/// look-up of what we made ourselves needs no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Token(pub(crate) u64);

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl Token {
    /// Reads a token back; anything we cannot have written is `None`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let hex = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        if text.len() != 16 || !text.bytes().all(hex) {
            return None;
        }
        u64::from_str_radix(text, 16).ok().map(Self)
    }
}

/// Key of a client transaction: our branch, and whether it is the CANCEL that shares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientKey {
    pub(crate) branch: Token,
    pub(crate) cancel: bool,
}

impl ClientKey {
    /// From the branch of the topmost Via and the method of CSeq of a response.
    pub(crate) fn of_response(branch: &str, cseq_method: &str) -> Option<Self> {
        let branch = Token::parse(branch.strip_prefix(MAGIC_COOKIE)?)?;
        Some(Self { branch, cancel: cseq_method == "CANCEL" })
    }
}

/// What of a request identifies its server transaction.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServerKeyParts<'a> {
    pub(crate) via: &'a Via,
    /// `INVITE` for its ACK.
    pub(crate) method: &'a str,
    pub(crate) call_id: &'a str,
    pub(crate) from_tag: &'a str,
    pub(crate) cseq: u32,
}

impl<'a> ServerKeyParts<'a> {
    /// Of a request; an ACK has the key of its INVITE.
    pub(crate) fn of(request: &'a Message) -> Self {
        Self {
            via: request.via(),
            method: if *request.method() == Method::Ack {
                Method::Invite.as_str()
            } else {
                request.method().as_str()
            },
            call_id: request.call_id(),
            from_tag: request.from_tag(),
            cseq: request.cseq().seq,
        }
    }

    /// The key under which the transaction is found.
    pub(crate) fn key(&self, digester: &KeyDigester) -> ServerKey {
        let Via { host, port, .. } = self.via;
        let mut digest = digester.0;
        let mut text = |text: &str| {
            digest.write(text.as_bytes());
            // No byte of a text: where one ends cannot be confused.
            digest.write_u8(u8::MAX);
        };
        text(self.method);
        text(self.via.branch());
        if !self.via.has_rfc3261_branch() {
            // RFC 2543 peers: what repeats in a retransmission and in the ACK (§17.2.3). The To
            // tag is left out: the ACK carries the one we gave, the INVITE none.
            text(self.call_id);
            text(self.from_tag);
            digest.write_u32(self.cseq);
        }
        match host {
            Host::Name(name) => {
                digest.write(name.as_bytes());
                digest.write_u8(u8::MAX);
            }
            // No name begins so, whatever the bytes of the address spell.
            Host::Ip(IpAddr::V4(ip)) => {
                digest.write_u8(u8::MAX);
                digest.write(&ip.octets());
            }
            Host::Ip(IpAddr::V6(ip)) => {
                digest.write_u8(u8::MAX);
                digest.write(&ip.octets());
            }
        }
        digest.write_u16(port.unwrap_or(0));
        ServerKey(digest.finish128().as_u128())
    }

    /// What two copies of one request over different paths share (§8.2.2.2).
    pub(crate) fn merge_key(&self, digester: &KeyDigester) -> ServerKey {
        let mut digest = digester.0;
        for text in [self.method, self.call_id, self.from_tag] {
            digest.write(text.as_bytes());
            digest.write_u8(u8::MAX);
        }
        digest.write_u32(self.cseq);
        ServerKey(digest.finish128().as_u128())
    }
}

/// What identifies a request, digested: 128 bits under a key nobody outside knows. That two requests share one by
/// chance is out of the question, and nobody can search for two that do; comparing is one instruction, and a
/// transaction that lingers keeps no text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ServerKey(u128);

impl Hash for ServerKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Half of a digest is as good as the digest of it.
        state.write_u64(self.0 as u64);
    }
}

/// Makes the keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KeyDigester(SipHasher13);

impl KeyDigester {
    pub(crate) fn new(secret: &[u8; 16]) -> Self {
        Self(SipHasher13::new_with_key(secret))
    }
}

/// The tables of what has a digest or a number of ours for its key hash no more.
pub(crate) type DigestedMap<K, V> = HashMap<K, V, BuildHasherDefault<Digested>>;

/// Takes a number for its own hash, its bits spread so that counted ones differ in the high bits too.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Digested(u64);

impl Hasher for Digested {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, number: u64) {
        /// 2^64 over the golden ratio.
        const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
        self.0 = (self.0.rotate_left(5) ^ number).wrapping_mul(SPREAD);
    }

    fn write_u8(&mut self, number: u8) {
        self.write_u64(u64::from(number));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_tokens_are_read_back_and_foreign_ones_refused() {
        let token = Token(0x00ab_cdef_0123_4567);
        assert_eq!(token.to_string(), "00abcdef01234567");
        assert_eq!(Token::parse("00abcdef01234567"), Some(token));
        for foreign in ["", "00ABCDEF01234567", "+0abcdef01234567", "1", "00abcdef012345678"] {
            assert_eq!(Token::parse(foreign), None, "{foreign}");
        }
    }

    #[test]
    fn cancel_shares_the_branch_and_not_the_transaction() {
        let invite = ClientKey::of_response("z9hG4bK00abcdef01234567", "INVITE");
        let cancel = ClientKey::of_response("z9hG4bK00abcdef01234567", "CANCEL");
        assert!(invite.is_some() && cancel.is_some());
        assert_ne!(invite, cancel);
        assert_eq!(ClientKey::of_response("00abcdef01234567", "INVITE"), None);
    }

    #[test]
    fn same_branch_from_another_host_is_another_transaction() {
        let key = |via: &str, cseq| {
            let via = via.parse().unwrap();
            ServerKeyParts { via: &via, method: "INVITE", call_id: "c", from_tag: "f", cseq }
                .key(&KeyDigester::new(&[7; 16]))
        };
        let one = key("SIP/2.0/UDP a.example;branch=z9hG4bK1", 1);
        assert_ne!(one, key("SIP/2.0/UDP b.example;branch=z9hG4bK1", 1));
        assert_eq!(one, key("SIP/2.0/UDP a.example;branch=z9hG4bK1", 2));
        let spelled = key("SIP/2.0/UDP abcd;branch=z9hG4bK1", 1);
        assert_ne!(spelled, key("SIP/2.0/UDP 97.98.99.100;branch=z9hG4bK1", 1));
        let old = key("SIP/2.0/UDP a.example;branch=1", 1);
        assert_ne!(old, key("SIP/2.0/UDP a.example;branch=1", 2));
    }

    #[test]
    fn copies_of_one_request_share_a_key_whatever_their_path() {
        let parts = |via: &Via, call_id: &str, from_tag: &str| {
            ServerKeyParts { via, method: "INVITE", call_id, from_tag, cseq: 1 }
                .merge_key(&KeyDigester::new(&[7; 16]))
        };
        let (one, other) = (
            "SIP/2.0/UDP a.example;branch=z9hG4bK1".parse().unwrap(),
            "SIP/2.0/TCP b.example;branch=z9hG4bK2".parse().unwrap(),
        );
        assert_eq!(parts(&one, "c", "f"), parts(&other, "c", "f"));
        assert_ne!(parts(&one, "c", "f"), parts(&one, "cf", ""));
    }
}
