//! Names of legs, calls and recordings, chosen by whoever drives the engine.

use uuid::Uuid;

/// One party's media stream. Must be unique among the open legs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LegKey(pub Uuid);

/// The call a leg belongs to: legs of one group share a worker and can be bridged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupKey(pub Uuid);

/// One recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordingKey(pub Uuid);
