//! Click-to-call: the agent's phone first, then the customer.

use crate::call::{Call, Stage, actor, plan_of};
use crate::hunt::Hunt;
use crate::leg::{Invitation, LegMedia};
use crate::timers::TimeoutReason;
use crate::{
    CallEventKind, CauseKind, EndedBy, HangupCause, LegId, LegRole, MediaAction, Originate,
    PlaySource, Target, Tone,
};
use bytes::Bytes;
use std::time::{Duration, Instant};

impl Call {
    pub(crate) fn originate(&mut self, now: Instant, originate: Originate) {
        if !matches!(self.stage, Stage::New) {
            return;
        }
        let plan = plan_of(&originate);
        let started = CallEventKind::Started {
            direction: plan.direction,
            from: plan.caller_id.clone(),
            to: originate.to.to_string(),
            lead: plan.lead,
            agent: plan.agent,
            extension: plan.extension,
            trunk: originate.routes.first().map(|route| route.trunk),
            number: None,
            campaign: plan.campaign,
            carrier_refs: Vec::new(),
        };
        self.emit_and_wait(now, started);
        let mut hunt = Hunt::new(plan.targets.clone());
        hunt.agent_ring = Duration::from_millis(originate.agent_ring_timeout_ms);
        self.plan = Some(Box::new(plan));
        self.stage = Stage::CallingAgent(hunt);
        self.plan_leg(
            now,
            LegRole::Agent,
            Invitation {
                target: Target::Extension(originate.agent),
                caller_id: originate.to.to_string(),
                caller_name: originate.display_name,
                auto_answer: true,
            },
        );
    }

    /// The agent's phone was placed: it may ring so long.
    pub(crate) fn agent_is_called(&mut self, now: Instant) {
        if let Stage::CallingAgent(hunt) = &self.stage {
            self.timers.set(now + hunt.agent_ring, TimeoutReason::AgentRing);
        }
    }

    /// The agent picked up: she hears ringback while the customer is dialled.
    pub(crate) fn agent_answered(&mut self, now: Instant, leg: LegId, sdp: Option<Bytes>) {
        let Some(hunt) = self.take_hunt() else { return };
        self.timers.clear(TimeoutReason::AgentRing);
        self.emit(CallEventKind::LegAnswered { leg });
        if !self.take_answer(now, leg, sdp) {
            self.stage = Stage::CallingAgent(hunt);
            let kind = CauseKind::IncompatibleMedia;
            self.end(now, HangupCause::new(EndedBy::Agent, kind));
            return;
        }
        self.play(leg, PlaySource::Tone(Tone::Ringback));
        self.hunt(now, hunt);
    }

    /// The agent's phone rang out: the customer is never dialled.
    pub(crate) fn agent_ring_ended(&mut self, now: Instant) {
        if matches!(self.stage, Stage::CallingAgent(_)) {
            self.end(now, HangupCause::new(EndedBy::System, CauseKind::AgentUnavailable));
        }
    }

    /// The agent's phone refused or could not be reached.
    pub(crate) fn agent_failed(&mut self, now: Instant, leg: LegId, cause: HangupCause) {
        let refused =
            matches!(cause.kind, CauseKind::Busy | CauseKind::Rejected | CauseKind::DoNotDisturb);
        let by = if refused { actor(LegRole::Agent) } else { EndedBy::System };
        let mut ended = HangupCause::new(by, CauseKind::AgentUnavailable);
        ended.sip_status = cause.sip_status;
        self.dialog_is_gone(leg, cause);
        self.end(now, ended);
    }

    /// Hands their answer to the media engine, unless it is the one it has. False: there is none.
    pub(crate) fn take_answer(&mut self, now: Instant, id: LegId, sdp: Option<Bytes>) -> bool {
        let Some(leg) = self.leg_mut(id) else { return false };
        let (ours, known) = match &leg.media {
            LegMedia::Open { ours } => (ours.clone(), None),
            LegMedia::Answering { ours, theirs } => (ours.clone(), Some(theirs.clone())),
            LegMedia::Up { ours, theirs } => (ours.clone(), theirs.clone()),
            LegMedia::None | LegMedia::Opening | LegMedia::Closing { .. } | LegMedia::Closed => {
                return false;
            }
        };
        let Some(theirs) = sdp else { return known.is_some() };
        if known.as_ref() != Some(&theirs) {
            leg.media = LegMedia::Answering { ours, theirs: theirs.clone() };
            self.expect_media(now, id);
            self.media(MediaAction::SetAnswer { leg: id, sdp: theirs });
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use crate::rig::{
        self, Rig, act, close, emit, ended, hangup, leg, leg_ended, media, play, sdp,
    };
    use crate::*;
    use std::time::Duration;

    fn silent() -> RecordPlan {
        rig::recorded(ConsentMode::Silent)
    }

    /// Walkthrough "Out: click-to-call", every output in order (TEL-08).
    #[test]
    fn the_agent_is_rung_first_and_hears_ringback_while_the_customer_is_dialled() {
        let mut rig = Rig::new();
        let out = rig.give(rig::originate_with(silent()));
        let agent =
            LegEndpoint::Extension { extension: rig::extension(1), user: Some(rig::user(1)) };
        let started = Output::NeedWritten(CallEventKind::Started {
            direction: Direction::Outbound,
            from: "+918040000001".into(),
            to: "+919812340001".into(),
            lead: None,
            agent: Some(rig::user(1)),
            extension: Some(rig::extension(1)),
            trunk: Some(rig::trunk(1)),
            number: None,
            campaign: None,
            carrier_refs: vec![],
        });
        let leg_started =
            |n, role, endpoint| emit(CallEventKind::LegStarted { leg: leg(n), role, endpoint });
        let open = |n, profile| media(MediaAction::Open { leg: leg(n), offer: None, profile });
        assert_eq!(
            out,
            [
                started,
                leg_started(0, LegRole::Agent, agent),
                open(0, MediaProfile::Extension(rig::extension(1))),
            ]
        );
        let out = rig.opened(0, "offer 0");
        let placed = LegAction::Originate {
            target: Target::Extension(rig::phone(1)),
            sdp: sdp("offer 0"),
            caller_id: "+919812340001".into(),
            caller_name: Some("Ravi".into()),
            auto_answer: true,
        };
        assert_eq!(out, [act(0, placed)]);
        let ringing = |n, early_media| emit(CallEventKind::LegRinging { leg: leg(n), early_media });
        assert_eq!(rig.progressed(0, 180, None), [ringing(0, false)]);
        assert_eq!(rig.call.snapshot().phase, Phase::CallingAgent);
        assert_eq!(
            rig.answered(0, "answer 0"),
            [
                emit(CallEventKind::LegAnswered { leg: leg(0) }),
                media(MediaAction::SetAnswer { leg: leg(0), sdp: sdp("answer 0") }),
                play(0, 1, PlaySource::Tone(Tone::Ringback)),
                leg_started(1, LegRole::Customer, LegEndpoint::Trunk { trunk: rig::trunk(1) }),
                open(1, MediaProfile::Trunk(rig::trunk(1))),
            ]
        );
        assert_eq!(rig.established(0), []);
    }

    #[test]
    fn once_the_agent_hears_ringback_the_customer_is_dialled_bridged_and_recorded() {
        let mut rig = Rig::new();
        rig.give(rig::originate_with(silent()));
        rig.opened(0, "offer 0");
        rig.answered(0, "answer 0");
        rig.established(0);
        let placed = LegAction::Originate {
            target: Target::Trunk(rig::through(1)),
            sdp: sdp("offer 1"),
            caller_id: "+918040000001".into(),
            caller_name: None,
            auto_answer: false,
        };
        assert_eq!(rig.opened(1, "offer 1"), [act(1, placed)]);
        assert_eq!(rig.call.snapshot().phase, Phase::Dialling);
        assert_eq!(
            rig.progressed(1, 180, None),
            [emit(CallEventKind::LegRinging { leg: leg(1), early_media: false })]
        );
        assert_eq!(rig.call.snapshot().phase, Phase::Ringing);
        assert_eq!(
            rig.answered(1, "answer 1"),
            [
                Output::NeedWritten(CallEventKind::LegAnswered { leg: leg(1) }),
                media(MediaAction::SetAnswer { leg: leg(1), sdp: sdp("answer 1") }),
            ]
        );
        assert_eq!(
            rig.established(1),
            [
                emit(CallEventKind::Answered {
                    agent: Some(rig::user(1)),
                    extension: Some(rig::extension(1)),
                    trunk: Some(rig::trunk(1)),
                }),
                media(MediaAction::Bridge { a: leg(0), b: leg(1) }),
                emit(CallEventKind::Bridged { a: leg(0), b: leg(1) }),
                media(MediaAction::Record {
                    recording: rig::recording(),
                    left: leg(1),
                    right: leg(0),
                    silence_ms: 0
                }),
                emit(CallEventKind::RecordingStarted {
                    recording: rig::recording(),
                    silence_ms: 0
                }),
            ]
        );
        assert_eq!(rig.call.snapshot().phase, Phase::Connected);
    }

    #[test]
    fn the_customer_hanging_up_ends_everything_once() {
        let mut rig = Rig::talking();
        let bye = rig::cause(EndedBy::Customer, CauseKind::Normal);
        assert_eq!(
            rig.ended(1, bye),
            [
                media(MediaAction::StopRecording { recording: rig::recording() }),
                hangup(0, bye),
                close(0),
                close(1),
                ended(bye),
            ]
        );
        assert_eq!(rig.ended(1, bye), []);
        assert_eq!(rig.closed(1), [leg_ended(1, bye, true)]);
        assert_eq!(rig.closed(0), []);
        let stopped =
            MediaNotice::RecordingStopped { recording: rig::recording(), duration_ms: 1200 };
        assert_eq!(
            rig.media(stopped),
            [emit(CallEventKind::RecordingStopped {
                recording: rig::recording(),
                duration_ms: 1200
            })]
        );
        assert_eq!(rig.ended(0, bye), [leg_ended(0, bye, true), Output::Finished]);
        assert_eq!(rig.call.poll_timeout(), None);
    }

    #[test]
    fn an_agent_who_does_not_answer_keeps_the_customer_undialled() {
        let mut rig = Rig::new();
        rig.give(rig::originate_with(silent()));
        rig.opened(0, "offer 0");
        assert_eq!(rig.pass(Duration::from_millis(19_999)), []);
        let gone = rig::cause(EndedBy::System, CauseKind::AgentUnavailable);
        assert_eq!(rig.pass(Duration::from_millis(1)), [hangup(0, gone), close(0), ended(gone)]);
        rig.closed(0);
        let cancelled = rig::cause(EndedBy::System, CauseKind::Cancelled);
        assert_eq!(rig.failed(0, cancelled, false), [leg_ended(0, gone, true), Output::Finished]);
    }

    #[test]
    fn an_unregistered_agent_phone_is_agent_unavailable_with_its_status() {
        let mut rig = Rig::new();
        rig.give(rig::originate_with(silent()));
        rig.opened(0, "offer 0");
        let out = rig.failed(0, rig::status(480), true);
        let mut gone = rig::cause(EndedBy::System, CauseKind::AgentUnavailable);
        gone.sip_status = Some(480);
        assert_eq!(out, [close(0), ended(gone)]);
    }

    #[test]
    fn an_agent_hanging_up_while_the_customer_rings_cancels_the_customer() {
        let mut rig = Rig::dialling(silent());
        rig.progressed(1, 180, None);
        let bye = rig::cause(EndedBy::Agent, CauseKind::Normal);
        let cancelled = rig::cause(EndedBy::Agent, CauseKind::Cancelled);
        assert_eq!(rig.ended(0, bye), [close(0), hangup(1, cancelled), close(1), ended(cancelled)]);
    }

    /// A14: a CANCEL that crosses the 200 must not leave a live silent leg.
    #[test]
    fn an_answer_that_crosses_our_cancel_is_hung_up() {
        let mut rig = Rig::dialling(silent());
        rig.control(Control::Hangup { by: Some(rig::user(1)) });
        let cancelled = rig::cause(EndedBy::Agent, CauseKind::Cancelled);
        assert_eq!(rig.answered(1, "answer 1"), [hangup(1, cancelled)]);
    }

    #[test]
    fn a_second_originate_changes_nothing() {
        let mut rig = Rig::dialling(silent());
        assert_eq!(rig.give(rig::originate_with(silent())), []);
    }

    #[test]
    fn a_call_whose_far_ends_never_confirm_still_finishes() {
        let mut rig = Rig::talking();
        let out = rig.give(Input::Shutdown);
        assert!(out.contains(&ended(rig::cause(EndedBy::System, CauseKind::Interrupted))));
        let out = rig.pass(Duration::from_secs(36));
        assert_eq!(out.last(), Some(&Output::Finished));
        assert!(rig.call.is_finished());
    }
}
