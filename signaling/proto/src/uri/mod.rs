//! URIs (RFC 3261 §19, RFC 3966) and the name-addr form that wraps them.

mod compare;
mod host;
mod name_addr;
mod params;
mod sip;

pub use host::{Host, host_port};
pub use name_addr::NameAddr;
pub use params::{Param, Params};
pub use sip::SipUri;

pub(crate) use host::{Dotted, HostPart};
pub(crate) use name_addr::NameAddrPart;
pub(crate) use params::{ParamsPart, push};
use sip::SipUriPart;

use crate::text::{self, Span, Text};
use bytes::Bytes;
use std::{fmt, str::FromStr};

/// Why a URI or a part of one cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriError {
    /// No scheme, or characters that no URI may contain.
    #[error("not a uri")]
    Syntax,
    /// The user part has characters that must be escaped.
    #[error("user part not escaped")]
    User,
    /// A `%` without two hexadecimal digits.
    #[error("broken escape")]
    Escape,
    /// Neither a name nor an address.
    #[error("host not readable")]
    Host,
    /// Not a number from 0 to 65535.
    #[error("port not readable")]
    Port,
    /// A parameter without name, with an empty value or an open quote.
    #[error("parameter not readable")]
    Param,
    /// A display name or bracket out of balance.
    #[error("name-addr not readable")]
    NameAddr,
}

/// A URI of any scheme.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Uri {
    /// `sip:` or `sips:`.
    Sip(Box<SipUri>),
    /// `tel:` (RFC 3966).
    Tel(TelUri),
    /// Any other absolute URI, as written.
    Other(Text),
}

/// A telephone number as a URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TelUri {
    /// The subscriber number as written, visual separators included.
    pub number: Text,
    /// Parameters such as `phone-context` and `isub`.
    pub params: Params,
}

impl Uri {
    /// Reads a URI that fills all of `bytes`.
    pub fn parse(bytes: &Bytes) -> Result<Self, UriError> {
        Self::parse_span(Span::all(bytes))
    }

    pub(crate) fn parse_span(span: Span<'_>) -> Result<Self, UriError> {
        UriPart::read(span).map(UriPart::kept)
    }

    /// The SIP URI, if it is one.
    pub fn as_sip(&self) -> Option<&SipUri> {
        match self {
            Self::Sip(uri) => Some(uri),
            Self::Tel(_) | Self::Other(_) => None,
        }
    }

    /// The user part of a SIP URI or the number of a tel URI, unescaped; `None` when there is none.
    pub fn user(&self) -> Option<String> {
        match self {
            Self::Sip(uri) => uri.user_decoded(),
            Self::Tel(tel) => Some(tel.number.to_string()),
            Self::Other(_) => None,
        }
    }

    /// The host of a SIP URI.
    pub fn host(&self) -> Option<&Host> {
        self.as_sip().map(|uri| &uri.host)
    }

    /// The scheme, lower case.
    pub fn scheme(&self) -> String {
        match self {
            Self::Sip(uri) => if uri.secure { "sips" } else { "sip" }.into(),
            Self::Tel(_) => "tel".into(),
            Self::Other(text) => text.split(':').next().unwrap_or_default().to_ascii_lowercase(),
        }
    }
}

/// The parts of a URI, checked where they lie; nothing is kept of them.
#[derive(Clone, Copy)]
pub(crate) enum UriPart<'a> {
    Sip(SipUriPart<'a>),
    Tel { number: Span<'a>, params: Option<ParamsPart<'a>> },
    Other(Span<'a>),
}

impl<'a> UriPart<'a> {
    pub(crate) fn read(span: Span<'a>) -> Result<Self, UriError> {
        let colon = text::find(&span, b':').ok_or(UriError::Syntax)?;
        let (scheme, rest) = (&span[..colon], span.from(colon + 1));
        if scheme == b"sip" || scheme.eq_ignore_ascii_case(b"sip") {
            return SipUriPart::read(false, rest).map(Self::Sip);
        }
        if scheme.eq_ignore_ascii_case(b"sips") {
            return SipUriPart::read(true, rest).map(Self::Sip);
        }
        if scheme.eq_ignore_ascii_case(b"tel") {
            return Self::read_tel(rest);
        }
        let scheme_byte = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
        let sound = scheme.first().is_some_and(u8::is_ascii_alphabetic)
            && scheme.iter().all(scheme_byte)
            && !rest.is_empty()
            && text::all_uri(&rest);
        if sound { Ok(Self::Other(span)) } else { Err(UriError::Syntax) }
    }

    fn read_tel(rest: Span<'a>) -> Result<Self, UriError> {
        let number = rest.before(b';');
        let digits = number.strip_prefix(b"+").unwrap_or(&number);
        let digit = |b: &u8| {
            b.is_ascii_hexdigit()
                || matches!(b, b'*' | b'#' | b'-' | b'.' | b'(' | b')' | b'p' | b'w')
        };
        if digits.is_empty() || !digits.iter().all(digit) {
            return Err(UriError::User);
        }
        let mut params = None;
        if number.len() < rest.len() {
            let part = rest.from(number.len() + 1);
            params = Some(ParamsPart::read_uri(part)?);
            if !text::escapes_valid(&part) {
                return Err(UriError::Escape);
            }
        }
        Ok(Self::Tel { number, params })
    }

    /// Does it have headers after a question mark?
    pub(crate) fn has_headers(&self) -> bool {
        matches!(self, Self::Sip(uri) if uri.has_headers())
    }

    pub(crate) fn kept(self) -> Uri {
        match self {
            Self::Sip(uri) => Uri::Sip(Box::new(uri.kept())),
            Self::Tel { number, params } => Uri::Tel(TelUri {
                number: number.text(),
                params: params.map_or(Params::EMPTY, ParamsPart::kept),
            }),
            Self::Other(text) => Uri::Other(text.text()),
        }
    }
}

impl TelUri {
    /// The number without visual separators.
    pub fn digits(&self) -> String {
        self.number.chars().filter(|c| !matches!(c, '-' | '.' | '(' | ')')).collect()
    }
}

impl From<SipUri> for Uri {
    fn from(uri: SipUri) -> Self {
        Self::Sip(Box::new(uri))
    }
}

impl FromStr for Uri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        Self::parse(&Bytes::copy_from_slice(text.as_bytes()))
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sip(uri) => uri.fmt(f),
            Self::Tel(tel) => write!(f, "tel:{}{}", tel.number, tel.params),
            Self::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tel_uris_keep_separators_and_parameters() {
        let Ok(Uri::Tel(tel)) = "tel:+91-98(765)4.3210;phone-context=+91".parse() else { panic!() };
        assert_eq!(tel.digits(), "+919876543210");
        assert_eq!(tel.params.raw("phone-context"), Some("+91"));
        assert!("tel:".parse::<Uri>().is_err());
        assert!("tel:hello".parse::<Uri>().is_err());
    }

    #[test]
    fn other_schemes_are_kept_as_written() {
        let uri: Uri = "nobodyKnowsThisScheme:totallyopaquecontent".parse().unwrap();
        assert_eq!(uri.to_string(), "nobodyKnowsThisScheme:totallyopaquecontent");
        assert_eq!(uri.scheme(), "nobodyknowsthisscheme");
        for bad in ["", "x", ":x", "9x:y", "http:", "http:a b", "a<b:c"] {
            assert!(bad.parse::<Uri>().is_err(), "{bad}");
        }
    }
}
