//! One trunk's task: resolves its host, probes its health, keeps our registration.

use super::{Trunk, follow::TrunkNeighbours};
use crate::{sip::RequestOutcome, status::TrunkHealth};
use signaling_proto::{
    Destination, HeaderLine, Method, OutgoingRequest,
    health::{HealthProbe, ProbeOutput, Verdict},
    registration::{Registration, RegistrationConfig, RegistrationOutput, RegistrationState},
};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// Names are resolved again this often, sooner where their records lapse sooner …
const RESOLVE_EVERY: Duration = Duration::from_secs(60);
/// … but no sooner than this.
const RESOLVE_PAUSE: Duration = Duration::from_secs(2);

/// One trunk's task: carries what its two machines want to the SIP task, and the outcome back.
pub(super) struct Watch {
    trunk: Arc<Trunk>,
    near: TrunkNeighbours,
    probe: HealthProbe,
    registration: Option<Registration>,
    /// Who answered last: what follows in one round goes there first.
    answered_by: Option<SocketAddr>,
}

impl Watch {
    pub(super) fn new(trunk: Arc<Trunk>, near: TrunkNeighbours, now: Instant) -> Self {
        let interval = Duration::from_secs(u64::from(trunk.settings.options_interval_s));
        let registration = registration_of(&trunk);
        Self {
            probe: HealthProbe::new(interval, rand::random(), now),
            registration: registration.map(|config| Registration::new(config, rand::random(), now)),
            answered_by: None,
            trunk,
            near,
        }
    }

    /// Until it is dropped. May be dropped at any await: [`Watch::leave`] knows how far it came.
    pub(super) async fn run(&mut self) {
        let mut resolve_at = Instant::now();
        loop {
            let now = Instant::now();
            if resolve_at <= now {
                let lapse = self.resolve().await;
                let now = Instant::now();
                let usual = now + RESOLVE_EVERY;
                resolve_at = lapse.map_or(usual, |at| at.clamp(now + RESOLVE_PAUSE, usual));
            }
            self.register().await;
            self.probe.handle_timeout(Instant::now());
            while let Some(output) = self.probe.poll_output() {
                match output {
                    ProbeOutput::Ask => self.probe().await,
                    ProbeOutput::Changed(_) => self.tell(None),
                }
            }
            let register_at = self.registration.as_ref().and_then(Registration::poll_timeout);
            let due = [register_at, self.probe.poll_timeout()];
            let next = due.into_iter().flatten().fold(resolve_at, Instant::min);
            tokio::time::sleep_until(next.into()).await;
        }
    }

    /// Takes our registration back, where there is one.
    pub(super) async fn leave(&mut self) {
        if let Some(machine) = &mut self.registration {
            machine.leave(Instant::now());
            self.carry_out().await;
        }
    }

    /// One round of REGISTER, when one is due.
    async fn register(&mut self) {
        if let Some(machine) = &mut self.registration {
            machine.handle_timeout(Instant::now());
            self.carry_out().await;
        }
    }

    async fn carry_out(&mut self) {
        while let Some(output) = self.registration.as_mut().and_then(Registration::poll_output) {
            match output {
                RegistrationOutput::Send(request) => self.send(*request).await,
                RegistrationOutput::State(state) => {
                    self.answered_by = None;
                    self.registered(state);
                }
            }
        }
    }

    async fn send(&mut self, mut request: OutgoingRequest) {
        let mut targets = self.trunk.targets();
        // The registrar that challenged or asked for more is asked again, not the one that was silent before it.
        targets.sort_by_key(|target| Some(target.address) != self.answered_by);
        let contact = targets
            .first()
            .map(|to| self.near.names.contact_for(to.transport, to.address.ip()))
            .unwrap_or_default();
        request.contact = Some(contact.clone()).filter(|contact| !contact.is_empty());
        request.destination = Destination::Targets(targets);
        let outcome = self.near.sip.request(request).await;
        let Some(machine) = &mut self.registration else { return };
        match outcome {
            RequestOutcome::Response(message, source) => {
                let ours = self.trunk.is_host(source.remote);
                self.answered_by = Some(source.remote);
                machine.handle_response(Instant::now(), &message, ours, &contact);
            }
            RequestOutcome::Failed(failure) => {
                self.answered_by = None;
                machine.handle_failure(Instant::now(), &format!("{failure:?}"));
            }
        }
    }

    async fn resolve(&self) -> Option<Instant> {
        let (found, lapse) = self.trunk.look_up(&self.near.dns).await;
        if found.is_empty() {
            self.trunk.note_error("its host name has no address");
        } else {
            self.trunk.note_servers(found);
        }
        lapse
    }

    /// Any answer but 408 and 503 shows life: many carriers answer OPTIONS with 403 or 404.
    async fn probe(&mut self) {
        let began = Instant::now();
        let error = match self.near.sip.request(options(&self.trunk)).await {
            RequestOutcome::Response(message, _) => {
                let status = message.status().map_or(0, |status| status.code());
                matches!(status, 408 | 503).then(|| format!("OPTIONS answered with {status}"))
            }
            RequestOutcome::Failed(failure) => Some(format!("OPTIONS failed: {failure:?}")),
        };
        let answered = error.is_none();
        self.trunk.note_options(answered.then(|| began.elapsed()));
        self.probe.handle_answer(Instant::now(), answered);
        self.tell(error);
    }

    fn registered(&mut self, state: RegistrationState) {
        let (health, until, error) = match state {
            RegistrationState::Registered { until } => {
                let left = until.saturating_duration_since(Instant::now());
                (TrunkHealth::Up, Some(SystemTime::now() + left), None)
            }
            RegistrationState::Refused { status } => {
                self.alert(status);
                let error = format!("the carrier refuses our registration with {status}");
                (TrunkHealth::Refused, None, Some(error))
            }
            RegistrationState::Failed { error } => (TrunkHealth::Down, None, Some(error)),
            RegistrationState::Left { error } => {
                let error = error.unwrap_or_default();
                tracing::info!(trunk.name = %self.trunk.settings.name, error, "registration taken back");
                return self.trunk.note_registered(None);
            }
        };
        self.trunk.note_registered(until);
        self.trunk.note_registration(health);
        self.tell(error);
    }

    /// Somebody must look after the credentials (B08).
    fn alert(&self, status: u16) {
        let kind = crate::directory::SecurityEventKind::TrunkCredentialsRefused {
            trunk: self.trunk.settings.trunk,
            status,
        };
        let source = self.trunk.targets().first().map(|target| target.address);
        let event = crate::directory::SecurityEvent {
            at: SystemTime::now(),
            tenant: Some(self.trunk.settings.tenant),
            source: source.unwrap_or(([0, 0, 0, 0], 0).into()),
            kind,
        };
        let directory = self.near.directory.clone();
        tokio::spawn(async move {
            if let Err(error) = directory.audit(event).await {
                tracing::error!(%error, "security event is not in the audit");
            }
        });
    }

    /// Health is the worse of registration and probe.
    fn tell(&self, error: Option<String>) {
        let probed = match self.probe.verdict() {
            Verdict::Unknown => TrunkHealth::Unknown,
            Verdict::Up => TrunkHealth::Up,
            Verdict::Down => TrunkHealth::Down,
        };
        let health = match self.trunk.registration() {
            Some(TrunkHealth::Refused) => TrunkHealth::Refused,
            Some(TrunkHealth::Down) => TrunkHealth::Down,
            Some(TrunkHealth::Up) if probed == TrunkHealth::Unknown => TrunkHealth::Up,
            Some(TrunkHealth::Up | TrunkHealth::Unknown | TrunkHealth::Disabled) | None => probed,
        };
        self.trunk.note_health(health, error);
    }
}

fn options(trunk: &Trunk) -> OutgoingRequest {
    let settings = &trunk.settings;
    let host = crate::calls::host_port(settings);
    let from_domain = settings.from_domain.as_deref().unwrap_or(&settings.host);
    let mut request = OutgoingRequest::new(
        Method::Options,
        format!("sip:{host}"),
        format!("<sip:ping@{from_domain}>"),
        format!("<sip:{host}>"),
        Destination::Targets(trunk.targets()),
    );
    request.headers.push(HeaderLine::new("Accept", "application/sdp"));
    request
}

/// `None` for a trunk that we do not register with.
pub(super) fn registration_of(trunk: &Trunk) -> Option<RegistrationConfig> {
    let settings = &trunk.settings;
    let wanted = settings.registration.as_ref()?;
    let own = settings.credentials.as_ref();
    let user = own.map_or("telehub", |own| own.username.as_str());
    let domain = settings.from_domain.as_deref().unwrap_or(&settings.host);
    let registrar = wanted.registrar.clone().unwrap_or_else(|| crate::calls::host_port(settings));
    Some(RegistrationConfig {
        registrar: format!("sip:{registrar}"),
        aor: format!("<sip:{user}@{domain}>"),
        credentials: own.map(|own| (own.username.clone(), own.secret.0.clone())),
        realm: own.and_then(|own| own.realm.clone()),
        expires_s: wanted.expires_s,
    })
}
