//! Our registration with a carrier's registrar (RFC 3261 §10.2): what each REGISTER says, what each answer means, and
//! when the next is due (B08, B09). The shell sends what is polled and hands back what came of it.

use crate::{
    Destination, HeaderLine, Message, Method, NameAddr, OutgoingRequest, Uri,
    digest::{Challenge, DigestClient},
    message::Contacts,
};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

/// Waits after failures double from here …
const RETRY_FIRST: Duration = Duration::from_secs(5);
/// … up to here.
const RETRY_LAST: Duration = Duration::from_secs(300);
/// Who refused our credentials is not asked again before this; changed settings start anew.
const REFUSED_PAUSE: Duration = Duration::from_secs(3600);
/// Requests in one round: plain, with credentials, with a longer lifetime, with a fresh nonce.
const TRIES: u8 = 4;
/// No shorter lifetime is asked for.
const LIFETIME_MIN_S: u32 = 60;
/// A longer one is not believed: an unnoticed loss would last as long.
const LIFETIME_MAX_S: u32 = 86_400;

/// With whom we register, and as whom.
#[derive(Clone, Debug)]
pub struct RegistrationConfig {
    /// Request-URI, e.g. `sip:registrar.example`.
    pub registrar: String,
    /// Whom we register: `<sip:user@domain>`.
    pub aor: String,
    /// User name and secret, where the registrar asks for them.
    pub credentials: Option<(String, String)>,
    /// Only this realm is answered, where one is given (B07).
    pub realm: Option<String>,
    /// Lifetime asked for.
    pub expires_s: u32,
}

/// How it fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistrationState {
    /// The registrar knows us until then.
    Registered {
        /// End of the lifetime granted.
        until: Instant,
    },
    /// Our credentials, or we, are refused: somebody must change something.
    Refused {
        /// The answer.
        status: u16,
    },
    /// It is tried again.
    Failed {
        /// In words, for people.
        error: String,
    },
    /// It is over: our Contact was taken back, or that was tried.
    Left {
        /// Why the registrar may still know us, in words.
        error: Option<String>,
    },
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RegistrationOutput {
    /// Send this; the shell fills in destination and Contact and tells the outcome.
    Send(Box<OutgoingRequest>),
    /// It came to this.
    State(RegistrationState),
}

/// One registration. Call-ID, From tag and CSeq live as long as it does (RFC 3261 §10.2).
#[derive(Debug)]
pub struct Registration {
    config: RegistrationConfig,
    digest: Option<DigestClient>,
    call_id: String,
    from_tag: String,
    cseq: u32,
    expires_s: u32,
    failures: u32,
    round: Option<Round>,
    due: Option<Instant>,
    /// Until when the registrar knows us, as far as it told.
    until: Option<Instant>,
    leaving: bool,
    outputs: VecDeque<RegistrationOutput>,
    rng: ChaCha8Rng,
}

/// Requests on the way to one answer.
#[derive(Clone, Copy, Debug)]
struct Round {
    sent: u8,
    authorised: bool,
}

impl Registration {
    /// Due at once.
    pub fn new(config: RegistrationConfig, rng_seed: u64, now: Instant) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(rng_seed);
        let own = config.credentials.as_ref();
        Self {
            digest: own.map(|(user, secret)| DigestClient::new(user, secret, rng.random())),
            call_id: format!("{:032x}", rng.random::<u128>()),
            from_tag: format!("{:016x}", rng.random::<u64>()),
            cseq: 0,
            expires_s: config.expires_s.max(LIFETIME_MIN_S),
            failures: 0,
            round: None,
            due: Some(now),
            until: None,
            leaving: false,
            outputs: VecDeque::new(),
            rng,
            config,
        }
    }

    /// What is to be done next.
    pub fn poll_output(&mut self) -> Option<RegistrationOutput> {
        self.outputs.pop_front()
    }

    /// When [`Registration::handle_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due
    }

    /// Begins a round when one is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        if self.due.take_if(|due| *due <= now).is_some() {
            self.round = Some(Round { sent: 0, authorised: false });
            self.send();
        }
    }

    /// Ends it: nothing is refreshed any more, and one round of REGISTER with `Expires: 0` takes our own Contact back
    /// (RFC 3261 §10.2.2). A registrar that cannot know us is sent nothing.
    pub fn leave(&mut self, now: Instant) {
        let known = self.round.take().is_some() || self.until.is_some_and(|until| until > now);
        self.leaving = true;
        self.due = None;
        self.outputs.clear();
        if known {
            self.round = Some(Round { sent: 0, authorised: false });
            self.send();
        } else {
            self.settle(now, RegistrationState::Left { error: None });
        }
    }

    /// The final response to the request polled last. `ours` says whether it came from one of the registrar's own hosts:
    /// nobody else's challenge is answered (B07). `contact` is the Contact the request bore.
    pub fn handle_response(&mut self, now: Instant, response: &Message, ours: bool, contact: &str) {
        let Some(round) = self.round else { return };
        let status = response.status().map_or(0, |status| status.code());
        match status {
            200..=299 => self.succeeded(now, response, contact),
            401 | 407 => {
                let ours = ours && challenges_only(response, self.config.realm.as_deref());
                let digest = self.digest.as_mut().filter(|_| ours);
                match digest.map(|digest| digest.challenged(response, round.authorised)) {
                    Some(Ok(())) => self.again(now, true),
                    Some(Err(_)) | None => self.refused(now, status),
                }
            }
            403 | 404 => self.refused(now, status),
            423 if !self.leaving => {
                let wanted = response.min_expires().unwrap_or(3600).min(LIFETIME_MAX_S);
                if wanted <= self.expires_s {
                    return self.failed(now, "423 without a longer lifetime".into(), None);
                }
                self.expires_s = wanted;
                self.again(now, false);
            }
            _ => {
                let pause = response.retry_after().map(|wait| u64::from(wait.delay_s));
                let error = format!("REGISTER answered with {status}");
                self.failed(now, error, pause.map(Duration::from_secs));
            }
        }
    }

    /// There will be no response to the request polled last.
    pub fn handle_failure(&mut self, now: Instant, why: &str) {
        if self.round.is_some() {
            self.failed(now, format!("no answer to REGISTER: {why}"), None);
        }
    }

    fn again(&mut self, now: Instant, authorised: bool) {
        let Some(round) = &mut self.round else { return };
        round.authorised = authorised;
        if round.sent >= TRIES {
            return self.failed(now, "the registrar challenges for ever".into(), None);
        }
        self.send();
    }

    fn send(&mut self) {
        let Some(round) = &mut self.round else { return };
        round.sent += 1;
        self.cseq += 1;
        let config = &self.config;
        let mut request = OutgoingRequest::new(
            Method::Register,
            config.registrar.clone(),
            config.aor.clone(),
            config.aor.clone(),
            Destination::Uri,
        );
        request.call_id = Some(self.call_id.clone());
        request.from_tag = Some(self.from_tag.clone());
        request.cseq = Some(self.cseq);
        let expires_s = if self.leaving { 0 } else { self.expires_s };
        request.headers.push(HeaderLine::new("Expires", expires_s.to_string()));
        if let (Some(digest), Ok(uri)) = (&mut self.digest, config.registrar.parse::<Uri>()) {
            let lines = digest.authorise(&Method::Register, &uri);
            let lines =
                lines.into_iter().map(|(name, value)| HeaderLine::new(name.as_str(), value));
            request.headers.extend(lines);
        }
        self.outputs.push_back(RegistrationOutput::Send(Box::new(request)));
    }

    fn succeeded(&mut self, now: Instant, response: &Message, contact: &str) {
        self.failures = 0;
        if self.leaving {
            return self.settle(now, RegistrationState::Left { error: None });
        }
        let granted = granted_s(response, contact).unwrap_or(self.expires_s);
        let granted = Duration::from_secs(u64::from(granted.clamp(30, LIFETIME_MAX_S)));
        // Between half and four fifths of it, so that many trunks do not refresh at once.
        let share = self.rng.random_range(0.5..0.8);
        self.until = Some(now + granted);
        self.settle(
            now + granted.mul_f64(share),
            RegistrationState::Registered { until: now + granted },
        );
    }

    fn refused(&mut self, now: Instant, status: u16) {
        self.failures += 1;
        if self.leaving {
            return self.failed(now, format!("REGISTER answered with {status}"), None);
        }
        self.settle(now + REFUSED_PAUSE, RegistrationState::Refused { status });
    }

    fn failed(&mut self, now: Instant, error: String, pause: Option<Duration>) {
        if self.leaving {
            return self.settle(now, RegistrationState::Left { error: Some(error) });
        }
        let doubled = RETRY_FIRST * 2u32.saturating_pow(self.failures.min(10));
        self.failures += 1;
        // Never sooner than asked for, and not all trunks in the same moment.
        let wait = pause.unwrap_or(doubled).clamp(RETRY_FIRST, RETRY_LAST);
        let wait = wait.mul_f64(self.rng.random_range(1.0..1.2));
        self.settle(now + wait, RegistrationState::Failed { error });
    }

    fn settle(&mut self, next: Instant, state: RegistrationState) {
        self.round = None;
        self.due = Some(next).filter(|_| !self.leaving);
        self.outputs.push_back(RegistrationOutput::State(state));
    }
}

/// The lifetime of our own binding: a registrar lists every one it has of the AOR (RFC 3261 §10.3 step 8), and another
/// installation's may stand first.
fn granted_s(response: &Message, contact: &str) -> Option<u32> {
    let Ok(Contacts::List(listed)) = response.contacts() else { return response.expires() };
    let own = contact.parse::<NameAddr>().ok().map(|own| own.uri);
    let ours = listed.iter().find(|listed| own.as_ref() == Some(&listed.uri));
    // A registrar behind an address translator rewrites the one it got.
    let ours = ours.or(if listed.len() == 1 { listed.first() } else { None });
    ours.and_then(NameAddr::expires).or(response.expires())
}

/// Does a 401 or 407 ask for this realm and no other? Where no realm is given, any may ask.
pub fn challenges_only(response: &Message, realm: Option<&str>) -> bool {
    use crate::HeaderName::{ProxyAuthenticate, WwwAuthenticate};
    let Some(wanted) = realm else { return true };
    [WwwAuthenticate, ProxyAuthenticate]
        .into_iter()
        .flat_map(|name| response.lines(name))
        .filter_map(|line| std::str::from_utf8(&line).ok().and_then(Challenge::parse))
        .all(|offered| offered.realm == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HeaderName, test_clock::start};
    use bytes::Bytes;

    const CONTACT: &str = "<sip:192.0.2.10:5060>";

    fn registration(seed: u64) -> Registration {
        let config = RegistrationConfig {
            registrar: "sip:carrier.example".into(),
            aor: "<sip:acc@carrier.example>".into(),
            credentials: Some(("acc".into(), "pw".into())),
            realm: Some("carrier".into()),
            expires_s: 600,
        };
        Registration::new(config, seed, start())
    }

    fn response(code: u16, lines: &str) -> Message {
        Message::parse(Bytes::from(format!(
            "SIP/2.0 {code} x\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@h>;tag=1\r\nTo: <sip:a@h>;tag=2\r\n\
             Call-ID: c\r\nCSeq: 1 REGISTER\r\n{lines}\r\n"
        )))
        .unwrap()
    }

    fn sent(machine: &mut Registration) -> OutgoingRequest {
        match machine.poll_output() {
            Some(RegistrationOutput::Send(request)) => *request,
            other => panic!("nothing sent: {other:?}"),
        }
    }

    fn state(machine: &mut Registration) -> RegistrationState {
        match machine.poll_output() {
            Some(RegistrationOutput::State(state)) => state,
            other => panic!("nothing told: {other:?}"),
        }
    }

    fn header<'a>(request: &'a OutgoingRequest, name: &str) -> Option<&'a str> {
        request.headers.iter().find(|line| line.name == name).map(|line| &*line.value)
    }

    fn begun(seed: u64) -> (Registration, Instant) {
        let (mut machine, now) = (registration(seed), start());
        machine.handle_timeout(now);
        (machine, now)
    }

    const CHALLENGE: &str =
        "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"n\", qop=\"auth\"\r\n";

    /// B09: one Call-ID, rising CSeq, credentials, then the lifetime the registrar wants.
    #[test]
    fn a_challenge_and_a_longer_lifetime_are_met_within_one_round() {
        let (mut machine, now) = begun(1);
        let first = sent(&mut machine);
        machine.handle_response(now, &response(401, CHALLENGE), true, CONTACT);
        let second = sent(&mut machine);
        let credentials = header(&second, HeaderName::Authorization.as_str()).unwrap();
        assert!(credentials.contains("username=\"acc\"") && !credentials.contains("pw"));
        machine.handle_response(now, &response(423, "Min-Expires: 1800\r\n"), true, CONTACT);
        let third = sent(&mut machine);
        assert_eq!(header(&third, "Expires"), Some("1800"));
        assert_eq!((&first.call_id, &first.from_tag), (&third.call_id, &third.from_tag));
        assert_eq!((first.cseq, second.cseq, third.cseq), (Some(1), Some(2), Some(3)));
        machine.handle_response(now, &response(200, "Expires: 1800\r\n"), true, CONTACT);
        let until = now + Duration::from_secs(1800);
        assert_eq!(state(&mut machine), RegistrationState::Registered { until });
    }

    /// B09: what another installation was granted is not ours.
    #[test]
    fn the_lifetime_granted_is_that_of_our_own_contact() {
        for (contacts, granted) in [
            (
                "Contact: <sip:acc@198.51.100.1>;expires=3000, <sip:192.0.2.10:5060>;expires=120\r\n",
                120,
            ),
            ("Contact: <sip:198.51.100.7:61000>;expires=90\r\n", 90),
            ("Contact: <sip:a@h>;expires=3000, <sip:b@h>;expires=3000\r\nExpires: 200\r\n", 200),
            ("Contact: <sip:192.0.2.10:5060>\r\nExpires: 240\r\n", 240),
            ("", 600),
        ] {
            let (mut machine, now) = begun(2);
            sent(&mut machine);
            machine.handle_response(now, &response(200, contacts), true, CONTACT);
            let until = now + Duration::from_secs(granted);
            assert_eq!(state(&mut machine), RegistrationState::Registered { until }, "{contacts}");
            let next = machine.poll_timeout().unwrap() - now;
            let share = next.as_secs_f64() / granted as f64;
            assert!((0.5..0.8).contains(&share), "refreshed after {share}");
        }
    }

    /// B08: refused credentials stop it for an hour; so does 403 (B09).
    #[test]
    fn who_refuses_us_is_left_alone() {
        let (mut machine, now) = begun(3);
        sent(&mut machine);
        machine.handle_response(now, &response(401, CHALLENGE), true, CONTACT);
        sent(&mut machine);
        machine.handle_response(now, &response(401, CHALLENGE), true, CONTACT);
        assert_eq!(state(&mut machine), RegistrationState::Refused { status: 401 });
        assert_eq!(machine.poll_timeout(), Some(now + REFUSED_PAUSE));
        let (mut machine, now) = begun(3);
        sent(&mut machine);
        machine.handle_response(now, &response(403, ""), true, CONTACT);
        assert_eq!(state(&mut machine), RegistrationState::Refused { status: 403 });
    }

    /// B08: a registrar that calls every nonce stale is given up after four requests, and asked later.
    #[test]
    fn endless_challenges_end_the_round() {
        let (mut machine, now) = begun(4);
        let stale = CHALLENGE.replace("\r\n", ", stale=true\r\n");
        for _ in 0..4 {
            sent(&mut machine);
            machine.handle_response(now, &response(401, &stale), true, CONTACT);
        }
        assert!(matches!(state(&mut machine), RegistrationState::Failed { .. }));
        assert_eq!(machine.poll_output(), None);
        assert!(machine.poll_timeout().unwrap() >= now + RETRY_FIRST);
    }

    /// B07: neither a stranger's challenge nor another realm's gets an answer.
    #[test]
    fn only_the_registrars_own_challenge_is_answered() {
        let other = CHALLENGE.replace("\"carrier\"", "\"other\"");
        for (lines, ours) in [(CHALLENGE, false), (other.as_str(), true)] {
            let (mut machine, now) = begun(5);
            sent(&mut machine);
            machine.handle_response(now, &response(401, lines), ours, CONTACT);
            assert_eq!(state(&mut machine), RegistrationState::Refused { status: 401 });
            assert_eq!(machine.poll_output(), None);
        }
    }

    /// B09: 503 with Retry-After is heeded, failures back off, and a success forgets them.
    #[test]
    fn failures_wait_as_asked_or_twice_as_long_each_time() {
        let (mut machine, mut now) = begun(6);
        sent(&mut machine);
        machine.handle_response(now, &response(503, "Retry-After: 40\r\n"), true, CONTACT);
        state(&mut machine);
        let wait = machine.poll_timeout().unwrap() - now;
        assert!((40.0..48.0).contains(&wait.as_secs_f64()), "{wait:?}");
        let mut least = 10.0;
        for _ in 0..8 {
            now = machine.poll_timeout().unwrap();
            machine.handle_timeout(now);
            sent(&mut machine);
            machine.handle_failure(now, "timeout");
            assert!(matches!(state(&mut machine), RegistrationState::Failed { .. }));
            let wait = (machine.poll_timeout().unwrap() - now).as_secs_f64();
            assert!((least..least * 1.2).contains(&wait), "{wait} after {least}");
            least = f64::min(least * 2.0, 300.0);
        }
        now = machine.poll_timeout().unwrap();
        machine.handle_timeout(now);
        sent(&mut machine);
        machine.handle_response(now, &response(200, ""), true, CONTACT);
        assert!(matches!(state(&mut machine), RegistrationState::Registered { .. }));
    }

    /// What is taken back is our own Contact, with credentials where they are asked for; then there is silence.
    #[test]
    fn a_registration_that_ends_is_taken_back() {
        let (mut machine, now) = begun(7);
        let first = sent(&mut machine);
        machine.handle_response(now, &response(200, "Expires: 600\r\n"), true, CONTACT);
        state(&mut machine);
        machine.leave(now);
        let plain = sent(&mut machine);
        assert_eq!(header(&plain, "Expires"), Some("0"));
        assert_eq!((&first.call_id, first.cseq), (&plain.call_id, plain.cseq.map(|n| n - 1)));
        machine.handle_response(now, &response(401, CHALLENGE), true, CONTACT);
        let proved = sent(&mut machine);
        assert_eq!(header(&proved, "Expires"), Some("0"));
        assert!(header(&proved, HeaderName::Authorization.as_str()).is_some());
        machine.handle_response(now, &response(200, ""), true, CONTACT);
        assert_eq!(state(&mut machine), RegistrationState::Left { error: None });
        assert_eq!((machine.poll_timeout(), machine.poll_output()), (None, None));
    }

    #[test]
    fn only_a_registrar_that_may_know_us_is_told_that_we_leave() {
        let (mut machine, now) = (registration(8), start());
        machine.leave(now);
        assert_eq!(state(&mut machine), RegistrationState::Left { error: None });
        // One that was asked and has not answered may have taken us; what it says now ends it in any case.
        for status in [403, 423, 500] {
            let (mut machine, now) = begun(8);
            sent(&mut machine);
            machine.leave(now);
            assert_eq!(header(&sent(&mut machine), "Expires"), Some("0"));
            machine.handle_response(now, &response(status, "Min-Expires: 60\r\n"), true, CONTACT);
            let error = Some(format!("REGISTER answered with {status}"));
            assert_eq!(state(&mut machine), RegistrationState::Left { error });
            assert_eq!((machine.poll_timeout(), machine.poll_output()), (None, None));
        }
    }

    /// B09: fifty trunks registered in one moment after a restart are not refreshed in one moment.
    #[test]
    fn fifty_trunks_do_not_refresh_together() {
        let mut refreshes: Vec<Duration> = (0..50)
            .map(|seed| {
                let (mut machine, now) = begun(seed);
                sent(&mut machine);
                machine.handle_response(now, &response(200, "Expires: 600\r\n"), true, CONTACT);
                machine.poll_timeout().unwrap() - now
            })
            .collect();
        refreshes.sort_unstable();
        assert!(
            refreshes[0] >= Duration::from_secs(300) && refreshes[49] < Duration::from_secs(480)
        );
        let crowd = |from: &Duration| {
            refreshes
                .iter()
                .filter(|at| *at >= from && **at < *from + Duration::from_secs(10))
                .count()
        };
        assert!(refreshes.iter().map(crowd).max().unwrap() < 12, "{refreshes:?}");
    }
}
