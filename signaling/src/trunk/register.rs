//! Our registration with a carrier: one round of REGISTER, and when the next is due (B08, B09).

use super::{Trunk, watch::TrunkNeighbours};
use crate::{
    calls::{host_port, realm_fits},
    sip::RequestOutcome,
    status::TrunkHealth,
};
use signaling_proto::{
    Destination, HeaderLine, Message, Method, OutgoingRequest, Uri, digest::DigestClient,
};
use std::time::{Duration, SystemTime};

/// Waits after failures double from here …
const RETRY_FIRST: Duration = Duration::from_secs(5);
/// … up to here.
const RETRY_LAST: Duration = Duration::from_secs(300);
/// Who refused our credentials is not asked again before this; changed settings start anew.
const REFUSED_PAUSE: Duration = Duration::from_secs(3600);
/// Requests in one round: plain, with credentials, with a longer lifetime, with a fresh nonce.
const TRIES: u8 = 4;

/// Keeps what must stay the same over all REGISTERs (RFC 3261 §10.2).
pub(super) struct Registrar {
    digest: Option<DigestClient>,
    call_id: String,
    from_tag: String,
    cseq: u32,
    expires_s: u32,
    failures: u32,
}

/// What a round came to.
#[derive(Clone, Debug)]
pub(super) struct RegisterResult {
    pub(super) state: TrunkHealth,
    pub(super) next: Duration,
    pub(super) until: Option<SystemTime>,
    pub(super) error: Option<String>,
    /// The credentials were refused with this status.
    pub(super) refused: Option<(u16, String)>,
}

/// What one response means.
enum Step {
    Again { authorised: bool },
    Done(RegisterResult),
}

impl Registrar {
    /// `None` for a trunk that we do not register with.
    pub(super) fn new(trunk: &Trunk) -> Option<Self> {
        let registration = trunk.settings.registration.as_ref()?;
        let own = trunk.settings.credentials.as_ref();
        Some(Self {
            digest: own.map(|own| DigestClient::new(&own.username, &own.secret.0, rand::random())),
            call_id: format!("{:032x}", rand::random::<u128>()),
            from_tag: format!("{:016x}", rand::random::<u64>()),
            cseq: 0,
            expires_s: registration.expires_s.max(60),
            failures: 0,
        })
    }

    /// One round.
    pub(super) async fn register(
        &mut self,
        trunk: &Trunk,
        near: &TrunkNeighbours,
    ) -> RegisterResult {
        let mut authorised = false;
        for _ in 0..TRIES {
            let request = self.request(trunk);
            let step = match near.sip.request(request).await {
                RequestOutcome::Response(message, source) => {
                    self.read(trunk, &message, source.remote, authorised)
                }
                RequestOutcome::Failed(failure) => {
                    Step::Done(self.failed(format!("no answer to REGISTER: {failure:?}"), None))
                }
            };
            match step {
                Step::Again { authorised: now } => authorised = now,
                Step::Done(result) => return result,
            }
        }
        self.failed("the registrar challenges for ever".to_owned(), None)
    }

    fn request(&mut self, trunk: &Trunk) -> OutgoingRequest {
        let settings = &trunk.settings;
        let user = settings.credentials.as_ref().map_or("telehub", |own| own.username.as_str());
        let domain = settings.from_domain.as_deref().unwrap_or(&settings.host);
        let uri = format!("sip:{}", host_port(settings));
        self.cseq += 1;
        let aor = format!("<sip:{user}@{domain}>");
        let targets = Destination::Targets(trunk.targets());
        let mut request =
            OutgoingRequest::new(Method::Register, uri.clone(), aor.clone(), aor, targets);
        request.call_id = Some(self.call_id.clone());
        request.from_tag = Some(self.from_tag.clone());
        request.cseq = Some(self.cseq);
        request.headers.push(HeaderLine::new("Expires", self.expires_s.to_string()));
        if let (Some(digest), Ok(uri)) = (&mut self.digest, uri.parse::<Uri>()) {
            let lines = digest.authorise(&Method::Register, &uri);
            let line = |(name, value): (signaling_proto::HeaderName, String)| {
                HeaderLine::new(name.as_str(), value)
            };
            request.headers.extend(lines.into_iter().map(line));
        }
        request
    }

    fn read(
        &mut self,
        trunk: &Trunk,
        message: &Message,
        remote: std::net::SocketAddr,
        authorised: bool,
    ) -> Step {
        let status = message.status().map_or(0, |status| status.code());
        match status {
            200..=299 => Step::Done(self.succeeded(message)),
            401 | 407 => {
                // Only the trunk's own hosts, only its own realm (B07), and not for ever (B08).
                let ours = trunk.is_host(remote) && realm_fits(trunk, message);
                let digest = self.digest.as_mut().filter(|_| ours);
                match digest.map(|digest| digest.challenged(message, authorised)) {
                    Some(Ok(())) => Step::Again { authorised: true },
                    Some(Err(_)) | None => Step::Done(self.refused(status)),
                }
            }
            423 => {
                let wanted = message.min_expires().unwrap_or(3600).min(86_400);
                if wanted <= self.expires_s {
                    return Step::Done(self.failed("423 without a longer lifetime".into(), None));
                }
                self.expires_s = wanted;
                Step::Again { authorised: false }
            }
            403 | 404 => Step::Done(self.refused(status)),
            _ => {
                let pause = message.retry_after().map(|wait| wait.delay_s);
                let pause = pause.map(|seconds| Duration::from_secs(u64::from(seconds)));
                Step::Done(self.failed(format!("REGISTER answered with {status}"), pause))
            }
        }
    }

    fn succeeded(&mut self, message: &Message) -> RegisterResult {
        self.failures = 0;
        let granted = message
            .contacts()
            .ok()
            .and_then(|contacts| contacts.first().and_then(|first| first.expires()))
            .or(message.expires())
            .unwrap_or(self.expires_s)
            .clamp(30, 86_400);
        let granted = Duration::from_secs(u64::from(granted));
        // Between half and four fifths of it, so that many trunks do not refresh at once.
        let share = rand::random_range(0.5..0.8);
        RegisterResult {
            state: TrunkHealth::Up,
            next: granted.mul_f64(share),
            until: Some(SystemTime::now() + granted),
            error: None,
            refused: None,
        }
    }

    fn refused(&mut self, status: u16) -> RegisterResult {
        self.failures += 1;
        let error = format!("the carrier refuses our registration with {status}");
        RegisterResult {
            state: TrunkHealth::Refused,
            next: REFUSED_PAUSE,
            until: None,
            error: Some(error.clone()),
            refused: Some((status, error)),
        }
    }

    fn failed(&mut self, error: String, pause: Option<Duration>) -> RegisterResult {
        let doubled = RETRY_FIRST * 2u32.saturating_pow(self.failures.min(10));
        self.failures += 1;
        let wait = pause.unwrap_or(doubled).clamp(RETRY_FIRST, RETRY_LAST);
        RegisterResult {
            state: TrunkHealth::Down,
            next: wait.mul_f64(rand::random_range(0.8..1.2)),
            until: None,
            error: Some(error),
            refused: None,
        }
    }
}
