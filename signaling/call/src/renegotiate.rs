//! Changes of the media session within an answered (or ringing) dialog (RFC 3264 §8).

use crate::call::Call;
use crate::leg::{LegMedia, Renegotiation};
use crate::timers::TimeoutReason;
use crate::{CauseKind, EndedBy, HangupCause, LegAction, LegId, MediaAction, MediaDirection};
use bytes::Bytes;
use std::time::Instant;

impl Call {
    /// Their re-INVITE or UPDATE. We anchor the media, so the other side need not know.
    pub(crate) fn leg_reoffered(&mut self, now: Instant, id: LegId, sdp: Option<Bytes>) {
        let Some(leg) = self.leg_mut(id) else { return };
        let refusal = if !leg.is_live() {
            Some(481)
        } else if !leg.media_is_up() {
            Some(491)
        } else {
            match leg.renegotiation {
                // A new offer after an ACK without an answer: the late one is void.
                Renegotiation::Idle | Renegotiation::AwaitingAck => None,
                Renegotiation::Theirs { .. } | Renegotiation::Settling | Renegotiation::Ours => {
                    Some(491)
                }
            }
        };
        if let Some(status) = refusal {
            return self.send(id, LegAction::RefuseReoffer { status });
        }
        leg.renegotiation = Renegotiation::Theirs { late: sdp.is_none() };
        self.expect_media(now, id);
        self.media(MediaAction::AnswerReoffer { leg: id, sdp });
    }

    pub(crate) fn media_reanswered(
        &mut self,
        _now: Instant,
        id: LegId,
        sdp: Bytes,
        direction: MediaDirection,
    ) {
        // A dialog we ended meanwhile refuses their offer by itself.
        let Some(leg) = self.leg_mut(id).filter(|leg| leg.is_live()) else { return };
        let Renegotiation::Theirs { late } = leg.renegotiation else { return };
        leg.renegotiation = if late { Renegotiation::AwaitingAck } else { Renegotiation::Idle };
        self.timers.clear(TimeoutReason::MediaReply(id));
        self.send(id, LegAction::AcceptReoffer { sdp });
        if !late {
            self.party_direction(id, direction);
        }
    }

    /// The engine made an offer of ours.
    pub(crate) fn media_reoffer(&mut self, id: LegId, sdp: Bytes) {
        let Some(leg) = self.leg_mut(id) else { return };
        if leg.is_answered() && leg.renegotiation == Renegotiation::Idle {
            leg.renegotiation = Renegotiation::Ours;
            self.send(id, LegAction::Reoffer { sdp });
        }
    }

    /// Their answer to an offer of ours, or what became of it.
    pub(crate) fn leg_reanswered(
        &mut self,
        now: Instant,
        id: LegId,
        sdp: Result<Option<Bytes>, u16>,
    ) {
        let Some(leg) = self.leg_mut(id).filter(|leg| leg.is_answered()) else { return };
        if let LegMedia::Open { .. } = leg.media {
            // The ACK to our late 200: without an answer there is no media.
            let answered = matches!(&sdp, Ok(Some(_)));
            if answered && self.take_answer(now, id, sdp.ok().flatten()) {
                return;
            }
            let cause = HangupCause::new(EndedBy::System, CauseKind::IncompatibleMedia);
            let is_first = self.is_first(id);
            return self.answer_is_unusable(now, id, is_first, cause);
        }
        match (leg.renegotiation, sdp) {
            (Renegotiation::AwaitingAck | Renegotiation::Ours, Ok(Some(theirs))) => {
                leg.renegotiation = Renegotiation::Settling;
                self.expect_media(now, id);
                self.media(MediaAction::SetAnswer { leg: id, sdp: theirs });
            }
            // Refused or empty: the session goes on as it was.
            (Renegotiation::AwaitingAck | Renegotiation::Ours, Ok(None) | Err(_)) => {
                leg.renegotiation = Renegotiation::Idle;
            }
            (Renegotiation::Idle | Renegotiation::Theirs { .. } | Renegotiation::Settling, _) => {}
        }
    }
}
