//! The questions the switch asks and somebody else answers: who may register, where a call
//! goes, which trunks there are. Filled in by the binary over the CRM's store.

use call::{
    CallId, ExtensionId, HangupCause, Origin, Plan, TenantId, TrunkId, TrunkTarget, UserId,
};
use futures::future::BoxFuture;
use std::{
    fmt,
    net::{IpAddr, SocketAddr},
    time::SystemTime,
};

pub use crate::trunk_settings::{
    DialledFrom, FurtherHost, HeaderRule, IdentityHeader, NumberFormat, TransportKind,
    TrunkCredentials, TrunkRegistration, TrunkSettings,
};

/// The store could not answer; the caller is told 503 and may try again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("directory is unavailable: {0}")]
pub struct DirectoryError(pub String);

/// What every lookup gives.
pub type Lookup<'a, T> = BoxFuture<'a, Result<T, DirectoryError>>;

/// Everything the switch has to ask. One read per question; no call state in the answers.
pub trait Directory: Send + Sync + 'static {
    /// The tenant that serves a SIP domain (host part of a request URI or AOR, lower case, no
    /// port). `None` for a domain nobody serves.
    fn realm<'a>(&'a self, domain: &'a str) -> Lookup<'a, Option<Realm>>;

    /// The extension with this user part in this tenant. Disabled ones, and those of disabled
    /// users, do not exist.
    fn extension<'a>(
        &'a self,
        tenant: TenantId,
        user: &'a str,
    ) -> Lookup<'a, Option<ExtensionAccount>>;

    /// The trunk that this number, as a carrier wrote it, lies on. Asked only where several trunks share a source
    /// address.
    fn trunk_of_number<'a>(&'a self, number: &'a str) -> Lookup<'a, Option<TrunkId>>;

    /// A telephone number as it is written everywhere here, whoever wrote it how. `None` for text that is none, such as
    /// an extension's number.
    fn number(&self, text: &str) -> Option<String>;

    /// Where a call goes, or why it may not. Asked for every call not made by policy itself:
    /// from trunks, from desk phones, and again for every 302 or REFER.
    fn route(&self, request: RouteRequest) -> BoxFuture<'_, Result<Plan, HangupCause>>;

    /// Whether a call of ours may go where a carrier sends it on (302), and as what (D04).
    fn redirect(&self, request: RedirectRequest)
    -> BoxFuture<'_, Result<TrunkTarget, HangupCause>>;

    /// Whether a user leads the one whose phone talks, or whoever uses a phone of nobody's, so that
    /// the talk is theirs to act on.
    fn leads(&self, tenant: TenantId, user: UserId, whom: Option<UserId>) -> Lookup<'_, bool>;

    /// All trunks of all tenants, disabled ones included.
    fn trunks(&self) -> Lookup<'_, Vec<TrunkSettings>>;

    /// All bindings that have not expired, at start.
    fn bindings(&self) -> Lookup<'_, Vec<StoredBinding>>;

    /// Keeps and forgets bindings, in this order, all or none. A binding that is kept replaces
    /// the one with the same tenant, AOR and `key`.
    fn bindings_change(&self, changes: Vec<BindingChange>) -> Lookup<'_, ()>;

    /// All bans that still run, at start.
    fn bans(&self) -> Lookup<'_, Vec<Ban>>;

    /// Keeps a ban; replaces the one with the same address and AOR.
    fn ban_save(&self, ban: Ban) -> Lookup<'_, ()>;

    /// Writes a line of the security audit.
    fn audit(&self, event: SecurityEvent) -> Lookup<'_, ()>;
}

/// The tenant behind a SIP domain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm {
    /// Owner.
    pub tenant: TenantId,
    /// Its SIP domain: digest realm and host part of its AORs.
    pub domain: String,
}

/// What is to be proved or sent, and must not be shown: prints as dots.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(•••)")
    }
}

/// An extension as far as signalling and media need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionAccount {
    /// Owner.
    pub tenant: TenantId,
    /// Which extension.
    pub extension: ExtensionId,
    /// Whose it is.
    pub user: Option<UserId>,
    /// Its number: digest user name and user part of its AOR.
    pub number: String,
    /// Address of record without scheme: `101@pratham.local`.
    pub aor: String,
    /// Shown as caller name on internal calls.
    pub display_name: Option<String>,
    /// Digest secret, in plain text.
    pub secret: Secret,
    /// How many phones may be registered at once.
    pub contacts_max: u16,
    /// Learn the phone's media address from its packets (phone behind NAT).
    pub learn_address: bool,
    /// SDP codec names in order of preference: `PCMA`, `PCMU`.
    pub codecs: Vec<String>,
}

/// What [`Directory::route`] decides on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteRequest {
    /// Owner, by origin.
    pub tenant: TenantId,
    /// Who calls, established by authentication.
    pub origin: Origin,
    /// Caller as claimed by the carrier, or the extension's number. Telephone numbers as [`Directory::number`] has them.
    pub from: String,
    /// User part dialled, percent-decoded. Telephone numbers as [`Directory::number`] has them.
    pub to: String,
    /// Where a phone of ours sent the call, when this is about a 302 or REFER of that phone.
    pub diverted_by: Option<ExtensionId>,
}

/// What [`Directory::redirect`] decides on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedirectRequest {
    /// Owner.
    pub tenant: TenantId,
    /// Which call.
    pub call: CallId,
    /// Who placed it.
    pub user: Option<UserId>,
    /// Which carrier sends it on; the call stays with it.
    pub trunk: TrunkId,
    /// User part of a contact it named.
    pub to: String,
}

/// What changed in the directory, told by [`crate::Switch::directory_changed`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DirectoryChange {
    /// A trunk was added, changed, enabled, disabled or removed.
    Trunks,
    /// An extension or tenant was added, changed or removed.
    Extensions,
    /// The phones of an extension may not stay registered: it is gone or switched off, its owner
    /// is, or it has another number or secret. Calls that run go on.
    PhonesOut {
        /// Owner.
        tenant: TenantId,
        /// Whose phones.
        extension: ExtensionId,
    },
}

/// A registered phone, kept over a restart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredBinding {
    /// Owner.
    pub tenant: TenantId,
    /// Whose phone.
    pub extension: ExtensionId,
    /// Address of record without scheme.
    pub aor: String,
    /// Distinguishes the bindings of one AOR: contact URI, or instance and flow (RFC 5626).
    pub key: String,
    /// Contact URI as registered.
    pub contact: String,
    /// Everything else the registrar needs again, opaque to the store.
    pub state: Vec<u8>,
    /// Over which transport the phone registered.
    pub transport: TransportKind,
    /// From which address.
    pub source: SocketAddr,
    /// What the phone says it is.
    pub user_agent: Option<String>,
    /// When it lapses.
    pub expires_at: SystemTime,
}

/// What became of a binding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BindingChange {
    /// New or refreshed.
    Keep(Box<StoredBinding>),
    /// Gone.
    Forget {
        /// Owner.
        tenant: TenantId,
        /// Address of record without scheme.
        aor: String,
        /// Which of its bindings.
        key: String,
    },
}

/// Registration attempts of one address for one AOR are refused until then (B04).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// Who is shut out.
    pub address: IpAddr,
    /// For which address of record; others stay reachable from there.
    pub aor: String,
    /// When it lapses.
    pub until: SystemTime,
}

/// One line of the security audit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityEvent {
    /// When.
    pub at: SystemTime,
    /// Owner, where known.
    pub tenant: Option<TenantId>,
    /// From which address.
    pub source: SocketAddr,
    /// What happened.
    pub kind: SecurityEventKind,
}

/// What happened, in a closed vocabulary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecurityEventKind {
    /// An extension tried to register as another (B12).
    AorTheft {
        /// Who proved a secret.
        extension: ExtensionId,
        /// Which AOR was claimed.
        claimed: String,
    },
    /// An address failed so often for an AOR that it is shut out (B04).
    Banned {
        /// For which AOR.
        aor: String,
        /// Until when.
        until: SystemTime,
    },
    /// An extension claimed an identity not its own in From or P-Asserted-Identity (D10).
    ForeignIdentity {
        /// Who calls.
        extension: ExtensionId,
        /// What was claimed.
        claimed: String,
    },
    /// A phone wanted a call that is neither its own nor its user's to take (RFC 3891, G05).
    TakeoverRefused {
        /// Who proved a secret.
        extension: ExtensionId,
        /// Which call.
        call: CallId,
    },
    /// A request inside a dialog came from an address that is no party to it (B11).
    DialogIntruder {
        /// Which method.
        method: String,
    },
    /// A trunk refuses our credentials; it is not tried again until changed (B08, B09).
    TrunkCredentialsRefused {
        /// Which trunk.
        trunk: TrunkId,
        /// Final status.
        status: u16,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// B13.
    #[test]
    fn a_secret_does_not_show_in_debug_output() {
        let shown = format!("{:?}", Secret("hunter2".into()));
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
