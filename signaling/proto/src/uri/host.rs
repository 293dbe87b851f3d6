//! Hosts and `host:port` pairs, IPv6 in brackets (RFC 3261 §25.1 with the corrections of RFC 5954).

use super::UriError;
use crate::text::{self, Span, Text};
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
        match span.first() {
            Some(b'[') => {
                let inner = span.strip_prefix(b"[").and_then(|b| b.strip_suffix(b"]"));
                inner.and_then(ipv6).map(|ip| Self::Ip(ip.into())).ok_or(UriError::Host)
            }
            Some(first) if *first != b'.' && text::all_host(&span) => Ok(match ipv4(&span) {
                Some(ip) => Self::Ip(ip.into()),
                None => Self::Name(span.text()),
            }),
            Some(_) | None => Err(UriError::Host),
        }
    }

    /// The address, when the host is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            Self::Name(_) => None,
        }
    }

    /// Reads `host[:port]`, white space around the colon allowed. Returns the host and the port.
    pub(crate) fn parse_with_port(span: Span<'_>) -> Result<(Self, Option<u16>), UriError> {
        let host_end = match span.first() {
            Some(b'[') => memchr::memchr(b']', &span).ok_or(UriError::Host)? + 1,
            _ => memchr::memchr(b':', &span).unwrap_or(span.len()),
        };
        let host = Self::parse_span(span.range(0, host_end).trimmed())?;
        let rest = span.from(host_end).trimmed();
        match rest.first() {
            None => Ok((host, None)),
            Some(b':') => {
                let port = text::exact_u32(&rest.from(1).trimmed()).ok_or(UriError::Port)?;
                Ok((host, Some(u16::try_from(port).map_err(|_| UriError::Port)?)))
            }
            Some(_) => Err(UriError::Host),
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
            Self::Ip(IpAddr::V4(ip)) => ip.fmt(f),
            Self::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
        }
    }
}

/// Writes an address as `host:port`, IPv6 in brackets.
pub fn host_port(addr: SocketAddr) -> String {
    format!("{}:{}", Host::Ip(addr.ip()), addr.port())
}

fn ipv4(bytes: &[u8]) -> Option<Ipv4Addr> {
    if bytes.len() < 7 || bytes.len() > 15 || !bytes[0].is_ascii_digit() {
        return None;
    }
    std::str::from_utf8(bytes).ok()?.parse().ok()
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
        Host::parse_with_port(Span::all(&Bytes::copy_from_slice(text.as_bytes())))
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
    fn ports_out_of_range_are_refused() {
        assert!(parse("a:65536").is_err());
        assert!(parse("a:").is_err());
        assert!(parse("a:-1").is_err());
        assert_eq!(parse("a : 5060").unwrap().1, Some(5060));
    }
}
