//! Opens, wires, runs and shuts down the whole of TeleHub.

use super::{
    config::Config,
    demo,
    directory::StoreDirectory,
    facts::{self, DownTrunks},
    http::WebPort,
    open, pem, say, settings,
    signals::Signals,
    sounds,
};
use anyhow::Context;
use axum_server::Handle;
use call::{CallControl, NodeId};
use chrono::{DateTime, Utc};
use crm::{
    Journal, Store,
    journal::{JournalConfig, write_spilled},
    outreach::MailRoom,
    policy::Policy,
    recordings::{Keeper, Recordings, RecordingsConfig, Retention, salvage_spool},
};
use signaling::{Part, StampedEvent, Switch, directory::DirectoryChange};
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{mpsc, watch},
    task::{JoinError, JoinHandle},
    time::{interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// Call events handed on to the journal at once.
const FORWARD_BATCH: usize = 256;

/// Between two batches: the events of many calls then cost one wake-up of this thread.
const FORWARD_PAUSE: Duration = Duration::from_millis(2);

/// Call events that may wait between switch and journal.
const EVENT_QUEUE: usize = 16_384;
/// How long requests under way may take once everything else has stopped.
const HTTP_GRACE: Duration = Duration::from_secs(2);
/// How long recordings may take to be put away once everything else has stopped.
const KEEPER_GRACE: Duration = Duration::from_secs(10);
/// How long the last events may take to be written; longer, and the database is away.
const JOURNAL_GRACE: Duration = Duration::from_secs(10);
/// How long the whole closing may take; every part of it has a limit of its own.
const CLOSING_LIMIT: Duration = Duration::from_secs(60);
/// The same when the signal came again while calls were let finish: calls get their BYE, the journal its events.
const HURRY: Duration = Duration::from_secs(3);
/// How often it is looked whether a tenant's night has come.
const RETENTION_CHECK: Duration = Duration::from_secs(600);

/// `telehub serve`.
pub(crate) async fn serve(config: Config) -> anyhow::Result<()> {
    let mut signals = Signals::install()?;
    let starting = async {
        pem::check(&config)?;
        let store = open::store(&config).await?;
        Server::start(config, store).await
    };
    let Some(server) = started(Box::pin(starting), &mut signals).await? else { return Ok(()) };
    server.run(signals, |url| say(&format!("TeleHub ready: {url}"))).await
}

/// What is being started, unless it is told to end before it stands.
async fn started<T>(
    starting: impl Future<Output = anyhow::Result<T>>,
    signals: &mut Signals,
) -> anyhow::Result<Option<T>> {
    tokio::select! {
        started = starting => started.map(Some),
        () = signals.next() => {
            tracing::info!("told to end while starting");
            Ok(None)
        }
    }
}

/// `telehub demo`: the same on a seeded folder with a carrier of its own.
pub(crate) async fn demo(config: Config, data: &Path) -> anyhow::Result<()> {
    let mut signals = Signals::install()?;
    let starting = start_demo(config, data);
    let Some(demo) = started(Box::pin(starting), &mut signals).await? else { return Ok(()) };
    let Demo { server, carrier, logins, password, data, calling_in } = demo;
    let served = server
        .run(signals, |url| {
            for (role, email) in &logins {
                say(&format!("  {email:24} {role:12} password {password}"));
            }
            say(&format!("  written to {}", data.join("logins.json").display()));
            say(&format!("  simulated carrier on {}", carrier.address()));
            if let Some(command) = calling_in {
                say(&format!("  to be called by it: {command}"));
            }
            say(&format!("TeleHub ready: {url}"));
        })
        .await;
    carrier.stop().await;
    served
}

struct Demo {
    server: Server,
    carrier: carrier::Carrier,
    logins: Vec<(String, String)>,
    password: String,
    data: PathBuf,
    /// How the carrier is made to call in.
    calling_in: Option<String>,
}

async fn start_demo(config: Config, data: &Path) -> anyhow::Result<Demo> {
    pem::check(&config)?;
    std::fs::create_dir_all(data).with_context(|| format!("--data {}", data.display()))?;
    let data = data.canonicalize()?;
    let config = settings::of_demo(config, &data);
    let password = demo::password(&data)?;
    let store = open::store(&config).await?;
    let tenant = demo::seed(&store, &password).await?;
    let carrier = carrier::Carrier::start(carrier::Config {
        listen: ([127, 0, 0, 1], 0).into(),
        sounds_dir: Some(sounds::lay_out(&data)?),
        ..carrier::Config::default()
    })?;
    demo::point_trunk(&store, &tenant, carrier.address()).await?;
    let calling_in = demo::calling_in(&config.sip.udp);
    let server = Server::start(config, store.clone()).await?;
    let logins = demo::logins(&store, &tenant, &data, &server.url, &password).await?;
    Ok(Demo { server, carrier, logins, password, data, calling_in })
}

/// `telehub carrier`: until told to stop, or until its one call is over.
pub(crate) async fn carrier(mut args: carrier::Args) -> anyhow::Result<()> {
    let work = tempfile::tempdir()?;
    if args.sounds.is_none() {
        args.sounds = Some(sounds::lay_out(work.path())?);
    }
    let mut signals = Signals::install()?;
    Ok(args.run(async move { signals.next().await }).await?)
}

struct Server {
    config: Config,
    store: Store,
    journal: Journal,
    keeper: Keeper,
    switch: Switch,
    draining: Arc<AtomicBool>,
    port: WebPort,
    url: String,
    router: axum::Router,
    stop: CancellationToken,
}

impl Server {
    async fn start(config: Config, store: Store) -> anyhow::Result<Self> {
        let data = config.data_dir();
        let node = open::node(&data)?;
        let stop = CancellationToken::new();
        let port = WebPort::bind(&config).await?;
        let spool = data.join("spool");
        let objects = RecordingsConfig { url: config.storage_url(), spool: spool.clone() };
        let recordings = Recordings::open(store.clone(), &objects)
            .map_err(|error| config.fault("[storage] url", error))?;
        let spill = data.join("journal.spill");
        let spilled =
            write_spilled(&store, node, &spill).await.context("events of the last run")?;
        // A SQLite file has one process. After a restore its open calls bear another name.
        let shared = !config.database.url.starts_with("sqlite:");
        let salvaged = salvage_spool(&store, &recordings, node, shared.then_some(node))
            .await
            .context("calls of the last run")?;
        tracing::info!(spilled, ?salvaged, "looked after the last run");
        let journal = JournalConfig { spill: Some(spill), ..JournalConfig::new(node) };
        let journal = Journal::start(store.clone(), journal).await?;
        let keeper = Keeper::start(recordings.clone(), &journal).await?;
        tokio::spawn(keep_retention(Retention::new(recordings.clone()), stop.clone()));
        let down = DownTrunks::default();
        let policy = policy(&config, &store, down.clone());
        let switch = start_switch(&config, &store, &policy, node, &journal, spool).await?;
        let (phones_in, phones) = watch::channel(dialer::Phones::default());
        let dialer = dialer::Dialer::start(store.clone(), &journal, phones).await?;
        let (facts_in, facts) = watch::channel(Arc::default());
        let draining = Arc::new(AtomicBool::new(false));
        let gatherer = facts::Gatherer {
            switch: switch.clone(),
            draining: draining.clone(),
            store: store.clone(),
            journal: journal.clone(),
            phones: phones_in,
            down,
            facts: facts_in,
        };
        tokio::spawn(facts::keep(gatherer, stop.clone()));
        let url = public_url(&config, &port);
        let secure = port.is_tls();
        let (sip, directory_of) = (switch.clone(), switch.clone());
        let parts = web::Parts {
            store: store.clone(),
            journal: journal.clone(),
            recordings,
            policy,
            control: Arc::new(switch.clone()) as Arc<dyn CallControl>,
            dialer,
            facts,
            metrics: metrics()?,
            phone_doors: phone_doors(&config, &switch),
            sip_socket: Some(Arc::new(move |peer, inbound, outbound| {
                let sip = sip.clone();
                tokio::spawn(
                    async move { sip.ws_connection(peer, secure, inbound, outbound).await },
                );
            })),
            page_phones: page_phones(switch.clone(), secure),
            mail: mail(&config, &store, &url)?,
            directory_changed: Arc::new(move |change| {
                let (switch, change) = (directory_of.clone(), directory_change(change));
                Box::pin(async move { switch.directory_changed(change).await })
            }),
            config: settings::web(&config, port.is_tls(), open::key(&data.join("token.key"))?),
        };
        let router = web::router(web::AppState::new(parts));
        Ok(Self { config, store, journal, keeper, switch, draining, port, url, router, stop })
    }

    /// Serves until told to stop, then drains. Told again it hurries, and told once more, or while it closes, it
    /// ends as it is: what is not written then lies in the spill file and the spool for the next start.
    async fn run(self, mut signals: Signals, ready: impl FnOnce(&str)) -> anyhow::Result<()> {
        let handle = Handle::new();
        let mut serving = tokio::spawn(self.port.serve(self.router, handle.clone()));
        tokio::select! {
            address = handle.listening() => { address.context("the web port closed at once")?; }
            ended = &mut serving => return web_ended(ended),
        }
        ready(&self.url);
        tokio::select! {
            () = signals.next() => {}
            ended = &mut serving => return web_ended(ended),
            part = self.switch.breaks() => return broken(part, &self.journal).await,
        }
        let limit = Duration::from_secs(self.config.calls.drain_timeout_s);
        tracing::info!(live = self.switch.live_calls().len(), ?limit, "draining: no new calls");
        self.draining.store(true, Ordering::Relaxed);
        self.switch.drain();
        let closing_limit = tokio::select! {
            () = self.switch.drained() => CLOSING_LIMIT,
            () = sleep(limit) => CLOSING_LIMIT,
            () = signals.next() => HURRY,
            part = self.switch.breaks() => return broken(part, &self.journal).await,
        };
        let Self { store, journal, keeper, switch, stop, .. } = self;
        let closing = Closing { store, journal, keeper, switch, stop, handle, serving };
        tokio::select! {
            closed = timeout(closing_limit, closing.close()) => match closed {
                Ok(closed) => closed?,
                Err(_) => tracing::warn!("closing takes too long: ending as it is"),
            },
            () = signals.next() => tracing::warn!("told again: ending as it is"),
        }
        tracing::info!("stopped");
        Ok(())
    }
}

fn web_ended(ended: Result<anyhow::Result<()>, JoinError>) -> anyhow::Result<()> {
    ended?.and_then(|()| anyhow::bail!("the web port closed"))
}

/// A switch without one of its vital parts serves nobody, and only a new process mends that.
async fn broken(part: Part, journal: &Journal) -> anyhow::Result<()> {
    if timeout(JOURNAL_GRACE, journal.flush()).await.is_err() {
        tracing::error!(waiting_ms = journal.lag_ms(), "call events are still not written");
    }
    anyhow::bail!("{} ended; start again", part.as_str())
}

/// What is to be closed in order once no call is wanted any more.
struct Closing {
    store: Store,
    journal: Journal,
    keeper: Keeper,
    switch: Switch,
    stop: CancellationToken,
    handle: Handle<SocketAddr>,
    serving: JoinHandle<anyhow::Result<()>>,
}

impl Closing {
    async fn close(self) -> anyhow::Result<()> {
        self.switch.shutdown().await;
        if timeout(JOURNAL_GRACE, self.journal.flush()).await.is_err() {
            tracing::error!(
                waiting_ms = self.journal.lag_ms(),
                "call events are still not written"
            );
        }
        // A store that is away must not hold the end up: what waits is put away after the start.
        if timeout(KEEPER_GRACE, self.keeper.stop()).await.is_err() {
            tracing::warn!("recordings wait in the spool for the next start");
        }
        self.stop.cancel();
        self.handle.graceful_shutdown(Some(HTTP_GRACE));
        self.serving.await??;
        if timeout(JOURNAL_GRACE, self.journal.close()).await.is_err() {
            tracing::error!("the last call events could not be written");
        }
        self.store.close().await;
        Ok(())
    }
}

fn policy(config: &Config, store: &Store, down: DownTrunks) -> Policy {
    let limits = settings::policy(config);
    Policy::new(store.clone(), limits, Arc::new(move |trunk| down.usable(trunk)))
}

async fn start_switch(
    config: &Config,
    store: &Store,
    policy: &Policy,
    node: NodeId,
    journal: &Journal,
    spool: PathBuf,
) -> anyhow::Result<Switch> {
    let (events, waiting) = mpsc::channel(EVENT_QUEUE);
    tokio::spawn(forward(waiting, journal.sender()));
    let (domain, country) = (config.sip.domain.clone(), config.country_code());
    let directory = StoreDirectory::new(store.clone(), policy.clone(), node, domain, country);
    let media = settings::media(config, Some(sounds::lay_out(&config.data_dir())?))?;
    let switch = settings::switch(config, node, spool)?;
    Ok(Switch::start(switch, Arc::new(directory), media, events).await?)
}

fn directory_change(change: web::DirectoryChange) -> DirectoryChange {
    match change {
        // Carriers that share an address are told apart by the numbers that lie on them.
        web::DirectoryChange::Trunk(..) | web::DirectoryChange::Number(..) => {
            DirectoryChange::Trunks
        }
        web::DirectoryChange::Extension(..) => DirectoryChange::Extensions,
        web::DirectoryChange::PhonesOut(tenant, extension) => {
            DirectoryChange::PhonesOut { tenant, extension }
        }
    }
}

/// What a phone is to be told: the ports that were really opened.
fn phone_doors(config: &Config, switch: &Switch) -> web::PhoneDoors {
    let listening = switch.listening();
    web::PhoneDoors {
        udp: listening.udp.clone(),
        tcp: listening.tcp.clone(),
        tls: listening.tls.clone(),
        external_ip: settings::address(&config.sip.external_ip),
    }
}

/// The switch knows nothing of the journal; this is the seam between them.
async fn forward(
    mut waiting: mpsc::Receiver<StampedEvent>,
    journal: mpsc::Sender<crm::journal::StampedEvent>,
) {
    let mut batch = Vec::with_capacity(FORWARD_BATCH);
    while waiting.recv_many(&mut batch, FORWARD_BATCH).await > 0 {
        for stamped in batch.drain(..) {
            let event = crm::journal::StampedEvent {
                receipt: stamped.receipt,
                ..crm::journal::StampedEvent::new(DateTime::from(stamped.at), stamped.event)
            };
            if journal.send(event).await.is_err() {
                return;
            }
        }
        tokio::time::sleep(FORWARD_PAUSE).await;
    }
}

/// Deletes recordings whose time is over, until `stop`.
async fn keep_retention(mut retention: Retention, stop: CancellationToken) {
    let mut tick = interval(RETENTION_CHECK);
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            _ = tick.tick() => {}
        }
        if let Err(error) = retention.run(Utc::now()).await {
            tracing::warn!(%error, "old recordings could not be deleted; trying again later");
        }
    }
}

fn public_url(config: &Config, port: &WebPort) -> String {
    if config.http.public_url.is_empty() { port.url() } else { config.http.public_url.clone() }
}

/// The way to people's mailboxes, where one is configured.
fn mail(config: &Config, store: &Store, desk: &str) -> anyhow::Result<Option<MailRoom>> {
    let Some(settings) = config.mail_config(desk) else { return Ok(None) };
    Ok(Some(MailRoom::start(&settings, store.clone()).context("[mail]")?))
}

fn metrics() -> anyhow::Result<metrics_exporter_prometheus::PrometheusHandle> {
    Ok(metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?)
}

fn page_phones(switch: Switch, secure: bool) -> web::PagePhones {
    Arc::new(move |tenant, number, peer| {
        let switch = switch.clone();
        Box::pin(async move {
            let phone = switch.softphone(tenant, &number, (peer, secure)).await?;
            Some((phone.orders, phone.events))
        })
    })
}
