//! Digest authentication (RFC 7616, RFC 8760 for SIP): both sides, MD5, SHA-256 and SHA-512-256.

mod challenger;
mod client;
mod fields;

pub use challenger::{Challenger, Check, Claims, NonceRules, Refusal, Verdict};
pub use client::{AuthError, DigestClient};
pub use fields::{Challenge, Credentials};

use md5::{Digest, Md5};
use sha2::{Sha256, Sha512_256};

/// A hash algorithm, weakest first, so the greatest is the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// `MD5`, also meant when none is named.
    Md5,
    /// `SHA-256`.
    Sha256,
    /// `SHA-512-256`.
    Sha512_256,
}

impl Algorithm {
    /// Every algorithm, in the order a server offers them: RFC 8760 §2.4 has a client take the first it knows, and
    /// phones that know only MD5 often read the first challenge alone.
    pub const ALL: [Self; 3] = [Self::Md5, Self::Sha256, Self::Sha512_256];

    /// The name on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Sha256 => "SHA-256",
            Self::Sha512_256 => "SHA-512-256",
        }
    }

    /// The algorithm of this name in any case.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str().eq_ignore_ascii_case(name))
    }

    /// The hash of the parts joined by colons, in lower-case hexadecimal.
    fn hash(self, parts: &[&[u8]]) -> String {
        match self {
            Self::Md5 => joined::<Md5>(parts),
            Self::Sha256 => joined::<Sha256>(parts),
            Self::Sha512_256 => joined::<Sha512_256>(parts),
        }
    }
}

fn joined<D: Digest>(parts: &[&[u8]]) -> String {
    let mut hash = D::new();
    for (index, part) in parts.iter().enumerate() {
        if index > 0 {
            hash.update(b":");
        }
        hash.update(part);
    }
    hex::encode(hash.finalize())
}

/// What a response is computed from.
#[derive(Clone, Copy, Debug)]
struct Input<'a> {
    algorithm: Algorithm,
    username: &'a str,
    realm: &'a str,
    password: &'a str,
    method: &'a str,
    uri: &'a str,
    nonce: &'a str,
    /// `nc` as written and `cnonce`, for `qop=auth`.
    counted: Option<(&'a str, &'a str)>,
}

impl Input<'_> {
    /// RFC 7616 §3.4.1.
    fn response(&self) -> String {
        let hash = |parts: &[&[u8]]| self.algorithm.hash(parts);
        let secret =
            hash(&[self.username.as_bytes(), self.realm.as_bytes(), self.password.as_bytes()]);
        let request = hash(&[self.method.as_bytes(), self.uri.as_bytes()]);
        let (secret, nonce, request) =
            (secret.as_bytes(), self.nonce.as_bytes(), request.as_bytes());
        match self.counted {
            Some((nc, cnonce)) => {
                hash(&[secret, nonce, nc.as_bytes(), cnonce.as_bytes(), b"auth", request])
            }
            None => hash(&[secret, nonce, request]),
        }
    }
}

/// Compares without telling by its duration where the difference is.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |acc, (a, b)| acc | (a ^ b)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7616 §3.9.1; SHA-512-256 checked with an independent implementation.
    #[test]
    fn the_published_example_comes_out() {
        let input = |algorithm| Input {
            algorithm,
            username: "Mufasa",
            realm: "http-auth@example.org",
            password: "Circle of Life",
            method: "GET",
            uri: "/dir/index.html",
            nonce: "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
            counted: Some(("00000001", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ")),
        };
        assert_eq!(input(Algorithm::Md5).response(), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(
            input(Algorithm::Sha256).response(),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
        assert_eq!(input(Algorithm::Sha512_256).response(), SHA_512_256);
    }

    const SHA_512_256: &str = "430d05014cecc49cab6fbe03176d41a1da86cbfe24a16580e22aaad928d960d0";

    /// The example of RFC 2069 §2.4 as corrected by its erratum.
    #[test]
    fn the_form_without_qop_comes_out() {
        let input = Input {
            algorithm: Algorithm::Md5,
            username: "Mufasa",
            realm: "testrealm@host.com",
            password: "CircleOfLife",
            method: "GET",
            uri: "/dir/index.html",
            nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
            counted: None,
        };
        assert_eq!(input.response(), "1949323746fe6a43ef61f9606e7febea");
    }

    #[test]
    fn the_strongest_algorithm_is_the_greatest() {
        assert_eq!(Algorithm::ALL.into_iter().max(), Some(Algorithm::Sha512_256));
        assert_eq!(Algorithm::from_name("sha-256"), Some(Algorithm::Sha256));
        assert_eq!(Algorithm::from_name("MD5-sess"), None);
    }

    #[test]
    fn comparison_needs_every_byte() {
        assert!(same(b"abc", b"abc") && !same(b"abc", b"abd") && !same(b"abc", b"ab"));
    }
}
