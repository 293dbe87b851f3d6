//! The whole switch: opens listeners, starts tasks, takes commands, drains and ends.

use crate::{
    Directory, EventOut, LiveCall, Registration, SwitchConfig, SwitchNotice, TrunkStatus,
    accounts::Accounts,
    calls::{CallNeighbours, CallTaskEvent, Calls, FirstInput, MediaPort, NoRoom, spawn},
    directory::{Ban, DirectoryChange, DirectoryError},
    dns::Dns,
    runtime::SignallingThread,
    sip::{
        COMMAND_QUEUE, OurNames, RegistrationBoard, Registrations, SipCommand, SipDoor,
        SipNeighbours, SipTask,
    },
    softphone::{self, Softphone, Wire},
    transport::{
        Flows, KnownSources, LocalAddresses, NETWORK_QUEUE, NetworkEvent, Shared, SourceGate, Tls,
        TlsError, UdpListener, accept, serve_ws,
    },
    trunk::{ORDER_QUEUE, TrunkNeighbours, TrunkOrder, Trunks, run_trunks},
    vital::{Part, Vital},
};
use bytes::Bytes;
use call::{CallCommand, CallControl, Refused, TenantId};
use signaling_proto::{
    Endpoint, EndpointConfig, Source, Transport,
    brute_force::BruteForce,
    digest::{Algorithm, Challenger, NonceRules},
};
use std::{
    net::SocketAddr,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant, SystemTime},
};
use tokio::{
    runtime::Handle,
    sync::{broadcast, mpsc, oneshot},
};
use tokio_util::sync::CancellationToken;

/// Notices that a slow listener may be behind before it loses some.
const NOTICES: usize = 1024;

/// A refused caller is told to come back after this many seconds.
const RETRY_AFTER_S: u32 = 5;

/// A change that takes longer to come into force is reported and comes later.
const CHANGE_LIMIT: Duration = Duration::from_secs(5);

/// How long calls have to say goodbye at shutdown.
const GOODBYE: Duration = Duration::from_secs(5);

/// Why the switch did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A listener's address is taken or not ours.
    #[error("cannot listen on {transport} {address}")]
    Listen {
        /// `udp`, `tcp` or `tls`.
        transport: &'static str,
        /// As configured.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The certificate or key is not usable.
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsError),
    /// The media engine did not start.
    #[error("media engine did not start")]
    Media(#[from] media::StartError),
    /// The system refused a thread, or it ended while it started.
    #[error("the signalling thread did not start")]
    Thread(#[source] std::io::Error),
    /// Bindings or bans from before could not be read.
    #[error("registrations cannot be read")]
    Directory(#[from] DirectoryError),
}

/// The addresses that are listened on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listening {
    /// UDP.
    pub udp: Vec<SocketAddr>,
    /// TCP.
    pub tcp: Vec<SocketAddr>,
    /// TLS.
    pub tls: Vec<SocketAddr>,
}

/// The running switch. Cheap to clone; all clones are the same switch.
#[derive(Clone)]
pub struct Switch {
    inner: Arc<Inner>,
}

struct Inner {
    calls: Arc<Calls>,
    call_neighbours: Arc<CallNeighbours>,
    trunks: Arc<Trunks>,
    trunk_orders: mpsc::Sender<TrunkOrder>,
    board: Arc<RegistrationBoard>,
    notices: broadcast::Sender<SwitchNotice>,
    shared: Shared,
    tls: Arc<Tls>,
    listening: Listening,
    _thread: SignallingThread,
}

impl Switch {
    /// Opens the listeners and starts everything.
    pub async fn start(
        config: SwitchConfig,
        directory: Arc<dyn Directory>,
        media: media::Config,
        events: EventOut,
    ) -> Result<Self, StartError> {
        let thread = SignallingThread::start().map_err(StartError::Thread)?;
        let (tasks, streams) = (thread.tasks(), Handle::current());
        // Sockets and tasks belong to the runtime they are made on.
        let started =
            tasks.spawn(Self::start_here(config, directory, media, events, streams, thread));
        started.await.map_err(|ended| StartError::Thread(std::io::Error::other(ended)))?
    }

    /// Runs on the signalling thread.
    async fn start_here(
        config: SwitchConfig,
        directory: Arc<dyn Directory>,
        media: media::Config,
        events: EventOut,
        streams: Handle,
        thread: SignallingThread,
    ) -> Result<Self, StartError> {
        let stored = directory.bindings().await?;
        let bans = directory.bans().await?;
        let tls = Arc::new(Tls::load(config.tls.clone(), config.trusted_authorities.as_deref())?);
        let (network, network_events) = mpsc::channel(NETWORK_QUEUE);
        let (commands, command_queue) = mpsc::channel(COMMAND_QUEUE);
        let known = Arc::new(KnownSources::default());
        let shared = shared(&config, network, known.clone(), streams);
        let (udp, listening) = listen(&config, &tls, &shared)?;
        let (notices, _) = broadcast::channel(NOTICES);
        let door = SipDoor::new(commands);
        let near = call_neighbours(&config, directory.clone(), media, events, door, &notices)?;
        let board = Arc::new(RegistrationBoard::default());
        let (limits, now) = (&config.limits, Instant::now());
        let mut registrations =
            Registrations::new(limits, board.clone(), notices.clone(), directory.clone());
        registrations.restore(now, stored, |peer| udp_source(&udp, &shared, peer));
        let calls = Arc::new(Calls::new(limits.calls_max, near.events.clone()));
        let names = OurNames::new(&config, &listening, shared.local.clone());
        let endpoint = endpoint(&config, &names);
        let flows = Flows::new(udp, tls.clone(), shared.clone());
        let algorithms =
            config.digest.iter().filter_map(|name| Algorithm::from_name(name)).collect();
        let rules = NonceRules { algorithms, ..NonceRules::default() };
        let challenger = Challenger::new(rules, rand::random(), now);
        let sip_near = SipNeighbours {
            calls: calls.clone(),
            call_neighbours: near.clone(),
            known,
            names: names.clone(),
            shutdown: shared.shutdown.clone(),
        };
        let bans = restored(bans, now);
        let task = SipTask::new(sip_near, endpoint, flows, challenger, bans, registrations);
        let running = tokio::spawn(task.run(network_events, command_queue));
        shared.vital.task(Part::Sip, "SIP task", running);
        // A look must not keep the engine alive: it ends with the last clone of the switch.
        let engine = Arc::downgrade(&near);
        let runs = move || engine.upgrade().is_none_or(|near| near.media.runs());
        shared.vital.asked(Part::Media, "media threads", runs);
        let trunk_orders = follow_trunks(&near, directory, names, &shared);
        tracing::info!(?listening, "switch started");
        let trunks = near.trunks.clone();
        let inner = Inner {
            calls,
            call_neighbours: near,
            trunks,
            trunk_orders,
            board,
            notices,
            shared,
            tls,
            listening,
            _thread: thread,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The addresses that are listened on, with the ports chosen where 0 was configured.
    pub fn listening(&self) -> &Listening {
        &self.inner.listening
    }

    /// All live calls.
    pub fn live_calls(&self) -> Vec<LiveCall> {
        self.inner.calls.all()
    }

    /// The phones registered for an AOR (without scheme, `101@pratham.local`).
    pub fn registrations(&self, aor: &str) -> Vec<Registration> {
        self.inner.board.of(aor)
    }

    /// All registered phones.
    pub fn all_registrations(&self) -> Vec<Registration> {
        self.inner.board.all()
    }

    /// How each trunk fares.
    pub fn trunk_status(&self) -> Vec<TrunkStatus> {
        self.inner.trunks.status()
    }

    /// The part without which nothing works that ended first, if one did.
    pub fn broken(&self) -> Option<Part> {
        self.inner.shared.vital.broken()
    }

    /// Waits until such a part ends. The process is of no use from then on.
    pub async fn breaks(&self) -> Part {
        self.inner.shared.vital.wait().await
    }

    /// News of trunks and of who can be reached.
    pub fn notices(&self) -> broadcast::Receiver<SwitchNotice> {
        self.inner.notices.subscribe()
    }

    /// Serves one SIP-over-WebSocket connection (RFC 7118) that the web server upgraded with
    /// subprotocol `sip`: each item is one whole message. `secure`: the web port speaks TLS. Returns when the
    /// connection is over.
    pub async fn ws_connection(
        &self,
        peer: SocketAddr,
        secure: bool,
        inbound: mpsc::Receiver<Bytes>,
        outbound: mpsc::Sender<Bytes>,
    ) {
        let transport = if secure { Transport::Wss } else { Transport::Ws };
        serve_ws(self.inner.shared.clone(), (peer, transport), inbound, outbound).await;
    }

    /// The phone of a page: registers for this extension as long as the page holds it. `None`: no such extension, or the
    /// directory cannot be read.
    pub async fn softphone(
        &self,
        tenant: TenantId,
        number: &str,
        (peer, secure): (SocketAddr, bool),
    ) -> Option<Softphone> {
        let account = self.inner.call_neighbours.accounts.account(tenant, number).await.ok()??;
        let (outbound, from_page) = mpsc::channel(softphone::QUEUE);
        let (to_page, inbound) = mpsc::channel(softphone::QUEUE);
        let switch = self.clone();
        tokio::spawn(async move {
            switch.ws_connection(peer, secure, from_page, to_page).await;
        });
        Some(softphone::start(&account, peer, Wire { outbound, inbound }))
    }

    /// Looks at the directory again. Returns when what it says now is in force for every call and registration that
    /// comes from now on; sooner only when the directory cannot be read.
    pub async fn directory_changed(&self, change: DirectoryChange) {
        self.inner.call_neighbours.accounts.forget();
        match change {
            DirectoryChange::Extensions => {}
            // Nobody is let in any more; then who is in has to go.
            DirectoryChange::PhonesOut { tenant, extension } => {
                let near = &self.inner.call_neighbours;
                near.sip.send(SipCommand::PhonesOut { tenant, extension }).await;
                self.inner.calls.phones_out(tenant, extension);
            }
            DirectoryChange::Trunks => {
                let (done, in_force) = oneshot::channel();
                let wait = async {
                    let order = TrunkOrder::Look(done);
                    self.inner.trunk_orders.send(order).await.is_ok() && in_force.await.is_ok()
                };
                if tokio::time::timeout(CHANGE_LIMIT, wait).await != Ok(true) {
                    tracing::warn!("a change of trunks is not in force yet");
                }
            }
        }
    }

    /// Reads the TLS certificate again at once. Connections that are up stay up (B14).
    pub fn reload_tls(&self) -> Result<(), TlsError> {
        self.inner.tls.reload()
    }

    /// From now on new calls get 503 with Retry-After; live calls go on.
    pub fn drain(&self) {
        self.inner.calls.drain();
    }

    /// Waits until no call is live.
    pub async fn drained(&self) {
        self.inner.calls.empty().await;
    }

    /// Hangs up what is left and ends every task. The media engine ends with the last clone.
    pub async fn shutdown(&self) {
        self.drain();
        self.inner.calls.shut_down();
        let _ = tokio::time::timeout(GOODBYE, self.drained()).await;
        let (done, left) = oneshot::channel();
        if self.inner.trunk_orders.send(TrunkOrder::Leave(done)).await.is_ok() {
            let _ = tokio::time::timeout(GOODBYE, left).await;
        }
        // The last BYEs and their answers still need the SIP task for a moment.
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.inner.shared.shutdown.cancel();
    }

    fn originate(&self, originate: Box<call::Originate>) -> Result<(), Refused> {
        let (call, tenant): (_, TenantId) = (originate.call, originate.tenant);
        if self.inner.calls.knows(call) {
            return Ok(());
        }
        match self.inner.calls.enter(call, tenant) {
            Ok((place, mailbox)) => {
                let near = self.inner.call_neighbours.clone();
                spawn(near, place, mailbox, FirstInput::Originate(originate));
                Ok(())
            }
            Err(NoRoom::Known) => Ok(()),
            Err(NoRoom::Draining) => Err(Refused::ShuttingDown),
            Err(NoRoom::Full) => Err(Refused::Full { retry_after_s: RETRY_AFTER_S }),
            Err(NoRoom::JournalLags) => Err(Refused::Degraded("the journal lags".to_owned())),
        }
    }
}

impl CallControl for Switch {
    fn submit(&self, command: CallCommand) -> Result<(), Refused> {
        match command.split() {
            Ok(originate) => self.originate(originate),
            Err((tenant, call, control)) => {
                let door = self.inner.calls.door(call, tenant).ok_or(Refused::UnknownCall)?;
                if door.put(CallTaskEvent::Command(control)) {
                    return Ok(());
                }
                Err(Refused::Full { retry_after_s: 1 })
            }
        }
    }
}

fn shared(
    config: &SwitchConfig,
    network: mpsc::Sender<NetworkEvent>,
    known: Arc<KnownSources>,
    streams: Handle,
) -> Shared {
    let shutdown = CancellationToken::new();
    Shared {
        network,
        gate: Arc::new(SourceGate::new(config.limits, known)),
        local: Arc::new(LocalAddresses::new(config.external_ip)),
        limits: config.limits,
        flows_made: Arc::new(AtomicU64::new(0)),
        vital: Vital::new(shutdown.clone(), streams.clone()),
        shutdown,
        streams,
    }
}

/// Starts the media engine and gathers what every call talks to.
fn call_neighbours(
    config: &SwitchConfig,
    directory: Arc<dyn Directory>,
    media: media::Config,
    events: EventOut,
    sip: SipDoor,
    notices: &broadcast::Sender<SwitchNotice>,
) -> Result<Arc<CallNeighbours>, StartError> {
    let media_addresses =
        LocalAddresses::of_media(media.external_ip.or(config.external_ip), media.listen);
    Ok(Arc::new(CallNeighbours {
        sip,
        tasks: Handle::current(),
        media: MediaPort::start(media)?,
        accounts: Arc::new(Accounts::new(directory.clone())),
        directory,
        trunks: Arc::new(Trunks::new(notices.clone())),
        dns: Dns::new(&config.dns_servers),
        events,
        media_addresses,
        spool: config.spool.clone(),
    }))
}

/// Starts the task that follows the trunks of the directory.
fn follow_trunks(
    near: &CallNeighbours,
    directory: Arc<dyn Directory>,
    names: OurNames,
    shared: &Shared,
) -> mpsc::Sender<TrunkOrder> {
    let (trunk_orders, orders) = mpsc::channel(ORDER_QUEUE);
    let near = TrunkNeighbours {
        directory,
        trunks: near.trunks.clone(),
        sip: near.sip.clone(),
        names,
        dns: near.dns.clone(),
        shutdown: shared.shutdown.clone(),
    };
    let following = tokio::spawn(run_trunks(near, orders));
    shared.vital.task(Part::Sip, "follower of trunks", following);
    trunk_orders
}

/// The bans of before, in the machine's time.
fn restored(bans: Vec<Ban>, now: Instant) -> BruteForce {
    let (wall, mut brute_force) = (SystemTime::now(), BruteForce::default());
    for ban in bans {
        if let Ok(left) = ban.until.duration_since(wall) {
            brute_force.restore(ban.address, ban.aor, now + left);
        }
    }
    brute_force
}

fn listen(
    config: &SwitchConfig,
    tls: &Arc<Tls>,
    shared: &Shared,
) -> Result<(Vec<UdpListener>, Listening), StartError> {
    let failed =
        |transport, address| move |source| StartError::Listen { transport, address, source };
    let mut listening = Listening::default();
    let mut udp = Vec::new();
    for address in &config.udp {
        let listener = UdpListener::start(*address, shared).map_err(failed("udp", *address))?;
        listening.udp.push(listener.bound);
        udp.push(listener);
    }
    for address in &config.tcp {
        let bound = accept(*address, None, shared).map_err(failed("tcp", *address))?;
        listening.tcp.push(bound);
    }
    for address in config.tls.iter().flat_map(|tls| &tls.listen) {
        let bound = accept(*address, Some(tls.clone()), shared).map_err(failed("tls", *address))?;
        listening.tls.push(bound);
    }
    Ok((udp, listening))
}

fn endpoint(config: &SwitchConfig, names: &OurNames) -> Endpoint {
    let mut settings = EndpointConfig::new(names.advertised());
    settings.user_agent = config.user_agent.clone().into();
    settings.reliable_provisional = true;
    // Two legs a call, and as many again for those that are being refused or are ending.
    settings.max_dialogs = config.limits.calls_max.saturating_mul(4).max(1000);
    Endpoint::new(settings, rand::random())
}

/// How a phone that registered by UDP before a restart is reached now.
fn udp_source(udp: &[UdpListener], shared: &Shared, peer: SocketAddr) -> Option<Source> {
    let listener = udp.iter().find(|listener| listener.bound.is_ipv4() == peer.is_ipv4())?;
    Some(Source {
        transport: Transport::Udp,
        local: shared.local.towards(peer.ip(), listener.bound),
        remote: peer,
        flow: listener.flow,
    })
}
