//! Internal numbers, their phones, and where those phones are registered.

use crate::words::words;
use call::{ExtensionId, NodeId, TenantId, UserId};
use chrono::{DateTime, Utc};
use rand::RngCore;

words! {
    /// What answers at an extension (PBX-01).
    ExtensionKind {
        /// A person's phone.
        User = "user",
        /// A queue.
        Queue = "queue",
        /// An IVR flow.
        Ivr = "ivr",
        /// A voicemail box.
        Voicemail = "voicemail",
        /// A meeting room.
        Conference = "conference",
    }
}

/// An internal number that can be dialled.
#[derive(Clone, Debug, PartialEq)]
pub struct Extension {
    /// Its id.
    pub id: ExtensionId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What is dialled; unique in the tenant.
    pub number: String,
    /// What answers.
    pub kind: ExtensionKind,
    /// Name shown.
    pub name: String,
    /// Whose phone it is.
    pub user: Option<UserId>,
    /// The phone may be behind NAT: its media address is learnt.
    pub nat: bool,
    /// Rings nobody.
    pub dnd: bool,
    /// Unanswered calls go to voicemail.
    pub voicemail: bool,
    /// Another extension that takes the calls.
    pub forward_to: Option<String>,
    /// How long it rings.
    pub ring_timeout_s: u32,
    /// False: cannot register, is not rung.
    pub active: bool,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// What makes an extension; its SIP secret is generated.
#[derive(Clone, Debug)]
pub struct NewExtension {
    /// Its id.
    pub id: ExtensionId,
    /// What is dialled: 2 to 6 digits.
    pub number: String,
    /// What answers.
    pub kind: ExtensionKind,
    /// Name shown.
    pub name: String,
    /// Whose phone it is.
    pub user: Option<UserId>,
    /// The phone may be behind NAT.
    pub nat: bool,
    /// How long it rings.
    pub ring_timeout_s: u32,
}

/// Changes to an extension; `None` leaves as is.
#[derive(Clone, Debug, Default)]
pub struct ExtensionPatch {
    /// What is dialled.
    pub number: Option<String>,
    /// Name shown.
    pub name: Option<String>,
    /// Whose phone it is.
    pub user: Option<Option<UserId>>,
    /// The phone may be behind NAT.
    pub nat: Option<bool>,
    /// Rings nobody.
    pub dnd: Option<bool>,
    /// Unanswered calls go to voicemail.
    pub voicemail: Option<bool>,
    /// Another extension that takes the calls.
    pub forward_to: Option<Option<String>>,
    /// How long it rings.
    pub ring_timeout_s: Option<u32>,
    /// Whether it may register.
    pub active: Option<bool>,
}

/// One registered contact of an extension; the body is the registrar's own (flow, Path …).
#[derive(Clone, Debug, PartialEq)]
pub struct SipBinding {
    /// Whose it is.
    pub tenant: TenantId,
    /// Address of record, `101@pratham.local`.
    pub aor: String,
    /// Contact URI, unique within the address.
    pub contact: String,
    /// The process that holds the connection.
    pub node: NodeId,
    /// What the registrar needs to reach it.
    pub body: serde_json::Value,
    /// Gone then.
    pub expires_at: DateTime<Utc>,
}

/// What the registrar wants written.
#[derive(Clone, Debug, PartialEq)]
pub enum SipBindingChange {
    /// New or refreshed.
    Keep(Box<SipBinding>),
    /// Gone.
    Remove {
        /// Whose it was.
        tenant: TenantId,
        /// Address of record.
        aor: String,
        /// Which of its contacts.
        contact: String,
    },
}

impl SipBindingChange {
    /// The binding it is about.
    pub(crate) fn key(&self) -> (TenantId, &str, &str) {
        match self {
            Self::Keep(b) => (b.tenant, &b.aor, &b.contact),
            Self::Remove { tenant, aor, contact } => (*tenant, aor, contact),
        }
    }
}

/// An address that tried too often (B04).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SipBan {
    /// Source address.
    pub address: String,
    /// Address of record tried; empty for all.
    pub aor: String,
    /// For an administrator.
    pub reason: String,
    /// Gone then.
    pub expires_at: DateTime<Utc>,
}

/// Whether this may be an extension's number.
pub fn number_fits(number: &str) -> bool {
    (2..=6).contains(&number.len()) && number.bytes().all(|b| b.is_ascii_digit())
}

/// A SIP secret of 128 bits (B05).
pub(crate) fn generate_secret() -> String {
    let mut random = [0; 16];
    rand::rng().fill_bytes(&mut random);
    hex::encode(random)
}
