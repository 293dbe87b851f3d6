//! `"Display" <uri>;params`, the shape of From, To, Contact, Route and their kin (RFC 3261 §20.10).

use super::{Params, ParamsPart, SipUri, Uri, UriError, UriPart};
use crate::text::{self, Span, Text};
use bytes::Bytes;
use std::{fmt, str::FromStr};

/// A URI with an optional display name and header parameters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameAddr {
    /// The display name without quotes and escapes.
    pub display: Option<Text>,
    /// The address.
    pub uri: Uri,
    /// Header parameters: `tag`, `expires`, `q` and so on.
    pub params: Params,
}

impl NameAddr {
    /// `<uri>`.
    pub fn new(uri: impl Into<Uri>) -> Self {
        Self { display: None, uri: uri.into(), params: Params::EMPTY }
    }

    /// With this display name.
    #[must_use]
    pub fn with_display(mut self, display: &str) -> Self {
        self.display = (!display.is_empty()).then(|| display.into());
        self
    }

    /// With this parameter; `None` writes a flag. A value that is no token must already be quoted.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Self {
        self.params.set(name, value);
        self
    }

    /// With this tag.
    #[must_use]
    pub fn with_tag(self, tag: &str) -> Self {
        self.with_param("tag", Some(tag))
    }

    /// Reads one value that fills all of `bytes`.
    pub fn parse(bytes: &Bytes) -> Result<Self, UriError> {
        Self::parse_span(Span::all(bytes))
    }

    pub(crate) fn parse_span(span: Span<'_>) -> Result<Self, UriError> {
        NameAddrPart::read(span).map(NameAddrPart::kept)
    }

    /// The `tag` parameter.
    pub fn tag(&self) -> Option<&str> {
        self.params.raw("tag").filter(|tag| !tag.is_empty())
    }

    /// The SIP URI, if it is one.
    pub fn sip_uri(&self) -> Option<&SipUri> {
        self.uri.as_sip()
    }

    /// The `expires` parameter of a Contact; too large becomes `u32::MAX`.
    pub fn expires(&self) -> Option<u32> {
        self.params.number("expires")
    }

    /// The `q` parameter of a Contact in thousandths.
    pub fn q_thousandths(&self) -> Option<u16> {
        let raw = self.params.raw("q")?;
        let (whole, fraction) = raw.split_once('.').unwrap_or((raw, ""));
        let digits_only = fraction.len() <= 3 && fraction.bytes().all(|b| b.is_ascii_digit());
        let thousandths = format!("{fraction:0<3}").parse::<u16>().ok()?;
        match whole {
            "0" if digits_only => Some(thousandths),
            "1" if digits_only && thousandths == 0 => Some(1000),
            _ => None,
        }
    }
}

/// The parts of a name-addr, checked where they lie; nothing is kept of them.
#[derive(Clone, Copy)]
pub(crate) struct NameAddrPart<'a> {
    /// With its quotes, when it has them.
    display: Span<'a>,
    uri: UriPart<'a>,
    params: ParamsPart<'a>,
}

impl<'a> NameAddrPart<'a> {
    pub(crate) fn read(span: Span<'a>) -> Result<Self, UriError> {
        let span = span.trimmed();
        match span.first() {
            Some(b'"') => {
                let closed = text::skip_quoted(&span, 0).ok_or(UriError::NameAddr)?;
                let open = text::skip_lws(&span, closed);
                if span.get(open) != Some(&b'<') {
                    return Err(UriError::NameAddr);
                }
                Self::bracketed(span.range(0, closed), span.from(open))
            }
            // A semicolon first: a bare address whose parameters may quote a bracket.
            Some(_) => match span.iter().position(|b| matches!(b, b'<' | b';')) {
                Some(open) if span[open] == b'<' => {
                    let display = span.range(0, open).trimmed();
                    // Any run of text without a comma, quote or semicolon: the ABNF wants tokens, real phones send
                    // unquoted UTF-8 and brackets, and none of that is ambiguous.
                    let bad = |b: &u8| {
                        matches!(b, b',' | b'"' | b';' | b'>') || (*b < 0x20 && *b != b'\t')
                    };
                    if display.iter().any(bad) {
                        return Err(UriError::NameAddr);
                    }
                    Self::bracketed(display, span.from(open))
                }
                Some(_) | None => Self::bare(span),
            },
            None => Err(UriError::NameAddr),
        }
    }

    fn bracketed(display: Span<'a>, rest: Span<'a>) -> Result<Self, UriError> {
        let close = text::find(&rest, b'>').ok_or(UriError::NameAddr)?;
        let uri = UriPart::read(rest.range(1, close))?;
        let params = ParamsPart::read(rest.from(close + 1))?;
        Ok(Self { display, uri, params })
    }

    /// Without brackets every parameter belongs to the header, and a question mark or comma may not stand in the URI
    /// (RFC 3261 §20).
    fn bare(span: Span<'a>) -> Result<Self, UriError> {
        let addr = span.before(b';');
        let params = ParamsPart::read(span.from(addr.len()))?;
        let addr = addr.trimmed();
        if addr.iter().any(|b| matches!(b, b'?' | b',')) {
            return Err(UriError::NameAddr);
        }
        Ok(Self { display: span.range(0, 0), uri: UriPart::read(addr)?, params })
    }

    /// The value of the `tag` parameter; empty for a flag.
    pub(crate) fn tag(&self) -> Option<Span<'a>> {
        self.params.tag()
    }

    pub(crate) fn kept(self) -> NameAddr {
        let display = match self.display.first() {
            Some(b'"') => {
                let inner = self.display.range(1, self.display.len() - 1);
                match text::find(&inner, b'\\') {
                    None => (!inner.is_empty()).then(|| inner.text()),
                    Some(_) => Some(text::unquote(&self.display.text()).as_ref().into()),
                }
            }
            Some(_) => Some(self.display.text()),
            None => None,
        };
        NameAddr { display, uri: self.uri.kept(), params: self.params.kept() }
    }
}

impl FromStr for NameAddr {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        Self::parse(&Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(display) = &self.display {
            write!(f, "{} ", text::quote(display))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> NameAddr {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn display_names_may_be_quoted_bare_or_missing() {
        let addr = parse(r#""A. \"G\" Bell, jr" <sip:agb@example.com;x=1> ;tag=43 ; a="b,c""#);
        assert_eq!(addr.display.as_deref(), Some(r#"A. "G" Bell, jr"#));
        assert_eq!(addr.tag(), Some("43"));
        assert_eq!(addr.sip_uri().unwrap().params.raw("x"), Some("1"));
        assert_eq!(parse("caller<sip:a@b>;tag=323").display.as_deref(), Some("caller"));
        assert_eq!(parse("\"\" <sip:a@b>").display, None);
        assert_eq!(parse(" <sip:a@b> ").display, None);
        assert_eq!(parse("आशा (Sales) <sip:a@b>").display.as_deref(), Some("आशा (Sales)"));
    }

    #[test]
    fn parameters_of_a_bare_address_belong_to_the_header() {
        let addr = parse("sip:user@example.com;unknownparam;tag=7");
        assert!(addr.sip_uri().unwrap().params.is_empty());
        assert_eq!(addr.tag(), Some("7"));
    }

    #[test]
    fn broken_values_are_refused() {
        for bad in [
            "",
            "\"open <sip:a@b>",
            "<sip:a@b",
            "sip:user@example.com?Route=%3Csip:sip.example.com%3E",
            "Bell, Alexander <sip:a@b>",
            "\"x\" sip:a@b",
            "<sip:a@b>;;",
            "< sip:a@b >",
            "<sip:a@b> junk",
        ] {
            assert!(bad.parse::<NameAddr>().is_err(), "{bad}");
        }
    }

    #[test]
    fn preference_values_are_exact() {
        assert_eq!(parse("<sip:a@b>;q=0.5").q_thousandths(), Some(500));
        assert_eq!(parse("<sip:a@b>;q=1").q_thousandths(), Some(1000));
        assert_eq!(parse("<sip:a@b>;q=1.001").q_thousandths(), None);
        assert_eq!(parse("<sip:a@b>;q=x").q_thousandths(), None);
    }

    #[test]
    fn what_is_written_reads_back() {
        let addr = NameAddr::new(SipUri::new("example.com").with_user("101"))
            .with_display("Asha \"A\" Rao")
            .with_tag("t1");
        assert_eq!(addr.to_string(), "\"Asha \\\"A\\\" Rao\" <sip:101@example.com>;tag=t1");
        assert_eq!(parse(&addr.to_string()), addr);
    }
}
