//! Commands of people and the digits of parties.

use crate::call::{Call, Stage};
use crate::leg::{Dialog, Leg};
use crate::{
    CallEventKind, CauseKind, Control, EndedBy, HangupCause, LegId, LegRole, MediaAction, UserId,
};
use std::time::Instant;

impl Call {
    pub(crate) fn control(&mut self, now: Instant, control: Control) {
        match control {
            Control::Hangup { by } => self.hang_up(now, by),
            Control::Hold => self.hold(true),
            Control::Resume => self.hold(false),
            Control::Mute(muted) => self.mute(muted),
            Control::Dtmf(digits) => self.send_dtmf(digits),
            Control::PauseRecording(paused) => self.pause_recording(paused),
        }
    }

    fn hang_up(&mut self, now: Instant, by: Option<UserId>) {
        let by = if by.is_some() { EndedBy::Agent } else { EndedBy::System };
        let kind = match &self.stage {
            Stage::New => return,
            Stage::Toning { cause, .. } => {
                let cause = *cause;
                return self.end(now, cause);
            }
            Stage::Announcing(_) | Stage::Talking(_) => CauseKind::Normal,
            Stage::Routing(_)
            | Stage::Admitting(_)
            | Stage::CallingAgent(_)
            | Stage::Hunting(_)
            | Stage::Connecting(_)
            | Stage::Over(_) => CauseKind::Cancelled,
        };
        self.end(now, HangupCause::new(by, kind));
    }

    fn mute(&mut self, muted: bool) {
        let ours = |leg: &&Leg| matches!(leg.role, LegRole::Agent | LegRole::Caller);
        let ready = self.legs.iter().filter(ours).find(|leg| leg.is_live() && leg.is_answered());
        let Some(leg) = ready.map(|leg| leg.id).filter(|_| self.muted != muted) else { return };
        self.muted = muted;
        self.media(MediaAction::Mute { leg, muted });
        self.emit(CallEventKind::Muted { leg, muted });
    }

    fn send_dtmf(&mut self, digits: String) {
        let digits: String =
            digits.chars().map(|c| c.to_ascii_uppercase()).filter(|c| is_dtmf(*c)).collect();
        let far = |leg: &&Leg| matches!(leg.role, LegRole::Customer | LegRole::Callee);
        let hears = |leg: &&Leg| {
            matches!(leg.dialog, Dialog::Ringing | Dialog::Answered) && leg.media_is_up()
        };
        let leg = self.legs.iter().filter(far).find(hears).map(|leg| leg.id);
        if let Some(leg) = leg.filter(|_| !digits.is_empty()) {
            self.media(MediaAction::SendDtmf { leg, digits });
        }
    }

    /// A key of a party. By RFC 4733 the media path carries it on itself; by INFO we must.
    pub(crate) fn dtmf_received(&mut self, now: Instant, id: LegId, digit: char, by_info: bool) {
        let digit = digit.to_ascii_uppercase();
        let Some(leg) = self.leg(id).filter(|leg| leg.is_live() && is_dtmf(digit)) else { return };
        // Who is on the far side decides; of an internal call, who was called.
        let decides = matches!(leg.role, LegRole::Customer | LegRole::Callee);
        self.emit(CallEventKind::DtmfReceived { leg: id, digit });
        if by_info && let Some(peer) = self.joined_peer_of(id) {
            self.media(MediaAction::SendDtmf { leg: peer, digits: digit.to_string() });
        }
        if decides {
            self.consent_key(now, digit);
        }
    }
}

fn is_dtmf(digit: char) -> bool {
    matches!(digit, '0'..='9' | '*' | '#' | 'A'..='D')
}
