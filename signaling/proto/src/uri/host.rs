//! Hosts and `host:port` pairs, IPv6 in brackets (RFC 3261 §25.1 with the corrections of RFC 5954).

use super::UriError;
use crate::text::{self, Class, Span, Text};
use bytes::Bytes;
use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

/// A host name or address.
#[derive(Clone, Debug)]
pub enum Host {
    /// A domain name, as written.
    Name(Text),
    /// An address; IPv6 is written in brackets.
    Ip(IpAddr),
}

impl Host {
    /// Reads a host that fills all of `bytes`.
    pub fn parse(bytes: &Bytes) -> Result<Self, UriError> {
        Self::parse_span(Span::all(bytes))
    }

    fn parse_span(span: Span<'_>) -> Result<Self, UriError> {
        match HostPart::read(span, 0)? {
            (host, end) if end == span.len() => Ok(host.kept()),
            _ => Err(UriError::Host),
        }
    }

    /// The address, when the host is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            Self::Name(_) => None,
        }
    }
}

/// A host that was checked where it lies; nothing is kept of it.
#[derive(Clone, Copy)]
pub(crate) enum HostPart<'a> {
    Name(Span<'a>),
    Ip(IpAddr),
}

impl<'a> HostPart<'a> {
    /// Reads the host that begins at `at`; where it ends.
    pub(crate) fn read(span: Span<'a>, at: usize) -> Result<(Self, usize), UriError> {
        let bytes: &[u8] = &span;
        let first = *bytes.get(at).ok_or(UriError::Host)?;
        if first == b'[' {
            let inner = at + 1;
            let close = text::find(&bytes[inner..], b']').ok_or(UriError::Host)? + inner;
            let ip = ipv6(&bytes[inner..close]).ok_or(UriError::Host)?;
            return Ok((Self::Ip(ip.into()), close + 1));
        }
        let end = Class::HOST.run(bytes, at);
        if first == b'.' || end == at {
            return Err(UriError::Host);
        }
        let host = match ipv4(&bytes[at..end]) {
            Some(ip) => Self::Ip(ip.into()),
            None => Self::Name(span.range(at, end)),
        };
        Ok((host, end))
    }

    /// Reads `:port` at `at`, when it is there; where it ends.
    pub(crate) fn read_port(bytes: &[u8], at: usize) -> Result<(Option<u16>, usize), UriError> {
        if bytes.get(at) != Some(&b':') {
            return Ok((None, at));
        }
        let end = Class::DIGIT.run(bytes, at + 1);
        let port = text::exact_u32(&bytes[at + 1..end]).ok_or(UriError::Port)?;
        Ok((Some(u16::try_from(port).map_err(|_| UriError::Port)?), end))
    }

    /// Reads `host[:port]`, white space around the colon allowed, that fills all of `span`.
    pub(crate) fn read_spaced(span: Span<'a>) -> Result<(Self, Option<u16>), UriError> {
        let span = span.trimmed();
        let bytes: &[u8] = &span;
        let (host, end) = Self::read(span, 0)?;
        let mut end = text::skip_lws(bytes, end);
        if bytes.get(end) != Some(&b':') {
            return if end == bytes.len() { Ok((host, None)) } else { Err(UriError::Host) };
        }
        end = text::skip_lws(bytes, end + 1);
        let port = text::exact_u32(&bytes[end..]).ok_or(UriError::Port)?;
        Ok((host, Some(u16::try_from(port).map_err(|_| UriError::Port)?)))
    }

    pub(crate) fn kept(self) -> Host {
        match self {
            Self::Name(name) => Host::Name(name.text()),
            Self::Ip(ip) => Host::Ip(ip),
        }
    }
}

impl PartialEq for Host {
    /// Names compare without case (RFC 3261 §19.1.4).
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(a), Self::Name(b)) => a.eq_ignore_ascii_case(b),
            (Self::Ip(a), Self::Ip(b)) => a == b,
            (Self::Name(_), Self::Ip(_)) | (Self::Ip(_), Self::Name(_)) => false,
        }
    }
}

impl Eq for Host {}

impl From<IpAddr> for Host {
    fn from(ip: IpAddr) -> Self {
        Self::Ip(ip)
    }
}

impl From<&str> for Host {
    /// An address where the text is one (with or without brackets), a name otherwise.
    fn from(text: &str) -> Self {
        let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']')).unwrap_or(text);
        bare.parse().map_or_else(|_| Self::Name(text.into()), Self::Ip)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(ip)) => f.write_str(Dotted::new(*ip).as_str()),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

/// An IPv4 address as text, which every message has several of: the general way of writing numbers takes ten times as
/// long.
pub(crate) struct Dotted {
    text: [u8; 15],
    len: usize,
}

impl Dotted {
    pub(crate) fn new(ip: Ipv4Addr) -> Self {
        let mut dotted = Self { text: [0; 15], len: 0 };
        for (index, octet) in ip.octets().into_iter().enumerate() {
            if index > 0 {
                dotted.push(b'.');
            }
            if octet >= 100 {
                dotted.push(b'0' + octet / 100);
            }
            if octet >= 10 {
                dotted.push(b'0' + octet / 10 % 10);
            }
            dotted.push(b'0' + octet % 10);
        }
        dotted
    }

    fn push(&mut self, byte: u8) {
        self.text[self.len] = byte;
        self.len += 1;
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..self.len]).unwrap_or_default()
    }
}

/// Writes an address as `host:port`, IPv6 in brackets.
pub fn host_port(addr: SocketAddr) -> String {
    format!("{}:{}", Host::Ip(addr.ip()), addr.port())
}

/// Four numbers below 256 without leading zeros.
fn ipv4(bytes: &[u8]) -> Option<Ipv4Addr> {
    if bytes.len() < 7 || bytes.len() > 15 || !bytes[0].is_ascii_digit() {
        return None;
    }
    let (mut octets, mut count) = ([0u8; 4], 0);
    let (mut number, mut digits) = (0u32, 0);
    for b in bytes.iter().chain(b".") {
        match b {
            b'0'..=b'9' if digits < 3 && (digits == 0 || number > 0) => {
                number = number * 10 + u32::from(b - b'0');
                digits += 1;
            }
            b'.' if digits > 0 && count < 4 => {
                octets[count] = u8::try_from(number).ok()?;
                count += 1;
                (number, digits) = (0, 0);
            }
            _ => return None,
        }
    }
    (count == 4).then(|| octets.into())
}

/// Also accepts the third colon that the ABNF of RFC 3261 wrongly allowed before an IPv4 tail (RFC 5118 §4.10).
fn ipv6(bytes: &[u8]) -> Option<Ipv6Addr> {
    let text = std::str::from_utf8(bytes).ok()?;
    text.parse().ok().or_else(|| text.replacen(":::", "::", 1).parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<(Host, Option<u16>), UriError> {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        HostPart::read_spaced(Span::all(&bytes)).map(|(host, port)| (host.kept(), port))
    }

    #[test]
    fn ipv6_needs_brackets_and_ends_before_the_port() {
        let (host, port) = parse("[2001:db8::10]:5070").unwrap();
        assert_eq!((host.to_string().as_str(), port), ("[2001:db8::10]", Some(5070)));
        assert_eq!(parse("[2001:db8::10:5070]").unwrap().1, None);
        assert!(parse("2001:db8::10").is_err());
        assert!(parse("[2001:db8::10").is_err());
        assert!(parse("[2001:db8::10]5070").is_err());
    }

    #[test]
    fn the_third_colon_of_the_old_grammar_is_tolerated() {
        assert_eq!(
            parse("[2001:db8:::192.0.2.1]").unwrap().0,
            parse("[2001:db8::192.0.2.1]").unwrap().0
        );
    }

    #[test]
    fn addresses_are_written_as_the_standard_library_writes_them() {
        for octet in 0..=u8::MAX {
            let ip = Ipv4Addr::new(octet, 255 - octet, 0, octet / 3);
            assert_eq!(Dotted::new(ip).as_str(), ip.to_string());
        }
    }

    #[test]
    fn ports_out_of_range_are_refused() {
        assert!(parse("a:65536").is_err());
        assert!(parse("a:").is_err());
        assert!(parse("a:-1").is_err());
        assert_eq!(parse("a : 5060").unwrap().1, Some(5060));
    }
}
