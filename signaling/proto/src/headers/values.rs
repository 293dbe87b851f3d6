//! Small typed values: CSeq, RAck, Session-Expires, Reason, Retry-After, Replaces, Content-Type.

use crate::{
    method::Method,
    text::{self, Span, Text},
    uri::Params,
};
use bytes::Bytes;
use std::fmt;

/// CSeq (RFC 3261 §20.16).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CSeq {
    /// The sequence number, below 2^31 (RFC 3261 §8.1.1.5).
    pub seq: u32,
    /// The method it counts.
    pub method: Method,
}

impl CSeq {
    pub(crate) fn parse(bytes: &Bytes) -> Option<Self> {
        Self::parse_span(Span::all(bytes))
    }

    pub(crate) fn parse_span(span: Span<'_>) -> Option<Self> {
        let span = span.trimmed();
        let gap = span.iter().position(|b| text::is_lws(*b))?;
        let seq = text::exact_u32(&span[..gap]).filter(|n| *n < 1 << 31)?;
        Some(Self { seq, method: method(span.from(gap).trimmed())? })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.seq, self.method)
    }
}

/// A method token.
pub(crate) fn method(token: Span<'_>) -> Option<Method> {
    if let Some(known) = Method::of_wire(&token) {
        return Some(known);
    }
    text::is_token(&token).then(|| Method::Other(token.text()))
}

/// RAck (RFC 3262 §7.2): which reliable provisional response a PRACK acknowledges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RAck {
    /// The RSeq of the response.
    pub rseq: u32,
    /// The CSeq of the response.
    pub cseq: CSeq,
}

impl RAck {
    pub(crate) fn parse(bytes: &Bytes) -> Option<Self> {
        let (start, end) = text::trim(bytes, 0, bytes.len());
        let gap = bytes[start..end].iter().position(|b| text::is_lws(*b))? + start;
        let rseq = text::exact_u32(&bytes[start..gap])?;
        Some(Self { rseq, cseq: CSeq::parse(&bytes.slice(gap..end))? })
    }
}

impl fmt::Display for RAck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.rseq, self.cseq)
    }
}

/// Who refreshes a session (RFC 4028).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refresher {
    /// The one who sent the request.
    Uac,
    /// The one who answered it.
    Uas,
}

/// Session-Expires (RFC 4028 §4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionExpires {
    /// The interval in seconds.
    pub interval_s: u32,
    /// Who refreshes, when said.
    pub refresher: Option<Refresher>,
}

impl SessionExpires {
    pub(crate) fn parse(bytes: &Bytes) -> Option<Self> {
        let (interval_s, params) = number_and_params(bytes)?;
        let refresher = match params.raw("refresher") {
            Some(r) if r.eq_ignore_ascii_case("uac") => Some(Refresher::Uac),
            Some(r) if r.eq_ignore_ascii_case("uas") => Some(Refresher::Uas),
            Some(_) | None => None,
        };
        Some(Self { interval_s, refresher })
    }
}

impl fmt::Display for SessionExpires {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.interval_s.fmt(f)?;
        match self.refresher {
            Some(Refresher::Uac) => f.write_str(";refresher=uac"),
            Some(Refresher::Uas) => f.write_str(";refresher=uas"),
            None => Ok(()),
        }
    }
}

/// Digits, then parameters.
pub(crate) fn number_and_params(bytes: &Bytes) -> Option<(u32, Params)> {
    let semi = memchr::memchr(b';', bytes).unwrap_or(bytes.len());
    let (start, end) = text::trim(bytes, 0, semi);
    let number = text::saturating_u32(&bytes[start..end])?;
    Some((number, Params::parse(&bytes.slice(semi..)).ok()?))
}

/// Reason (RFC 3326): why a request or response was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// `Q.850`, `SIP` or another protocol.
    pub protocol: Text,
    /// The cause in that protocol.
    pub cause: Option<u16>,
    /// The text, without quotes.
    pub text: Option<Text>,
}

impl Reason {
    /// A Q.850 cause with its text.
    pub fn q850(cause: u16, text: &str) -> Self {
        Self {
            protocol: Text::from_static("Q.850"),
            cause: Some(cause),
            text: (!text.is_empty()).then(|| text.into()),
        }
    }

    /// A SIP status with its text, as in `SIP;cause=200;text="Call completed elsewhere"`.
    pub fn sip(cause: u16, text: &str) -> Self {
        Self { protocol: Text::from_static("SIP"), ..Self::q850(cause, text) }
    }

    pub(crate) fn parse(bytes: &Bytes) -> Option<Self> {
        let semi = memchr::memchr(b';', bytes).unwrap_or(bytes.len());
        let (start, end) = text::trim(bytes, 0, semi);
        if !text::is_token(&bytes[start..end]) {
            return None;
        }
        let params = Params::parse(&bytes.slice(semi..)).ok()?;
        Some(Self {
            protocol: Text::from_wire(bytes.slice(start..end)),
            cause: params.number("cause").and_then(|n| u16::try_from(n).ok()),
            text: params.text("text"),
        })
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.protocol.fmt(f)?;
        if let Some(cause) = self.cause {
            write!(f, ";cause={cause}")?;
        }
        match &self.text {
            Some(text) => write!(f, ";text={}", text::quote(text)),
            None => Ok(()),
        }
    }
}

/// Retry-After (RFC 3261 §20.33).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryAfter {
    /// Seconds to wait.
    pub delay_s: u32,
    /// For how long the caller will then be reachable, when said.
    pub duration_s: Option<u32>,
}

impl RetryAfter {
    /// The comment, if any, is skipped.
    pub(crate) fn parse(bytes: &Bytes) -> Option<Self> {
        let (start, end) = text::trim(bytes, 0, bytes.len());
        let digits = bytes[start..end].iter().take_while(|b| b.is_ascii_digit()).count();
        let delay_s = text::saturating_u32(&bytes[start..start + digits])?;
        let rest = bytes.slice(start + digits..end);
        let rest = without_comment(&rest)?;
        let params = Params::parse(&rest).ok()?;
        Some(Self { delay_s, duration_s: params.number("duration") })
    }
}

/// Drops one leading `(comment)`, which may nest and hold quoted pairs.
fn without_comment(bytes: &Bytes) -> Option<Bytes> {
    let (start, end) = text::trim(bytes, 0, bytes.len());
    if bytes.get(start) != Some(&b'(') {
        return Some(bytes.slice(start..end));
    }
    let (mut depth, mut i) = (0usize, start);
    while i < end {
        match bytes[i] {
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'\\' => i += 1,
            _ => {}
        }
        i += 1;
        if depth == 0 {
            return Some(bytes.slice(i.min(end)..end));
        }
    }
    None
}

/// Replaces (RFC 3891): the dialog a new call takes over. Tags are seen from the receiver's side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaces {
    /// Its Call-ID.
    pub call_id: Text,
    /// The receiver's tag.
    pub to_tag: Text,
    /// The other side's tag.
    pub from_tag: Text,
    /// Only while it is not yet answered.
    pub early_only: bool,
}

impl Replaces {
    /// Reads a header value, or a URI header already unescaped.
    pub fn parse(bytes: &Bytes) -> Option<Self> {
        let semi = memchr::memchr(b';', bytes)?;
        let (start, end) = text::trim(bytes, 0, semi);
        let params = Params::parse(&bytes.slice(semi..)).ok()?;
        let tag = |name| params.text(name).filter(|t| !t.is_empty());
        (start < end).then_some(())?;
        Some(Self {
            call_id: Text::from_wire(bytes.slice(start..end)),
            to_tag: tag("to-tag")?,
            from_tag: tag("from-tag")?,
            early_only: params.has("early-only"),
        })
    }
}

impl fmt::Display for Replaces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)?;
        if self.early_only { f.write_str(";early-only") } else { Ok(()) }
    }
}

/// Content-Type (RFC 3261 §20.15).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContentType {
    /// `application`, `multipart` and so on, as written.
    pub main: Text,
    /// `sdp`, `mixed` and so on, as written.
    pub sub: Text,
    /// `boundary`, `charset` and so on.
    pub params: Params,
}

impl ContentType {
    pub(crate) fn parse(bytes: &Bytes) -> Option<Self> {
        let semi = memchr::memchr(b';', bytes).unwrap_or(bytes.len());
        let slash = memchr::memchr(b'/', &bytes[..semi])?;
        let main = text::trimmed(&bytes.slice(..slash));
        let sub = text::trimmed(&bytes.slice(slash + 1..semi));
        if !text::is_token(&main) || !text::is_token(&sub) {
            return None;
        }
        let params = Params::parse(&bytes.slice(semi..)).ok()?;
        Some(Self { main: Text::from_wire(main), sub: Text::from_wire(sub), params })
    }

    /// Is this the type `main/sub`?
    pub fn is(&self, main: &str, sub: &str) -> bool {
        self.main.eq_ignore_ascii_case(main) && self.sub.eq_ignore_ascii_case(sub)
    }

    /// `application/sdp`?
    pub fn is_sdp(&self) -> bool {
        self.is("application", "sdp")
    }
}

impl fmt::Display for ContentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}{}", self.main, self.sub, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn b(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn cseq_numbers_stay_below_two_to_the_31() {
        assert_eq!(CSeq::parse(&b("0009\r\n  INVITE")).unwrap().to_string(), "9 INVITE");
        assert_eq!(CSeq::parse(&b("2147483647 X")).unwrap().method.as_str(), "X");
        for bad in [
            "2147483648 INVITE",
            "36893488147419103232 REGISTER",
            "1",
            "1 ",
            "x INVITE",
            "1 IN VITE",
            "",
        ] {
            assert_eq!(CSeq::parse(&b(bad)), None, "{bad}");
        }
    }

    #[test]
    fn rack_names_a_response() {
        let rack = RAck::parse(&b("776656 1 INVITE")).unwrap();
        assert_eq!((rack.rseq, rack.to_string().as_str()), (776_656, "776656 1 INVITE"));
        assert_eq!(RAck::parse(&b("776656 INVITE")), None);
    }

    #[test]
    fn session_expires_names_the_refresher() {
        let se = SessionExpires::parse(&b("1800 ; refresher=UAS")).unwrap();
        assert_eq!(se, SessionExpires { interval_s: 1800, refresher: Some(Refresher::Uas) });
        assert_eq!(se.to_string(), "1800;refresher=uas");
        assert_eq!(SessionExpires::parse(&b("soon")), None);
    }

    #[test]
    fn retry_after_skips_the_comment() {
        let parsed = RetryAfter::parse(&b("18000 (in a (long) meeting);duration=3600")).unwrap();
        assert_eq!(parsed, RetryAfter { delay_s: 18000, duration_s: Some(3600) });
        assert_eq!(RetryAfter::parse(&b("5 (open")), None);
        assert_eq!(RetryAfter::parse(&b("soon")), None);
    }

    #[test]
    fn reason_carries_cause_and_text() {
        let reason = Reason::parse(&b(r#"Q.850 ;cause=16 ;text="Terminated""#)).unwrap();
        assert_eq!(reason, Reason::q850(16, "Terminated"));
        assert_eq!(reason.to_string(), r#"Q.850;cause=16;text="Terminated""#);
    }

    #[test]
    fn replaces_needs_both_tags() {
        let parsed =
            Replaces::parse(&b("98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff")).unwrap();
        assert_eq!((parsed.to_tag.as_str(), parsed.early_only), ("ff87ff", false));
        assert_eq!(Replaces::parse(&b("98732@sip.example.com;to-tag=ff87ff")), None);
    }

    #[test]
    fn content_types_compare_without_case() {
        let parsed = ContentType::parse(&b("Multipart / Mixed ; boundary=\"a b\"")).unwrap();
        assert!(parsed.is("multipart", "mixed"));
        assert_eq!(parsed.params.value("boundary").unwrap(), "a b");
        assert!(ContentType::parse(&b("application/SDP")).unwrap().is_sdp());
        assert_eq!(ContentType::parse(&b("application")), None);
    }
}
