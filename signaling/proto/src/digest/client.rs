//! Answering challenges to our own requests. Whom to answer is the caller's decision: a trunk's credentials go only to
//! that trunk's hosts, never to whoever asks (B07).

use super::{Algorithm, Challenge, Credentials, Input};
use crate::{
    header_name::HeaderName, message::Message, method::Method, status::StatusCode, uri::Uri,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Why a challenge is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The response is no 401 or 407 or carries no Digest challenge we know.
    #[error("no challenge we can answer")]
    NoChallenge,
    /// The credentials were refused with a fresh nonce: they are wrong.
    #[error("credentials refused")]
    Refused,
}

/// One user's credentials and the nonces at hand.
#[derive(Debug)]
pub struct DigestClient {
    username: String,
    password: String,
    /// Challenges being answered, by realm and kind, each with the number of its last use.
    current: Vec<Current>,
    rng: ChaCha8Rng,
}

#[derive(Debug)]
struct Current {
    proxy: bool,
    challenge: Challenge,
    uses: u32,
}

/// A server asks for one realm, or a proxy and a server for two; more is somebody playing.
const REALMS_MAX: usize = 4;

impl DigestClient {
    /// Credentials for any realm that challenges.
    pub fn new(username: &str, password: &str, rng_seed: u64) -> Self {
        Self {
            username: username.into(),
            password: password.into(),
            current: Vec::new(),
            rng: ChaCha8Rng::seed_from_u64(rng_seed),
        }
    }

    /// Takes the challenges of a 401 or 407. `authorised` says whether the refused request carried credentials of ours:
    /// then only `stale=true` is worth another try.
    pub fn challenged(&mut self, response: &Message, authorised: bool) -> Result<(), AuthError> {
        let (header, proxy) = match response.status() {
            Some(StatusCode::UNAUTHORIZED) => (HeaderName::WwwAuthenticate, false),
            Some(StatusCode::PROXY_AUTHENTICATION_REQUIRED) => {
                (HeaderName::ProxyAuthenticate, true)
            }
            Some(_) | None => return Err(AuthError::NoChallenge),
        };
        let mut best: Vec<Challenge> = Vec::new();
        for line in response.lines(header) {
            let challenge = std::str::from_utf8(&line).ok().and_then(Challenge::parse);
            let Some(challenge) = challenge else { continue };
            match best.iter().position(|known| known.realm == challenge.realm) {
                Some(at) if best[at].algorithm < challenge.algorithm => best[at] = challenge,
                None if best.len() < REALMS_MAX => best.push(challenge),
                Some(_) | None => {}
            }
        }
        if best.is_empty() {
            return Err(AuthError::NoChallenge);
        }
        for challenge in best {
            let known = self
                .current
                .iter()
                .position(|c| c.proxy == proxy && c.challenge.realm == challenge.realm);
            if known.is_some() && authorised && !challenge.stale {
                self.current.clear();
                return Err(AuthError::Refused);
            }
            if let Some(known) = known {
                self.current.remove(known);
            }
            self.current.truncate(REALMS_MAX - 1);
            self.current.push(Current { proxy, challenge, uses: 0 });
        }
        Ok(())
    }

    /// The header lines that authorise a request, with the next `nc`; empty while nobody has challenged.
    pub fn authorise(&mut self, method: &Method, uri: &Uri) -> Vec<(HeaderName, String)> {
        let uri = uri.to_string();
        let (username, password, rng) = (&self.username, &self.password, &mut self.rng);
        self.current
            .iter_mut()
            .map(|current| {
                current.uses += 1;
                let header = match current.proxy {
                    true => HeaderName::ProxyAuthorization,
                    false => HeaderName::Authorization,
                };
                let counted = current.challenge.auth.then(|| {
                    (format!("{:08x}", current.uses), hex::encode(rng.random::<[u8; 16]>()))
                });
                let user = (username.as_str(), password.as_str());
                let answer = answer(&current.challenge, user, method, &uri, counted);
                (header, answer.to_string())
            })
            .collect()
    }

    /// The algorithms in use, strongest last; for display.
    pub fn algorithms(&self) -> Vec<Algorithm> {
        let mut used: Vec<Algorithm> = self.current.iter().map(|c| c.challenge.algorithm).collect();
        used.sort_unstable();
        used
    }
}

fn answer(
    challenge: &Challenge,
    (username, password): (&str, &str),
    method: &Method,
    uri: &str,
    counted: Option<(String, String)>,
) -> Credentials {
    let response = Input {
        algorithm: challenge.algorithm,
        username,
        realm: &challenge.realm,
        password,
        method: method.as_str(),
        uri,
        nonce: &challenge.nonce,
        counted: counted.as_ref().map(|(nc, cnonce)| (nc.as_str(), cnonce.as_str())),
    }
    .response();
    Credentials {
        username: username.into(),
        realm: challenge.realm.clone(),
        nonce: challenge.nonce.clone(),
        uri: uri.into(),
        response,
        algorithm: challenge.algorithm,
        opaque: challenge.opaque.clone(),
        counted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    fn response(code: &str, lines: &str) -> Message {
        Message::parse(Bytes::from(format!(
            "SIP/2.0 {code} x\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:a@h>;tag=2\r\n\
             Call-ID: c\r\nCSeq: 1 REGISTER\r\n{lines}\r\n"
        )))
        .unwrap()
    }

    fn read((header, value): &(HeaderName, String)) -> (HeaderName, Credentials) {
        (*header, Credentials::parse(value).unwrap())
    }

    #[test]
    fn the_strongest_known_challenge_is_answered() {
        let mut client = DigestClient::new("101", "secret", 1);
        let lines = "WWW-Authenticate: Digest realm=\"r\", nonce=\"a\", algorithm=MD5, qop=\"auth\"\r\n\
                     WWW-Authenticate: Digest realm=\"r\", nonce=\"b\", algorithm=SHA-512-256, qop=\"auth\"\r\n\
                     WWW-Authenticate: Digest realm=\"r\", nonce=\"c\", algorithm=SHA3, qop=\"auth\"\r\n\
                     WWW-Authenticate: Digest realm=\"r\", nonce=\"d\", algorithm=SHA-256, qop=\"auth\"\r\n";
        client.challenged(&response("401", lines), false).unwrap();
        let uri = "sip:h".parse().unwrap();
        let lines = client.authorise(&Method::Register, &uri);
        let (header, sent) = read(&lines[0]);
        assert_eq!((header, lines.len()), (HeaderName::Authorization, 1));
        assert_eq!((sent.algorithm, sent.nonce.as_str()), (Algorithm::Sha512_256, "b"));
    }

    #[test]
    fn each_use_of_a_nonce_counts_in_hexadecimal() {
        let mut client = DigestClient::new("101", "secret", 1);
        let uri = "sip:h".parse().unwrap();
        assert!(client.authorise(&Method::Register, &uri).is_empty());
        let line = "Proxy-Authenticate: Digest realm=\"r\", nonce=\"a\", qop=\"auth\"\r\n";
        client.challenged(&response("407", line), false).unwrap();
        let counts: Vec<String> = (0..11)
            .map(|_| read(&client.authorise(&Method::Register, &uri)[0]).1.counted.unwrap().0)
            .collect();
        assert_eq!((counts[0].as_str(), counts[10].as_str()), ("00000001", "0000000b"));
    }

    /// B08: an endless challenge is not answered endlessly.
    #[test]
    fn a_fresh_challenge_after_our_answer_means_refused() {
        let mut client = DigestClient::new("101", "secret", 1);
        let line = "WWW-Authenticate: Digest realm=\"r\", nonce=\"a\"\r\n";
        client.challenged(&response("401", line), false).unwrap();
        let stale = "WWW-Authenticate: Digest realm=\"r\", nonce=\"b\", stale=TRUE\r\n";
        client.challenged(&response("401", stale), true).unwrap();
        assert_eq!(client.challenged(&response("401", line), true), Err(AuthError::Refused));
        assert_eq!(client.challenged(&response("403", ""), true), Err(AuthError::NoChallenge));
    }

    #[test]
    fn the_legacy_form_has_no_count() {
        let mut client = DigestClient::new("101", "secret", 1);
        client
            .challenged(
                &response("401", "WWW-Authenticate: Digest realm=\"r\", nonce=\"a\"\r\n"),
                false,
            )
            .unwrap();
        let uri = "sip:h".parse().unwrap();
        assert_eq!(read(&client.authorise(&Method::Register, &uri)[0]).1.counted, None);
    }
}
