//! Telephone numbers: the DIDs a tenant has, and the one way text becomes a number.

mod emergency;
mod parse;

pub use emergency::EmergencyNumbers;
pub use parse::{NumberClass, NumberError, ParsedNumber, calling_code, parse};

use call::{E164, ExtensionId, NumberId, TenantId, TrunkId};
use chrono::{DateTime, Utc};

/// A DID: a number carriers deliver to us, and that we may show.
#[derive(Clone, Debug, PartialEq)]
pub struct Number {
    /// Its id.
    pub id: NumberId,
    /// Whose it is now (G11).
    pub tenant: TenantId,
    /// The number; unique in the installation.
    pub e164: E164,
    /// The carrier that delivers it.
    pub trunk: TrunkId,
    /// What it is for.
    pub purpose: String,
    /// Where calls to it go: any kind of extension. `None`: refused.
    pub destination: Option<ExtensionId>,
    /// The carrier confirmed that we may show it (D10).
    pub verified: bool,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
}

/// What makes a DID.
#[derive(Clone, Debug)]
pub struct NewNumber {
    /// Its id.
    pub id: NumberId,
    /// The number.
    pub e164: E164,
    /// The carrier that delivers it.
    pub trunk: TrunkId,
    /// What it is for.
    pub purpose: String,
    /// Where calls to it go.
    pub destination: Option<ExtensionId>,
    /// We may show it.
    pub verified: bool,
}

/// Changes to a DID; `None` leaves as is.
#[derive(Clone, Debug, Default)]
pub struct NumberPatch {
    /// The carrier that delivers it.
    pub trunk: Option<TrunkId>,
    /// What it is for.
    pub purpose: Option<String>,
    /// Where calls to it go.
    pub destination: Option<Option<ExtensionId>>,
    /// We may show it.
    pub verified: Option<bool>,
}
