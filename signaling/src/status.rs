//! What the switch tells about itself: live calls, registered phones, trunk health.

use crate::directory::TransportKind;
use call::{CallEvent, CallId, ExtensionId, TenantId, TrunkId};
use std::{net::SocketAddr, time::SystemTime};
use tokio::sync::{mpsc, oneshot};

/// A call event with the wall time at which it left its call.
#[derive(Debug)]
pub struct StampedEvent {
    /// When.
    pub at: SystemTime,
    /// What.
    pub event: CallEvent,
    /// Somebody waits for this event to be on disk. Dropped unsent: nobody can tell.
    pub receipt: Option<oneshot::Sender<()>>,
}

/// Where call events go: a bounded queue that the binary connects to the journal. A call waits
/// for none but the receipts it asks for, and for those half a second at most; when it lags, new calls are refused and events are counted as lost.
pub type EventOut = mpsc::Sender<StampedEvent>;

/// One live call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LiveCall {
    /// Owner.
    pub tenant: TenantId,
    /// Which call.
    pub call: CallId,
    /// Since when.
    pub since: SystemTime,
}

/// One registered phone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    /// Owner.
    pub tenant: TenantId,
    /// Whose phone.
    pub extension: ExtensionId,
    /// Address of record without scheme.
    pub aor: String,
    /// Contact URI as registered.
    pub contact: String,
    /// Over which transport.
    pub transport: TransportKind,
    /// From which address.
    pub source: SocketAddr,
    /// What the phone says it is.
    pub user_agent: Option<String>,
    /// When it lapses unless refreshed.
    pub expires_at: SystemTime,
}

/// Whether a trunk can be used, and since when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrunkHealth {
    /// Switched off by an administrator.
    Disabled,
    /// Nothing is known yet; calls are tried.
    Unknown,
    /// Answers OPTIONS, and accepts our registration where there is one.
    Up,
    /// Does not; calls go to another trunk if there is one.
    Down,
    /// Refuses our credentials; needs an administrator.
    Refused,
}

/// How a trunk fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrunkStatus {
    /// Owner.
    pub tenant: TenantId,
    /// Which trunk.
    pub trunk: TrunkId,
    /// For people.
    pub name: String,
    /// Usable or not.
    pub health: TrunkHealth,
    /// Since when.
    pub since: SystemTime,
    /// What went wrong last, in words for an administrator.
    pub last_error: Option<String>,
    /// Calls on it now, ringing ones included.
    pub channels_in_use: u32,
    /// Final statuses of the latest calls, newest first, at most 20.
    pub last_statuses: Vec<u16>,
    /// Round trip of the last OPTIONS.
    pub options_ms: Option<u32>,
    /// Until when our registration holds.
    pub registered_until: Option<SystemTime>,
}

/// Told to whoever subscribed, when something other than a call changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SwitchNotice {
    /// The first phone of an AOR registered, or the last one left.
    Reachability {
        /// Owner.
        tenant: TenantId,
        /// Whose phone.
        extension: ExtensionId,
        /// At least one phone is registered.
        reachable: bool,
    },
    /// A trunk's health changed.
    Trunk(Box<TrunkStatus>),
}
