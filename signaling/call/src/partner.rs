//! The other end of an attended transfer: the call whose party another call takes over (RFC 3891, RFC 5589 §7).
//!
//! A party that talks goes at once. One that rings is promised: it rings on, whoever asked may leave, and it is handed
//! over as it answers.

use crate::call::{Call, Stage};
use crate::leg::Dialog;
use crate::timers::TimeoutReason;
use crate::{CallEventKind, CauseKind, EndedBy, HangupCause, LegAction, LegId, Partner};
use std::time::Instant;

impl Call {
    /// Whether this leg may be taken over by another call.
    pub fn has_partner(&self, id: LegId) -> bool {
        let peer = self.talks_with(id);
        self.answered_promise(id) || peer.is_some_and(|peer| self.partner_of(peer).is_some())
    }

    /// It answered, and another call has yet to take it.
    fn answered_promise(&self, id: LegId) -> bool {
        matches!(self.stage, Stage::Connecting(leg) if leg == id) && self.promised == Some(id)
    }

    /// The other party of an undisturbed talk, or the one that rings, for whoever wants to hand it on.
    pub fn partner_of(&self, id: LegId) -> Option<(LegId, Partner)> {
        if let Stage::Hunting(_) = self.stage {
            return self.ringing_partner_of(id);
        }
        let peer = self.talks_with(id).filter(|_| self.transfer.is_none())?;
        let leg = self.leg(peer).filter(|leg| leg.is_answered() && leg.is_settled())?;
        Some((peer, Partner { endpoint: leg.endpoint.clone(), rings: false }))
    }

    /// Of several that ring nobody knows yet who it will be.
    fn ringing_partner_of(&self, id: LegId) -> Option<(LegId, Partner)> {
        let free = self.is_first(id) && self.promised.is_none() && self.takeover.is_none();
        let pending = self.pending_targets();
        let [only] = pending.as_slice() else { return None };
        let leg = self.leg(*only).filter(|leg| free && leg.dialog == Dialog::Ringing)?;
        Some((*only, Partner { endpoint: leg.endpoint.clone(), rings: true }))
    }

    /// Another call waits for the party that rings.
    pub(crate) fn leg_promised(&mut self, id: LegId) {
        let first = self.first().map(|first| first.id);
        let rings = first.and_then(|first| self.partner_of(first));
        if rings.is_some_and(|(leg, partner)| leg == id && partner.rings) {
            self.promised = Some(id);
        } else {
            let gone = HangupCause::new(EndedBy::System, CauseKind::NotFound);
            let cause = HangupCause { sip_status: Some(481), ..gone };
            self.send(id, LegAction::PromiseFailed { cause });
        }
    }

    /// It answered: the other call has it. In this one it was answered too, if only for a moment.
    pub(crate) fn promised_answered(&mut self, now: Instant, id: LegId) {
        let Some(first) = self.first().map(|first| first.id) else { return };
        if self.take_hunt().is_none() {
            return;
        }
        self.stage = Stage::Connecting(id);
        self.timers.clear(TimeoutReason::Ring);
        self.timers.set(now + self.config.adopt_limit, TimeoutReason::LateAnswer);
        self.emit(CallEventKind::LegAnswered { leg: id });
        self.emit_answered([first, id]);
        self.send(id, LegAction::HandOver);
    }

    /// It is not to be had. True: nobody is left here either.
    pub(crate) fn promise_failed(&mut self, now: Instant, cause: HangupCause) -> bool {
        let Some(leg) = self.promised.take() else { return false };
        self.send(leg, LegAction::PromiseFailed { cause });
        self.ends_without_caller(now, cause)
    }

    /// The other call does not want it any more: it rings for who asked, if still there.
    pub(crate) fn promise_over(&mut self, now: Instant) {
        let cause = HangupCause::new(EndedBy::Agent, CauseKind::Cancelled);
        if self.promised.take().is_some() && !self.ends_without_caller(now, cause) {
            // One that answered for the other call has no media in this one.
            if let Stage::Connecting(_) = self.stage {
                self.end(now, cause);
            }
        }
    }

    fn ends_without_caller(&mut self, now: Instant, cause: HangupCause) -> bool {
        let gone = self.first().is_none_or(|first| !first.is_live());
        if gone {
            self.end(now, cause);
        }
        gone
    }

    /// A party of this call is joined with that of the transferor's other call: it is no leg of ours any more.
    pub(crate) fn leg_taken(&mut self, now: Instant, id: LegId) {
        if self.talks_with(id).is_none() && !self.answered_promise(id) {
            return;
        }
        self.promised = None;
        let over = HangupCause::new(EndedBy::Agent, CauseKind::Normal);
        self.dialog_is_gone(id, over);
        self.end(now, over);
    }
}
