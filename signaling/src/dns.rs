//! Finding servers (RFC 3263): NAPTR, SRV with weights, A and AAAA, each query in a task of its
//! own with a time limit, so that no slow name server ever holds up the SIP task (A21).

use dashmap::DashMap;
use hickory_resolver::{
    TokioResolver,
    config::{NameServerConfig, ResolverConfig, ResolverOpts},
    net::runtime::TokioRuntimeProvider,
    proto::rr::{RData, RecordType},
};
use rand::Rng;
use signaling_proto::{Target, Transport};
use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::sync::Semaphore;

/// A question that takes longer is answered from the last good answer, or with nothing.
const ANSWER_LIMIT: Duration = Duration::from_millis(2500);

/// How long the domain's pointers are waited for; without them its usual names do.
const NAPTR_LIMIT: Duration = Duration::from_millis(1200);

/// Questions asked at once; more wait.
const QUESTIONS_AT_ONCE: usize = 64;

/// Names whose last good answer is kept.
const KEPT_MAX: usize = 10_000;

/// Whom to find.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Question {
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
    pub(crate) transport: Option<Transport>,
    pub(crate) secure: bool,
}

/// A question on its way.
struct Asking {
    question: Question,
    /// The first of its answers to lapse.
    until: Mutex<Option<Instant>>,
}

impl Asking {
    fn note(&self, lapses: Instant) {
        let mut until = self.until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = Some(until.map_or(lapses, |known| known.min(lapses)));
    }

    fn until(&self) -> Option<Instant> {
        *self.until.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks name servers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Dns {
    resolver: Option<TokioResolver>,
    kept: Arc<DashMap<Question, Vec<Server>>>,
    places: Arc<Semaphore>,
}

impl Dns {
    /// With the given name servers, or the system's.
    pub(crate) fn new(servers: &[SocketAddr]) -> Self {
        let resolver = build(servers)
            .inspect_err(
                |error| tracing::warn!(%error, "no name servers, names cannot be resolved"),
            )
            .ok();
        Self {
            resolver,
            kept: Arc::new(DashMap::new()),
            places: Arc::new(Semaphore::new(QUESTIONS_AT_ONCE)),
        }
    }

    /// The addresses to try, in order. Empty when there are none.
    pub(crate) async fn find(&self, question: Question) -> Vec<Target> {
        drawn(&self.servers(question).await.0, &mut rand::rng())
    }

    /// What there is to draw from, and when the name servers want to be asked again.
    pub(crate) async fn servers(&self, question: Question) -> (Vec<Server>, Option<Instant>) {
        let literal = question.host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = literal.parse::<IpAddr>() {
            let only = target(&question, ip, question.port, question.transport);
            return (vec![Server::alone(vec![only])], None);
        }
        let Ok(_place) = self.places.acquire().await else { return (Vec::new(), None) };
        let asking = Asking { question, until: Mutex::default() };
        let asked = tokio::time::timeout(ANSWER_LIMIT, self.ask(&asking)).await;
        let until = asking.until();
        let question = asking.question;
        let found = match asked {
            Ok(found) if !found.is_empty() => {
                if self.kept.len() >= KEPT_MAX {
                    self.kept.clear();
                }
                self.kept.insert(question, found.clone());
                found
            }
            // A name server that is away must not take trunks down whose addresses we know.
            Ok(_) | Err(_) => self.kept.get(&question).map(|kept| kept.clone()).unwrap_or_default(),
        };
        (found, until)
    }

    async fn ask(&self, asking: &Asking) -> Vec<Server> {
        let question = &asking.question;
        if question.port.is_some() {
            let (host, port) = (&question.host, question.port);
            return self.only(asking, host, port, question.transport).await;
        }
        // Side by side: a name server that knows no NAPTR and keeps silent about it costs no time of its own.
        let pointers = tokio::time::timeout(NAPTR_LIMIT, self.pointers(asking));
        let (pointed, found) = tokio::join!(pointers, self.by_name(asking));
        for (transport, name) in pointed.unwrap_or_default() {
            let found = self.services(asking, &name, transport).await;
            if !found.is_empty() {
                return found;
            }
        }
        found
    }

    /// Without NAPTR: the services of the domain in the order of RFC 3263 §4.2, then its addresses.
    async fn by_name(&self, asking: &Asking) -> Vec<Server> {
        let question = &asking.question;
        let candidates: &[Transport] = match (question.transport, question.secure) {
            (Some(Transport::Udp), _) => &[Transport::Udp],
            (Some(Transport::Tcp), _) => &[Transport::Tcp],
            (Some(Transport::Tls), _) | (None, true) => &[Transport::Tls],
            (Some(Transport::Ws | Transport::Wss), _) => &[],
            (None, false) => &[Transport::Udp, Transport::Tcp, Transport::Tls],
        };
        for transport in candidates {
            let Some(prefix) = prefix(*transport) else { continue };
            let name = format!("{prefix}.{}", question.host);
            let found = self.services(asking, &name, *transport).await;
            if !found.is_empty() {
                return found;
            }
        }
        self.only(asking, &question.host, None, question.transport).await
    }

    /// Addresses without SRV records.
    async fn only(
        &self,
        asking: &Asking,
        host: &str,
        port: Option<u16>,
        transport: Option<Transport>,
    ) -> Vec<Server> {
        let targets = self.hosts(asking, host, port, transport).await;
        if targets.is_empty() { Vec::new() } else { vec![Server::alone(targets)] }
    }

    /// Where the domain's own records say its services are, best first (RFC 3263 §4.1).
    async fn pointers(&self, asking: &Asking) -> Vec<(Transport, String)> {
        let question = &asking.question;
        let Some(resolver) = &self.resolver else { return Vec::new() };
        let Ok(lookup) = resolver.lookup(fqdn(&question.host), RecordType::NAPTR).await else {
            return Vec::new();
        };
        let mut wishes: Vec<(u16, u16, Transport, String)> = lookup
            .answers()
            .iter()
            .filter_map(|record| {
                let RData::NAPTR(naptr) = &record.data else { return None };
                let transport = naptr_transport(&naptr.services)?;
                let fits = question.transport.is_none_or(|wanted| wanted == transport)
                    && (!question.secure || transport == Transport::Tls)
                    && naptr.flags.eq_ignore_ascii_case(b"s");
                let name = naptr.replacement.to_ascii();
                fits.then_some((naptr.order, naptr.preference, transport, name))
            })
            .collect();
        wishes.sort_by_key(|(order, preference, _, _)| (*order, *preference));
        wishes.into_iter().map(|(_, _, transport, name)| (transport, name)).collect()
    }

    async fn services(&self, asking: &Asking, name: &str, transport: Transport) -> Vec<Server> {
        let Some(resolver) = &self.resolver else { return Vec::new() };
        let Ok(lookup) = resolver.lookup(fqdn(name), RecordType::SRV).await else {
            return Vec::new();
        };
        asking.note(lookup.valid_until());
        let mut found = Vec::new();
        for record in lookup.answers() {
            let RData::SRV(srv) = &record.data else { continue };
            let host = srv.target.to_ascii();
            if host == "." {
                continue;
            }
            let targets = self.hosts(asking, &host, Some(srv.port), Some(transport)).await;
            let (rank, weight) = (u32::from(srv.priority), u32::from(srv.weight));
            found.push(Server { rank, weight, targets });
        }
        found.retain(|server| !server.targets.is_empty());
        found
    }

    async fn hosts(
        &self,
        asking: &Asking,
        host: &str,
        port: Option<u16>,
        transport: Option<Transport>,
    ) -> Vec<Target> {
        let Some(resolver) = &self.resolver else { return Vec::new() };
        let Ok(lookup) = resolver.lookup_ip(fqdn(host)).await else { return Vec::new() };
        asking.note(lookup.valid_until());
        lookup.iter().map(|ip| target(&asking.question, ip, port, transport)).collect()
    }
}

fn build(servers: &[SocketAddr]) -> Result<TokioResolver, hickory_resolver::net::NetError> {
    let mut builder = if servers.is_empty() {
        TokioResolver::builder_tokio()?
    } else {
        let servers = servers
            .iter()
            .map(|server| {
                let mut config = NameServerConfig::udp_and_tcp(server.ip());
                config.connections.iter_mut().for_each(|link| link.port = server.port());
                config
            })
            .collect();
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        let mut builder =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = ResolverOpts::default();
        builder
    };
    let options = builder.options_mut();
    options.timeout = Duration::from_secs(1);
    options.attempts = 2;
    builder.build()
}

/// A name with its final dot: no search list, one query.
fn fqdn(host: &str) -> String {
    if host.ends_with('.') { host.to_owned() } else { format!("{host}.") }
}

fn target(
    question: &Question,
    ip: IpAddr,
    port: Option<u16>,
    transport: Option<Transport>,
) -> Target {
    let fallback = if question.secure { Transport::Tls } else { Transport::Udp };
    let transport = transport.unwrap_or(fallback);
    let port = port.unwrap_or(if transport == Transport::Tls { 5061 } else { 5060 });
    Target {
        transport,
        address: SocketAddr::new(ip, port),
        // The name asked for, not the SRV target: what the certificate must prove (RFC 5922 §4).
        server_name: Some(question.host.trim_end_matches('.').into()),
    }
}

/// Where SRV records of a transport stand (RFC 3263 §4.1).
fn prefix(transport: Transport) -> Option<&'static str> {
    match transport {
        Transport::Udp => Some("_sip._udp"),
        Transport::Tcp => Some("_sip._tcp"),
        Transport::Tls => Some("_sips._tcp"),
        Transport::Ws | Transport::Wss => None,
    }
}

fn naptr_transport(services: &[u8]) -> Option<Transport> {
    [
        (&b"SIPS+D2T"[..], Transport::Tls),
        (&b"SIP+D2T"[..], Transport::Tcp),
        (&b"SIP+D2U"[..], Transport::Udp),
    ]
    .into_iter()
    .find_map(|(name, transport)| services.eq_ignore_ascii_case(name).then_some(transport))
}

/// One server of a domain, as SRV records describe it (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Server {
    /// Lower ones first.
    pub(crate) rank: u32,
    /// Its share among those of its rank.
    pub(crate) weight: u32,
    pub(crate) targets: Vec<Target>,
}

impl Server {
    fn alone(targets: Vec<Target>) -> Self {
        Self { rank: 0, weight: 0, targets }
    }
}

/// The targets of all servers: by rank, and within one rank drawn by weight. Drawn anew for every call, or all calls
/// until the records lapse would go to one server.
pub(crate) fn drawn(servers: &[Server], rng: &mut impl Rng) -> Vec<Target> {
    let mut left: Vec<&Server> = servers.iter().collect();
    // Zero weights first, so that they keep a small chance as the RFC asks.
    left.sort_by_key(|server| (server.rank, server.weight));
    let mut result = Vec::with_capacity(left.len());
    while let Some(first) = left.first() {
        let same = left.iter().take_while(|server| server.rank == first.rank).count();
        let total: u32 = left[..same].iter().map(|server| server.weight).sum();
        let mut draw = rng.random_range(0..=total);
        let chosen = left[..same]
            .iter()
            .position(|server| {
                let reached = draw <= server.weight;
                draw = draw.saturating_sub(server.weight);
                reached
            })
            .unwrap_or(0);
        result.extend(left.remove(chosen).targets.iter().cloned());
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn server(rank: u32, weight: u32, last: u8) -> Server {
        let address = ([192, 0, 2, last], 5060).into();
        let target = Target { transport: Transport::Udp, address, server_name: None };
        Server { rank, weight, targets: vec![target] }
    }

    #[test]
    fn servers_of_lower_priority_number_come_first_and_weights_share_the_rest() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(7);
        let servers = [server(20, 0, 3), server(10, 90, 1), server(10, 10, 2)];
        let mut heavy_first = 0;
        for _ in 0..1000 {
            let drawn = drawn(&servers, &mut rng);
            assert_eq!(drawn[2], servers[0].targets[0]);
            heavy_first += usize::from(drawn[0] == servers[1].targets[0]);
        }
        assert!((850..950).contains(&heavy_first), "{heavy_first}");
    }

    #[tokio::test]
    async fn an_address_literal_needs_no_name_server() {
        let dns = Dns { resolver: None, kept: Arc::default(), places: Arc::new(Semaphore::new(1)) };
        let question =
            Question { host: "[::1]".into(), port: Some(5070), transport: None, secure: false };
        let found = dns.find(question).await;
        assert_eq!(found[0].address, ([0, 0, 0, 0, 0, 0, 0, 1], 5070).into());
        assert_eq!(found[0].transport, Transport::Udp);
    }
}
