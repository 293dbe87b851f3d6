//! What a browser's description says beyond plain RTP: ICE (RFC 8839), DTLS-SRTP (RFC 5763, RFC 8842), and the audio line's
//! name in its bundle (RFC 9143).

use super::SdpError;
use sdp_types::{Attribute, Media, Session};

/// Profiles of audio under DTLS-SRTP (RFC 5764 §8).
pub(super) const PROFILES: [&str; 2] = ["UDP/TLS/RTP/SAVPF", "UDP/TLS/RTP/SAVP"];
/// Candidates kept of one description.
const CANDIDATES_MAX: usize = 32;
/// Longest candidate line, user fragment or password (RFC 8839 §5.3, §5.4: up to 256).
const VALUE_BYTES_MAX: usize = 256;
/// Longest name of a media line taken.
const MID_BYTES_MAX: usize = 16;

/// Who begins the DTLS handshake (RFC 4145 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Setup {
    /// The one who says so.
    Active,
    /// The other.
    Passive,
    /// Either: the answer chooses.
    ActPass,
}

impl Setup {
    /// As in SDP.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Passive => "passive",
            Self::ActPass => "actpass",
        }
    }

    fn read(text: &str) -> Option<Self> {
        [Self::Active, Self::Passive, Self::ActPass].into_iter().find(|s| s.word() == text.trim())
    }

    /// What we answer to it: whoever leaves the choice waits.
    pub(super) fn answer(self) -> Self {
        match self {
            Self::Active => Self::Passive,
            Self::Passive | Self::ActPass => Self::Active,
        }
    }
}

/// What we say of our side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalBrowser {
    /// ICE user fragment.
    pub ufrag: String,
    /// ICE password.
    pub password: String,
    /// `sha-256 AB:CD:…` of our certificate.
    pub fingerprint: String,
    /// Candidates, each as the value of its attribute.
    pub candidates: Vec<String>,
    /// Of our stream.
    pub ssrc: u32,
    /// Of our stream's source.
    pub cname: String,
}

/// What they said of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteBrowser {
    /// ICE user fragment.
    pub ufrag: String,
    /// ICE password.
    pub password: String,
    /// Hash function of the fingerprint, small letters.
    pub hash: String,
    /// Hash of their certificate.
    pub fingerprint: Vec<u8>,
    /// Who begins the handshake, seen from us, once an answer was given.
    pub setup: Setup,
    /// Values of their candidate attributes.
    pub candidates: Vec<String>,
    /// Name of the audio line.
    pub mid: String,
    /// The audio line is in a bundle.
    pub bundled: bool,
}

/// Is such a profile named at all? Most descriptions are plain RTP and need not be read for this.
pub(super) fn is_named(body: &[u8]) -> bool {
    let mut lines = body.split(|b| *b == b'\n').filter(|line| line.starts_with(b"m="));
    lines.any(|line| {
        let profile = line.split(|b| *b == b' ').nth(2).unwrap_or_default();
        PROFILES.iter().any(|known| known.as_bytes() == profile.trim_ascii())
    })
}

/// Is this the profile of a browser's audio?
pub(super) fn profile(text: &str) -> Option<&'static str> {
    PROFILES.into_iter().find(|p| *p == text)
}

/// Reads the attributes of an audio line under DTLS-SRTP.
pub(super) fn read(session: &Session, media: &Media) -> Result<RemoteBrowser, SdpError> {
    let missing = |what: &str| SdpError::Malformed(format!("no usable {what}"));
    let value = |name: &str| {
        let all = media.attributes.iter().chain(&session.attributes);
        all.filter(|a| a.attribute == name).find_map(|a| a.value.as_deref())
    };
    let credential = |name: &str, least: usize| {
        value(name).map(str::trim).filter(|v| {
            (least..=VALUE_BYTES_MAX).contains(&v.len()) && v.bytes().all(|b| b.is_ascii_graphic())
        })
    };
    let (hash, fingerprint) =
        value("fingerprint").and_then(digest).ok_or_else(|| missing("fingerprint"))?;
    let mid = value("mid").map(str::trim).unwrap_or_default();
    if mid.len() > MID_BYTES_MAX || !mid.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(SdpError::Malformed("impossible mid".into()));
    }
    let candidate = |a: &&Attribute| {
        a.attribute == "candidate" && a.value.as_ref().is_some_and(|v| v.len() <= VALUE_BYTES_MAX)
    };
    Ok(RemoteBrowser {
        ufrag: credential("ice-ufrag", 4).ok_or_else(|| missing("ice-ufrag"))?.to_owned(),
        password: credential("ice-pwd", 22).ok_or_else(|| missing("ice-pwd"))?.to_owned(),
        hash,
        fingerprint,
        setup: value("setup")
            .map_or(Some(Setup::ActPass), Setup::read)
            .ok_or_else(|| missing("setup"))?,
        candidates: media
            .attributes
            .iter()
            .filter(candidate)
            .filter_map(|a| a.value.clone())
            .take(CANDIDATES_MAX)
            .collect(),
        mid: mid.to_owned(),
        bundled: !mid.is_empty() && in_bundle(session, mid),
    })
}

fn in_bundle(session: &Session, mid: &str) -> bool {
    let groups = session.attributes.iter().filter(|a| a.attribute == "group");
    groups.filter_map(|a| a.value.as_deref()).any(|group| {
        let mut words = group.split_ascii_whitespace();
        words.next() == Some("BUNDLE") && words.any(|word| word == mid)
    })
}

/// `sha-256 AB:CD:…`: what every browser says, and the only one that is checked.
fn digest(value: &str) -> Option<(String, Vec<u8>)> {
    let (hash, hex) = value.trim().split_once(' ')?;
    if !hash.eq_ignore_ascii_case("sha-256") {
        return None;
    }
    let byte = |pair: &str| u8::from_str_radix(pair, 16).ok().filter(|_| pair.len() == 2);
    let bytes: Option<Vec<u8>> = hex.trim().split(':').map(byte).collect();
    bytes.filter(|b| b.len() == 32).map(|bytes| ("sha-256".to_owned(), bytes))
}

#[cfg(test)]
mod tests {
    use super::super::{Negotiation, Terms, browser_offer, is_for_browsers};
    use super::*;
    use crate::Codec;
    use crate::sdp::MediaDirection;

    fn hash() -> String {
        ["AB"; 32].join(":")
    }

    fn leg(secure: bool) -> Negotiation {
        let browser = LocalBrowser {
            ufrag: "ours".into(),
            password: "0123456789012345678901".into(),
            fingerprint: format!("sha-256 {}", hash()),
            candidates: vec!["1 1 udp 2130706431 192.0.2.10 20000 typ host".into()],
            ssrc: 77,
            cname: "source".into(),
        };
        let terms = Terms {
            codecs: [Codec::Pcma, Codec::Pcmu].into(),
            telephone_event: true,
            own_event_type: false,
            ptime_ms: 20,
            address: "192.0.2.10".parse().expect("an address"),
            port: 20_000,
            browser: secure.then(|| Box::new(browser)),
        };
        Negotiation::new(terms, 7)
    }

    /// As Chromium offers, less the codecs it also has.
    fn offer(session: &str, media: &str) -> String {
        format!(
            "v=0\r\no=- 46 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n{session}\
             m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8 110 126\r\nc=IN IP4 0.0.0.0\r\na=rtcp:9 IN IP4 0.0.0.0\r\n\
             a=rtpmap:111 opus/48000/2\r\na=rtpmap:110 telephone-event/48000\r\n\
             a=rtpmap:126 telephone-event/8000\r\na=ice-ufrag:q8Zf\r\na=ice-pwd:abcdefghijklmnopqrstuv\r\n\
             a=mid:0\r\na=rtcp-mux\r\na=sendrecv\r\n{media}"
        )
    }

    fn sound() -> String {
        offer("", &format!("a=setup:actpass\r\na=fingerprint:sha-256 {}\r\n", hash()))
    }

    #[test]
    fn a_browsers_offer_is_answered_with_ice_a_certificate_and_the_active_side() {
        let offer = sound();
        assert_eq!(browser_offer(offer.as_bytes()).map(|o| o.telephone_event), Some(Some(126)));
        let answer = leg(true).answer(offer.as_bytes()).expect("acceptable");
        let text = String::from_utf8_lossy(&answer.sdp);
        for line in [
            "a=group:BUNDLE 0",
            "m=audio 20000 UDP/TLS/RTP/SAVPF 0 126",
            "a=mid:0",
            "a=ice-ufrag:ours",
            "a=setup:active",
            "a=candidate:1 1 udp 2130706431 192.0.2.10 20000 typ host",
            "a=rtcp-mux",
            "a=ssrc:77 cname:source",
        ] {
            assert!(text.lines().any(|l| l == line), "no {line} in {text}");
        }
        assert!(is_for_browsers(&answer.sdp));
        // The zero address of its c= line is no hold.
        assert_eq!(answer.wanted, MediaDirection::SendRecv);
        let theirs = answer.agreed.browser.expect("a browser");
        assert_eq!((theirs.ufrag.as_str(), theirs.setup), ("q8Zf", Setup::Active));
        assert_eq!(theirs.fingerprint, [0xAB; 32]);
    }

    #[test]
    fn the_side_of_the_handshake_stays_over_re_offers() {
        let mut leg = leg(true);
        leg.answer(sound().as_bytes()).expect("acceptable");
        let ours = leg.offer(MediaDirection::SendOnly);
        assert!(String::from_utf8_lossy(&ours).contains("a=setup:actpass\r\n"));
        let answer = sound().replace("actpass", "passive").replace("111 0 8 110", "0");
        let agreed = leg.accept_answer(answer.as_bytes()).expect("acceptable");
        assert_eq!(agreed.browser.expect("a browser").setup, Setup::Active);
    }

    #[test]
    fn what_lacks_a_certificate_or_a_way_is_no_browsers() {
        let print = format!("a=fingerprint:sha-256 {}\r\n", hash());
        for broken in [
            offer("", "a=setup:actpass\r\n"),
            offer("", "a=setup:actpass\r\na=fingerprint:sha-1 AB:CD\r\n"),
            offer("", "a=setup:actpass\r\na=fingerprint:sha-256 AB:CD\r\n"),
            offer("", &format!("a=setup:sometimes\r\n{print}")),
            sound().replace("a=ice-ufrag:q8Zf", "a=ice-ufrag:q"),
            sound().replace("a=ice-pwd:abcdefghijklmnopqrstuv", "a=ice-pwd:short"),
        ] {
            assert_eq!(browser_offer(broken.as_bytes()), None, "{broken}");
            // Nor is it answered in the clear.
            assert_eq!(
                leg(false).answer(broken.as_bytes()).err(),
                Some(SdpError::UnsupportedProfile)
            );
            assert_eq!(
                leg(true).answer(broken.as_bytes()).err(),
                Some(SdpError::UnsupportedProfile)
            );
        }
        // The certificate may be named once for the session.
        let above = offer(&print, "a=setup:actpass\r\n");
        assert!(leg(true).answer(above.as_bytes()).is_ok());
    }

    /// What is encrypted once is never answered in the clear, nor the other way round.
    #[test]
    fn a_leg_does_not_change_its_kind() {
        let plain = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 8\r\n";
        assert_eq!(leg(true).answer(plain.as_bytes()).err(), Some(SdpError::UnsupportedProfile));
        assert_eq!(leg(false).answer(sound().as_bytes()).err(), Some(SdpError::UnsupportedProfile));
        assert_eq!(browser_offer(plain.as_bytes()), None);
        assert!(!is_for_browsers(plain.as_bytes()));
    }
}
