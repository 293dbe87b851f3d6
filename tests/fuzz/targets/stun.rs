//! STUN on the SIP port (A04): an answer is well-formed, carries the transaction and the true source, and is never much
//! larger than the question.
#![no_main]

use libfuzzer_sys::fuzz_target;
use signaling_proto::stun::{BindingRequest, is_stun};
use std::net::SocketAddr;

fuzz_target!(|data: &[u8]| {
    let Some(request) = BindingRequest::parse(data) else { return };
    assert!(is_stun(data));
    for source in ["192.0.2.1:32853", "[2001:db8::1]:65535"] {
        let source: SocketAddr = source.parse().expect("an address");
        let answer = request.response(source);
        assert!(is_stun(&answer));
        assert_eq!(answer[4..20], data[4..20], "cookie and transaction");
        let length = usize::from(u16::from_be_bytes([answer[2], answer[3]]));
        assert_eq!((length, length % 4), (answer.len() - 20, 0));
        assert!(answer.len() <= data.len() + 64, "no amplifier");
        let attributes = attributes(&answer[20..]);
        match &answer[..2] {
            [1, 1] => assert_eq!(mapped(&attributes, data), Some(source)),
            [1, 0x11] => assert!(attributes.iter().any(|(kind, _)| *kind == 0x000A)),
            other => panic!("neither success nor error: {other:?}"),
        }
        // One with a fingerprint is answered with one, and that must be the last.
        let fingerprint = attributes.iter().position(|(kind, _)| *kind == 0x8028);
        assert!(fingerprint.is_none_or(|at| at + 1 == attributes.len()));
    }
});

fn attributes(mut bytes: &[u8]) -> Vec<(u16, &[u8])> {
    let mut out = Vec::new();
    while let [k1, k0, l1, l0, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*l1, *l0]));
        out.push((u16::from_be_bytes([*k1, *k0]), &rest[..length]));
        bytes = &rest[length.next_multiple_of(4)..];
    }
    assert!(bytes.is_empty(), "a piece of an attribute");
    out
}

/// XOR-MAPPED-ADDRESS, read independently of the code under test (RFC 5389 §15.2).
fn mapped(attributes: &[(u16, &[u8])], request: &[u8]) -> Option<SocketAddr> {
    let (_, value) = attributes.iter().find(|(kind, _)| *kind == 0x0020)?;
    let port = u16::from_be_bytes([value[2] ^ request[4], value[3] ^ request[5]]);
    let octets: Vec<u8> = value[4..].iter().zip(&request[4..]).map(|(a, b)| a ^ b).collect();
    Some(match value[1] {
        1 => (<[u8; 4]>::try_from(octets).ok()?, port).into(),
        _ => (<[u8; 16]>::try_from(octets).ok()?, port).into(),
    })
}
