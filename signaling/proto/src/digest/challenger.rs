//! Challenging requests and checking the answers (B03, B06).
//!
//! A nonce proves itself: it carries its age and a keyed hash, so challenges cost no memory however many are asked for.
//! Only a nonce that was answered rightly is remembered, to count its uses; that table is bounded, and what falls out of it
//! is stale rather than usable again.

use super::{Algorithm, Challenge, Credentials, Input, same};
use crate::{header_name::HeaderName, message::Message, method::Method, uri::Uri};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use sha2::Sha256;
use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

/// How nonces are given out.
#[derive(Clone, Debug)]
pub struct NonceRules {
    /// Offered in this order.
    pub algorithms: Vec<Algorithm>,
    /// After this a nonce is stale.
    pub lifetime: Duration,
    /// Answered nonces remembered.
    pub remembered_max: usize,
}

impl Default for NonceRules {
    fn default() -> Self {
        Self {
            algorithms: Algorithm::ALL.to_vec(),
            lifetime: Duration::from_secs(300),
            remembered_max: 65_536,
        }
    }
}

/// Why credentials do not pass. Never told to the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Not readable as Digest.
    Malformed,
    /// For another realm, so not for us.
    Realm,
    /// An algorithm that was not offered.
    Algorithm,
    /// The URI hashed in is not the one asked for.
    Uri,
    /// No such user, or another password: both look and cost the same (B03).
    Secret,
    /// Right, but seen before.
    Replay,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The sender knows the secret and this is a new request.
    Accepted,
    /// No credentials for this realm: challenge.
    Missing,
    /// Right secret, but the nonce is too old or from before a restart: challenge with `stale=true`.
    Stale,
    /// Challenge again, and count a failure.
    Refused(Refusal),
}

/// What a request is checked against.
#[derive(Clone, Copy, Debug)]
pub struct Check<'a> {
    /// The realm, one for each tenant.
    pub realm: &'a str,
    /// The user's secret; `None` when there is no such user.
    pub secret: Option<&'a str>,
}

/// The server's side of Digest.
pub struct Challenger {
    rules: NonceRules,
    epoch: Instant,
    /// Keyed once; each nonce goes on from a copy.
    mac: Hmac<Sha256>,
    /// Stands in for the secret of a user who does not exist.
    nobody: String,
    issued: u64,
    used: BTreeMap<u64, Uses>,
    /// Nonces up to this number may have been forgotten.
    forgotten: u64,
}

/// The highest count seen and the 64 below it.
#[derive(Clone, Copy, Debug)]
struct Uses {
    highest: u32,
    seen: u64,
}

const STAMP: usize = 16;
const TAG: usize = 16;

/// A nonce that is ours: its number and its age.
struct Genuine {
    number: u64,
    age: Duration,
}

impl Challenger {
    /// A challenger with a key of its own; nonces of another are stale to it.
    pub fn new(rules: NonceRules, rng_seed: [u8; 32], now: Instant) -> Self {
        let mut rng = ChaCha20Rng::from_seed(rng_seed);
        let key: [u8; 32] = rng.random();
        Self {
            rules,
            epoch: now,
            mac: Hmac::new_from_slice(&key).expect("a key of any length is taken"),
            nobody: hex::encode(rng.random::<[u8; 16]>()),
            issued: 0,
            used: BTreeMap::new(),
            forgotten: 0,
        }
    }

    /// The challenge lines for a 401 or 407, one for each algorithm, all with the same nonce.
    pub fn challenges(&mut self, now: Instant, realm: &str, stale: bool) -> Vec<String> {
        let nonce = self.nonce(now, realm);
        let challenge = |algorithm: &Algorithm| Challenge {
            realm: realm.into(),
            nonce: nonce.clone(),
            opaque: None,
            algorithm: *algorithm,
            auth: true,
            stale,
        };
        self.rules.algorithms.iter().map(|a| challenge(a).to_string()).collect()
    }

    /// Checks a request. Every path with credentials for our realm computes one response, whether or not the user exists.
    pub fn check(
        &mut self,
        now: Instant,
        request: &Message,
        claims: &Claims,
        check: &Check<'_>,
    ) -> Verdict {
        let claimed = match claims.of(check.realm) {
            Ok(Some(claimed)) => claimed,
            Ok(None) => return Verdict::Missing,
            Err(refusal) => return Verdict::Refused(refusal),
        };
        if !self.rules.algorithms.contains(&claimed.algorithm) {
            return Verdict::Refused(Refusal::Algorithm);
        }
        let right = self.proves(request.method(), claimed, check);
        let genuine = self.genuine(now, check.realm, &claimed.nonce);
        if !right {
            return Verdict::Refused(Refusal::Secret);
        }
        if !request.request_uri().is_some_and(|uri| same_target(uri, &claimed.uri)) {
            return Verdict::Refused(Refusal::Uri);
        }
        match genuine {
            Some(nonce) if nonce.age <= self.rules.lifetime => self.count(&nonce, claimed),
            Some(_) | None => Verdict::Stale,
        }
    }

    fn proves(&self, method: &Method, claimed: &Credentials, check: &Check<'_>) -> bool {
        let expected = Input {
            algorithm: claimed.algorithm,
            username: &claimed.username,
            realm: check.realm,
            password: check.secret.unwrap_or(&self.nobody),
            method: method.as_str(),
            uri: &claimed.uri,
            nonce: &claimed.nonce,
            counted: claimed.counted.as_ref().map(|(nc, cnonce)| (nc.as_str(), cnonce.as_str())),
        }
        .response();
        let given = claimed.response.to_ascii_lowercase();
        same(expected.as_bytes(), given.as_bytes()) & check.secret.is_some()
    }

    /// Each count of a nonce is good once; without counts (RFC 2069) each nonce is good once.
    fn count(&mut self, nonce: &Genuine, claimed: &Credentials) -> Verdict {
        let count = match &claimed.counted {
            None => Some(1),
            Some((nc, _)) if nc.len() == 8 => u32::from_str_radix(nc, 16).ok().filter(|n| *n > 0),
            Some(_) => None,
        };
        let Some(count) = count else { return Verdict::Refused(Refusal::Malformed) };
        if let Some(uses) = self.used.get_mut(&nonce.number) {
            return match (uses.take(count), &claimed.counted) {
                (true, _) => Verdict::Accepted,
                // Without counts a second use is what such phones do; a new nonce sets them right.
                (false, None) => Verdict::Stale,
                (false, Some(_)) => Verdict::Refused(Refusal::Replay),
            };
        }
        if nonce.number <= self.forgotten {
            return Verdict::Stale;
        }
        self.used.insert(nonce.number, Uses { highest: count, seen: 0 });
        if self.used.len() > self.rules.remembered_max
            && let Some((number, _)) = self.used.pop_first()
        {
            self.forgotten = number;
        }
        Verdict::Accepted
    }

    /// `age ‖ number ‖ keyed hash`, as text.
    fn nonce(&mut self, now: Instant, realm: &str) -> String {
        self.issued += 1;
        let at = now.saturating_duration_since(self.epoch).as_millis() as u64;
        let mut stamp = [0; STAMP];
        stamp[..8].copy_from_slice(&at.to_be_bytes());
        stamp[8..].copy_from_slice(&self.issued.to_be_bytes());
        let mut nonce = stamp.to_vec();
        nonce.extend_from_slice(&self.tag(&stamp, realm));
        URL_SAFE_NO_PAD.encode(nonce)
    }

    fn genuine(&self, now: Instant, realm: &str, nonce: &str) -> Option<Genuine> {
        let bytes = URL_SAFE_NO_PAD.decode(nonce).ok().filter(|b| b.len() == STAMP + TAG)?;
        let (stamp, tag) = bytes.split_at(STAMP);
        if !same(&self.tag(stamp, realm), tag) {
            return None;
        }
        let (at, number) = stamp.split_at(8);
        let at = Duration::from_millis(u64::from_be_bytes(at.try_into().ok()?));
        let number = u64::from_be_bytes(number.try_into().ok()?);
        Some(Genuine { number, age: now.saturating_duration_since(self.epoch).saturating_sub(at) })
    }

    fn tag(&self, stamp: &[u8], realm: &str) -> [u8; TAG] {
        let mut mac = self.mac.clone();
        mac.update(stamp);
        mac.update(realm.as_bytes());
        let full = mac.finalize().into_bytes();
        std::array::from_fn(|i| full[i])
    }
}

impl Uses {
    /// Marks a count; `false` when it was marked before or lies too far back to know.
    fn take(&mut self, count: u32) -> bool {
        if count > self.highest {
            let step = count - self.highest;
            self.seen = match step {
                64.. => 0,
                _ => self.seen << step | 1 << (step - 1),
            };
            self.highest = count;
            return true;
        }
        let back = self.highest - count;
        if back == 0 || back > 64 || self.seen & 1 << (back - 1) != 0 {
            return false;
        }
        self.seen |= 1 << (back - 1);
        true
    }
}

/// Who a request says it is from, read once.
#[derive(Clone, Debug)]
pub struct Claims(Vec<Option<Credentials>>);

impl Claims {
    /// Of every line of this header; another scheme is as good as none (RFC 4475 §3.3.7).
    pub fn read(request: &Message, header: HeaderName) -> Self {
        let read = |line: Bytes| {
            let read = std::str::from_utf8(&line).ok().map(Credentials::parse);
            let other = matches!(read, Some(None)) && !starts_with_digest(&line);
            (!other).then_some(read.flatten())
        };
        Self(request.lines(header).filter_map(read).collect())
    }

    /// The first realm that is named.
    pub fn realm(&self) -> Option<&str> {
        self.0.iter().flatten().map(|claimed| claimed.realm.as_str()).next()
    }

    /// The user name claimed in this realm, for looking up the secret.
    pub fn user(&self, realm: &str) -> Option<&str> {
        self.of(realm).ok().flatten().map(|claimed| claimed.username.as_str())
    }

    /// The credentials for our realm; those for other realms are other people's business.
    fn of(&self, realm: &str) -> Result<Option<&Credentials>, Refusal> {
        let mut refusal = None;
        for claimed in &self.0 {
            match claimed {
                Some(found) if found.realm == realm => return Ok(Some(found)),
                Some(_) => refusal = Some(Refusal::Realm),
                None => refusal = Some(Refusal::Malformed),
            }
        }
        refusal.map_or(Ok(None), Err)
    }
}

fn starts_with_digest(line: &[u8]) -> bool {
    line.get(..6).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"digest"))
}

/// The URI in the credentials must mean the Request-URI (RFC 7616 §3.4.6). Parameters a proxy may have added are not
/// compared; user, host and port are.
fn same_target(uri: &Uri, claimed: &str) -> bool {
    let Ok(claimed) = claimed.parse::<Uri>() else { return false };
    match (uri, &claimed) {
        (Uri::Sip(a), Uri::Sip(b)) => {
            a.user_decoded() == b.user_decoded()
                && a.host == b.host
                && a.port.unwrap_or(5060) == b.port.unwrap_or(5060)
        }
        (a, b) => *a == *b,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::DigestClient;

    const REALM: &str = "pratham.example";

    fn challenger(rules: NonceRules, now: Instant) -> Challenger {
        Challenger::new(rules, [7; 32], now)
    }

    fn request(uri: &str, authorization: &str) -> Message {
        Message::parse(Bytes::from(format!(
            "REGISTER {uri} SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:101@h>;tag=1\r\nTo: <sip:101@h>\r\n\
             Call-ID: c\r\nCSeq: 1 REGISTER\r\n{authorization}\r\n"
        )))
        .unwrap()
    }

    /// A client holding the challenge lines.
    fn client(lines: &[String], password: &str) -> DigestClient {
        let headers: String = lines.iter().map(|l| format!("WWW-Authenticate: {l}\r\n")).collect();
        let text = request("sip:h", &headers);
        let text = String::from_utf8(text.bytes().to_vec()).unwrap();
        let response = text.replacen("REGISTER sip:h SIP/2.0", "SIP/2.0 401 x", 1);
        let mut client = DigestClient::new("101", password, 3);
        client.challenged(&Message::parse(Bytes::from(response)).unwrap(), false).unwrap();
        client
    }

    fn authorised(client: &mut DigestClient, uri: &str) -> Message {
        let lines = client.authorise(&Method::Register, &uri.parse().unwrap());
        request(uri, &format!("Authorization: {}\r\n", lines[0].1))
    }

    fn verdict(
        c: &mut Challenger,
        now: Instant,
        request: &Message,
        secret: Option<&str>,
    ) -> Verdict {
        let claims = Claims::read(request, HeaderName::Authorization);
        c.check(now, request, &claims, &Check { realm: REALM, secret })
    }

    /// B06: of all cases only the exact one passes.
    #[test]
    fn only_the_exact_case_passes_for_each_algorithm() {
        let now = crate::test_clock::start();
        for algorithm in Algorithm::ALL {
            let rules = NonceRules { algorithms: vec![algorithm], ..NonceRules::default() };
            let mut c = challenger(rules, now);
            let lines = c.challenges(now, REALM, false);
            let mut right = client(&lines, "s3cret");
            let good = authorised(&mut right, "sip:h");
            assert_eq!(
                verdict(&mut c, now, &good, Some("s3cret")),
                Verdict::Accepted,
                "{algorithm:?}"
            );
            assert_eq!(
                verdict(&mut c, now, &good, Some("s3cret")),
                Verdict::Refused(Refusal::Replay)
            );
            let next = authorised(&mut right, "sip:h");
            assert_eq!(verdict(&mut c, now, &next, Some("s3cret")), Verdict::Accepted);
            let wrong = authorised(&mut client(&lines, "other"), "sip:h");
            assert_eq!(
                verdict(&mut c, now, &wrong, Some("s3cret")),
                Verdict::Refused(Refusal::Secret)
            );
        }
    }

    /// B06: wrong realm, another URI, an algorithm not offered, no credentials, another scheme.
    #[test]
    fn everything_beside_the_exact_case_is_told_apart() {
        let now = crate::test_clock::start();
        let mut c = challenger(NonceRules::default(), now);
        assert_eq!(verdict(&mut c, now, &request("sip:h", ""), Some("x")), Verdict::Missing);
        let basic = request("sip:h", "Authorization: Basic YTpi\r\n");
        assert_eq!(verdict(&mut c, now, &basic, Some("x")), Verdict::Missing);
        let broken = request("sip:h", "Authorization: Digest username=\"101\"\r\n");
        assert_eq!(verdict(&mut c, now, &broken, Some("x")), Verdict::Refused(Refusal::Malformed));
        let other = c.challenges(now, "other.example", false);
        let other = authorised(&mut client(&other, "x"), "sip:h");
        assert_eq!(verdict(&mut c, now, &other, Some("x")), Verdict::Refused(Refusal::Realm));
        let mut right = client(&c.challenges(now, REALM, false), "x");
        let line = right.authorise(&Method::Register, &"sip:h".parse().unwrap()).remove(0).1;
        let moved = request("sip:elsewhere", &format!("Authorization: {line}\r\n"));
        assert_eq!(verdict(&mut c, now, &moved, Some("x")), Verdict::Refused(Refusal::Uri));
        let rules = NonceRules { algorithms: vec![Algorithm::Md5], ..NonceRules::default() };
        let mut md5 = challenger(rules, now);
        assert_eq!(
            verdict(&mut md5, now, &authorised(&mut right, "sip:h"), Some("x")),
            Verdict::Refused(Refusal::Algorithm)
        );
    }

    #[test]
    fn old_nonces_and_those_of_another_run_are_stale_not_wrong() {
        let now = crate::test_clock::start();
        let mut c = challenger(NonceRules::default(), now);
        let mut phone = client(&c.challenges(now, REALM, false), "x");
        let late = now + Duration::from_secs(301);
        assert_eq!(
            verdict(&mut c, late, &authorised(&mut phone, "sip:h"), Some("x")),
            Verdict::Stale
        );
        let mut restarted = Challenger::new(NonceRules::default(), [8; 32], now);
        let again = authorised(&mut phone, "sip:h");
        assert_eq!(verdict(&mut restarted, now, &again, Some("x")), Verdict::Stale);
        assert_eq!(
            verdict(&mut restarted, now, &again, Some("y")),
            Verdict::Refused(Refusal::Secret)
        );
        assert!(restarted.challenges(now, REALM, true)[0].ends_with("stale=true"));
    }

    /// B03: whether a user exists shows neither in the answer nor in the work done.
    #[test]
    fn an_absent_user_fails_like_a_wrong_password() {
        let now = crate::test_clock::start();
        let mut c = challenger(NonceRules::default(), now);
        let mut phone = client(&c.challenges(now, REALM, false), "x");
        let asked = authorised(&mut phone, "sip:h");
        assert_eq!(verdict(&mut c, now, &asked, None), Verdict::Refused(Refusal::Secret));
        assert_eq!(verdict(&mut c, now, &asked, Some("y")), Verdict::Refused(Refusal::Secret));
        // Not even the stand-in secret opens the door.
        let nobody = c.nobody.clone();
        let mut guess = client(&c.challenges(now, REALM, false), &nobody);
        assert_eq!(
            verdict(&mut c, now, &authorised(&mut guess, "sip:h"), None),
            Verdict::Refused(Refusal::Secret)
        );
    }

    #[test]
    fn counts_may_arrive_out_of_order_but_only_once() {
        let mut uses = Uses { highest: 5, seen: 0 };
        assert!(uses.take(3) && !uses.take(3) && !uses.take(5));
        assert!(uses.take(7) && uses.take(6) && !uses.take(6) && !uses.take(5) && !uses.take(3));
        assert!(
            uses.take(4) && uses.take(200) && !uses.take(7) && uses.take(136) && !uses.take(135)
        );
    }

    #[test]
    fn forgotten_nonces_are_stale_rather_than_good_again() {
        let now = crate::test_clock::start();
        let rules = NonceRules { remembered_max: 2, ..NonceRules::default() };
        let mut c = challenger(rules, now);
        let mut phones: Vec<DigestClient> =
            (0..4).map(|_| client(&c.challenges(now, REALM, false), "x")).collect();
        let first: Vec<Message> = phones.iter_mut().map(|p| authorised(p, "sip:h")).collect();
        for request in &first {
            assert_eq!(verdict(&mut c, now, request, Some("x")), Verdict::Accepted);
        }
        assert_eq!(c.used.len(), 2);
        assert_eq!(verdict(&mut c, now, &first[0], Some("x")), Verdict::Stale);
        assert_eq!(verdict(&mut c, now, &first[3], Some("x")), Verdict::Refused(Refusal::Replay));
    }
}
