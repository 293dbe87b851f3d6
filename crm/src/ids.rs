//! Identifiers of the CRM's own nouns; those of calls come from `call`.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// A new time-ordered id of any kind.
pub fn fresh<Id: From<Uuid>>() -> Id {
    Id::from(Uuid::now_v7())
}

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::from_str(text).map(Self)
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl From<$name> for Uuid {
            fn from(id: $name) -> Self {
                id.0
            }
        }
    )+};
}

id! {
    /// One sign-in of one user on one device.
    SessionId,
    /// A note on a lead.
    NoteId,
    /// A promise to call back.
    CallbackId,
    /// The outcome of one call.
    DispositionId,
    /// A row of the audit log.
    AuditId,
    /// A calling script.
    ScriptId,
    /// An objection with its answer.
    ObjectionId,
    /// A knowledge article.
    ArticleId,
    /// A list saved under a name.
    SavedViewId,
}
