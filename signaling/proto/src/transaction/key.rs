//! How messages find their transaction (RFC 3261 §17.1.3, §17.2.3).

use crate::{Message, Method, Via};
use std::fmt::{self, Write};

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

    /// Writes the key into a buffer that is reused, so that a look-up allocates nothing.
    pub(crate) fn write(&self, key: &mut String) {
        key.clear();
        let Via { host, port, .. } = self.via;
        let (method, branch, port) = (self.method, self.via.branch(), port.unwrap_or(0));
        let written = if self.via.has_rfc3261_branch() {
            write!(key, "{method}\n{branch}\n{host}:{port}")
        } else {
            // RFC 2543 peers: what repeats in a retransmission and in the ACK (§17.2.3). The To
            // tag is left out: the ACK carries the one we gave, the INVITE none.
            let Self { call_id, from_tag, cseq, .. } = self;
            write!(key, "{method}\n{call_id}\n{from_tag}\n{cseq}\n{host}:{port}\n{branch}")
        };
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
    }

    /// Writes what two copies of one request over different paths share (§8.2.2.2).
    pub(crate) fn write_merge(&self, key: &mut String) {
        key.clear();
        let Self { method, call_id, from_tag, cseq, .. } = self;
        let written = write!(key, "{method}\n{call_id}\n{from_tag}\n{cseq}");
        debug_assert!(written.is_ok(), "writing to a string cannot fail");
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
            let mut key = String::new();
            ServerKeyParts { via: &via, method: "INVITE", call_id: "c", from_tag: "f", cseq }
                .write(&mut key);
            key
        };
        let one = key("SIP/2.0/UDP a.example;branch=z9hG4bK1", 1);
        assert_ne!(one, key("SIP/2.0/UDP b.example;branch=z9hG4bK1", 1));
        assert_eq!(one, key("SIP/2.0/UDP a.example;branch=z9hG4bK1", 2));
        let old = key("SIP/2.0/UDP a.example;branch=1", 1);
        assert_ne!(old, key("SIP/2.0/UDP a.example;branch=1", 2));
    }
}
