//! URIs, name-addrs and Vias from strangers (A04): what is written reads back, equality is symmetric, and another parser
//! that takes the URI too finds the same host, port and user.
#![no_main]

mod quiet;

use libfuzzer_sys::fuzz_target;
use signaling_proto::{NameAddr, SipUri, Uri, Via, uri::Host};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(uri) = text.parse::<Uri>() {
        let written = uri.to_string();
        let again: Uri = written.parse().expect("what we write");
        assert_eq!(again, uri);
        assert_eq!(written, again.to_string());
        if let Some(sip) = uri.as_sip() {
            read_parts(sip);
            agrees_with_rsip(text, sip);
        }
    }
    if let Ok(address) = text.parse::<NameAddr>() {
        let again: NameAddr = address.to_string().parse().expect("what we write");
        assert_eq!((&again.display, &again.uri), (&address.display, &address.uri));
        assert_eq!((again.tag(), again.expires()), (address.tag(), address.expires()));
        assert!(address.q_thousandths().is_none_or(|q| q <= 1000));
    }
    if let Ok(mut via) = text.parse::<Via>() {
        assert_eq!(
            via.to_string().parse::<Via>().expect("what we write").to_string(),
            via.to_string()
        );
        let source = ([192, 0, 2, 9], 4711).into();
        via.note_source(source);
        let told = via.received().or(via.host.ip());
        assert_eq!(told, Some(source.ip()), "the answer goes to where it came from");
        assert!(!via.wants_rport() || via.rport() == Some(4711));
    }
});

fn read_parts(uri: &SipUri) {
    assert_eq!(*uri, uri.clone());
    let bare = uri.without_headers();
    assert!(bare.headers.is_none() && !bare.params.has("method"));
    assert_eq!(bare.host, uri.host);
    // A user written anew is the same user.
    if let Some(user) = uri.user_decoded().filter(|user| !user.is_empty()) {
        assert_eq!(uri.clone().with_user(&user).user_decoded(), Some(user));
    }
    _ = (uri.socket_addr(), uri.header_pairs(), uri.address_of_record(), uri.is_loose_route());
}

fn agrees_with_rsip(text: &str, ours: &SipUri) {
    let theirs = quiet::while_asking_another(|| {
        std::panic::catch_unwind(|| rsip::Uri::try_from(text).ok()).ok().flatten()
    });
    let Some(theirs) = theirs else { return };
    // It cuts the user part at a semicolon and takes an escaped one, or a host with its headers, for a host name.
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b'_');
    let host = theirs.host_with_port.host.to_string();
    if host.contains(['@', '?']) || !ours.user.as_deref().is_none_or(|user| user.bytes().all(plain)) {
        return;
    }
    assert_eq!(Host::from(host.as_str()), ours.host, "host");
    assert_eq!(theirs.user(), ours.user.as_deref(), "user");
    assert_eq!(theirs.host_with_port.port.map(|port| *port.value()), ours.port, "port");
}
