//! One task per trunk: resolves its host, probes its health, keeps our registration. One more
//! task starts and ends them as the directory changes.

use super::{Trunk, Trunks};
use crate::{
    Directory,
    directory::DirectoryChange,
    dns::Dns,
    sip::{OurNames, RegistrationBoard, RequestOutcome, SipCommand, SipDoor},
    status::{self, TrunkHealth},
};
use call::TrunkId;
use signaling_proto::{
    Destination, HeaderLine, Method, OutgoingRequest,
    health::{HealthProbe, ProbeOutput, Verdict},
    registration::{Registration, RegistrationConfig, RegistrationOutput, RegistrationState},
};
use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;

/// Names are resolved again this often; carriers keep short lifetimes for a reason.
const RESOLVE_EVERY: Duration = Duration::from_secs(60);

/// A failed look at the directory is repeated after this.
const DIRECTORY_RETRY: Duration = Duration::from_secs(5);

/// What the trunk tasks need.
#[derive(Clone)]
pub(crate) struct TrunkNeighbours {
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) trunks: Arc<Trunks>,
    pub(crate) accounts: Arc<crate::accounts::Accounts>,
    pub(crate) board: Arc<RegistrationBoard>,
    pub(crate) sip: SipDoor,
    pub(crate) names: OurNames,
    pub(crate) dns: Dns,
    pub(crate) shutdown: CancellationToken,
}

/// Follows the directory until shutdown.
pub(crate) async fn run(near: TrunkNeighbours) {
    let mut changes = near.directory.changes();
    let mut tasks: HashMap<TrunkId, (Arc<Trunk>, CancellationToken)> = HashMap::new();
    loop {
        let retry = match near.directory.trunks().await {
            Ok(settings) => {
                near.trunks.replace(settings);
                restart_changed(&near, &mut tasks);
                None
            }
            Err(error) => {
                tracing::warn!(%error, "trunks cannot be read, the known ones stay");
                Some(DIRECTORY_RETRY)
            }
        };
        loop {
            let again = async {
                match retry {
                    Some(pause) => tokio::time::sleep(pause).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = near.shutdown.cancelled() => return,
                () = again => break,
                change = changes.recv() => match change {
                    Ok(DirectoryChange::Trunks) => break,
                    Ok(DirectoryChange::Extensions) => near.accounts.forget(),
                    Ok(DirectoryChange::PhonesOut { tenant, extension }) => {
                        // First nobody is let in any more, then who is in has to go.
                        near.accounts.forget();
                        near.sip.send(SipCommand::PhonesOut { tenant, extension }).await;
                    }
                    Err(RecvError::Lagged(_)) => {
                        near.accounts.forget();
                        look_at_phones(&near).await;
                        break;
                    }
                    // The directory is gone: nothing will change any more.
                    Err(RecvError::Closed) => return near.shutdown.cancelled().await,
                }
            }
        }
    }
}

/// News were missed: whoever is registered and may not be has to go.
async fn look_at_phones(near: &TrunkNeighbours) {
    for phone in near.board.all() {
        let number = phone.aor.split('@').next().unwrap_or_default();
        let known = near.accounts.account(phone.tenant, number).await;
        if known.is_ok_and(|account| account.is_none_or(|a| a.extension != phone.extension)) {
            let status::Registration { tenant, extension, .. } = phone;
            near.sip.send(SipCommand::PhonesOut { tenant, extension }).await;
        }
    }
}

fn restart_changed(
    near: &TrunkNeighbours,
    tasks: &mut HashMap<TrunkId, (Arc<Trunk>, CancellationToken)>,
) {
    let trunks = near.trunks.all();
    tasks.retain(|id, (trunk, stop)| {
        let same =
            trunks.iter().any(|now| now.settings.trunk == *id && now.settings == trunk.settings);
        if !same {
            stop.cancel();
        }
        same
    });
    for trunk in trunks.into_iter().filter(|trunk| trunk.settings.enabled) {
        tasks.entry(trunk.settings.trunk).or_insert_with(|| {
            let stop = near.shutdown.child_token();
            let watch = Watch::new(trunk.clone(), near.clone(), Instant::now());
            let stopped = stop.clone();
            tokio::spawn(async move {
                tokio::select! {
                    () = stopped.cancelled() => {}
                    () = watch.run() => {}
                }
            });
            (trunk, stop)
        });
    }
}

/// One trunk's task: carries what its two machines want to the SIP task, and the outcome back.
struct Watch {
    trunk: Arc<Trunk>,
    near: TrunkNeighbours,
    probe: HealthProbe,
    registration: Option<Registration>,
    /// Who answered last: what follows in one round goes there first.
    answered_by: Option<SocketAddr>,
}

impl Watch {
    fn new(trunk: Arc<Trunk>, near: TrunkNeighbours, now: Instant) -> Self {
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

    async fn run(mut self) {
        let mut resolve_at = Instant::now();
        loop {
            let now = Instant::now();
            if resolve_at <= now {
                self.resolve().await;
                resolve_at = Instant::now() + RESOLVE_EVERY;
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

    /// One round of REGISTER, when one is due.
    async fn register(&mut self) {
        let Some(mut machine) = self.registration.take() else { return };
        machine.handle_timeout(Instant::now());
        while let Some(output) = machine.poll_output() {
            match output {
                RegistrationOutput::Send(request) => self.send(&mut machine, *request).await,
                RegistrationOutput::State(state) => {
                    self.answered_by = None;
                    self.registered(state);
                }
            }
        }
        self.registration = Some(machine);
    }

    async fn send(&mut self, machine: &mut Registration, mut request: OutgoingRequest) {
        let mut targets = self.trunk.targets();
        // The registrar that challenged or asked for more is asked again, not the one that was silent before it.
        targets.sort_by_key(|target| Some(target.address) != self.answered_by);
        let contact = targets
            .first()
            .map(|to| self.near.names.contact_for(to.transport, to.address.ip()))
            .unwrap_or_default();
        request.contact = Some(contact.clone()).filter(|contact| !contact.is_empty());
        request.destination = Destination::Targets(targets);
        match self.near.sip.request(request).await {
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

    async fn resolve(&self) {
        let found = self.trunk.look_up(&self.near.dns).await;
        if found.is_empty() {
            self.trunk.note_error("its host name has no address");
        } else {
            self.trunk.note_targets(found);
        }
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
fn registration_of(trunk: &Trunk) -> Option<RegistrationConfig> {
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
