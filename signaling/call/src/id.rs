//! Identifiers. UUIDv7, made anywhere, so they sort by time and never need a counter.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A UUIDv7 from wall time in milliseconds and ten random bytes.
            pub fn from_parts(unix_ms: u64, random: &[u8; 10]) -> Self {
                Self(uuid::Builder::from_unix_timestamp_millis(unix_ms, random).into_uuid())
            }

            /// The bare UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }
        }

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
    )+};
}

id! {
    /// A customer of this installation; part of every row, event, path and key.
    TenantId,
    /// One conversation from first offer to end.
    CallId,
    /// One party's dialog and media stream within a call.
    LegId,
    /// A person who signs in: telecaller, manager, administrator.
    UserId,
    /// An internal number that can be dialled.
    ExtensionId,
    /// A carrier interconnect.
    TrunkId,
    /// A DID: a number that carriers deliver to us.
    NumberId,
    /// A person to be called.
    LeadId,
    /// A dialing campaign.
    CampaignId,
    /// The audio of a call.
    RecordingId,
    /// One running process of the installation.
    NodeId,
}

impl LegId {
    /// The `index`-th leg of a call: derived, so the pure core can mint it.
    pub fn of(call: CallId, index: u16) -> Self {
        let mut bytes = *call.0.as_bytes();
        let mark = index.wrapping_add(1).to_be_bytes();
        bytes[14] ^= mark[0];
        bytes[15] ^= mark[1];
        Self(Uuid::from_bytes(bytes))
    }
}

impl RecordingId {
    /// The recording of a call; one per call, so its id follows from the call's.
    pub fn of(call: CallId) -> Self {
        let mut bytes = *call.0.as_bytes();
        bytes[13] ^= 0xa5;
        Self(Uuid::from_bytes(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn legs_of_one_call_differ_from_each_other_and_from_the_call() {
        let call = CallId::from_parts(1_763_000_000_000, &[7; 10]);
        assert_ne!(LegId::of(call, 0), LegId::of(call, 1));
        assert_ne!(LegId::of(call, 0).uuid(), call.uuid());
        assert_ne!(RecordingId::of(call).uuid(), call.uuid());
    }

    #[test]
    fn an_id_survives_its_text_form() {
        let call = CallId::from_parts(1_763_000_000_000, &[9; 10]);
        assert_eq!(call.to_string().parse::<CallId>(), Ok(call));
    }
}
