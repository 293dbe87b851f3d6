//! Commands of people and the digits of parties.

use crate::call::{Call, Stage};
use crate::leg::{Dialog, Leg};
use crate::{
    CallEventKind, CauseKind, Control, EndedBy, ExtensionId, HangupCause, LegEndpoint, LegId,
    LegRole, MediaAction, UserId,
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

    /// Who is switched off hears of no call any more; who talks already goes on.
    pub(crate) fn phones_out(&mut self, now: Instant, out: ExtensionId) {
        let is_out = |leg: &&Leg| {
            let LegEndpoint::Extension { extension, .. } = leg.endpoint else { return false };
            extension == out && leg.is_pending()
        };
        let ringing: Vec<LegId> = self.legs.iter().filter(is_out).map(|leg| leg.id).collect();
        for leg in ringing {
            if self.is_first(leg) {
                return self
                    .end(now, HangupCause::new(EndedBy::System, CauseKind::AgentUnavailable));
            }
            let cause = HangupCause::new(EndedBy::System, CauseKind::Unavailable);
            self.close_leg(now, leg, cause);
            self.target_failed(now, leg, cause, true);
        }
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

#[cfg(test)]
mod tests {
    use crate::rig::{self, Rig, close, emit, ended, hangup, leg, media};
    use crate::*;

    /// F02.
    #[test]
    fn a_phone_whose_owner_is_switched_off_stops_ringing_and_the_others_ring_on() {
        let unavailable = rig::cause(EndedBy::System, CauseKind::Unavailable);
        let mut rig = Rig::inbound();
        let out = rig.give(Input::PhonesOut(rig::extension(1)));
        assert_eq!(out, [hangup(1, unavailable), close(1)]);
        assert_eq!(rig.give(Input::PhonesOut(rig::extension(1))), []);
        rig.answered(2, "answer 2");
        rig.established(2);
        assert_eq!(rig.call.snapshot().phase, Phase::Connected);
        assert_eq!(rig.give(Input::PhonesOut(rig::extension(2))), [], "a talk goes on");
    }

    #[test]
    fn a_click_to_call_ends_when_its_agent_is_switched_off_while_the_phone_rings() {
        let mut rig = Rig::new();
        rig.give(rig::originate_with(rig::recorded(ConsentMode::Silent)));
        rig.opened(0, "offer 0");
        let gone = rig::cause(EndedBy::System, CauseKind::AgentUnavailable);
        let out = rig.give(Input::PhonesOut(rig::extension(1)));
        assert_eq!(out, [hangup(0, gone), close(0), ended(gone)]);
    }

    #[test]
    fn muting_drops_the_agents_voice_once() {
        let mut rig = Rig::talking();
        let muted = |muted| {
            [
                media(MediaAction::Mute { leg: leg(0), muted }),
                emit(CallEventKind::Muted { leg: leg(0), muted }),
            ]
        };
        assert_eq!(rig.control(Control::Mute(true)), muted(true));
        assert_eq!(rig.control(Control::Mute(true)), []);
        assert_eq!(rig.control(Control::Mute(false)), muted(false));
    }

    /// TEL-14.
    #[test]
    fn digits_typed_on_the_screen_go_to_the_customer() {
        let mut rig = Rig::talking();
        let send = media(MediaAction::SendDtmf { leg: leg(1), digits: "12#A".into() });
        assert_eq!(rig.control(Control::Dtmf("12#x a".into())), [send]);
        assert_eq!(rig.control(Control::Dtmf("xyz".into())), []);
    }

    #[test]
    fn a_digit_by_info_is_passed_on_and_one_by_media_is_only_reported() {
        let mut rig = Rig::talking();
        let pressed = |n| emit(CallEventKind::DtmfReceived { leg: leg(n), digit: '5' });
        let relayed = media(MediaAction::SendDtmf { leg: leg(1), digits: "5".into() });
        assert_eq!(rig.give(Input::LegDtmf { leg: leg(0), digit: '5' }), [pressed(0), relayed]);
        assert_eq!(rig.media(MediaNotice::Dtmf { leg: leg(1), digit: '5' }), [pressed(1)]);
        rig.control(Control::Hold);
        assert_eq!(rig.give(Input::LegDtmf { leg: leg(0), digit: '5' }), [pressed(0)]);
    }

    /// C15.
    #[test]
    fn a_recording_is_paused_and_resumed_and_only_while_it_runs() {
        let mut rig = Rig::talking();
        let recording = rig::recording();
        let paused = |paused| {
            [
                media(MediaAction::PauseRecording { recording, paused }),
                emit(CallEventKind::RecordingPaused { recording, paused }),
            ]
        };
        assert_eq!(rig.control(Control::PauseRecording(true)), paused(true));
        assert_eq!(rig.control(Control::PauseRecording(true)), []);
        assert_eq!(rig.call.snapshot().recording, Some(RecordingStatus::Paused));
        assert_eq!(rig.control(Control::PauseRecording(false)), paused(false));

        let mut rig = Rig::dialling(rig::recorded(ConsentMode::Silent));
        assert_eq!(rig.control(Control::PauseRecording(true)), []);
    }

    #[test]
    fn hanging_up_on_the_screen_ends_both_legs() {
        let mut rig = Rig::talking();
        let normal = rig::cause(EndedBy::Agent, CauseKind::Normal);
        let out = rig.control(Control::Hangup { by: Some(rig::user(1)) });
        assert!(out.contains(&hangup(0, normal)) && out.contains(&hangup(1, normal)));
        assert_eq!(out.last(), Some(&ended(normal)));
        assert_eq!(rig.control(Control::Hangup { by: None }), []);
    }

    #[test]
    fn a_recording_that_fails_is_reported_and_the_call_goes_on() {
        let mut rig = Rig::talking();
        let (recording, error) = (rig::recording(), "disk full".to_owned());
        let failed = MediaNotice::RecordingFailed { recording, error: error.clone() };
        let out = rig.media(failed.clone());
        assert_eq!(out, [emit(CallEventKind::RecordingFailed { recording, error })]);
        assert_eq!(rig.media(failed), []);
        assert_eq!(rig.call.snapshot().phase, Phase::Connected);
    }
}
