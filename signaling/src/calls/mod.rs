//! Calls: one task each, one mailbox each, found by id.

mod adopting;
mod answering;
mod carry;
mod cause;
mod claim;
mod media;
mod outbox;
mod placing;
mod redirect;
mod registry;
mod request;
mod task;
mod transfer;

pub(crate) use claim::Claim;
pub(crate) use media::MediaPort;
pub(crate) use registry::{Calls, NoRoom, Place};
pub(crate) use request::{host_port, transport_of};
pub(crate) use task::{CallNeighbours, Caller, FirstInput, Offered, spawn};

use adopting::{Asker, Found, Taken};
use call::{CallId, Control, ExtensionId, HangupCause, LegId, Plan};
use signaling_proto::DialogEvent;
use tokio::sync::mpsc;

/// How many events may wait for one call. A peer that floods its own call past this loses
/// events of that call only; they are counted.
pub(crate) const MAILBOX: usize = 512;

/// What wakes a call task.
#[derive(Debug)]
pub(crate) enum CallTaskEvent {
    /// Somebody acts on the call.
    Command(Control),
    /// The phones of an extension are let in no more.
    PhonesOut(ExtensionId),
    /// Something happened in the dialog of a leg.
    Leg { leg: LegId, fork: u16, event: Box<DialogEvent> },
    /// From the media engine.
    Media(::media::MediaEvent),
    /// The directory decided where the call goes.
    Directory(Result<Box<Plan>, HangupCause>),
    /// The directory decided where a party may be handed on to.
    TransferRouted(Result<Box<Plan>, HangupCause>),
    /// Another call of the same phone asks whom it has in this one.
    PartnerWanted(Asker),
    /// That call said.
    PartnerFound(Result<Box<Found>, HangupCause>),
    /// Another call takes a party over, as this leg of its own.
    Give { leg: LegId, to: LegId, door: CallDoor },
    /// That party is ours now, or was gone.
    Taken { leg: LegId, taken: Result<Box<Taken>, HangupCause> },
    /// The party of another call that was found is not to be had any more.
    Lost(HangupCause),
    /// The call that waits for a party of this one needs it no more.
    NotWanted,
    /// A phone wants the place of a leg.
    Claimed(Box<Claim>),
    /// The event that was waited for is on disk.
    Written,
    /// A timer of the core, or of the task, is due.
    Timeout,
    /// The process ends.
    Shutdown,
}

/// The way to one call's mailbox.
#[derive(Clone, Debug)]
pub(crate) struct CallDoor {
    pub(crate) call: CallId,
    pub(crate) mailbox: mpsc::Sender<CallTaskEvent>,
}

impl CallDoor {
    /// Puts an event into the mailbox or counts its loss. Never waits.
    pub(crate) fn put(&self, event: CallTaskEvent) -> bool {
        let taken = self.mailbox.try_send(event).is_ok();
        if !taken {
            crate::measure::dropped("call_mailbox");
        }
        taken
    }
}
