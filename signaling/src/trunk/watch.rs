//! One task per trunk: resolves its host, probes its health, keeps our registration. One more
//! task starts and ends them as the directory changes.

use super::{
    Trunk, Trunks,
    health::Probe,
    register::{RegisterResult, Registrar},
};
use crate::{
    Directory,
    directory::DirectoryChange,
    dns::Dns,
    sip::{RequestOutcome, SipDoor},
    status::TrunkHealth,
};
use call::TrunkId;
use signaling_proto::{Destination, HeaderLine, Method, OutgoingRequest};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
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
    pub(crate) sip: SipDoor,
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
                    Err(RecvError::Lagged(_)) => {
                        near.accounts.forget();
                        break;
                    }
                    // The directory is gone: nothing will change any more.
                    Err(RecvError::Closed) => return near.shutdown.cancelled().await,
                }
            }
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
            let watch = Watch { trunk: trunk.clone(), near: near.clone(), probe: Probe::default() };
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

/// One trunk's task.
struct Watch {
    trunk: Arc<Trunk>,
    near: TrunkNeighbours,
    probe: Probe,
}

impl Watch {
    async fn run(mut self) {
        let mut registrar = Registrar::new(&self.trunk);
        let mut resolve_at = Instant::now();
        // Trunks of one installation do not all probe in the same moment.
        let mut probe_at = resolve_at + Duration::from_millis(rand::random_range(0..500));
        let mut register_at = resolve_at;
        loop {
            let now = Instant::now();
            if resolve_at <= now {
                self.resolve().await;
                resolve_at = Instant::now() + RESOLVE_EVERY;
            }
            if let Some(registrar) = &mut registrar
                && register_at <= now
            {
                let result = registrar.register(&self.trunk, &self.near).await;
                register_at = Instant::now() + result.next;
                self.registered(result);
            }
            let interval = u64::from(self.trunk.settings.options_interval_s);
            if interval > 0 && probe_at <= now {
                self.probe().await;
                // A trunk that is in doubt is asked sooner.
                let settled = self.probe.health() == TrunkHealth::Up;
                let pause = if settled { interval } else { interval.min(5) };
                probe_at = Instant::now() + Duration::from_secs(pause);
            }
            let mut next = resolve_at;
            if registrar.is_some() {
                next = next.min(register_at);
            }
            if interval > 0 {
                next = next.min(probe_at);
            }
            tokio::time::sleep_until(next.into()).await;
        }
    }

    async fn resolve(&self) {
        let found = self.near.dns.find(self.trunk.question()).await;
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
        self.probe.observe(answered);
        self.tell(error);
    }

    fn registered(&mut self, result: RegisterResult) {
        self.trunk.note_registered(result.until);
        self.trunk.note_registration(result.state.clone());
        if let Some((status, error)) = result.refused {
            self.tell(Some(error));
            let kind = crate::directory::SecurityEventKind::TrunkCredentialsRefused {
                trunk: self.trunk.settings.trunk,
                status,
            };
            let source = self.trunk.targets().first().map(|target| target.address);
            let event = crate::directory::SecurityEvent {
                at: std::time::SystemTime::now(),
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
        } else {
            self.tell(result.error);
        }
    }

    /// Health is the worse of registration and probe.
    fn tell(&self, error: Option<String>) {
        let probed = self.probe.health();
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
