//! One party of a call: its dialog as far as the core must know it, and its media.

use crate::{HangupCause, LegEndpoint, LegId, LegQuality, LegRole, LegStatus, Target};
use bytes::Bytes;

/// What is to be done with a leg once its media offer exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Placing {
    /// It is called.
    Invite(Invitation),
    /// Its dialog stands already, in another call: it is offered our media and becomes ours.
    Adopt,
}

/// What is needed to call somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invitation {
    pub(crate) target: Target,
    pub(crate) caller_id: String,
    pub(crate) caller_name: Option<String>,
    pub(crate) auto_answer: bool,
}

/// What the caller of an offered leg has been told so far; never goes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) enum Told {
    Nothing,
    Ringing,
    EarlyMedia,
}

/// Where the dialog of a leg stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Dialog {
    /// To be placed as soon as the media engine made the offer.
    Planned(Box<Placing>),
    /// Placed, nothing heard but perhaps 100 or a bare 183.
    Calling,
    /// Placed, and the party's phone rings.
    Ringing,
    /// Theirs, not yet answered by us. A late one came without an offer.
    Offered { late: bool, told: Told },
    /// Answered.
    Answered,
    /// We ended it and wait for the confirmation.
    Closing(HangupCause),
    /// Over.
    Closed(HangupCause),
}

/// Where the media of a leg stands. `ours` and `theirs` are session descriptions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum LegMedia {
    /// No ports were asked for.
    None,
    /// Ports were asked for.
    Opening,
    /// Our offer exists, their answer does not.
    Open { ours: Bytes },
    /// Their answer was handed over.
    Answering { ours: Bytes, theirs: Bytes },
    /// Offer and answer are complete: media may flow.
    Up { ours: Bytes, theirs: Option<Bytes> },
    /// The ports were given back. `opened` tells whether they had ever been taken.
    Closing { opened: bool },
    /// The ports are free.
    Closed,
}

/// A change of the media session within the dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Renegotiation {
    /// None under way.
    Idle,
    /// The media engine works on their offer.
    Theirs { late: bool },
    /// Our 200 carried an offer; their ACK owes the answer.
    AwaitingAck,
    /// The media engine works on their answer.
    Settling,
    /// Our re-INVITE is out.
    Ours,
}

/// Only made from an answered leg whose media is up: the right to be bridged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answered(LegId);

impl Answered {
    pub(crate) fn leg(self) -> LegId {
        self.0
    }
}

/// One party.
#[derive(Clone, Debug)]
pub(crate) struct Leg {
    pub(crate) id: LegId,
    pub(crate) role: LegRole,
    pub(crate) endpoint: LegEndpoint,
    pub(crate) dialog: Dialog,
    pub(crate) media: LegMedia,
    pub(crate) renegotiation: Renegotiation,
    /// A provisional response other than 100 came: the party's phone may have rung (H14).
    pub(crate) progressed: bool,
    /// The party's own phone holds us.
    pub(crate) holding: bool,
    pub(crate) quality: Option<LegQuality>,
    /// `LegEnded` was emitted.
    pub(crate) reported: bool,
}

impl Leg {
    pub(crate) fn new(id: LegId, role: LegRole, endpoint: LegEndpoint, dialog: Dialog) -> Self {
        Self {
            id,
            role,
            endpoint,
            dialog,
            media: LegMedia::None,
            renegotiation: Renegotiation::Idle,
            progressed: false,
            holding: false,
            quality: None,
            reported: false,
        }
    }

    /// The right to be bridged, where the leg has earned it.
    pub(crate) fn answered(&self) -> Option<Answered> {
        (self.dialog == Dialog::Answered && self.media_is_up()).then_some(Answered(self.id))
    }

    pub(crate) fn is_answered(&self) -> bool {
        self.dialog == Dialog::Answered
    }

    /// No change of its media is under way.
    pub(crate) fn is_settled(&self) -> bool {
        self.renegotiation == Renegotiation::Idle
    }

    pub(crate) fn media_is_up(&self) -> bool {
        matches!(self.media, LegMedia::Up { .. })
    }

    /// Neither over nor being ended.
    pub(crate) fn is_live(&self) -> bool {
        !matches!(self.dialog, Dialog::Closing(_) | Dialog::Closed(_))
    }

    /// Placed by us and not answered yet.
    pub(crate) fn is_pending(&self) -> bool {
        matches!(self.dialog, Dialog::Planned(_) | Dialog::Calling | Dialog::Ringing)
    }

    /// Dialog and media are over.
    pub(crate) fn is_closed(&self) -> bool {
        matches!(self.dialog, Dialog::Closed(_))
            && matches!(self.media, LegMedia::None | LegMedia::Closed)
    }

    /// Our session description, once there is one.
    pub(crate) fn ours(&self) -> Option<Bytes> {
        match &self.media {
            LegMedia::Open { ours }
            | LegMedia::Answering { ours, .. }
            | LegMedia::Up { ours, .. } => Some(ours.clone()),
            LegMedia::None | LegMedia::Opening | LegMedia::Closing { .. } | LegMedia::Closed => {
                None
            }
        }
    }

    /// The leg's place in the record's vocabulary.
    pub(crate) fn status(&self) -> LegStatus {
        match &self.dialog {
            Dialog::Planned(_) | Dialog::Calling => LegStatus::Started,
            Dialog::Offered { told: Told::Nothing, .. } => LegStatus::Started,
            Dialog::Offered { .. } | Dialog::Ringing => LegStatus::Ringing,
            Dialog::Answered => LegStatus::Answered,
            Dialog::Closing(_) | Dialog::Closed(_) => LegStatus::Ended,
        }
    }
}
