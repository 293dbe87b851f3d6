//! The trunks as configured, with what is known of each: addresses, health, channels.

use super::{
    egress::{Channel, EgressGate, GateClosed},
    network::Network,
};
use crate::{
    calls::transport_of,
    directory::{TransportKind, TrunkSettings},
    dns::{Dns, Question, Server, drawn},
    status::{SwitchNotice, TrunkHealth, TrunkStatus},
    transport::certificate_carries,
};
use arc_swap::ArcSwap;
use call::TrunkId;
use rustls::pki_types::CertificateDer;
use signaling_proto::Target;
use std::{
    collections::{BTreeMap, VecDeque},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime},
};
use tokio::sync::broadcast;

/// How many final statuses are kept for display.
const STATUSES_KEPT: usize = 20;

/// Addresses tried for one request; a carrier has fewer.
const TARGETS_MAX: usize = 16;

/// A call does not ask again for a name that had no address just now.
const RESOLVE_PAUSE: Duration = Duration::from_secs(5);

/// All trunks. Settings are replaced as a whole, what is known of a trunk outlives that.
#[derive(Debug)]
pub(crate) struct Trunks {
    book: ArcSwap<BTreeMap<TrunkId, Arc<Trunk>>>,
    notices: broadcast::Sender<SwitchNotice>,
}

/// One trunk.
#[derive(Debug)]
pub(crate) struct Trunk {
    pub(crate) settings: TrunkSettings,
    networks: Vec<Network>,
    gate: Arc<EgressGate>,
    facts: Arc<Mutex<TrunkFacts>>,
    notices: broadcast::Sender<SwitchNotice>,
}

/// What is known of a trunk.
#[derive(Debug)]
struct TrunkFacts {
    servers: Vec<Server>,
    health: TrunkHealth,
    since: SystemTime,
    last_error: Option<String>,
    last_statuses: VecDeque<u16>,
    options_ms: Option<u32>,
    registered_until: Option<SystemTime>,
    /// How our registration fares, where there is one.
    registration: Option<TrunkHealth>,
    avoid_until: Option<Instant>,
    /// Its name had no address then.
    unresolved_at: Option<Instant>,
}

impl Trunks {
    pub(crate) fn new(notices: broadcast::Sender<SwitchNotice>) -> Self {
        Self { book: ArcSwap::default(), notices }
    }

    /// Takes new settings.
    pub(crate) fn replace(&self, settings: Vec<TrunkSettings>) {
        let old = self.book.load();
        let book = settings
            .into_iter()
            .map(|settings| {
                let known = old.get(&settings.trunk);
                let trunk = Trunk::new(settings, known.map(|trunk| &**trunk), &self.notices);
                (trunk.settings.trunk, Arc::new(trunk))
            })
            .collect();
        self.book.store(Arc::new(book));
    }

    /// The trunk with this id.
    pub(crate) fn by_id(&self, trunk: TrunkId) -> Option<Arc<Trunk>> {
        self.book.load().get(&trunk).cloned()
    }

    /// All of them, in the order of their ids.
    pub(crate) fn all(&self) -> Vec<Arc<Trunk>> {
        self.book.load().values().cloned().collect()
    }

    /// The trunks that a request may come from, by socket address or client certificate only (B10). The surest sign
    /// decides; several stand together when a carrier serves several accounts from one address.
    pub(crate) fn recognise(
        &self,
        peer: SocketAddr,
        certificate: Option<&CertificateDer<'_>>,
    ) -> Vec<Arc<Trunk>> {
        let book = self.book.load();
        let signs: [&dyn Fn(&Trunk) -> bool; 3] = [
            &|trunk| certificate.is_some_and(|shown| trunk.is_named_in(shown)),
            &|trunk| !trunk.settings.by_certificate && trunk.has_socket(peer),
            &|trunk| !trunk.settings.by_certificate && trunk.calls_from(peer),
        ];
        for fits in signs {
            let found = book.values().filter(|trunk| trunk.settings.enabled && fits(trunk));
            let found: Vec<_> = found.cloned().collect();
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    /// How each fares.
    pub(crate) fn status(&self) -> Vec<TrunkStatus> {
        self.book.load().values().map(|trunk| trunk.status()).collect()
    }
}

impl Trunk {
    fn new(
        settings: TrunkSettings,
        known: Option<&Self>,
        notices: &broadcast::Sender<SwitchNotice>,
    ) -> Self {
        let networks = settings.sources.iter().filter_map(|text| Network::parse(text)).collect();
        // Other settings may cure what was wrong, so health starts anew with them.
        let facts = match known {
            Some(known) if known.settings == settings => known.facts.clone(),
            Some(_) | None => Arc::new(Mutex::new(TrunkFacts::new(settings.enabled))),
        };
        let gate = known.map(|trunk| trunk.gate.clone()).unwrap_or_default();
        Self { settings, networks, gate, facts, notices: notices.clone() }
    }

    /// Takes a channel for a call of ours.
    pub(crate) fn take_channel(&self, now: Instant) -> Result<Channel, GateClosed> {
        self.gate.take(self.settings.channels_max, self.settings.calls_per_second_max, now)
    }

    /// Counts a call that no cap may refuse.
    pub(crate) fn count_channel(&self) -> Channel {
        self.gate.count()
    }

    /// Whether calls should rather go elsewhere if they can.
    pub(crate) fn is_doubtful(&self, now: Instant) -> bool {
        let facts = self.facts();
        match facts.health {
            TrunkHealth::Disabled | TrunkHealth::Down | TrunkHealth::Refused => true,
            TrunkHealth::Unknown | TrunkHealth::Up => {
                facts.avoid_until.is_some_and(|until| until > now)
            }
        }
    }

    /// The carrier asked for a pause (503 with Retry-After).
    pub(crate) fn avoid_for(&self, pause: Duration, now: Instant) {
        self.facts().avoid_until = Some(now + pause.min(Duration::from_secs(300)));
    }

    /// A call of ours ended its set-up with this status.
    pub(crate) fn note_status(&self, status: u16) {
        crate::measure::trunk_status(&self.settings.name, status);
        let mut facts = self.facts();
        facts.last_statuses.push_front(status);
        facts.last_statuses.truncate(STATUSES_KEPT);
    }

    /// Where a request to it goes, in order; empty until its name was resolved.
    pub(crate) fn targets(&self) -> Vec<Target> {
        self.facts().targets()
    }

    /// Where requests to it go; resolves its name where that was not done yet.
    pub(crate) async fn addresses(&self, dns: &Dns) -> Vec<Target> {
        {
            let facts = self.facts();
            let failed = facts.unresolved_at.is_some_and(|at| at.elapsed() < RESOLVE_PAUSE);
            if !facts.servers.is_empty() || failed {
                return facts.targets();
            }
        }
        let (found, _) = self.look_up(dns).await;
        let mut facts = self.facts();
        facts.unresolved_at = found.is_empty().then(Instant::now);
        facts.servers = found;
        facts.targets()
    }

    /// The servers of all its hosts, and when they are to be looked up again.
    pub(crate) async fn look_up(&self, dns: &Dns) -> (Vec<Server>, Option<Instant>) {
        let mut found: Vec<Server> = Vec::new();
        let mut until: Option<Instant> = None;
        for (rank, weight, question) in self.questions() {
            let (servers, lapse) = dns.servers(question).await;
            until = until.into_iter().chain(lapse).min();
            // Among hosts of one rank the records of each decide only where it has any.
            let alone = servers.len() == 1;
            for mut server in servers {
                let known = |target: &Target| {
                    found.iter().flat_map(|s| &s.targets).any(|t| t.address == target.address)
                };
                server.targets.retain(|target| !known(target));
                server.rank += u32::from(rank) << 16;
                server.weight = if alone { weight } else { server.weight };
                found.push(server);
            }
        }
        found.retain(|server| !server.targets.is_empty());
        found.truncate(TARGETS_MAX);
        (found, until)
    }

    /// Whom to look up for it, with the rank and weight an administrator gave: the outbound proxy, where there is one.
    fn questions(&self) -> Vec<(u16, u32, Question)> {
        let settings = &self.settings;
        let transport = Some(transport_of(settings.transport));
        let question = |host, port| Question { host, port, transport, secure: false };
        if let Some(proxy) = &settings.outbound_proxy {
            let (host, port) = split_port(proxy);
            return vec![(0, 0, question(host, port))];
        }
        let first = (0, settings.host_weight, question(settings.host.clone(), settings.port));
        let further = settings
            .further_hosts
            .iter()
            .map(|more| (more.rank, more.weight, question(more.host.clone(), more.port)));
        std::iter::once(first).chain(further).collect()
    }

    /// Something went wrong that an administrator should read.
    pub(crate) fn note_error(&self, error: &str) {
        self.facts().last_error = Some(error.to_owned());
    }

    pub(crate) fn note_servers(&self, servers: Vec<Server>) {
        self.facts().servers = servers;
    }

    pub(crate) fn note_options(&self, round_trip: Option<Duration>) {
        self.facts().options_ms =
            round_trip.map(|time| u32::try_from(time.as_millis()).unwrap_or(u32::MAX));
    }

    pub(crate) fn note_registered(&self, until: Option<SystemTime>) {
        self.facts().registered_until = until;
    }

    pub(super) fn note_registration(&self, state: TrunkHealth) {
        self.facts().registration = Some(state);
    }

    pub(super) fn registration(&self) -> Option<TrunkHealth> {
        self.facts().registration.clone()
    }

    /// Sets its health and tells whoever listens when it changed.
    pub(crate) fn note_health(&self, health: TrunkHealth, error: Option<String>) {
        let mut facts = self.facts();
        if error.is_some() {
            facts.last_error = error;
        }
        if facts.health == health {
            return;
        }
        tracing::info!(trunk.name = %self.settings.name, ?health, was = ?facts.health, error = facts.last_error.as_deref().unwrap_or(""), "trunk health");
        facts.health = health;
        facts.since = SystemTime::now();
        drop(facts);
        let _ = self.notices.send(SwitchNotice::Trunk(Box::new(self.status())));
    }

    /// Whether a host of a request means this trunk rather than another from the same address.
    pub(crate) fn is_addressed_as(&self, host: &str) -> bool {
        let settings = &self.settings;
        let names = settings.from_domain.iter().chain(std::iter::once(&settings.host));
        names.into_iter().any(|name| name.eq_ignore_ascii_case(host))
    }

    /// Whether a peer is one of the hosts that our credentials are for (B07).
    pub(crate) fn is_host(&self, peer: SocketAddr) -> bool {
        self.facts().known().any(|target| same_host(target.address, peer))
    }

    pub(crate) fn status(&self) -> TrunkStatus {
        let facts = self.facts();
        TrunkStatus {
            tenant: self.settings.tenant,
            trunk: self.settings.trunk,
            name: self.settings.name.clone(),
            health: facts.health.clone(),
            since: facts.since,
            last_error: facts.last_error.clone(),
            channels_in_use: self.gate.in_use(),
            last_statuses: facts.last_statuses.iter().copied().collect(),
            options_ms: facts.options_ms,
            registered_until: facts.registered_until,
        }
    }

    fn is_named_in(&self, certificate: &CertificateDer<'_>) -> bool {
        self.settings
            .client_certificate_names
            .iter()
            .any(|name| certificate_carries(certificate, name))
    }

    /// Exactly the socket that we send to.
    fn has_socket(&self, peer: SocketAddr) -> bool {
        self.settings.transport == TransportKind::Udp
            && self.facts().known().any(|target| target.address == peer)
    }

    fn calls_from(&self, peer: SocketAddr) -> bool {
        self.networks.iter().any(|network| network.contains(peer))
            // Many programs share loopback: there only the very socket is the carrier's.
            || (!peer.ip().is_loopback() && self.is_host(peer))
    }

    fn facts(&self) -> MutexGuard<'_, TrunkFacts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TrunkFacts {
    /// Every address of it.
    fn known(&self) -> impl Iterator<Item = &Target> {
        self.servers.iter().flat_map(|server| &server.targets)
    }

    /// Drawn for one request.
    fn targets(&self) -> Vec<Target> {
        let mut targets = drawn(&self.servers, &mut rand::rng());
        targets.truncate(TARGETS_MAX);
        targets
    }

    fn new(enabled: bool) -> Self {
        Self {
            servers: Vec::new(),
            health: if enabled { TrunkHealth::Unknown } else { TrunkHealth::Disabled },
            since: SystemTime::now(),
            last_error: None,
            last_statuses: VecDeque::new(),
            options_ms: None,
            registered_until: None,
            registration: None,
            avoid_until: None,
            unresolved_at: None,
        }
    }
}

/// `host:port` or `host`; IPv6 literals with a port stand in brackets.
fn split_port(text: &str) -> (String, Option<u16>) {
    match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (host.to_owned(), port.parse().ok())
        }
        Some(_) | None => (text.to_owned(), None),
    }
}

/// The same machine; on loopback, where many programs live, also the same port.
fn same_host(ours: SocketAddr, theirs: SocketAddr) -> bool {
    ours.ip().to_canonical() == theirs.ip().to_canonical()
        && (!ours.ip().is_loopback() || ours.port() == theirs.port())
}
