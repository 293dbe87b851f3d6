//! Hosts and `host:port` pairs, IPv6 in brackets (RFC 3261 §25.1 with the corrections of RFC 5954).

use super::UriError;
use crate::text::Text;
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
        if bytes.first() == Some(&b'[') {
            let inner = bytes.strip_prefix(b"[").and_then(|b| b.strip_suffix(b"]"));
            return inner.and_then(ipv6).map(|ip| Self::Ip(ip.into())).ok_or(UriError::Host);
        }
        if let Some(ip) = ipv4(bytes) {
            return Ok(Self::Ip(ip.into()));
        }
        let name_byte = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
        if bytes.is_empty() || !bytes.iter().all(name_byte) || bytes[0] == b'.' {
            return Err(UriError::Host);
        }
        Ok(Self::Name(Text::from_wire(bytes.clone())))
    }

    /// The address, when the host is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Ip(ip) => Some(*ip),
            Self::Name(_) => None,
        }
    }

    /// Reads `host[:port]`, white space around the colon allowed. Returns the host and the port.
    pub(crate) fn parse_with_port(bytes: &Bytes) -> Result<(Self, Option<u16>), UriError> {
        let host_end = match bytes.first() {
            Some(b'[') => memchr::memchr(b']', bytes).ok_or(UriError::Host)? + 1,
            _ => memchr::memchr(b':', bytes).unwrap_or(bytes.len()),
        };
        let (start, end) = crate::text::trim(bytes, 0, host_end);
        let host = Self::parse(&bytes.slice(start..end))?;
        let (rest_start, rest_end) = crate::text::trim(bytes, host_end, bytes.len());
        if rest_start == rest_end {
            return Ok((host, None));
        }
        if bytes[rest_start] != b':' {
            return Err(UriError::Host);
        }
        let (start, end) = crate::text::trim(bytes, rest_start + 1, rest_end);
        let port = crate::text::exact_u32(&bytes[start..end]).ok_or(UriError::Port)?;
        Ok((host, Some(u16::try_from(port).map_err(|_| UriError::Port)?)))
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
        Host::parse_with_port(&Bytes::copy_from_slice(text.as_bytes()))
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
