//! The pure call core: what a call is, what may be asked of it, what happens in it.
//!
//! No socket, clock, SIP text, SDP grammar or SQL in here. Time and ids come in as
//! arguments; effects leave as [`Output`]s. See `ARCHITECTURE.md` for both walkthroughs.

#![warn(missing_docs)]

mod bridge;
mod call;
mod cause;
mod command;
mod consent;
mod control;
mod event;
mod hunt;
mod id;
mod inbound;
mod io;
mod leg;
mod media;
mod number;
mod originate;
mod partner;
mod phase;
mod plan;
mod record;
mod recording;
mod renegotiate;
#[cfg(test)]
mod rig;
mod softphone;
mod takeover;
mod timers;
mod transfer;
mod written;

pub use call::Call;
pub use cause::{CauseKind, EndedBy, HangupCause};
pub use command::{CallCommand, CallControl, Control, Originate, Refused};
pub use event::{
    CallEvent, CallEventKind, Direction, EVENT_VERSION, LegEndpoint, LegQuality, LegRole,
};
pub use id::{
    CallId, CampaignId, ExtensionId, LeadId, LegId, NodeId, NumberId, RecordingId, TenantId,
    TrunkId, UserId,
};
pub use io::{
    Input, LegAction, MediaAction, MediaDirection, MediaNotice, MediaProfile, Origin, Output,
    Partner, PlaySource, PlaybackId, ReferTo, Replacing, Tone,
};
pub use number::{CalledNumber, E164, EmergencyNumber, InvalidNumber};
pub use phase::{LegSnapshot, Phase, Snapshot};
pub use plan::{ConsentMode, ExtensionTarget, Plan, RecordPlan, Target, TrunkTarget};
pub use record::{CallRecord, CallStatus, LegRecord, LegStatus, RecordingRecord, RecordingStatus};
pub use softphone::{SoftphoneEvent, SoftphoneOrder};
pub use timers::{CallConfig, TimeoutReason};
