//! Opens, wires, runs and shuts down the whole of TeleHub.

use super::{
    config::{Config, parse_listen_list},
    demo,
    directory::StoreDirectory,
    facts::{self, DownTrunks},
    http::WebPort,
    open, say, sounds,
};
use anyhow::Context;
use axum_server::Handle;
use call::{CallControl, NodeId};
use chrono::{DateTime, Utc};
use crm::{
    Journal, Store,
    journal::{JournalConfig, write_spilled},
    outreach::MailRoom,
    policy::{Policy, PolicyConfig},
    recordings::{Keeper, Recordings, RecordingsConfig, Retention, salvage_spool},
};
use signaling::{StampedEvent, Switch, SwitchConfig, TlsConfig, directory::DirectoryChange};
use std::{
    net::IpAddr,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    signal::unix::{SignalKind, signal},
    sync::{mpsc, watch},
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
/// How often it is looked whether a tenant's night has come.
const RETENTION_CHECK: Duration = Duration::from_secs(600);

/// `telehub serve`.
pub(crate) async fn serve(config: Config) -> anyhow::Result<()> {
    let store = open::store(&config).await?;
    Server::start(config, store).await?.run(|url| say(&format!("TeleHub ready: {url}"))).await
}

/// `telehub demo`: the same on a seeded folder with a carrier of its own.
pub(crate) async fn demo(mut config: Config, data: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(data).with_context(|| format!("--data {}", data.display()))?;
    let data = data.canonicalize()?;
    let defaults = Config::default();
    if config.database.url == defaults.database.url {
        config.database.url = format!("sqlite://{}", data.join("telehub.db").display());
    }
    if config.storage.url == defaults.storage.url {
        config.storage.url = format!("file://{}", data.join("objects").display());
    }
    config.base = data.clone();
    let password = demo::password(&data)?;
    let store = open::store(&config).await?;
    let tenant = demo::seed(&store, &password).await?;
    let carrier = carrier::Carrier::start(carrier::Config {
        listen: ([127, 0, 0, 1], 0).into(),
        sounds_dir: Some(sounds::lay_out(&data)?),
        ..carrier::Config::default()
    })?;
    demo::point_trunk(&store, &tenant, carrier.address()).await?;
    let server = Server::start(config, store.clone()).await?;
    let logins = demo::logins(&store, &tenant, &data, &server.url, &password).await?;
    let served = server
        .run(|url| {
            for (role, email) in &logins {
                say(&format!("  {email:24} {role:12} password {password}"));
            }
            say(&format!("  written to {}", data.join("logins.json").display()));
            say(&format!("  simulated carrier on {}", carrier.address()));
            say(&format!("TeleHub ready: {url}"));
        })
        .await;
    carrier.stop().await;
    served
}

/// `telehub carrier`: until told to stop, or until its one call is over.
pub(crate) async fn carrier(mut args: carrier::Args) -> anyhow::Result<()> {
    let work = tempfile::tempdir()?;
    if args.sounds.is_none() {
        args.sounds = Some(sounds::lay_out(work.path())?);
    }
    let (mut terminate, mut interrupt) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let stop = async {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    Ok(args.run(stop).await?)
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
        let port = WebPort::bind(&config)?;
        let spool = data.join("spool");
        let objects = RecordingsConfig { url: config.storage_url(), spool: spool.clone() };
        let recordings = Recordings::open(store.clone(), &objects).context("[storage] url")?;
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
                tokio::spawn(async move { sip.ws_connection(peer, inbound, outbound).await });
            })),
            mail: mail(&config, &store, &url)?,
            directory_changed: Arc::new(move |change| {
                let (switch, change) = (directory_of.clone(), directory_change(change));
                Box::pin(async move { switch.directory_changed(change).await })
            }),
            config: web_config(&config, &port, &data)?,
        };
        let router = web::router(web::AppState::new(parts));
        Ok(Self { config, store, journal, keeper, switch, draining, port, url, router, stop })
    }

    /// Serves until told to stop, then drains.
    async fn run(self, ready: impl FnOnce(&str)) -> anyhow::Result<()> {
        let handle = Handle::new();
        let mut serving = tokio::spawn(self.port.serve(self.router, handle.clone()));
        handle.listening().await.context("the web port closed at once")?;
        ready(&self.url);
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
            ended = &mut serving => return ended?.and_then(|()| anyhow::bail!("the web port closed")),
        }
        let limit = Duration::from_secs(self.config.calls.drain_timeout_s);
        tracing::info!(live = self.switch.live_calls().len(), ?limit, "draining: no new calls");
        self.draining.store(true, Ordering::Relaxed);
        self.switch.drain();
        tokio::select! {
            () = self.switch.drained() => {}
            () = sleep(limit) => {}
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
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
        handle.graceful_shutdown(Some(HTTP_GRACE));
        serving.await??;
        if timeout(JOURNAL_GRACE, self.journal.close()).await.is_err() {
            tracing::error!("the last call events could not be written");
        }
        self.store.close().await;
        tracing::info!("stopped");
        Ok(())
    }
}

fn policy(config: &Config, store: &Store, down: DownTrunks) -> Policy {
    let limits = PolicyConfig {
        country: config.calls.default_country.clone(),
        max_duration_s: u32::try_from(config.calls.max_duration_s).unwrap_or(u32::MAX),
        emergency: config.emergency_numbers(),
    };
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
    let directory =
        StoreDirectory::new(store.clone(), policy.clone(), node, config.sip.domain.clone());
    let media = media::Config {
        listen: config.rtp.listen.parse()?,
        external_ip: address(&config.rtp.external_ip),
        port_min: config.rtp.port_min,
        port_max: config.rtp.port_max,
        sounds_dir: Some(sounds::lay_out(&config.data_dir())?),
        ..media::Config::default()
    };
    let switch = switch_config(config, node, spool)?;
    Ok(Switch::start(switch, Arc::new(directory), media, events).await?)
}

fn switch_config(config: &Config, node: NodeId, spool: PathBuf) -> anyhow::Result<SwitchConfig> {
    let list = |text: &str| parse_listen_list(text).map_err(anyhow::Error::msg);
    let file = |path: &str| (!path.is_empty()).then(|| config.path(path));
    let tls = list(&config.sip.tls)?;
    Ok(SwitchConfig {
        udp: list(&config.sip.udp)?,
        tcp: list(&config.sip.tcp)?,
        tls: (!tls.is_empty()).then(|| TlsConfig {
            listen: tls,
            certificate: config.path(&config.sip.tls_cert),
            key: config.path(&config.sip.tls_key),
            client_authorities: file(&config.sip.tls_client_ca),
        }),
        trusted_authorities: file(&config.sip.tls_ca),
        ws_path: config.sip.ws_path.clone(),
        domain: (!config.sip.domain.is_empty()).then(|| config.sip.domain.clone()),
        external_ip: address(&config.sip.external_ip),
        dns_servers: list(&config.sip.dns_servers)?,
        digest: config.digest(),
        ..SwitchConfig::new(node, spool)
    })
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
        external_ip: address(&config.sip.external_ip),
    }
}

fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok()
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

fn web_config(config: &Config, port: &WebPort, data: &Path) -> anyhow::Result<web::Config> {
    let key = open::key(&data.join("token.key"))?;
    Ok(web::Config {
        public_url: (!config.http.public_url.is_empty()).then(|| config.http.public_url.clone()),
        tls: port.is_tls(),
        ws_path: config.sip.ws_path.clone(),
        country: config.calls.default_country.clone(),
        ..web::Config::new(key)
    })
}

fn metrics() -> anyhow::Result<metrics_exporter_prometheus::PrometheusHandle> {
    Ok(metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder()?)
}
