//! What handlers reach, and what the binary hands in.

use crate::{
    Config,
    limit::Limits,
    sessions::Sessions,
    shapes::system::{Component, ComponentState},
    token::Tokens,
};
use bytes::Bytes;
use call::{CallControl, ExtensionId, SoftphoneEvent, SoftphoneOrder, TenantId, TrunkId};
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
    ops::Deref,
    sync::Arc,
};
use tokio::sync::{Semaphore, mpsc, watch};

/// Where phones reach the switch, as opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PhoneDoors {
    /// UDP listeners.
    pub udp: Vec<SocketAddr>,
    /// TCP listeners.
    pub tcp: Vec<SocketAddr>,
    /// TLS listeners.
    pub tls: Vec<SocketAddr>,
    /// The address seen from outside, where it was configured.
    pub external_ip: Option<IpAddr>,
}

/// A phone that is registered now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhoneFact {
    /// What the phone calls itself.
    pub user_agent: Option<String>,
    /// `udp`, `tcp`, `tls`, `ws`.
    pub transport: String,
    /// Where its packets come from.
    pub source: SocketAddr,
    /// When it lapses unless refreshed.
    pub expires_at: DateTime<Utc>,
}

/// Whether a trunk can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrunkHealth {
    /// Switched off.
    Disabled,
    /// Nothing is known yet; calls are tried.
    Unknown,
    /// Answers.
    Up,
    /// Does not.
    Down,
    /// Refuses our credentials.
    Refused,
}

/// How a trunk fares now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkFact {
    /// Whose it is.
    pub tenant: TenantId,
    /// Name shown.
    pub name: String,
    /// Usable or not.
    pub health: TrunkHealth,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// Calls on it now.
    pub live_calls: u32,
    /// Round trip of the last OPTIONS.
    pub options_ms: Option<u32>,
    /// Until when our registration holds, where the trunk has one.
    pub registered_until: Option<DateTime<Utc>>,
}

/// What the switch knows and the store does not. The binary keeps it current.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveFacts {
    /// Registered phones by extension.
    pub phones: HashMap<ExtensionId, Vec<PhoneFact>>,
    /// Trunks.
    pub trunks: HashMap<TrunkId, TrunkFact>,
    /// No new calls: shutting down.
    pub draining: bool,
    /// Other parts by name, with whether calls need them.
    pub components: BTreeMap<String, (ComponentState, Option<String>, bool)>,
}

impl LiveFacts {
    /// A phone is registered for the extension.
    pub fn registered(&self, extension: ExtensionId) -> bool {
        self.phones.get(&extension).is_some_and(|phones| !phones.is_empty())
    }

    pub(crate) fn component_list(&self) -> BTreeMap<String, Component> {
        self.components
            .iter()
            .map(|(name, (state, detail, required))| {
                let component =
                    Component { state: *state, detail: detail.clone(), required: *required };
                (name.clone(), component)
            })
            .collect()
    }
}

/// Takes over one SIP-over-WebSocket connection: whole messages in, whole messages out.
pub type SipSocketAcceptor =
    Arc<dyn Fn(SocketAddr, mpsc::Receiver<Bytes>, mpsc::Sender<Bytes>) + Send + Sync>;

/// The phone of a page: what the page wants, and what it is told.
pub type PagePhone = (mpsc::Sender<SoftphoneOrder>, mpsc::Receiver<SoftphoneEvent>);

/// Makes a page the phone of an extension, for a browser at that address.
pub type PagePhones = Arc<
    dyn Fn(TenantId, String, SocketAddr) -> BoxFuture<'static, Option<PagePhone>> + Send + Sync,
>;

/// What the binary hands in.
pub struct Parts {
    /// The database.
    pub store: crm::Store,
    /// The order of events.
    pub journal: crm::Journal,
    /// Audio of calls.
    pub recordings: crm::recordings::Recordings,
    /// Who may be called.
    pub policy: crm::policy::Policy,
    /// The door to calls.
    pub control: Arc<dyn CallControl>,
    /// Agents and their states.
    pub dialer: dialer::Dialer,
    /// What the switch knows.
    pub facts: watch::Receiver<Arc<LiveFacts>>,
    /// Renders `/metrics`.
    pub metrics: metrics_exporter_prometheus::PrometheusHandle,
    /// Where phones reach the switch.
    pub phone_doors: PhoneDoors,
    /// Where SIP over WebSocket goes; without it the path is not served.
    pub sip_socket: Option<SipSocketAcceptor>,
    /// Makes pages phones.
    pub page_phones: PagePhones,
    /// Where letters are handed in; without it none are sent.
    pub mail: Option<crm::outreach::MailRoom>,
    /// Called after extensions, numbers or trunks changed. Done when the switch goes by the change.
    pub directory_changed: Arc<dyn Fn(DirectoryChange) -> BoxFuture<'static, ()> + Send + Sync>,
    /// Addresses, keys, limits.
    pub config: Config,
}

/// What an administrator changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryChange {
    /// A phone: what was known of it may not hold any more.
    Extension(TenantId, ExtensionId),
    /// A phone that may not stay registered: it is gone, switched off, its owner is, or it has a
    /// new secret or number.
    PhonesOut(TenantId, ExtensionId),
    /// A carrier.
    Trunk(TenantId, TrunkId),
    /// A number.
    Number(TenantId),
}

/// Refused sign-ins written down at once; of a flood beyond that only the figure is kept.
const REFUSAL_NOTES: usize = 256;

/// What handlers reach. Cheap to clone.
#[derive(Clone)]
pub struct AppState(Arc<Inner>);

/// The parts and what is made of them.
pub struct Inner {
    parts: Parts,
    pub(crate) tokens: Tokens,
    pub(crate) sessions: Sessions,
    pub(crate) limits: Limits,
    pub(crate) password_checks: Semaphore,
    /// Refused sign-ins that are being written down.
    pub(crate) refusal_notes: Arc<Semaphore>,
    pub(crate) live: crate::live::Hub,
    pub(crate) names: crate::names::NameCache,
    pub(crate) starts: crate::routes::calls::start::Starts,
}

impl AppState {
    /// Puts the parts together; call inside a runtime.
    pub fn new(parts: Parts) -> Self {
        let tokens = Tokens::new(&parts.config.token_key);
        let sessions = Sessions::new(parts.store.clone());
        let limits = Limits::new(&parts.config.limits);
        let password_checks = Semaphore::new(parts.config.limits.password_checks);
        let live = crate::live::Hub::start(&parts);
        Self(Arc::new(Inner {
            parts,
            tokens,
            sessions,
            limits,
            password_checks,
            refusal_notes: Arc::new(Semaphore::new(REFUSAL_NOTES)),
            live,
            names: Default::default(),
            starts: Default::default(),
        }))
    }

    pub(crate) fn facts(&self) -> Arc<LiveFacts> {
        self.facts.borrow().clone()
    }
}

impl Deref for AppState {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Deref for Inner {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.parts
    }
}
