//! The pure call core: what a call is, what may be asked of it, what happens in it.
//!
//! No socket, clock, SIP text, SDP grammar or SQL in here. Time and ids come in as
//! arguments; effects leave as [`Output`]s. See `ARCHITECTURE.md` for both walkthroughs.

#![warn(missing_docs)]

mod cause;
mod command;
mod event;
mod id;
mod io;
mod number;
mod plan;
mod record;

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
    PlaySource, PlaybackId, Tone,
};
pub use number::{E164, InvalidNumber};
pub use plan::{ConsentMode, ExtensionTarget, Plan, RecordPlan, Target, TrunkTarget};
pub use record::{CallRecord, CallStatus, LegRecord, LegStatus, RecordingRecord, RecordingStatus};
