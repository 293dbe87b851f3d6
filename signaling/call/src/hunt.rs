//! Reaching the called side: groups of phones that ring together, trunks that fail over.

use crate::call::{Call, Stage, actor};
use crate::inbound::called_role;
use crate::leg::{Dialog, Invitation, Leg, Placing, Told};
use crate::timers::TimeoutReason;
use crate::{
    CallEventKind, CauseKind, Direction, EndedBy, HangupCause, LegAction, LegEndpoint, LegId,
    LegRole, MediaAction, PlaySource, Target, Tone,
};
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// What is left to try, and how it went so far.
#[derive(Debug)]
pub(crate) struct Hunt {
    rest: VecDeque<Target>,
    /// The cause that tells the caller most.
    best: Option<HangupCause>,
    /// The leg whose carrier's early media the caller (or the agent) heard last.
    early_media: Option<LegId>,
    /// Click-to-call: how long the agent's phone may ring.
    pub(crate) agent_ring: Duration,
}

impl Hunt {
    pub(crate) fn new(targets: Vec<Target>) -> Self {
        Self { rest: targets.into(), best: None, early_media: None, agent_ring: Duration::ZERO }
    }

    /// The next trunk, or all extensions up to the next trunk.
    fn next_group(&mut self) -> Vec<Target> {
        let mut group = Vec::new();
        while let Some(target) = self.rest.pop_front() {
            let alone = matches!(target, Target::Trunk(_));
            if alone && !group.is_empty() {
                self.rest.push_front(target);
                break;
            }
            group.push(target);
            if alone {
                break;
            }
        }
        group
    }

    fn note(&mut self, cause: HangupCause) {
        if self.best.is_none_or(|best| telling(best.kind) <= telling(cause.kind)) {
            self.best = Some(cause);
        }
    }
}

impl Call {
    pub(crate) fn hunt(&mut self, now: Instant, mut hunt: Hunt) {
        let group = hunt.next_group();
        let Some(plan) = self.plan.as_deref().filter(|_| !group.is_empty()) else {
            let nobody = HangupCause::new(EndedBy::System, CauseKind::AgentUnavailable);
            let cause = hunt.best.unwrap_or(nobody);
            return self.hunt_failed(now, hunt, cause);
        };
        let ring = Duration::from_millis(plan.ring_timeout_ms);
        let role = called_role(plan.direction);
        let (shown, name) = (plan.caller_id.clone(), plan.caller_name.clone());
        self.timers.set(now + ring, TimeoutReason::Ring);
        self.stage = Stage::Hunting(hunt);
        for target in group {
            let caller_id = match &target {
                Target::Extension(_) => shown.clone(),
                Target::Trunk(trunk) => trunk.caller_id.to_string(),
            };
            let caller_name = name.clone();
            self.plan_leg(
                now,
                role,
                Invitation { target, caller_id, caller_name, auto_answer: false },
            );
        }
    }

    /// 18x on a leg we placed.
    pub(crate) fn leg_progressed(
        &mut self,
        now: Instant,
        id: LegId,
        status: u16,
        sdp: Option<Bytes>,
    ) {
        let for_transfer = self.is_for_transfer(id);
        // The party that is handed on hears a ringback of ours, whatever a carrier has to say.
        let sdp = sdp.filter(|_| !for_transfer || status == 183);
        let is_target = !self.is_first(id);
        let Some(leg) = self.leg_mut(id) else { return };
        let was_ringing = leg.dialog == Dialog::Ringing;
        if !was_ringing && leg.dialog != Dialog::Calling {
            return;
        }
        leg.progressed |= status > 100;
        let via_trunk = matches!(leg.endpoint, LegEndpoint::Trunk { .. });
        let speaks = is_target && via_trunk && sdp.is_some();
        let early_media = speaks && !for_transfer;
        if early_media {
            self.take_answer(now, id, sdp);
        } else if status != 180 && !speaks && (via_trunk || status != 183) {
            // A bare 181, 182 or 183 of a carrier says nothing a caller could hear.
            return;
        }
        if !was_ringing {
            if let Some(leg) = self.leg_mut(id) {
                leg.dialog = Dialog::Ringing;
            }
            self.emit(CallEventKind::LegRinging { leg: id, early_media });
        }
        if for_transfer {
            self.transfer_target_rings();
        } else if is_target && !early_media {
            self.tell_caller(Told::Ringing);
        }
    }

    /// Lets the caller (or the agent) hear a carrier's early media as soon as both paths are up.
    pub(crate) fn try_early_media(&mut self) {
        let Some(first) = self.first().filter(|first| first.media_is_up()) else { return };
        let first = first.id;
        let ringing = |leg: &&Leg| leg.dialog == Dialog::Ringing && leg.media_is_up();
        let Some(leg) = self.legs.iter().skip(1).find(ringing).map(|leg| leg.id) else { return };
        let Stage::Hunting(hunt) = &mut self.stage else { return };
        if hunt.early_media.replace(leg) != Some(leg) {
            self.media(MediaAction::Bridge { a: first, b: leg });
            self.tell_caller(Told::EarlyMedia);
        }
    }

    pub(crate) fn leg_answered(&mut self, now: Instant, id: LegId, sdp: Option<Bytes>) {
        let Some(leg) = self.leg_mut(id) else { return };
        match &leg.dialog {
            Dialog::Calling | Dialog::Ringing => leg.dialog = Dialog::Answered,
            Dialog::Closing(cause) => {
                // Our CANCEL crossed their 200 (A14): now it takes a BYE.
                let cause = *cause;
                return self.send(id, LegAction::Hangup { cause });
            }
            Dialog::Planned(_) | Dialog::Offered { .. } | Dialog::Answered | Dialog::Closed(_) => {
                return;
            }
        }
        if self.is_first(id) {
            return self.agent_answered(now, id, sdp);
        }
        if self.is_for_transfer(id) {
            return self.transfer_target_answered(now, id, sdp);
        }
        if self.promised == Some(id) {
            return self.promised_answered(now, id);
        }
        self.target_answered(now, id, sdp);
    }

    /// First answer wins; the others are cancelled.
    fn target_answered(&mut self, now: Instant, id: LegId, sdp: Option<Bytes>) {
        let Some(hunt) = self.target_is(now, id) else { return };
        if !self.take_answer(now, id, sdp) {
            let cause = HangupCause::new(EndedBy::Customer, CauseKind::IncompatibleMedia);
            self.close_leg(now, id, cause);
            return self.hunt_failed(now, hunt, cause);
        }
        self.try_connect(now);
    }

    /// This one has the call; the others stop ringing. Gives what was left to try.
    pub(crate) fn target_is(&mut self, now: Instant, id: LegId) -> Option<Hunt> {
        let hunt = self.take_hunt()?;
        self.stage = Stage::Connecting(id);
        self.timers.clear(TimeoutReason::Ring);
        let elsewhere = HangupCause::new(EndedBy::System, CauseKind::Cancelled);
        for other in self.pending_targets() {
            self.close_leg(now, other, elsewhere);
        }
        self.emit_and_wait(now, CallEventKind::LegAnswered { leg: id });
        Some(hunt)
    }

    pub(crate) fn leg_failed(
        &mut self,
        now: Instant,
        id: LegId,
        cause: HangupCause,
        before_ringing: bool,
    ) {
        let Some(leg) = self.leg(id) else { return };
        match (&leg.dialog, self.is_first(id)) {
            (Dialog::Calling | Dialog::Ringing, true) => self.agent_failed(now, id, cause),
            (Dialog::Calling | Dialog::Ringing, false) => {
                let before_ringing = before_ringing && !leg.progressed;
                self.leg_is_gone(now, id, cause);
                self.target_failed(now, id, cause, before_ringing);
            }
            (Dialog::Closing(_), _) => self.leg_is_gone(now, id, cause),
            // Answered in between, or theirs: only `LegEnded` can end those.
            (Dialog::Planned(_) | Dialog::Offered { .. } | Dialog::Answered, _)
            | (Dialog::Closed(_), _) => {}
        }
    }

    /// A target did not work out: wait for the others, try the next, or give up.
    pub(crate) fn target_failed(
        &mut self,
        now: Instant,
        id: LegId,
        cause: HangupCause,
        before_ringing: bool,
    ) {
        if self.is_for_transfer(id) {
            return self.transfer_target_failed(now, id, cause, before_ringing);
        }
        if self.promised == Some(id) && self.promise_failed(now, cause) {
            return;
        }
        let Stage::Hunting(hunt) = &mut self.stage else { return };
        let endpoint = self.legs.iter().find(|leg| leg.id == id).map(|leg| leg.endpoint.clone());
        let Some(endpoint) = endpoint else { return };
        let (told, go_on) = match &endpoint {
            LegEndpoint::Extension { .. } => (phone_cause(cause), true),
            // Another carrier is asked only while the person's phone cannot have rung (H14).
            LegEndpoint::Trunk { .. } => (cause, before_ringing && is_trunks_fault(cause)),
        };
        hunt.note(told);
        if !self.pending_targets().is_empty() {
            return;
        }
        let Some(hunt) = self.take_hunt() else { return };
        self.timers.clear(TimeoutReason::Ring);
        if !go_on || hunt.rest.is_empty() {
            let cause = hunt.best.unwrap_or(told);
            return self.hunt_failed(now, hunt, cause);
        }
        if let LegEndpoint::Trunk { trunk } = endpoint {
            self.emit(CallEventKind::TrunkFailed { trunk, cause });
        }
        self.hunt(now, hunt);
    }

    /// The ring limit passed.
    pub(crate) fn ring_ended(&mut self, now: Instant) {
        if !matches!(self.stage, Stage::Hunting(_)) {
            return;
        }
        for id in self.pending_targets() {
            let Some(leg) = self.leg(id) else { continue };
            let heard_nothing = !leg.progressed;
            let kind = if heard_nothing && matches!(leg.endpoint, LegEndpoint::Trunk { .. }) {
                // A carrier that said nothing at all: another may do better.
                CauseKind::NetworkFailure
            } else {
                CauseKind::NoAnswer
            };
            let cause = HangupCause::new(EndedBy::System, kind);
            self.close_leg(now, id, cause);
            self.target_failed(now, id, cause, heard_nothing);
        }
    }

    /// Nobody was reached. Who can hear it is told so; the others get the status.
    pub(crate) fn hunt_failed(&mut self, now: Instant, hunt: Hunt, cause: HangupCause) {
        // Nothing else may be rung or heard once this is decided.
        self.timers.clear(TimeoutReason::Ring);
        let Some(first) = self.first() else { return };
        let leg = first.id;
        let source = if first.is_answered() {
            // The carrier's own announcement said it all.
            if hunt.early_media.is_some() { None } else { Some(self.failure_sound(cause.kind)) }
        } else {
            self.apology(&hunt, cause.kind)
        };
        // `end` wants to see a stage that is none of the waiting ones.
        let Some(source) = source else {
            self.stage = Stage::Hunting(hunt);
            return self.end(now, cause);
        };
        self.tell_caller(Told::EarlyMedia);
        let is_prompt = matches!(source, PlaySource::Prompt { .. });
        let playback = self.play(leg, source);
        let limit = if is_prompt { self.config.announcement_limit } else { self.config.tone_limit };
        self.timers.set(now + limit, TimeoutReason::Tone);
        self.stage = Stage::Toning { cause, playback };
    }

    /// The tone of a failed call was heard.
    pub(crate) fn tone_ended(&mut self, now: Instant) {
        if let Stage::Toning { cause, .. } = &self.stage {
            let cause = *cause;
            self.end(now, cause);
        }
    }

    fn failure_sound(&self, kind: CauseKind) -> PlaySource {
        if kind == CauseKind::Busy {
            PlaySource::Tone(Tone::Busy)
        } else if matches!(kind, CauseKind::NotFound | CauseKind::Unavailable) {
            self.prompt("number_unavailable")
        } else {
            PlaySource::Tone(Tone::Congestion)
        }
    }

    /// What an inbound caller hears when nobody answers, where that is wanted and possible.
    fn apology(&self, hunt: &Hunt, kind: CauseKind) -> Option<PlaySource> {
        let inbound = self.plan.as_deref().is_some_and(|p| p.direction == Direction::Inbound);
        let fits = matches!(kind, CauseKind::NoAnswer | CauseKind::AgentUnavailable);
        let wanted = self.config.announce_unavailable && inbound && fits;
        (wanted && hunt.early_media.is_none() && self.caller_can_hear())
            .then(|| self.prompt("agent_unavailable"))
    }

    /// A prompt in the language of the plan.
    pub(crate) fn prompt(&self, name: &str) -> PlaySource {
        let language = self.plan.as_deref().map(|plan| plan.record.language.clone());
        let language = language.filter(|language| !language.is_empty());
        PlaySource::Prompt {
            name: name.to_owned(),
            language: language.unwrap_or_else(|| "en".to_owned()),
        }
    }

    /// The hunt of the present stage; the caller must set the next stage.
    pub(crate) fn take_hunt(&mut self) -> Option<Hunt> {
        let hunts =
            matches!(self.stage, Stage::Admitting(_) | Stage::CallingAgent(_) | Stage::Hunting(_));
        if !hunts {
            return None;
        }
        match std::mem::replace(&mut self.stage, Stage::New) {
            Stage::Admitting(hunt) | Stage::CallingAgent(hunt) | Stage::Hunting(hunt) => Some(hunt),
            Stage::New
            | Stage::Routing(_)
            | Stage::Connecting(_)
            | Stage::Announcing(_)
            | Stage::Talking(_)
            | Stage::Toning { .. }
            | Stage::Over(_) => None,
        }
    }

    /// Legs placed for the called side and not answered.
    pub(crate) fn pending_targets(&self) -> Vec<LegId> {
        let targets = self.legs.iter().skip(1);
        targets.filter(|leg| leg.is_pending()).map(|leg| leg.id).collect()
    }

    /// Places a planned leg whose media offer exists, once the call's row does.
    pub(crate) fn try_place(&mut self, now: Instant, id: LegId) {
        if self.unwritten {
            return;
        }
        let Some(leg) = self.leg_mut(id) else { return };
        let Some(ours) = leg.ours() else { return };
        let dialog = std::mem::replace(&mut leg.dialog, Dialog::Calling);
        let Dialog::Planned(placing) = dialog else {
            leg.dialog = dialog;
            return;
        };
        let action = match *placing {
            Placing::Invite(Invitation { target, caller_id, caller_name, auto_answer }) => {
                LegAction::Originate { target, sdp: ours, caller_id, caller_name, auto_answer }
            }
            Placing::Adopt => LegAction::Adopt { sdp: ours },
        };
        self.send(id, action);
        if self.is_first(id) {
            self.agent_is_called(now);
        }
    }
}

/// How much a cause tells a caller; the highest of a group is passed on.
fn telling(kind: CauseKind) -> u8 {
    if kind == CauseKind::NoAnswer {
        3
    } else if matches!(kind, CauseKind::Busy | CauseKind::DoNotDisturb) {
        2
    } else {
        u8::from(kind == CauseKind::Rejected)
    }
}

/// What the failure of one of our phones means to whoever called it.
fn phone_cause(cause: HangupCause) -> HangupCause {
    let refused = |kind, status| HangupCause {
        sip_status: Some(status),
        ..HangupCause::new(actor(LegRole::Agent), kind)
    };
    if matches!(cause.kind, CauseKind::Busy | CauseKind::DoNotDisturb) {
        refused(CauseKind::Busy, 486)
    } else if cause.kind == CauseKind::Rejected {
        // 603 would tell the carrier to ask nobody else, ever; 480 says "not now".
        refused(CauseKind::Rejected, 480)
    } else if cause.kind == CauseKind::NoAnswer {
        cause
    } else {
        HangupCause::new(EndedBy::System, CauseKind::AgentUnavailable)
    }
}

/// The carrier failed, not the person called: 5xx, 408, 401/403/407, no common codec, silence.
fn is_trunks_fault(cause: HangupCause) -> bool {
    let says_everywhere = cause.sip_status.is_some_and(|status| status >= 600);
    !says_everywhere
        && matches!(
            cause.kind,
            CauseKind::NetworkFailure | CauseKind::Forbidden | CauseKind::IncompatibleMedia
        )
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

    fn second_trunk_opens() -> [Output; 2] {
        let endpoint = LegEndpoint::Trunk { trunk: rig::trunk(2) };
        [
            emit(CallEventKind::LegStarted { leg: leg(2), role: LegRole::Customer, endpoint }),
            media(MediaAction::Open {
                leg: leg(2),
                offer: None,
                profile: MediaProfile::Trunk(rig::trunk(2)),
            }),
        ]
    }

    /// H14: 503 before ringing tries the next trunk.
    #[test]
    fn an_overloaded_trunk_is_followed_by_the_next_one() {
        let mut rig = Rig::dialling(silent());
        let overloaded = rig::status(503);
        let [started, open] = second_trunk_opens();
        assert_eq!(
            rig.failed(1, overloaded, true),
            [
                close(1),
                emit(CallEventKind::TrunkFailed { trunk: rig::trunk(1), cause: overloaded }),
                started,
                open,
            ]
        );
        assert_eq!(rig.closed(1), [leg_ended(1, overloaded, true)]);
        rig.opened(2, "offer 2");
        rig.answered(2, "answer 2");
        let out = rig.established(2);
        assert!(out.contains(&media(MediaAction::Bridge { a: leg(0), b: leg(2) })), "{out:?}");
    }

    /// H14: the person's own refusals end the hunt; so does anything after ringing.
    #[test]
    fn a_person_is_never_rung_again_through_another_trunk() {
        for (status, before_ringing) in [
            (486, true),
            (600, true),
            (603, true),
            (404, true),
            (480, true),
            (487, true),
            (606, true),
            (503, false),
        ] {
            let mut rig = Rig::dialling(silent());
            let out = rig.failed(1, rig::status(status), before_ringing);
            let [started, _] = second_trunk_opens();
            assert!(!out.contains(&started), "{status}");
            assert!(matches!(out.last(), Some(Output::Media(MediaAction::Play { .. }))), "{out:?}");
        }
    }

    #[test]
    fn a_busy_customer_is_heard_as_a_busy_tone_for_three_seconds() {
        let mut rig = Rig::dialling(silent());
        let busy = rig::status(486);
        let tone = play(0, 2, PlaySource::Tone(Tone::Busy));
        assert_eq!(rig.failed(1, busy, true), [close(1), tone]);
        rig.closed(1);
        assert_eq!(rig.pass(Duration::from_millis(2999)), []);
        assert_eq!(rig.pass(Duration::from_millis(1)), [hangup(0, busy), close(0), ended(busy)]);
    }

    #[test]
    fn hanging_up_during_the_tone_keeps_the_customers_cause() {
        let mut rig = Rig::dialling(silent());
        let busy = rig::status(486);
        rig.failed(1, busy, true);
        let out = rig.ended(0, rig::cause(EndedBy::Agent, CauseKind::Normal));
        assert_eq!(out, [close(0), ended(busy)]);
    }

    #[test]
    fn a_number_out_of_reach_is_announced_and_the_end_of_the_prompt_ends_the_call() {
        let mut rig = Rig::dialling(silent());
        let away = rig::status(480);
        let out = rig.failed(1, away, true);
        assert_eq!(out, [close(1), play(0, 2, rig::prompt("number_unavailable"))]);
        let finished = MediaNotice::PlayFinished { leg: leg(0), playback: PlaybackId(2) };
        assert_eq!(rig.media(finished), [hangup(0, away), close(0), ended(away)]);
    }

    #[test]
    fn a_carriers_own_announcement_is_heard_and_then_the_call_just_ends() {
        let mut rig = Rig::dialling(silent());
        assert_eq!(
            rig.progressed(1, 183, Some("early")),
            [
                media(MediaAction::SetAnswer { leg: leg(1), sdp: sdp("early") }),
                emit(CallEventKind::LegRinging { leg: leg(1), early_media: true }),
            ]
        );
        assert_eq!(rig.established(1), [media(MediaAction::Bridge { a: leg(0), b: leg(1) })]);
        assert_eq!(rig.call.snapshot().phase, Phase::EarlyMedia);
        let away = rig::status(480);
        assert_eq!(rig.failed(1, away, false), [close(1), hangup(0, away), close(0), ended(away)]);
    }

    #[test]
    fn an_answer_that_repeats_the_early_description_needs_no_second_set_up() {
        let mut rig = Rig::dialling(silent());
        rig.progressed(1, 183, Some("early"));
        rig.established(1);
        let out = rig.answered(1, "early");
        assert_eq!(out[0], Output::NeedWritten(CallEventKind::LegAnswered { leg: leg(1) }));
        assert!(out.contains(&emit(CallEventKind::Bridged { a: leg(0), b: leg(1) })), "{out:?}");
    }

    #[test]
    fn a_customer_who_does_not_answer_is_cancelled_at_the_limit() {
        let mut rig = Rig::dialling(silent());
        rig.progressed(1, 180, None);
        let out = rig.pass(Duration::from_secs(45));
        let unanswered = rig::cause(EndedBy::System, CauseKind::NoAnswer);
        let tone = play(0, 2, PlaySource::Tone(Tone::Congestion));
        assert_eq!(out, [hangup(1, unanswered), close(1), tone]);
    }

    #[test]
    fn a_trunk_that_says_nothing_until_the_limit_is_followed_by_the_next_one() {
        let mut rig = Rig::dialling(silent());
        let out = rig.pass(Duration::from_secs(45));
        let silence = rig::cause(EndedBy::System, CauseKind::NetworkFailure);
        let [started, open] = second_trunk_opens();
        let failed = CallEventKind::TrunkFailed { trunk: rig::trunk(1), cause: silence };
        assert_eq!(out, [hangup(1, silence), close(1), emit(failed), started, open]);
    }

    /// H14: a bare 183 may already mean a ringing phone.
    #[test]
    fn a_trunk_that_reported_progress_is_not_followed_by_another() {
        let mut rig = Rig::dialling(silent());
        assert_eq!(rig.progressed(1, 183, None), []);
        let out = rig.pass(Duration::from_secs(45));
        let unanswered = rig::cause(EndedBy::System, CauseKind::NoAnswer);
        assert_eq!(out[..2], [hangup(1, unanswered), close(1)]);
        assert_eq!(out.len(), 3, "and a tone: {out:?}");
    }

    #[test]
    fn the_first_phone_to_answer_wins_and_the_others_stop_ringing() {
        let mut rig = Rig::inbound();
        assert_eq!(rig.progressed(1, 180, None)[1], act(0, LegAction::Ring { sdp: None }));
        assert_eq!(rig.progressed(2, 180, None).len(), 1, "the caller is told once");
        let elsewhere = rig::cause(EndedBy::System, CauseKind::Cancelled);
        assert_eq!(
            rig.answered(2, "answer 2"),
            [
                hangup(1, elsewhere),
                close(1),
                Output::NeedWritten(CallEventKind::LegAnswered { leg: leg(2) }),
                media(MediaAction::SetAnswer { leg: leg(2), sdp: sdp("answer 2") }),
            ]
        );
        let out = rig.established(2);
        assert_eq!(out[0], act(0, LegAction::Answer { sdp: sdp("our answer") }));
        assert_eq!(
            out[2],
            emit(CallEventKind::Answered {
                agent: Some(rig::user(2)),
                extension: Some(rig::extension(2)),
                trunk: Some(rig::trunk(1)),
            })
        );
        assert!(out.contains(&media(MediaAction::Record {
            recording: rig::recording(),
            left: leg(0),
            right: leg(2),
            silence_ms: 0
        })));
    }

    #[test]
    fn one_busy_phone_does_not_stop_the_other_and_all_failing_tells_the_caller_most() {
        let mut rig = Rig::inbound();
        assert_eq!(rig.failed(1, rig::status(486), true), [close(1)]);
        let out = rig.failed(2, rig::status(480), true);
        let busy =
            HangupCause { sip_status: Some(486), ..rig::cause(EndedBy::Agent, CauseKind::Busy) };
        assert_eq!(
            out,
            [close(2), act(0, LegAction::Reject { cause: busy }), close(0), ended(busy)]
        );
    }

    #[test]
    fn phones_that_do_not_answer_are_followed_by_the_next_group() {
        let mut rig = Rig::new();
        rig.give(rig::offered_by_trunk(Some("trunk offer")));
        let targets = vec![Target::Extension(rig::phone(1)), Target::Trunk(rig::through(2))];
        rig.give(Input::Routed(Ok(Box::new(rig::plan(Direction::Inbound, targets)))));
        rig.opened(0, "our answer");
        rig.opened(1, "offer 1");
        rig.progressed(1, 180, None);
        let out = rig.pass(Duration::from_secs(30));
        let unanswered = rig::cause(EndedBy::System, CauseKind::NoAnswer);
        assert_eq!(out[..2], [hangup(1, unanswered), close(1)]);
        assert!(matches!(
            out[2],
            Output::Emit(CallEventKind::LegStarted { role: LegRole::Agent, .. })
        ));
        assert!(!out.iter().any(|o| matches!(o, Output::Emit(CallEventKind::TrunkFailed { .. }))));
    }

    #[test]
    fn a_caller_nobody_answers_hears_an_apology_where_that_is_wanted() {
        let config = CallConfig { announce_unavailable: true, ..CallConfig::default() };
        let mut rig = Rig::with(config);
        rig.give(rig::offered_by_trunk(Some("trunk offer")));
        let targets = vec![Target::Extension(rig::phone(1))];
        rig.give(Input::Routed(Ok(Box::new(rig::plan(Direction::Inbound, targets)))));
        rig.opened(0, "our answer");
        rig.opened(1, "offer 1");
        let out = rig.failed(1, rig::status(480), true);
        let early = act(0, LegAction::Ring { sdp: Some(sdp("our answer")) });
        assert_eq!(out, [close(1), early, play(0, 1, rig::prompt("agent_unavailable"))]);
        let finished = MediaNotice::PlayFinished { leg: leg(0), playback: PlaybackId(1) };
        let gone = rig::cause(EndedBy::System, CauseKind::AgentUnavailable);
        assert_eq!(
            rig.media(finished),
            [act(0, LegAction::Reject { cause: gone }), close(0), ended(gone)]
        );
    }
}
