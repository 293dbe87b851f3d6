//! Taking a leg's place: a phone of ours whose INVITE names another leg's dialog (RFC 3891).
//!
//! Until the new phone is answered nothing has changed for anybody: whatever fails, the old leg goes on.

use crate::call::{Call, Stage};
use crate::leg::{Dialog, LegMedia, Told};
use crate::timers::TimeoutReason;
use crate::{
    CallEventKind, CauseKind, EndedBy, HangupCause, LegAction, LegEndpoint, LegId, MediaProfile,
    Replacing,
};
use std::time::Instant;

/// A phone that is about to take a leg's place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Takeover {
    old: LegId,
    new: LegId,
    early_only: bool,
}

/// What the leg that is to be replaced is busy with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// It rings for a caller of ours.
    Rings,
    /// It rings for somebody who is handed on.
    RingsForTransfer,
    /// It talks.
    Talks,
}

impl Call {
    /// The id of the leg that comes next, for one that somebody places into this call.
    pub fn next_leg(&self) -> LegId {
        LegId::of(self.id, u16::try_from(self.legs.len()).unwrap_or(u16::MAX))
    }

    /// The leg was placed by us and rings, or is about to.
    pub fn is_pending(&self, id: LegId) -> bool {
        self.leg(id).is_some_and(|leg| leg.is_pending())
    }

    /// A phone wants a leg's place.
    pub(crate) fn leg_replaces(&mut self, now: Instant, id: LegId, replacing: Replacing) {
        if id != self.next_leg() {
            return;
        }
        let Replacing { old, extension, user, sdp, early_only } = replacing;
        let place = match self.takeover {
            Some(_) => Err(491),
            None => self.place_of(old, early_only),
        };
        if let Err(status) = place {
            return self.send(id, LegAction::RefuseReplace { status });
        }
        let Some(role) = self.leg(old).map(|leg| leg.role) else { return };
        let endpoint = LegEndpoint::Extension { extension, user };
        let profile = MediaProfile::of(&endpoint);
        let dialog = Dialog::Offered { late: sdp.is_none(), told: Told::Nothing };
        let new = self.add_leg(role, endpoint, dialog);
        self.takeover = Some(Takeover { old, new, early_only });
        self.open_media(now, new, sdp, profile);
    }

    /// What there is to be taken over, or the status that says why it cannot be (RFC 3891 §3).
    fn place_of(&self, old: LegId, early_only: bool) -> Result<Place, u16> {
        let leg = self.leg(old).ok_or(481_u16)?;
        if let Dialog::Closing(_) | Dialog::Closed(_) = leg.dialog {
            return Err(603);
        }
        // Whom the other party has at its end of a carrier is not a phone's to say.
        if let LegEndpoint::Trunk { .. } = leg.endpoint {
            return Err(403);
        }
        match leg.dialog {
            Dialog::Planned(_) | Dialog::Calling | Dialog::Ringing => {
                if self.transfer_can_be_answered_by(old) {
                    return Ok(Place::RingsForTransfer);
                }
                if self.promised.is_some() {
                    return Err(491);
                }
                let is_target = matches!(self.stage, Stage::Hunting(_)) && !self.is_first(old);
                // A click-to-call rings for the one who was allowed to dial.
                if is_target { Ok(Place::Rings) } else { Err(403) }
            }
            // Only early dialogs that we began ourselves can be taken over.
            Dialog::Offered { .. } => Err(481),
            Dialog::Answered if early_only => Err(486),
            Dialog::Answered => {
                let undisturbed = self.transfer.is_none() && self.talks_with(old).is_some();
                if undisturbed { Ok(Place::Talks) } else { Err(491) }
            }
            Dialog::Closing(_) | Dialog::Closed(_) => Err(603),
        }
    }

    /// Whether this leg is about to take another's place.
    pub(crate) fn is_taking_over(&self, id: LegId) -> bool {
        self.takeover.is_some_and(|takeover| takeover.new == id)
    }

    /// The new phone's ports are taken: it is answered, unless the other leg's fate was quicker.
    pub(crate) fn takeover_opened(&mut self, now: Instant, id: LegId) {
        let Some(Takeover { old, new, early_only }) =
            self.takeover.filter(|takeover| takeover.new == id)
        else {
            return;
        };
        let place = match self.place_of(old, early_only) {
            Ok(place) => place,
            Err(status) => {
                let cause = HangupCause::from_status(EndedBy::System, status, None);
                return self.takeover_failed(now, cause);
            }
        };
        let Some(sdp) = self.leg(new).and_then(|leg| leg.ours()) else { return };
        if let Some(leg) = self.leg_mut(new) {
            leg.dialog = Dialog::Answered;
        }
        self.send(new, LegAction::Answer { sdp });
        let limit = now + self.config.leg_close_limit;
        let waits = self.leg(new).is_some_and(|leg| matches!(leg.media, LegMedia::Open { .. }));
        match place {
            Place::Rings => {
                self.takeover = None;
                if waits {
                    self.timers.set(limit, TimeoutReason::LateAnswer);
                }
                if self.target_is(now, new).is_some() {
                    self.try_connect(now);
                }
            }
            Place::RingsForTransfer => {
                self.takeover = None;
                self.transfer_target_is(now, new);
                if waits {
                    self.timers.set(limit, TimeoutReason::TransferRing);
                }
                self.try_hand_over(now);
            }
            Place::Talks => {
                self.emit(CallEventKind::LegAnswered { leg: new });
                if waits {
                    self.timers.set(limit, TimeoutReason::Takeover);
                }
                self.try_take_over(now);
            }
        }
    }

    /// The new phone stands: the old one is out.
    pub(crate) fn try_take_over(&mut self, now: Instant) {
        let Some(Takeover { old, new, .. }) = self.takeover else { return };
        let Some(answered) = self.leg(new).and_then(|leg| leg.answered()) else { return };
        // A transfer may have begun while a late answer was on its way.
        let peer = self.talks_with(old).filter(|_| self.transfer.is_none());
        let Some(peer) = peer else {
            return self
                .takeover_failed(now, HangupCause::new(EndedBy::System, CauseKind::Cancelled));
        };
        self.takeover = None;
        self.timers.clear(TimeoutReason::Takeover);
        self.part(old, peer);
        self.swap(now, old, answered);
    }

    /// It does not come about: everybody is where they were.
    pub(crate) fn takeover_failed(&mut self, now: Instant, cause: HangupCause) {
        let Some(takeover) = self.takeover.take() else { return };
        self.timers.clear(TimeoutReason::Takeover);
        self.close_leg(now, takeover.new, cause);
    }

    /// The new phone gave up, or its answer never came.
    pub(crate) fn taker_left(&mut self, now: Instant, id: LegId, cause: HangupCause) -> bool {
        if !self.is_taking_over(id) {
            return false;
        }
        self.takeover = None;
        self.timers.clear(TimeoutReason::Takeover);
        self.leg_is_gone(now, id, cause);
        true
    }
}

#[cfg(test)]
mod tests;
