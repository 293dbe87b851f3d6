//! Challenges and credentials as header values (RFC 7616 §3.3, §3.4).

use super::Algorithm;
use crate::text::{self, quote, unquote};
use std::fmt;

/// A `Digest` challenge we can answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Whose password is asked for.
    pub realm: String,
    /// To be hashed in.
    pub nonce: String,
    /// To be sent back as it is.
    pub opaque: Option<String>,
    /// The hash.
    pub algorithm: Algorithm,
    /// `qop=auth` is offered; without it the form of RFC 2069 is meant.
    pub auth: bool,
    /// Our nonce was too old, not our password wrong.
    pub stale: bool,
}

/// `Digest` credentials of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// Who claims to send.
    pub username: String,
    /// For which realm.
    pub realm: String,
    /// The nonce answered.
    pub nonce: String,
    /// The URI hashed in.
    pub uri: String,
    /// The proof.
    pub response: String,
    /// The hash.
    pub algorithm: Algorithm,
    /// Sent back as it was.
    pub opaque: Option<String>,
    /// `nc` as written and `cnonce`, for `qop=auth`.
    pub counted: Option<(String, String)>,
}

impl Challenge {
    /// Reads a WWW-Authenticate or Proxy-Authenticate value. `None` for another scheme, an unknown algorithm or a quality
    /// of protection we do not do.
    pub fn parse(value: &str) -> Option<Self> {
        let fields = Fields::digest(value)?;
        let auth = match fields.value("qop") {
            None => false,
            Some(offered) => {
                let auth = offered.split(',').any(|q| q.trim().eq_ignore_ascii_case("auth"));
                auth.then_some(true)?
            }
        };
        Some(Self {
            realm: fields.value("realm")?,
            nonce: fields.value("nonce")?,
            opaque: fields.value("opaque"),
            algorithm: fields.algorithm()?,
            auth,
            stale: fields.value("stale").is_some_and(|s| s.eq_ignore_ascii_case("true")),
        })
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest realm={}, nonce={}", quote(&self.realm), quote(&self.nonce))?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", quote(opaque))?;
        }
        write!(f, ", algorithm={}", self.algorithm.as_str())?;
        if self.auth {
            f.write_str(", qop=\"auth\"")?;
        }
        if self.stale { f.write_str(", stale=true") } else { Ok(()) }
    }
}

impl Credentials {
    /// Reads an Authorization or Proxy-Authorization value. `None` for another scheme or when a field is missing.
    pub fn parse(value: &str) -> Option<Self> {
        let fields = Fields::digest(value)?;
        let counted = match fields.value("qop") {
            None => None,
            Some(qop) if qop.eq_ignore_ascii_case("auth") => {
                let nc = fields.value("nc").filter(|nc| text::is_token(nc.as_bytes()))?;
                Some((nc, fields.value("cnonce")?))
            }
            Some(_) => return None,
        };
        Some(Self {
            username: fields.value("username")?,
            realm: fields.value("realm")?,
            nonce: fields.value("nonce")?,
            uri: fields.value("uri")?,
            response: fields.value("response")?,
            algorithm: fields.algorithm()?,
            opaque: fields.value("opaque"),
            counted,
        })
    }
}

impl fmt::Display for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest username={}, realm={}", quote(&self.username), quote(&self.realm))?;
        write!(f, ", nonce={}, uri={}", quote(&self.nonce), quote(&self.uri))?;
        write!(f, ", response={}, algorithm={}", quote(&self.response), self.algorithm.as_str())?;
        if let Some(opaque) = &self.opaque {
            write!(f, ", opaque={}", quote(opaque))?;
        }
        match &self.counted {
            Some((nc, cnonce)) => write!(f, ", qop=auth, nc={nc}, cnonce={}", quote(cnonce)),
            None => Ok(()),
        }
    }
}

/// The `name=value` pairs after the scheme.
struct Fields<'a>(Vec<(&'a str, &'a str)>);

/// No honest value has more.
const FIELDS_MAX: usize = 32;

impl<'a> Fields<'a> {
    fn digest(value: &'a str) -> Option<Self> {
        let value = value.trim_ascii();
        let (scheme, rest) = value.split_once(|c: char| c.is_ascii_whitespace())?;
        if !scheme.eq_ignore_ascii_case("digest") {
            return None;
        }
        let mut pairs: Vec<(&str, &str)> = Vec::with_capacity(12);
        let mut at = 0;
        while at <= rest.len() {
            let comma = quoted_comma(rest, at)?;
            let piece = rest[at..comma].trim_ascii();
            at = comma + 1;
            if piece.is_empty() {
                continue;
            }
            let (name, value) = piece.split_once('=')?;
            let (name, value) = (name.trim_ascii(), value.trim_ascii());
            // A quoted string and nothing behind it, or no quote at all.
            let sound = match value.starts_with('"') {
                true => text::skip_quoted(value.as_bytes(), 0) == Some(value.len()),
                false => !value.is_empty() && !value.contains('"'),
            };
            let twice = pairs.iter().any(|(n, _)| n.eq_ignore_ascii_case(name));
            if !text::is_token(name.as_bytes()) || !sound || twice || pairs.len() == FIELDS_MAX {
                return None;
            }
            pairs.push((name, value));
        }
        Some(Self(pairs))
    }

    fn value(&self, name: &str) -> Option<String> {
        let (_, raw) = self.0.iter().find(|(n, _)| n.eq_ignore_ascii_case(name))?;
        Some(unquote(raw).into_owned())
    }

    fn algorithm(&self) -> Option<Algorithm> {
        match self.value("algorithm") {
            None => Some(Algorithm::Md5),
            Some(name) => Algorithm::from_name(&name),
        }
    }
}

/// The next comma outside quotes, or the end. `None` when a quote never closes. Angle brackets mean nothing here.
fn quoted_comma(rest: &str, at: usize) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut i = at;
    while i < bytes.len() {
        match bytes[i] {
            b',' => return Some(i),
            b'"' => i = text::skip_quoted(bytes, i)?,
            _ => i += 1,
        }
    }
    Some(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_read_back_as_written() {
        let challenge = Challenge {
            realm: "a \"b\", <c".into(),
            nonce: "n=,1".into(),
            opaque: Some(String::new()),
            algorithm: Algorithm::Sha256,
            auth: true,
            stale: true,
        };
        assert_eq!(Challenge::parse(&challenge.to_string()), Some(challenge));
    }

    #[test]
    fn credentials_read_back_as_written() {
        let credentials = Credentials {
            username: "101".into(),
            realm: "x".into(),
            nonce: "n".into(),
            uri: "sip:x;a=b,c".into(),
            response: "00ff".into(),
            algorithm: Algorithm::Md5,
            opaque: None,
            counted: Some(("00000001".into(), "c".into())),
        };
        assert_eq!(Credentials::parse(&credentials.to_string()), Some(credentials));
    }

    /// Found by fuzzing: a quote that opens in the middle of a value hides what follows from one reader or the other.
    #[test]
    fn values_are_quoted_as_a_whole_or_not_at_all() {
        let with = |response: &str| {
            format!(
                "Digest username=\"1\", realm=\"x\", nonce=\"n\", uri=\"sip:x\", response={response}"
            )
        };
        for bad in ["\"a*1,\" algorithm=MD5", "a\"b\"", "\"a\"b", "\"a", ""] {
            assert_eq!(Credentials::parse(&with(bad)), None, "{bad}");
        }
        let odd = Credentials::parse(&with(r#""a\"b\\""#)).unwrap();
        assert_eq!(odd.response, r#"a"b\"#);
        assert_eq!(Credentials::parse(&odd.to_string()), Some(odd));
    }

    #[test]
    fn what_we_cannot_answer_is_not_read() {
        for bad in [
            "",
            "Digest",
            "Basic realm=\"x\"",
            "NoOneKnowsThisScheme opaque-data=here",
            "Digest realm=\"x\", nonce=\"n\", algorithm=MD5-sess",
            "Digest realm=\"x\", nonce=\"n\", qop=\"auth-int\"",
            "Digest realm=\"x, nonce=\"n\"",
            "Digest realm=\"x\", realm=\"y\", nonce=\"n\"",
            "Digest nonce=\"n\"",
        ] {
            assert_eq!(Challenge::parse(bad), None, "{bad}");
        }
        let legacy =
            Challenge::parse("digest nonce=n , realm=\"x\",qop=\"auth,auth-int\"").unwrap();
        assert!(legacy.auth && legacy.algorithm == Algorithm::Md5);
    }
}
