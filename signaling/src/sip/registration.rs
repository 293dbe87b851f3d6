//! The registrar around its bindings: reads REGISTER, answers it, keeps bindings over a restart
//! and tells the floor who can be reached.

use super::task::SipTask;
use crate::{
    Directory,
    directory::{BindingChange, ExtensionAccount, SecurityEventKind, StoredBinding, TransportKind},
    measure,
    status::{Registration, SwitchNotice},
};
use call::{ExtensionId, TenantId};
use dashmap::DashMap;
use signaling_proto::{
    FlowId, HeaderName, Message, Reply, Source, TransactionId, Transport,
    message::Contacts,
    registrar::{
        Binding, Bindings, Change, Lifetimes, NotRegistered, Reachable, Registering, Wish,
    },
};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};
use tokio::sync::{broadcast, mpsc};

/// Changes that may wait for the store; what comes on top is kept in memory only, until the
/// phone registers again.
const KEEPER_QUEUE: usize = 4096;
/// Changes written in one transaction.
const KEEPER_BATCH: usize = 1024;
/// Least time between two writes: a lone phone is written at once, a crowd together.
const KEEPER_SPACING: Duration = Duration::from_millis(100);
const KEEPER_ATTEMPTS: u32 = 3;

/// Who is registered, for everybody to read.
#[derive(Debug, Default)]
pub(crate) struct RegistrationBoard {
    by_aor: DashMap<String, Vec<Registration>>,
}

impl RegistrationBoard {
    /// Phones of one AOR.
    pub(crate) fn of(&self, aor: &str) -> Vec<Registration> {
        self.by_aor.get(aor).map(|all| all.clone()).unwrap_or_default()
    }

    /// All phones.
    pub(crate) fn all(&self) -> Vec<Registration> {
        self.by_aor.iter().flat_map(|entry| entry.value().clone()).collect()
    }
}

/// Whose a phone is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Owner {
    tenant: TenantId,
    extension: ExtensionId,
}

/// A phone that we answer `outbound` sends something over its flow at least this often (RFC 5626 §5.4): sooner than
/// any translator we know of forgets it.
const FLOW_TIMER_S: &str = "120";

/// The registrar's state in the SIP task.
pub(crate) struct Registrations {
    bindings: Bindings<Owner>,
    min_s: u32,
    board: Arc<RegistrationBoard>,
    notices: broadcast::Sender<SwitchNotice>,
    keeper: mpsc::Sender<BindingChange>,
}

impl Registrations {
    pub(crate) fn new(
        limits: &crate::Limits,
        board: Arc<RegistrationBoard>,
        notices: broadcast::Sender<SwitchNotice>,
        directory: Arc<dyn Directory>,
    ) -> Self {
        let (keeper, kept) = mpsc::channel(KEEPER_QUEUE);
        tokio::spawn(keep_all(directory, kept));
        let lifetimes = Lifetimes {
            min_s: limits.registration_min_s,
            max_s: limits.registration_max_s,
            default_s: limits.registration_default_s,
        };
        let bindings = Bindings::new(lifetimes);
        Self { bindings, min_s: limits.registration_min_s, board, notices, keeper }
    }

    /// Takes over the bindings from before a restart.
    pub(crate) fn restore(
        &mut self,
        now: Instant,
        stored: Vec<StoredBinding>,
        udp_source: impl Fn(SocketAddr) -> Option<Source>,
    ) {
        let wall = SystemTime::now();
        for binding in stored {
            let Ok(left) = binding.expires_at.duration_since(wall) else { continue };
            let by_udp = binding.transport == TransportKind::Udp;
            let source = udp_source(binding.source).filter(|_| by_udp);
            // A connection did not survive: such a phone is called by its URI until it is back.
            let by_flow = source.is_some();
            if !by_flow && binding.transport != TransportKind::Tcp {
                continue;
            }
            let source = source.unwrap_or(Source {
                transport: Transport::Tcp,
                local: SocketAddr::from(([0, 0, 0, 0], 0)),
                remote: binding.source,
                flow: FlowId(0),
            });
            let path = String::from_utf8(binding.state).unwrap_or_default();
            let restored = Binding {
                owner: Owner { tenant: binding.tenant, extension: binding.extension },
                key: binding.key,
                contact: binding.contact,
                path: path.lines().map(str::to_owned).collect(),
                source,
                by_flow,
                user_agent: binding.user_agent,
                call_id: String::new(),
                cseq: 0,
                expires_at: now + left,
            };
            self.bindings.keep(&binding.aor, restored);
            self.show(&binding.aor, now);
        }
        measure::registrations(self.bindings.count());
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.bindings.poll_timeout()
    }

    pub(super) fn has_source(&self, source: SocketAddr) -> bool {
        self.bindings.has_source(source)
    }

    /// Carries changes to the store, the board and whoever listens.
    fn publish(&mut self, now: Instant, changes: Vec<Change<Owner>>) {
        for change in changes {
            let (aor, keep) = match change {
                Change::Kept { aor, binding } => {
                    let stored = stored(&aor, &binding, now);
                    (aor, BindingChange::Keep(Box::new(stored)))
                }
                Change::Removed { aor, binding } => {
                    let (tenant, key) = (binding.owner.tenant, binding.key);
                    (aor.clone(), BindingChange::Forget { tenant, aor, key })
                }
            };
            if self.keeper.try_send(keep).is_err() {
                measure::dropped("binding_store");
            }
            self.show(&aor, now);
        }
        measure::registrations(self.bindings.count());
    }

    /// Puts an AOR's phones on the board; tells when the first came or the last left.
    fn show(&self, aor: &str, now: Instant) {
        let shown: Vec<Registration> = self
            .bindings
            .of(aor)
            .map(|binding| Registration {
                tenant: binding.owner.tenant,
                extension: binding.owner.extension,
                aor: aor.to_owned(),
                contact: binding.contact.clone(),
                transport: kind_of(binding.source.transport),
                source: binding.source.remote,
                user_agent: binding.user_agent.clone(),
                expires_at: SystemTime::now() + binding.expires_at.saturating_duration_since(now),
            })
            .collect();
        let now_first = shown.first().map(|first| (first.tenant, first.extension));
        let before = match now_first {
            Some(_) => self.board.by_aor.insert(aor.to_owned(), shown),
            None => self.board.by_aor.remove(aor).map(|(_, shown)| shown),
        };
        let was_first = before
            .as_ref()
            .and_then(|all| all.first())
            .map(|first| (first.tenant, first.extension));
        let Some((tenant, extension)) = now_first.or(was_first) else { return };
        if now_first.is_some() != was_first.is_some() {
            let reachable = now_first.is_some();
            let _ = self.notices.send(SwitchNotice::Reachability { tenant, extension, reachable });
        }
    }
}

impl SipTask {
    /// REGISTER of somebody who proved to be `account`.
    pub(super) fn register(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        message: Box<Message>,
        source: Source,
        account: Arc<ExtensionAccount>,
    ) {
        let reply = if self.claims_another(&message, &account) {
            let kind = SecurityEventKind::AorTheft {
                extension: account.extension,
                claimed: message.to().uri.to_string(),
            };
            self.audit(Some(account.tenant), &source, kind);
            Reply::new(403)
        } else {
            self.bind(now, &message, source, &account)
        };
        measure::answered("REGISTER", reply.status);
        let _ = self.endpoint.respond(now, transaction, &reply);
    }

    /// The AOR is in To; only one's own may be registered (B12).
    fn claims_another(&self, message: &Message, account: &ExtensionAccount) -> bool {
        let aor = &message.to().uri;
        let host = aor.host().map(|host| host.to_string().to_ascii_lowercase()).unwrap_or_default();
        let own_domain = account.aor.rsplit_once('@').map_or("", |(_, domain)| domain);
        aor.user().as_deref() != Some(account.number.as_str())
            || !(host.eq_ignore_ascii_case(own_domain) || self.near.names.is_our_host(&host))
    }

    fn bind(
        &mut self,
        now: Instant,
        message: &Message,
        source: Source,
        account: &ExtensionAccount,
    ) -> Reply {
        let Ok(contacts) = message.contacts() else { return Reply::new(400) };
        let bound = match wishes(message, contacts) {
            Ok(Some(wishes)) => {
                let who = Registering {
                    aor: &account.aor,
                    owner: Owner { tenant: account.tenant, extension: account.extension },
                    contacts_max: account.contacts_max,
                    source,
                    path: paths(message),
                    user_agent: message.user_agent().map(|agent| agent.to_string()),
                    call_id: message.call_id().to_string(),
                    cseq: message.cseq().seq,
                };
                self.registrations.bindings.register(now, &who, wishes)
            }
            Ok(None) => Ok(self.registrations.bindings.remove_all(&account.aor)),
            Err(refused) => Err(refused),
        };
        match bound {
            Ok(changes) => {
                self.registrations.publish(now, changes);
                self.bound_reply(now, message, &account.aor)
            }
            Err(NotRegistered::TooBrief) => {
                let min = self.registrations.min_s.to_string();
                Reply::new(423).with_header("Min-Expires", min)
            }
            Err(NotRegistered::OutOfOrder) => Reply::new(500),
            Err(NotRegistered::BadStar) => Reply::new(400),
        }
    }

    /// 200 with every binding there is now.
    fn bound_reply(&self, now: Instant, message: &Message, aor: &str) -> Reply {
        let mut reply = Reply::new(200);
        for binding in self.registrations.bindings.of(aor) {
            let left = binding.expires_at.saturating_duration_since(now).as_secs();
            reply = reply.with_header("Contact", format!("<{}>;expires={left}", binding.contact));
        }
        if is_outbound(message) {
            reply =
                reply.with_header("Require", "outbound").with_header("Flow-Timer", FLOW_TIMER_S);
        }
        if message.supports("path") {
            for path in paths(message) {
                reply = reply.with_header("Path", path);
            }
        }
        reply
    }

    /// Where the phones of an AOR are.
    pub(super) fn reach(&self, now: Instant, aor: &str) -> Vec<Reachable> {
        let mut phones = self.registrations.bindings.reach(now, aor);
        for phone in &mut phones {
            if phone.flow.is_some_and(|source| !self.flows.is_open(source.flow)) {
                phone.flow = None;
            }
        }
        phones
    }

    /// Bindings that lapsed.
    pub(super) fn registrations_due(&mut self, now: Instant) {
        if self.registrations.poll_timeout().is_some_and(|at| at <= now) {
            let changes = self.registrations.bindings.expire(now);
            self.registrations.publish(now, changes);
        }
    }

    /// An extension's phones may not stay.
    pub(super) fn phones_out(&mut self, now: Instant, tenant: TenantId, extension: ExtensionId) {
        let out = Owner { tenant, extension };
        let changes = self.registrations.bindings.remove_owned(|owner| *owner == out);
        tracing::info!(%extension, phones = changes.len(), "phones may not stay registered");
        self.registrations.publish(now, changes);
    }

    /// A connection is gone.
    pub(super) fn flow_closed(&mut self, now: Instant, flow: FlowId, transport: Transport) {
        let by_uri = transport == Transport::Tcp;
        let changes = self.registrations.bindings.flow_closed(flow, by_uri);
        self.registrations.publish(now, changes);
    }
}

/// Whether we keep the flow that this came on, and say so (RFC 5626 §6): the phone asks for it, names itself, and
/// stands at the other end of that flow.
fn is_outbound(message: &Message) -> bool {
    let named = |contact: &signaling_proto::NameAddr| {
        contact.params.value("+sip.instance").is_some() && contact.params.value("reg-id").is_some()
    };
    // The cheap questions first: most phones do not ask.
    message.supports("outbound")
        && message.count(HeaderName::Via) == 1
        && matches!(message.contacts(), Ok(Contacts::List(list)) if list.iter().any(named))
}

/// The contacts asked for; `None` for `*`.
fn wishes(message: &Message, contacts: Contacts) -> Result<Option<Vec<Wish>>, NotRegistered> {
    let list = match contacts {
        Contacts::Star if message.expires() == Some(0) => return Ok(None),
        Contacts::Star => return Err(NotRegistered::BadStar),
        Contacts::List(list) => list,
    };
    let wish = |address: &signaling_proto::NameAddr| {
        let contact = address.uri.to_string();
        let instance = address.params.value("+sip.instance").map(|value| value.into_owned());
        let flow = address.params.value("reg-id").map(|value| value.into_owned());
        let key = match (instance, flow) {
            (Some(instance), flow) => format!("{instance};{}", flow.unwrap_or_default()),
            (None, _) => contact.clone(),
        };
        Wish { key, contact, expires_s: address.expires().or(message.expires()) }
    };
    Ok(Some(list.iter().map(wish).collect()))
}

fn paths(message: &Message) -> Vec<String> {
    let paths = message.path().unwrap_or_default();
    paths.iter().map(ToString::to_string).collect()
}

fn stored(aor: &str, binding: &Binding<Owner>, now: Instant) -> StoredBinding {
    StoredBinding {
        tenant: binding.owner.tenant,
        extension: binding.owner.extension,
        aor: aor.to_owned(),
        key: binding.key.clone(),
        contact: binding.contact.clone(),
        state: binding.path.join("\n").into_bytes(),
        transport: kind_of(binding.source.transport),
        source: binding.source.remote,
        user_agent: binding.user_agent.clone(),
        expires_at: SystemTime::now() + binding.expires_at.saturating_duration_since(now),
    }
}

fn kind_of(transport: Transport) -> TransportKind {
    match transport {
        Transport::Udp => TransportKind::Udp,
        Transport::Tcp => TransportKind::Tcp,
        Transport::Tls => TransportKind::Tls,
        Transport::Ws | Transport::Wss => TransportKind::Ws,
    }
}

/// Writes bindings together with what else came meanwhile: a whole floor that comes back at once
/// costs a few transactions. A store that is away is tried a few times.
async fn keep_all(directory: Arc<dyn Directory>, mut queue: mpsc::Receiver<BindingChange>) {
    let mut changes = Vec::with_capacity(KEEPER_BATCH);
    let mut next_write = Instant::now();
    while queue.recv_many(&mut changes, KEEPER_BATCH).await > 0 {
        tokio::time::sleep_until(next_write.into()).await;
        while changes.len() < KEEPER_BATCH
            && let Ok(change) = queue.try_recv()
        {
            changes.push(change);
        }
        next_write = Instant::now() + KEEPER_SPACING;
        for attempt in 1..=KEEPER_ATTEMPTS {
            let Err(error) = directory.bindings_change(changes.clone()).await else { break };
            tracing::warn!(%error, attempt, bindings = changes.len(), "bindings are not stored");
            tokio::time::sleep(Duration::from_millis(200) * attempt).await;
        }
        changes.clear();
    }
}
