//! STUN Binding on the SIP port (RFC 5389): the keep-alive of phones behind NAT (RFC 5626 §3.5.2, §8). Stateless; the
//! answer is never much larger than the question, so the port is of no use to who forges addresses.

use bytes::Bytes;
use std::net::{IpAddr, SocketAddr};

const HEADER: usize = 20;
const COOKIE: u32 = 0x2112_A442;
const FINGERPRINT_XOR: u32 = 0x5354_554E;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const BINDING_ERROR: u16 = 0x0111;

const ERROR_CODE: u16 = 0x0009;
const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
const XOR_MAPPED_ADDRESS: u16 = 0x0020;
const FINGERPRINT: u16 = 0x8028;

/// Attributes below this must be understood (RFC 5389 §15); these we know or may pass over, since nobody is
/// authenticated on this port (RFC 5626 §8): USERNAME, MESSAGE-INTEGRITY, REALM, NONCE.
const MUST_UNDERSTAND: u16 = 0x8000;
const PASSED_OVER: [u16; 4] = [0x0006, 0x0008, 0x0014, 0x0015];

/// No honest keep-alive has more attributes.
const ATTRIBUTES_MAX: usize = 16;
/// Nor is it longer.
const LENGTH_MAX: usize = 548;

/// A Binding request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindingRequest {
    transaction: [u8; 12],
    fingerprint: bool,
    unknown: Vec<u16>,
}

/// Could the datagram be STUN rather than SIP? SIP begins with a letter or a line end, STUN with two zero bits and the
/// cookie.
pub fn is_stun(datagram: &[u8]) -> bool {
    datagram.len() >= HEADER && datagram[0] & 0xC0 == 0 && datagram[4..8] == COOKIE.to_be_bytes()
}

impl BindingRequest {
    /// Reads a Binding request; anything else, and anything broken, is `None` and gets no answer.
    pub fn parse(datagram: &[u8]) -> Option<Self> {
        if !is_stun(datagram)
            || datagram.len() > LENGTH_MAX
            || word(datagram, 0)? != BINDING_REQUEST
        {
            return None;
        }
        if usize::from(word(datagram, 2)?) != datagram.len() - HEADER
            || !datagram.len().is_multiple_of(4)
        {
            return None;
        }
        let mut request = Self {
            transaction: datagram[8..HEADER].try_into().ok()?,
            fingerprint: false,
            unknown: Vec::new(),
        };
        let mut at = HEADER;
        for _ in 0..ATTRIBUTES_MAX {
            if at == datagram.len() {
                return Some(request);
            }
            let (kind, length) = (word(datagram, at)?, usize::from(word(datagram, at + 2)?));
            let value = datagram.get(at + 4..at + 4 + length)?;
            let next = at + 4 + length.next_multiple_of(4);
            if kind == FINGERPRINT {
                // It must be the last, and right.
                let right = value == fingerprint(&datagram[..at]).to_be_bytes();
                request.fingerprint = true;
                return (right && next == datagram.len()).then_some(request);
            }
            if kind < MUST_UNDERSTAND && !PASSED_OVER.contains(&kind) {
                request.unknown.push(kind);
            }
            at = next;
        }
        None
    }

    /// The answer: where the request came from, or 420 with what was not understood.
    pub fn response(&self, source: SocketAddr) -> Bytes {
        let mut out = Vec::with_capacity(64);
        if self.unknown.is_empty() {
            self.head(&mut out, BINDING_SUCCESS);
            self.mapped_address(&mut out, source);
        } else {
            self.head(&mut out, BINDING_ERROR);
            // Class 4, number 20 (RFC 5389 §15.6).
            attribute(&mut out, ERROR_CODE, b"\0\0\x04\x14Unknown Attribute");
            let list: Vec<u8> = self.unknown.iter().flat_map(|kind| kind.to_be_bytes()).collect();
            attribute(&mut out, UNKNOWN_ATTRIBUTES, &list);
        }
        if self.fingerprint {
            set_length(&mut out, 8);
            let crc = fingerprint(&out);
            attribute(&mut out, FINGERPRINT, &crc.to_be_bytes());
        }
        set_length(&mut out, 0);
        out.into()
    }

    fn head(&self, out: &mut Vec<u8>, kind: u16) {
        out.extend_from_slice(&kind.to_be_bytes());
        out.extend_from_slice(&[0, 0]);
        out.extend_from_slice(&COOKIE.to_be_bytes());
        out.extend_from_slice(&self.transaction);
    }

    fn mapped_address(&self, out: &mut Vec<u8>, source: SocketAddr) {
        let mask: Vec<u8> = COOKIE.to_be_bytes().into_iter().chain(self.transaction).collect();
        let port = source.port() ^ (COOKIE >> 16) as u16;
        let (family, octets) = match source.ip() {
            IpAddr::V4(ip) => (1, ip.octets().to_vec()),
            IpAddr::V6(ip) => (2, ip.octets().to_vec()),
        };
        let mut value = vec![0, family];
        value.extend_from_slice(&port.to_be_bytes());
        value.extend(octets.iter().zip(&mask).map(|(octet, mask)| octet ^ mask));
        attribute(out, XOR_MAPPED_ADDRESS, &value);
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
}

fn attribute(out: &mut Vec<u8>, kind: u16, value: &[u8]) {
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(&(value.len() as u16).to_be_bytes());
    out.extend_from_slice(value);
    out.resize(out.len().next_multiple_of(4), 0);
}

/// The length field covers what follows the header, and `coming` bytes still to be added.
fn set_length(out: &mut [u8], coming: usize) {
    let length = (out.len() - HEADER + coming) as u16;
    out[2..4].copy_from_slice(&length.to_be_bytes());
}

/// CRC-32 of what stands before it (RFC 5389 §15.5).
fn fingerprint(bytes: &[u8]) -> u32 {
    let crc = bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 }
        })
    });
    !crc ^ FINGERPRINT_XOR
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(attributes: &[u8]) -> Vec<u8> {
        let mut out = vec![0, 1, 0, attributes.len() as u8, 0x21, 0x12, 0xA4, 0x42];
        out.extend_from_slice(&[7; 12]);
        out.extend_from_slice(attributes);
        out
    }

    /// RFC 5769 §2.1: the sample request, whose attributes ICE adds and this port does not understand.
    const SAMPLE: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e740024\
        00046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249\
        c1b571a280280004e57a3bcf";

    #[test]
    fn the_published_request_is_read_with_its_fingerprint() {
        let bytes = hex::decode(SAMPLE).unwrap();
        let read = BindingRequest::parse(&bytes).unwrap();
        assert!(read.fingerprint);
        // PRIORITY (0x0024) is ICE's and must be understood.
        assert_eq!(read.unknown, [0x0024]);
        let mut flipped = bytes.clone();
        flipped[40] ^= 1;
        assert_eq!(BindingRequest::parse(&flipped), None);
    }

    /// RFC 5769 §2.2: the mapped address of the sample response is 192.0.2.1:32853.
    #[test]
    fn the_answer_says_where_the_request_came_from() {
        let mut sample = hex::decode(SAMPLE).unwrap()[..HEADER].to_vec();
        sample[3] = 0;
        let answer =
            BindingRequest::parse(&sample).unwrap().response("192.0.2.1:32853".parse().unwrap());
        assert_eq!(hex::encode(&answer[..4]), "0101000c");
        assert_eq!(answer[8..HEADER], sample[8..]);
        assert_eq!(hex::encode(&answer[HEADER..]), "002000080001a147e112a643");
    }

    /// RFC 5769 §2.3.
    #[test]
    fn ipv6_is_masked_with_the_transaction_too() {
        let mut sample = hex::decode(SAMPLE).unwrap()[..HEADER].to_vec();
        sample[3] = 0;
        let source = "[2001:db8:1234:5678:11:2233:4455:6677]:32853".parse().unwrap();
        let answer = BindingRequest::parse(&sample).unwrap().response(source);
        assert_eq!(
            hex::encode(&answer[HEADER..]),
            "002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d9"
        );
    }

    #[test]
    fn a_fingerprint_is_answered_with_one() {
        let mut bytes = request(&[0x80, 0x28, 0, 4, 0, 0, 0, 0]);
        let crc = fingerprint(&bytes[..HEADER]);
        bytes[24..].copy_from_slice(&crc.to_be_bytes());
        let answer =
            BindingRequest::parse(&bytes).unwrap().response("192.0.2.1:1".parse().unwrap());
        let at = answer.len() - 8;
        assert_eq!(answer[at + 4..], fingerprint(&answer[..at]).to_be_bytes());
        assert_eq!(usize::from(word(&answer, 2).unwrap()), answer.len() - HEADER);
    }

    #[test]
    fn what_must_be_understood_and_is_not_is_named() {
        let bytes = request(&[0x00, 0x24, 0, 4, 0, 0, 0, 1]);
        let answer =
            BindingRequest::parse(&bytes).unwrap().response("192.0.2.1:1".parse().unwrap());
        assert_eq!(word(&answer, 0), Some(BINDING_ERROR));
        assert_eq!(answer[answer.len() - 8..], [0, 0x0A, 0, 2, 0, 0x24, 0, 0]);
    }

    /// E04: lengths that lie, too many attributes, other messages.
    #[test]
    fn broken_requests_get_no_answer() {
        assert!(!is_stun(b"OPTIONS sip:a@b SIP/2.0\r\n"));
        for bad in [
            request(&[0x80, 0x22, 0, 200, 1, 2, 3, 4]),
            request(&[0x80, 0x22, 0xFF, 0xFF]),
            request(&[0x80, 0x28, 0, 4, 0, 0, 0, 0]),
            request(&[0x80, 0x22, 0, 0].repeat(17)),
            request(&[1, 2]),
            [request(&[]), vec![0; 4]].concat(),
            [vec![1, 1], request(&[])[2..].to_vec()].concat(),
            request(&[])[..19].to_vec(),
        ] {
            assert_eq!(BindingRequest::parse(&bad), None, "{bad:?}");
        }
    }
}
