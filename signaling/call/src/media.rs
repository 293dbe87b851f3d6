//! What the media engine reports about legs, and what that moves.

use crate::call::{Call, Stage, actor};
use crate::hunt::Hunt;
use crate::leg::{Dialog, LegMedia, Renegotiation};
use crate::timers::TimeoutReason;
use crate::{
    CauseKind, EndedBy, HangupCause, LegAction, LegId, LegQuality, MediaNotice, PlaybackId,
};
use bytes::Bytes;
use std::time::Instant;

impl Call {
    pub(crate) fn media_notice(&mut self, now: Instant, notice: MediaNotice) {
        match notice {
            MediaNotice::Opened { leg, sdp } => self.media_opened(now, leg, sdp),
            MediaNotice::Established { leg } => self.media_established(now, leg),
            MediaNotice::Reanswered { leg, sdp, direction } => {
                self.media_reanswered(now, leg, sdp, direction);
            }
            MediaNotice::Reoffer { leg, sdp } => self.media_reoffer(leg, sdp),
            MediaNotice::Failed { leg, cause } => self.media_failed(now, leg, cause, true),
            MediaNotice::Dtmf { leg, digit } => self.dtmf_received(now, leg, digit, false),
            MediaNotice::Silent { leg } => self.party_is_silent(now, leg),
            MediaNotice::PlayFinished { leg, playback } => {
                self.play_finished(now, leg, playback);
            }
            MediaNotice::RecordingStopped { recording, duration_ms } => {
                self.recording_stopped(recording, duration_ms);
            }
            MediaNotice::RecordingFailed { recording, error } => {
                self.recording_failed(recording, error);
            }
            MediaNotice::Closed { leg, quality } => self.media_closed(leg, quality),
        }
    }

    fn media_opened(&mut self, now: Instant, id: LegId, ours: Bytes) {
        let Some(leg) = self.leg_mut(id).filter(|leg| leg.media == LegMedia::Opening) else {
            return;
        };
        let late = match &leg.dialog {
            Dialog::Offered { late, .. } => *late,
            Dialog::Planned(_) => {
                leg.media = LegMedia::Open { ours };
                self.timers.clear(TimeoutReason::MediaReply(id));
                return self.try_place(now, id);
            }
            Dialog::Calling
            | Dialog::Ringing
            | Dialog::Answered
            | Dialog::Closing(_)
            | Dialog::Closed(_) => return,
        };
        // With their offer in hand our answer completes the exchange.
        leg.media =
            if late { LegMedia::Open { ours } } else { LegMedia::Up { ours, theirs: None } };
        self.timers.clear(TimeoutReason::MediaReply(id));
        self.try_admit(now);
        self.takeover_opened(now, id);
    }

    fn media_established(&mut self, now: Instant, id: LegId) {
        let Some(leg) = self.leg_mut(id) else { return };
        if leg.renegotiation == Renegotiation::Settling {
            leg.renegotiation = Renegotiation::Idle;
            self.timers.clear(TimeoutReason::MediaReply(id));
            return;
        }
        let LegMedia::Answering { ours, theirs } = &leg.media else { return };
        leg.media = LegMedia::Up { ours: ours.clone(), theirs: Some(theirs.clone()) };
        self.timers.clear(TimeoutReason::MediaReply(id));
        self.try_early_media();
        self.try_connect(now);
        self.try_hand_over(now);
        self.try_take_over(now);
    }

    /// An action on a leg's media cannot be done. Unless the engine reported so, ports that were
    /// asked for may be taken and must be given back.
    pub(crate) fn media_failed(
        &mut self,
        now: Instant,
        id: LegId,
        cause: HangupCause,
        reported: bool,
    ) {
        self.timers.clear(TimeoutReason::MediaReply(id));
        let is_first = self.is_first(id);
        let Some(leg) = self.leg_mut(id) else { return };
        match &leg.media {
            LegMedia::Opening => {
                if reported {
                    leg.media = LegMedia::Closed;
                }
                self.leg_cannot_open(now, id, is_first, cause);
            }
            LegMedia::Answering { ours, .. } if leg.dialog == Dialog::Ringing => {
                // Early media we cannot take: ringback it is, and the final answer decides.
                leg.media = LegMedia::Open { ours: ours.clone() };
                self.tell_caller(crate::leg::Told::Ringing);
            }
            LegMedia::Answering { .. } => self.answer_is_unusable(now, id, is_first, cause),
            LegMedia::Up { .. } => self.renegotiation_failed(id),
            LegMedia::Closing { opened: false } => {
                // Nothing was opened, so nothing will be reported closed.
                leg.media = LegMedia::Closed;
                self.timers.clear(TimeoutReason::MediaClose(id));
            }
            LegMedia::Closing { opened: true }
            | LegMedia::None
            | LegMedia::Open { .. }
            | LegMedia::Closed => {}
        }
    }

    fn leg_cannot_open(&mut self, now: Instant, id: LegId, is_first: bool, cause: HangupCause) {
        if is_first {
            return self.end(now, cause);
        }
        if self.is_taking_over(id) {
            return self.takeover_failed(now, cause);
        }
        self.leg_is_gone(now, id, cause);
        self.target_failed(now, id, cause, true);
    }

    pub(crate) fn answer_is_unusable(
        &mut self,
        now: Instant,
        id: LegId,
        is_first: bool,
        cause: HangupCause,
    ) {
        if self.is_taking_over(id) {
            return self.takeover_failed(now, cause);
        }
        if self.is_for_transfer(id) {
            self.close_leg(now, id, cause);
            return self.transfer_target_failed(now, id, cause, false);
        }
        if is_first || !matches!(self.stage, Stage::Connecting(leg) if leg == id) {
            return self.end(now, cause);
        }
        self.close_leg(now, id, cause);
        self.hunt_failed(now, Hunt::new(Vec::new()), cause);
    }

    fn renegotiation_failed(&mut self, id: LegId) {
        let Some(leg) = self.leg_mut(id).filter(|leg| leg.is_live()) else { return };
        match std::mem::replace(&mut leg.renegotiation, Renegotiation::Idle) {
            Renegotiation::Theirs { .. } => self.send(id, LegAction::RefuseReoffer { status: 488 }),
            waiting @ (Renegotiation::AwaitingAck | Renegotiation::Ours) => {
                leg.renegotiation = waiting;
            }
            // The session goes on as it was.
            Renegotiation::Idle | Renegotiation::Settling => {}
        }
    }

    fn media_closed(&mut self, id: LegId, quality: LegQuality) {
        let Some(leg) = self.leg_mut(id) else { return };
        if matches!(leg.media, LegMedia::Closing { .. }) {
            leg.media = LegMedia::Closed;
            leg.quality = Some(quality);
            self.timers.clear(TimeoutReason::MediaClose(id));
        }
    }

    fn play_finished(&mut self, now: Instant, leg: LegId, finished: PlaybackId) {
        if matches!(&self.stage, Stage::Toning { playback, .. } if *playback == finished) {
            return self.tone_ended(now);
        }
        self.announcement_finished(now, leg, finished);
    }

    /// Nothing came from the party for the allowed time (C13).
    fn party_is_silent(&mut self, now: Instant, id: LegId) {
        let limit = now + self.config.held_silence_limit;
        let Some(leg) = self.leg(id).filter(|leg| leg.is_answered()) else { return };
        if leg.holding {
            // Who holds us need not send anything; but not for ever.
            return self.timers.set(limit, TimeoutReason::HeldSilence(id));
        }
        self.end(now, HangupCause::new(EndedBy::System, CauseKind::MediaTimeout));
    }

    /// A leg that had been answered (or offered) is over.
    pub(crate) fn leg_ended(&mut self, now: Instant, id: LegId, cause: HangupCause) {
        if let Stage::Routing(_) = self.stage
            && id == LegId::of(self.id, 0)
        {
            return self.caller_gave_up_unrouted(now, cause);
        }
        let is_first = self.is_first(id);
        let Some(leg) = self.leg(id) else { return };
        let (role, answered) = (leg.role, leg.is_answered());
        match leg.dialog {
            Dialog::Closing(_) => return self.leg_is_gone(now, id, cause),
            Dialog::Closed(_) => return,
            Dialog::Planned(_)
            | Dialog::Calling
            | Dialog::Ringing
            | Dialog::Offered { .. }
            | Dialog::Answered => {}
        }
        if is_first && self.promised.is_some() {
            // Who asked need not stay for it.
            return self.leg_is_gone(now, id, cause);
        }
        if self.taker_left(now, id, cause) || self.transferor_left(now, id, cause) {
            return;
        }
        if self.is_for_transfer(id) {
            self.leg_is_gone(now, id, cause);
            return self.transfer_target_failed(now, id, cause, false);
        }
        if !is_first && !answered {
            // It never answered, whatever the word for its end.
            return self.leg_failed(now, id, cause, false);
        }
        self.dialog_is_gone(id, cause);
        let cause = self.told_by_party(role, cause);
        if let Stage::Toning { cause, .. } = self.stage {
            return self.end(now, cause);
        }
        if matches!(self.stage, Stage::Connecting(_)) && !is_first {
            self.leg_is_gone(now, id, cause);
            if self.promised == Some(id) && self.promise_failed(now, cause) {
                return;
            }
            return self.hunt_failed(now, Hunt::new(Vec::new()), cause);
        }
        self.end(now, cause);
    }

    /// Whose act it was and whether anybody had been talking: the signalling below cannot know.
    fn told_by_party(&self, role: crate::LegRole, mut cause: HangupCause) -> HangupCause {
        if cause.by != EndedBy::System {
            cause.by = actor(role);
        }
        let talked = matches!(self.stage, Stage::Announcing(_) | Stage::Talking(_));
        if !talked && cause.kind == CauseKind::Normal {
            cause.kind = CauseKind::Cancelled;
        }
        cause
    }

    fn caller_gave_up_unrouted(&mut self, now: Instant, mut cause: HangupCause) {
        if cause.kind == CauseKind::Normal {
            cause.kind = CauseKind::Cancelled;
        }
        // `end` starts the record first; its leg is then closed as one that is gone.
        self.gone_unrouted = true;
        self.end(now, cause);
    }
}
