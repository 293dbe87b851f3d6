//! `sip:` and `sips:` URIs (RFC 3261 §19.1).

use super::{Host, Params, UriError, host::HostPart, params::ParamsPart};
use crate::text::{self, Class, Span, Text};
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    str::FromStr,
};

/// A SIP or SIPS URI. Equality is that of RFC 3261 §19.1.4.
#[derive(Clone, Debug)]
pub struct SipUri {
    /// `sips`: TLS on every hop.
    pub secure: bool,
    /// The user part as written (still escaped).
    pub user: Option<Text>,
    /// The deprecated password, as written.
    pub password: Option<Text>,
    /// Where it points.
    pub host: Host,
    /// The port, when one is written.
    pub port: Option<u16>,
    /// `;transport=…;lr` and the like.
    pub params: Params,
    /// What follows the question mark, as written.
    pub headers: Option<Text>,
}

impl SipUri {
    /// `sip:host`.
    pub fn new(host: impl Into<Host>) -> Self {
        Self {
            secure: false,
            user: None,
            password: None,
            host: host.into(),
            port: None,
            params: Params::EMPTY,
            headers: None,
        }
    }

    /// `sip:address:port`.
    pub fn at(addr: SocketAddr) -> Self {
        Self { port: Some(addr.port()), ..Self::new(addr.ip()) }
    }

    /// With this user part; what needs it is escaped.
    #[must_use]
    pub fn with_user(mut self, user: &str) -> Self {
        self.user = Some(text::percent_encode_user(user).into());
        self
    }

    /// With this port.
    #[must_use]
    pub fn with_port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// With this parameter; `None` writes a flag.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Self {
        self.params.set(name, value);
        self
    }

    /// The user part without escapes (bytes that are not UTF-8 are replaced).
    pub fn user_decoded(&self) -> Option<String> {
        self.user.as_ref().map(|u| String::from_utf8_lossy(&text::percent_decode(u)).into_owned())
    }

    /// The `transport` parameter, lower case.
    pub fn transport(&self) -> Option<String> {
        self.params.raw("transport").map(str::to_ascii_lowercase)
    }

    /// Loose routing (`;lr`)?
    pub fn is_loose_route(&self) -> bool {
        self.params.has("lr")
    }

    /// The address a request to this URI goes to, when no name needs resolving (`maddr` first).
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        let ip: Option<IpAddr> = match self.params.raw("maddr") {
            Some(maddr) => Host::from(maddr).ip(),
            None => self.host.ip(),
        };
        let default =
            if self.secure || self.transport().as_deref() == Some("tls") { 5061 } else { 5060 };
        ip.map(|ip| SocketAddr::new(ip, self.port.unwrap_or(default)))
    }

    /// The `name=value` pairs after the question mark, unescaped.
    pub fn header_pairs(&self) -> Vec<(String, String)> {
        let decode = |raw: &str| String::from_utf8_lossy(&text::percent_decode(raw)).into_owned();
        self.headers
            .iter()
            .flat_map(|h| h.split('&'))
            .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
            .map(|(name, value)| (decode(name), decode(value)))
            .collect()
    }

    /// The same URI fit for a request line: without headers and `method` (RFC 3261 §19.1.1, table 1).
    #[must_use]
    pub fn without_headers(&self) -> Self {
        let mut uri = Self { headers: None, ..self.clone() };
        uri.params.remove("method");
        uri
    }

    /// `user@host`, lower-case host, without port or parameters: the form under which bindings are kept (RFC 3261 §10.3).
    pub fn address_of_record(&self) -> String {
        let host = self.host.to_string().to_ascii_lowercase();
        match self.user_decoded() {
            Some(user) => format!("{user}@{host}"),
            None => host,
        }
    }
}

/// The parts of a SIP URI, checked where they lie; nothing is kept of them.
#[derive(Clone, Copy)]
pub(crate) struct SipUriPart<'a> {
    secure: bool,
    user: Option<Span<'a>>,
    password: Option<Span<'a>>,
    host: HostPart<'a>,
    port: Option<u16>,
    params: Option<ParamsPart<'a>>,
    headers: Option<Span<'a>>,
}

impl<'a> SipUriPart<'a> {
    /// Reads what follows the scheme.
    pub(super) fn read(secure: bool, rest: Span<'a>) -> Result<Self, UriError> {
        let bytes: &[u8] = &rest;
        let (mut user, mut password, mut at) = (None, None, 0);
        if let Some(end) = text::find(bytes, b'@') {
            (user, password) = userinfo(rest.range(0, end))?;
            at = end + 1;
        }
        let (host, end) = HostPart::read(rest, at)?;
        let (port, mut end) = HostPart::read_port(bytes, end)?;
        // Most have neither headers nor escapes, which one look settles.
        let odd = text::find_either(bytes, b'?', b'%').is_some();
        let question = match odd {
            true => text::find(&bytes[end..], b'?').map(|question| end + question),
            false => None,
        };
        let params_end = question.unwrap_or(bytes.len());
        let mut params = None;
        if bytes.get(end) == Some(&b';') {
            params = Some(ParamsPart::read_uri(rest.range(end + 1, params_end))?);
            end = params_end;
        }
        if end != params_end {
            return Err(UriError::Host);
        }
        let headers = question.map(|question| rest.from(question + 1));
        if headers.is_some_and(|headers| headers.is_empty() || !text::all_uri(&headers)) {
            return Err(UriError::Syntax);
        }
        if odd && !text::escapes_valid(bytes) {
            return Err(UriError::Syntax);
        }
        Ok(Self { secure, user, password, host, port, params, headers })
    }

    /// Are there headers after a question mark?
    pub(crate) fn has_headers(&self) -> bool {
        self.headers.is_some()
    }

    pub(super) fn kept(self) -> SipUri {
        SipUri {
            secure: self.secure,
            user: self.user.map(Span::text),
            password: self.password.map(Span::text),
            host: self.host.kept(),
            port: self.port,
            params: self.params.map_or(Params::EMPTY, ParamsPart::kept),
            headers: self.headers.map(Span::text),
        }
    }
}

type UserInfo<'a> = (Option<Span<'a>>, Option<Span<'a>>);

fn userinfo(span: Span<'_>) -> Result<UserInfo<'_>, UriError> {
    let end = Class::URI_USER.run(&span, 0);
    if end == 0 {
        return Err(UriError::User);
    }
    if end == span.len() {
        return Ok((Some(span), None));
    }
    let password = span.from(end + 1);
    // Less may stand in a password than in a user part: else its tail could be taken for parameters of another host.
    let odd = |b: &u8| matches!(b, b';' | b'?' | b'/' | b'#');
    if span[end] != b':'
        || Class::URI_USER.run(&password, 0) != password.len()
        || password.iter().any(odd)
    {
        return Err(UriError::User);
    }
    Ok((Some(span.range(0, end)), Some(password)))
}

impl FromStr for SipUri {
    type Err = UriError;

    fn from_str(text: &str) -> Result<Self, UriError> {
        match text.parse()? {
            super::Uri::Sip(uri) => Ok(*uri),
            super::Uri::Tel(_) | super::Uri::Other(_) => Err(UriError::Syntax),
        }
    }
}

impl fmt::Display for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.secure { "sips:" } else { "sip:" })?;
        if let Some(user) = &self.user {
            f.write_str(user)?;
            if let Some(password) = &self.password {
                write!(f, ":{password}")?;
            }
            f.write_str("@")?;
        }
        self.host.fmt(f)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        self.params.fmt(f)?;
        if let Some(headers) = &self.headers {
            write!(f, "?{headers}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> SipUri {
        text.parse().unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn every_part_is_found() {
        let uri =
            parse("sips:al%69ce:pw@[2001:db8::1]:5061;transport=TLS;lr?Subject=a%20b&Priority=x");
        assert!(uri.secure && uri.is_loose_route());
        assert_eq!(uri.user_decoded().as_deref(), Some("alice"));
        assert_eq!(uri.password.as_deref(), Some("pw"));
        assert_eq!(uri.transport().as_deref(), Some("tls"));
        assert_eq!(uri.socket_addr(), Some("[2001:db8::1]:5061".parse().unwrap()));
        assert_eq!(uri.header_pairs()[0], ("Subject".into(), "a b".into()));
        assert_eq!(
            uri.to_string(),
            "sips:al%69ce:pw@[2001:db8::1]:5061;transport=TLS;lr?Subject=a%20b&Priority=x"
        );
    }

    #[test]
    fn the_user_part_may_look_like_parameters() {
        let uri = parse("sip:user;par=u%40example.net@example.com");
        assert_eq!(uri.user.as_deref(), Some("user;par=u%40example.net"));
        let uri = parse(
            "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
        );
        assert_eq!(uri.host, Host::from("example.com"));
    }

    /// Found by fuzzing: rsip takes all of it for a host.
    #[test]
    fn headers_may_follow_a_bare_host() {
        let uri = parse("sip:userexa?ar=u%46ex/1t.");
        assert_eq!((uri.user.as_ref(), &uri.host), (None, &Host::from("userexa")));
        assert_eq!(uri.header_pairs(), [("ar".to_owned(), "uFex/1t.".to_owned())]);
    }

    #[test]
    fn broken_uris_are_refused() {
        for bad in [
            "sip:",
            "sip:@host",
            "sip:a b@host",
            "sip:user@",
            "sip:u@h:x",
            "sip:u@h;",
            "sip:u@h;;a",
            "sip:u@h?",
            "sip:%4@h",
            "sip:2001:db8::10",
            "sip:u@h;a b",
            "sip:u@<h>",
            "sip:\u{e9}@h",
            "sip:a\"b@h",
            // Found by fuzzing: which host it names is a matter of taste.
            "sip:hS.0.1:5060;rporG4bK1@23h;uabdTE",
            "sip:u:p?w@h",
        ] {
            assert!(bad.parse::<SipUri>().is_err(), "{bad}");
        }
    }

    #[test]
    fn built_users_are_escaped() {
        let uri = SipUri::new("example.com").with_user("a b@c").with_port(5070);
        assert_eq!(uri.to_string(), "sip:a%20b%40c@example.com:5070");
        assert_eq!(uri.address_of_record(), "a b@c@example.com");
    }
}
