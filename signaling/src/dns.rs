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
    sync::Arc,
    time::Duration,
};
use tokio::sync::Semaphore;

/// A question that takes longer is answered from the last good answer, or with nothing.
const ANSWER_LIMIT: Duration = Duration::from_millis(2500);

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

/// Asks name servers. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Dns {
    resolver: Option<TokioResolver>,
    kept: Arc<DashMap<Question, Vec<Target>>>,
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
        let literal = question.host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = literal.parse::<IpAddr>() {
            return vec![target(&question, ip, question.port, question.transport)];
        }
        let Ok(_place) = self.places.acquire().await else { return Vec::new() };
        let asked = tokio::time::timeout(ANSWER_LIMIT, self.ask(&question)).await;
        match asked {
            Ok(found) if !found.is_empty() => {
                if self.kept.len() >= KEPT_MAX {
                    self.kept.clear();
                }
                self.kept.insert(question, found.clone());
                found
            }
            // A name server that is away must not take trunks down whose addresses we know.
            Ok(_) | Err(_) => self.kept.get(&question).map(|kept| kept.clone()).unwrap_or_default(),
        }
    }

    async fn ask(&self, question: &Question) -> Vec<Target> {
        if question.port.is_some() {
            return self.hosts(question, &question.host, question.port, question.transport).await;
        }
        let transport = match question.transport {
            Some(transport) => Some(transport),
            None => self.naptr(question).await,
        };
        let candidates: Vec<Transport> = match (transport, question.secure) {
            (Some(transport), _) => vec![transport],
            (None, true) => vec![Transport::Tls],
            (None, false) => vec![Transport::Udp, Transport::Tcp, Transport::Tls],
        };
        for transport in candidates {
            let found = self.services(question, transport).await;
            if !found.is_empty() {
                return found;
            }
        }
        self.hosts(question, &question.host, None, transport).await
    }

    /// The transport that the domain prefers (RFC 3263 §4.1).
    async fn naptr(&self, question: &Question) -> Option<Transport> {
        let lookup = self.resolver.as_ref()?.lookup(fqdn(&question.host), RecordType::NAPTR).await;
        let mut wishes: Vec<(u16, u16, Transport)> = lookup
            .ok()?
            .answers()
            .iter()
            .filter_map(|record| {
                let RData::NAPTR(naptr) = &record.data else { return None };
                let transport = naptr_transport(&naptr.services)?;
                (!question.secure || transport == Transport::Tls).then_some((
                    naptr.order,
                    naptr.preference,
                    transport,
                ))
            })
            .collect();
        wishes.sort_by_key(|(order, preference, _)| (*order, *preference));
        wishes.first().map(|(_, _, transport)| *transport)
    }

    async fn services(&self, question: &Question, transport: Transport) -> Vec<Target> {
        let prefix = match transport {
            Transport::Udp => "_sip._udp",
            Transport::Tcp => "_sip._tcp",
            Transport::Tls => "_sips._tcp",
            Transport::Ws | Transport::Wss => return Vec::new(),
        };
        let Some(resolver) = &self.resolver else { return Vec::new() };
        let name = format!("{prefix}.{}", fqdn(&question.host));
        let Ok(lookup) = resolver.lookup(name, RecordType::SRV).await else { return Vec::new() };
        let services = lookup
            .answers()
            .iter()
            .filter_map(|record| {
                let RData::SRV(srv) = &record.data else { return None };
                Some(Service {
                    priority: srv.priority,
                    weight: srv.weight,
                    port: srv.port,
                    host: srv.target.to_ascii(),
                })
            })
            .filter(|service| service.host != ".")
            .collect();
        let mut found = Vec::new();
        let in_order = ordered(services, &mut rand::rng());
        for service in in_order {
            let port = Some(service.port);
            found.extend(self.hosts(question, &service.host, port, Some(transport)).await);
        }
        found
    }

    async fn hosts(
        &self,
        question: &Question,
        host: &str,
        port: Option<u16>,
        transport: Option<Transport>,
    ) -> Vec<Target> {
        let Some(resolver) = &self.resolver else { return Vec::new() };
        let Ok(lookup) = resolver.lookup_ip(fqdn(host)).await else { return Vec::new() };
        lookup.iter().map(|ip| target(question, ip, port, transport)).collect()
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

fn naptr_transport(services: &[u8]) -> Option<Transport> {
    [
        (&b"SIPS+D2T"[..], Transport::Tls),
        (&b"SIP+D2T"[..], Transport::Tcp),
        (&b"SIP+D2U"[..], Transport::Udp),
    ]
    .into_iter()
    .find_map(|(name, transport)| services.eq_ignore_ascii_case(name).then_some(transport))
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Service {
    priority: u16,
    weight: u16,
    port: u16,
    host: String,
}

/// By priority, and within one priority drawn by weight (RFC 2782).
fn ordered(mut services: Vec<Service>, rng: &mut impl Rng) -> Vec<Service> {
    // Zero weights first, so that they keep a small chance as the RFC asks.
    services.sort_by_key(|service| (service.priority, service.weight));
    let mut result = Vec::with_capacity(services.len());
    while let Some(first) = services.first() {
        let priority = first.priority;
        let same = services.iter().take_while(|service| service.priority == priority).count();
        let total: u32 = services[..same].iter().map(|service| u32::from(service.weight)).sum();
        let mut draw = rng.random_range(0..=total);
        let chosen = services[..same]
            .iter()
            .position(|service| {
                let reached = draw <= u32::from(service.weight);
                draw = draw.saturating_sub(u32::from(service.weight));
                reached
            })
            .unwrap_or(0);
        result.push(services.remove(chosen));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    fn service(priority: u16, weight: u16, host: &str) -> Service {
        Service { priority, weight, port: 5060, host: host.into() }
    }

    #[test]
    fn servers_of_lower_priority_number_come_first_and_weights_share_the_rest() {
        let mut rng = rand::rngs::StdRng::seed_from_u64(7);
        let mut heavy_first = 0;
        for _ in 0..1000 {
            let drawn = ordered(
                vec![service(20, 0, "spare"), service(10, 90, "heavy"), service(10, 10, "light")],
                &mut rng,
            );
            assert_eq!(drawn[2].host, "spare");
            heavy_first += usize::from(drawn[0].host == "heavy");
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
