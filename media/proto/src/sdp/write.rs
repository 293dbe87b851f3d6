//! Our descriptions as text.

use super::{Line, LocalBrowser, MediaDirection, Setup, Terms};
use crate::Codec;
use bytes::Bytes;
use std::fmt::Write;
use std::net::IpAddr;

/// What goes into a description.
pub(super) struct Content<'a> {
    pub(super) terms: &'a Terms,
    pub(super) lines: &'a [Line],
    pub(super) profile: &'a str,
    pub(super) codecs: &'a [(u8, Codec)],
    pub(super) events: Option<u8>,
    pub(super) direction: MediaDirection,
    pub(super) rtcp_mux: bool,
    /// Of a browser's leg.
    pub(super) setup: Setup,
    /// Name of the audio line, and whether it is bundled.
    pub(super) mid: (&'a str, bool),
}

/// Everything after the `o=` line.
pub(super) fn after_origin(content: Content<'_>) -> Vec<u8> {
    let mut text = String::with_capacity(400);
    let address = content.terms.address;
    line(&mut text, format_args!("s=-"));
    line(&mut text, format_args!("c=IN {} {address}", address_type(address)));
    line(&mut text, format_args!("t=0 0"));
    if content.terms.browser.is_some() && content.mid.1 {
        line(&mut text, format_args!("a=group:BUNDLE {}", content.mid.0));
    }
    for media in content.lines {
        match media {
            Line::Audio => audio(&mut text, &content),
            Line::Refused { kind, profile, format } => {
                line(&mut text, format_args!("m={kind} 0 {profile} {format}"));
            }
        }
    }
    text.into_bytes()
}

/// The whole description.
pub(super) fn whole(session_id: u64, version: u64, address: IpAddr, rest: &[u8]) -> Bytes {
    let mut text = String::with_capacity(80 + rest.len());
    line(&mut text, format_args!("v=0"));
    let kind = address_type(address);
    line(&mut text, format_args!("o=- {session_id} {version} IN {kind} {address}"));
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(rest);
    Bytes::from(bytes)
}

fn audio(text: &mut String, content: &Content<'_>) {
    let mut formats = String::new();
    for payload_type in content.codecs.iter().map(|(pt, _)| *pt).chain(content.events) {
        let _ = write!(formats, " {payload_type}");
    }
    line(text, format_args!("m=audio {} {}{formats}", content.terms.port, content.profile));
    for (payload_type, codec) in content.codecs {
        line(text, format_args!("a=rtpmap:{payload_type} {}/8000", codec.name()));
    }
    if let Some(payload_type) = content.events {
        line(text, format_args!("a=rtpmap:{payload_type} telephone-event/8000"));
        line(text, format_args!("a=fmtp:{payload_type} 0-15"));
    }
    line(text, format_args!("a=ptime:{}", content.terms.ptime_ms));
    line(text, format_args!("a={}", content.direction.attribute()));
    if content.rtcp_mux {
        line(text, format_args!("a=rtcp-mux"));
    }
    if let Some(browser) = &content.terms.browser {
        secured(text, content, browser);
    }
}

/// The source has a name of its own, so that a browser hands it to its page as a stream.
fn secured(text: &mut String, content: &Content<'_>, browser: &LocalBrowser) {
    if !content.mid.0.is_empty() {
        line(text, format_args!("a=mid:{}", content.mid.0));
    }
    line(text, format_args!("a=ice-ufrag:{}", browser.ufrag));
    line(text, format_args!("a=ice-pwd:{}", browser.password));
    line(text, format_args!("a=fingerprint:{}", browser.fingerprint));
    line(text, format_args!("a=setup:{}", content.setup.word()));
    for candidate in &browser.candidates {
        line(text, format_args!("a=candidate:{candidate}"));
    }
    line(text, format_args!("a=end-of-candidates"));
    line(text, format_args!("a=msid:{} audio", browser.cname));
    line(text, format_args!("a=ssrc:{} cname:{}", browser.ssrc, browser.cname));
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = write!(text, "{content}\r\n");
}

fn address_type(address: IpAddr) -> &'static str {
    if address.is_ipv4() { "IP4" } else { "IP6" }
}
