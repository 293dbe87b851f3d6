//! Calls placed to us: by a carrier to a DID, or from one of our phones.

use crate::call::{Call, Offer, Stage};
use crate::hunt::Hunt;
use crate::leg::{Dialog, LegMedia, Told};
use crate::timers::TimeoutReason;
use crate::{
    CallEventKind, Direction, HangupCause, LegAction, LegEndpoint, LegId, LegRole, MediaProfile,
    Origin, Output, Plan,
};
use std::time::Instant;

/// Numbers up to this length are internal ones, as far as an unrouted call can be judged.
const INTERNAL_NUMBER_LEN_MAX: usize = 6;

impl Call {
    pub(crate) fn leg_offered(&mut self, now: Instant, leg: LegId, offer: Box<Offer>) {
        if !matches!(self.stage, Stage::New) || leg != LegId::of(self.id, 0) {
            return;
        }
        self.timers.set(now + self.config.route_limit, TimeoutReason::Route);
        self.need(Output::NeedRoute {
            tenant: offer.tenant,
            origin: offer.origin.clone(),
            from: offer.from.clone(),
            to: offer.to.clone(),
        });
        self.stage = Stage::Routing(offer);
    }

    pub(crate) fn routed(&mut self, now: Instant, route: Result<Box<Plan>, HangupCause>) {
        if !matches!(self.stage, Stage::Routing(_)) {
            return;
        }
        self.timers.clear(TimeoutReason::Route);
        let plan = match route {
            Ok(plan) => plan,
            Err(cause) => return self.end(now, cause),
        };
        let Stage::Routing(offer) = std::mem::replace(&mut self.stage, Stage::New) else { return };
        let offer = *offer;
        let (endpoint, profile) = (endpoint_of(&offer.origin), profile_of(&offer.origin));
        let started = CallEventKind::Started {
            direction: plan.direction,
            from: offer.from,
            to: offer.to,
            lead: plan.lead,
            agent: plan.agent,
            extension: plan.extension,
            trunk: trunk_of(&offer.origin),
            number: plan.number,
            campaign: plan.campaign,
            carrier_refs: offer.carrier_refs,
        };
        self.emit(started);
        let dialog = Dialog::Offered { late: offer.sdp.is_none(), told: Told::Nothing };
        let leg = self.add_leg(caller_role(plan.direction), endpoint, dialog);
        self.stage = Stage::Admitting(Hunt::new(plan.targets.clone()));
        self.plan = Some(plan);
        self.open_media(now, leg, offer.sdp, profile);
    }

    /// A call that ends before it was routed still leaves its record.
    pub(crate) fn start_unrouted(&mut self, offer: &Offer) {
        let (direction, agent, extension) = match &offer.origin {
            Origin::Trunk(_) => (Direction::Inbound, None, None),
            Origin::Extension { extension, user, .. } => {
                let internal = offer.to.len() <= INTERNAL_NUMBER_LEN_MAX;
                let direction = if internal { Direction::Internal } else { Direction::Outbound };
                (direction, *user, Some(*extension))
            }
        };
        self.emit(CallEventKind::Started {
            direction,
            from: offer.from.clone(),
            to: offer.to.clone(),
            lead: None,
            agent,
            extension,
            trunk: trunk_of(&offer.origin),
            number: None,
            campaign: None,
            carrier_refs: offer.carrier_refs.clone(),
        });
        let dialog = Dialog::Offered { late: offer.sdp.is_none(), told: Told::Nothing };
        self.add_leg(caller_role(direction), endpoint_of(&offer.origin), dialog);
    }

    /// Our answer (or late offer) to the caller exists: try the targets. The call's row may still be on its way to the
    /// disk; the answer, which stands for it, is waited for.
    pub(crate) fn try_admit(&mut self, now: Instant) {
        let opened = self.first().is_some_and(|first| first.ours().is_some());
        if matches!(self.stage, Stage::Admitting(_))
            && opened
            && let Some(hunt) = self.take_hunt()
        {
            self.hunt(now, hunt);
        }
    }

    /// Tells the caller that it rings, or lets it hear early media; never goes back.
    pub(crate) fn tell_caller(&mut self, wanted: Told) {
        let Some(first) = self.legs.first_mut() else { return };
        let Dialog::Offered { late, told } = &mut first.dialog else { return };
        // With a late offer there is no answer to send early media by.
        let wanted = if *late { wanted_without_offer(wanted) } else { wanted };
        if *told >= wanted {
            return;
        }
        *told = wanted;
        let sdp = if wanted == Told::EarlyMedia { first.ours() } else { None };
        let leg = first.id;
        self.send(leg, LegAction::Ring { sdp });
    }

    /// 200 to the caller: the target answered.
    pub(crate) fn answer_caller(&mut self, now: Instant) {
        let limit = now + self.config.leg_close_limit;
        let Some(first) = self.legs.first_mut() else { return };
        let (Dialog::Offered { late, .. }, Some(sdp)) = (&first.dialog, first.ours()) else {
            return;
        };
        if *late {
            self.timers.set(limit, TimeoutReason::LateAnswer);
        }
        first.dialog = Dialog::Answered;
        let leg = first.id;
        self.send(leg, LegAction::Answer { sdp });
        self.emit(CallEventKind::LegAnswered { leg });
    }

    /// The caller can hear us before the answer.
    pub(crate) fn caller_can_hear(&self) -> bool {
        self.first().is_some_and(|leg| matches!(leg.media, LegMedia::Up { .. }))
    }
}

fn wanted_without_offer(wanted: Told) -> Told {
    match wanted {
        Told::Nothing => Told::Nothing,
        Told::Ringing | Told::EarlyMedia => Told::Ringing,
    }
}

fn caller_role(direction: Direction) -> LegRole {
    match direction {
        Direction::Inbound => LegRole::Customer,
        Direction::Outbound => LegRole::Agent,
        Direction::Internal => LegRole::Caller,
    }
}

/// The role of the leg we place in a call somebody placed to us.
pub(crate) fn called_role(direction: Direction) -> LegRole {
    match direction {
        Direction::Inbound => LegRole::Agent,
        Direction::Outbound => LegRole::Customer,
        Direction::Internal => LegRole::Callee,
    }
}

fn endpoint_of(origin: &Origin) -> LegEndpoint {
    match origin {
        Origin::Trunk(trunk) => LegEndpoint::Trunk { trunk: *trunk },
        Origin::Extension { extension, user, .. } => {
            LegEndpoint::Extension { extension: *extension, user: *user }
        }
    }
}

fn profile_of(origin: &Origin) -> MediaProfile {
    match origin {
        Origin::Trunk(trunk) => MediaProfile::Trunk(*trunk),
        Origin::Extension { extension, .. } => MediaProfile::Extension(*extension),
    }
}

fn trunk_of(origin: &Origin) -> Option<crate::TrunkId> {
    match origin {
        Origin::Trunk(trunk) => Some(*trunk),
        Origin::Extension { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::rig::{self, Rig, act, close, emit, ended, hangup, leg, leg_ended, media, sdp};
    use crate::*;
    use std::time::Duration;

    fn routed(direction: Direction, targets: Vec<Target>) -> Input {
        Input::Routed(Ok(Box::new(rig::plan(direction, targets))))
    }

    /// Walkthrough "In: INVITE from a trunk", every output in order (TEL-08).
    #[test]
    fn a_carriers_call_is_routed_rung_answered_bridged_and_recorded() {
        let mut rig = Rig::new();
        assert_eq!(
            rig.give(rig::offered_by_trunk(Some("trunk offer"))),
            [Output::NeedRoute {
                tenant: rig::tenant(),
                origin: Origin::Trunk(rig::trunk(1)),
                from: "+919812340001".into(),
                to: "+918040000001".into(),
            }]
        );
        let out = rig.give(routed(Direction::Inbound, vec![Target::Extension(rig::phone(1))]));
        assert!(matches!(
            &out[0],
            Output::Emit(CallEventKind::Started {
                direction: Direction::Inbound,
                trunk: Some(_),
                ..
            })
        ));
        assert!(matches!(
            &out[1],
            Output::Emit(CallEventKind::LegStarted { role: LegRole::Customer, .. })
        ));
        let open = |n, offer: Option<&'static str>, profile| {
            media(MediaAction::Open { leg: leg(n), offer: offer.map(sdp), profile })
        };
        assert_eq!(out[2], open(0, Some("trunk offer"), MediaProfile::Trunk(rig::trunk(1))));
        assert_eq!(rig.call.snapshot().phase, Phase::Routing);
        let out = rig.opened(0, "our answer");
        assert_eq!(out[1], open(1, None, MediaProfile::Extension(rig::extension(1))));
        let placed = LegAction::Originate {
            target: Target::Extension(rig::phone(1)),
            sdp: sdp("offer 1"),
            caller_id: "+919812340001".into(),
            caller_name: None,
            auto_answer: false,
        };
        assert_eq!(rig.opened(1, "offer 1"), [act(1, placed)]);
        rig.progressed(1, 180, None);
        assert_eq!(rig.call.snapshot().phase, Phase::Ringing);
        rig.answered(1, "answer 1");
        let out = rig.established(1);
        assert_eq!(
            out,
            [
                act(0, LegAction::Answer { sdp: sdp("our answer") }),
                emit(CallEventKind::LegAnswered { leg: leg(0) }),
                emit(CallEventKind::Answered {
                    agent: Some(rig::user(1)),
                    extension: Some(rig::extension(1)),
                    trunk: Some(rig::trunk(1)),
                }),
                media(MediaAction::Bridge { a: leg(1), b: leg(0) }),
                emit(CallEventKind::Bridged { a: leg(1), b: leg(0) }),
                media(MediaAction::Record {
                    recording: rig::recording(),
                    left: leg(0),
                    right: leg(1),
                    silence_ms: 0
                }),
                emit(CallEventKind::RecordingStarted {
                    recording: rig::recording(),
                    silence_ms: 0
                }),
            ]
        );
    }

    #[test]
    fn a_caller_who_gives_up_cancels_every_phone() {
        let mut rig = Rig::inbound();
        rig.progressed(1, 180, None);
        let gave_up = rig::cause(EndedBy::Customer, CauseKind::Cancelled);
        assert_eq!(
            rig.ended(0, gave_up),
            [close(0), hangup(1, gave_up), close(1), hangup(2, gave_up), close(2), ended(gave_up)]
        );
    }

    #[test]
    fn a_caller_who_gives_up_before_the_route_is_known_leaves_one_record() {
        let mut rig = Rig::new();
        rig.give(rig::offered_by_trunk(Some("trunk offer")));
        let gave_up = rig::cause(EndedBy::Customer, CauseKind::Cancelled);
        let out = rig.ended(0, gave_up);
        assert!(matches!(&out[0], Output::Emit(CallEventKind::Started { .. })));
        assert_eq!(out[2..], [ended(gave_up), leg_ended(0, gave_up, false), Output::Finished]);
        assert_eq!(rig.give(routed(Direction::Inbound, vec![])), []);
    }

    #[test]
    fn a_refused_route_answers_with_its_status() {
        let mut rig = Rig::new();
        rig.give(rig::offered_by_phone("+14155550100"));
        let refused = rig::cause(EndedBy::System, CauseKind::PolicyRefused);
        let out = rig.give(Input::Routed(Err(refused)));
        assert!(matches!(
            &out[0],
            Output::Emit(CallEventKind::Started { direction: Direction::Outbound, .. })
        ));
        assert!(out.contains(&act(0, LegAction::Reject { cause: refused })));
        assert_eq!(out.last(), Some(&Output::Finished));
    }

    #[test]
    fn a_directory_that_never_answers_is_a_network_failure() {
        let mut rig = Rig::new();
        rig.give(rig::offered_by_trunk(Some("trunk offer")));
        let out = rig.pass(Duration::from_secs(10));
        let failed = rig::cause(EndedBy::System, CauseKind::NetworkFailure);
        assert!(out.contains(&act(0, LegAction::Reject { cause: failed })));
        assert_eq!(out.last(), Some(&Output::Finished));
    }

    #[test]
    fn a_caller_without_a_common_codec_is_refused_before_any_phone_rings() {
        let mut rig = Rig::new();
        rig.give(rig::offered_by_trunk(Some("trunk offer")));
        rig.give(routed(Direction::Inbound, vec![Target::Extension(rig::phone(1))]));
        let cause = rig::cause(EndedBy::Customer, CauseKind::IncompatibleMedia);
        assert_eq!(
            rig.media(MediaNotice::Failed { leg: leg(0), cause }),
            [
                act(0, LegAction::Reject { cause }),
                ended(cause),
                leg_ended(0, cause, false),
                Output::Finished
            ]
        );
    }

    #[test]
    fn a_late_offer_is_answered_with_ours_and_settled_by_the_ack() {
        let mut rig = Rig::new();
        rig.give(rig::offered_by_trunk(None));
        rig.give(routed(Direction::Inbound, vec![Target::Extension(rig::phone(1))]));
        rig.opened(0, "our offer");
        rig.opened(1, "offer 1");
        rig.answered(1, "answer 1");
        assert_eq!(
            rig.established(1),
            [
                act(0, LegAction::Answer { sdp: sdp("our offer") }),
                emit(CallEventKind::LegAnswered { leg: leg(0) }),
            ]
        );
        let ack = Input::LegReanswered { leg: leg(0), sdp: Ok(Some(sdp("late answer"))) };
        assert_eq!(
            rig.give(ack),
            [media(MediaAction::SetAnswer { leg: leg(0), sdp: sdp("late answer") })]
        );
        let out = rig.established(0);
        assert!(out.contains(&emit(CallEventKind::Bridged { a: leg(1), b: leg(0) })), "{out:?}");
    }

    #[test]
    fn an_ack_that_never_brings_the_answer_to_a_late_offer_ends_the_call() {
        let mut rig = Rig::new();
        rig.give(rig::offered_by_trunk(None));
        rig.give(routed(Direction::Inbound, vec![Target::Extension(rig::phone(1))]));
        rig.opened(0, "our offer");
        rig.opened(1, "offer 1");
        rig.answered(1, "answer 1");
        rig.established(1);
        let cause = rig::cause(EndedBy::System, CauseKind::IncompatibleMedia);
        assert!(rig.pass(Duration::from_secs(35)).contains(&ended(cause)));
    }

    #[test]
    fn a_phones_call_through_a_trunk_passes_ringing_then_early_media() {
        let mut rig = Rig::new();
        rig.give(rig::offered_by_phone("+919812340005"));
        let mut plan = rig::plan(Direction::Outbound, vec![Target::Trunk(rig::through(1))]);
        plan.agent = Some(rig::user(1));
        plan.extension = Some(rig::extension(1));
        rig.give(Input::Routed(Ok(Box::new(plan))));
        rig.opened(0, "our answer");
        rig.opened(1, "offer 1");
        assert_eq!(rig.progressed(1, 180, None)[1], act(0, LegAction::Ring { sdp: None }));
        rig.progressed(1, 183, Some("early"));
        assert_eq!(
            rig.established(1),
            [
                media(MediaAction::Bridge { a: leg(0), b: leg(1) }),
                act(0, LegAction::Ring { sdp: Some(sdp("our answer")) }),
            ]
        );
        let away = rig::status(480);
        assert_eq!(
            rig.failed(1, away, false),
            [close(1), act(0, LegAction::Reject { cause: away }), close(0), ended(away)]
        );
    }

    #[test]
    fn an_internal_call_is_recorded_with_the_caller_on_the_left() {
        let mut rig = Rig::new();
        rig.give(rig::offered_by_phone("102"));
        rig.give(routed(Direction::Internal, vec![Target::Extension(rig::phone(2))]));
        rig.opened(0, "our answer");
        rig.opened(1, "offer 1");
        rig.answered(1, "answer 1");
        let out = rig.established(1);
        assert!(out.contains(&media(MediaAction::Record {
            recording: rig::recording(),
            left: leg(0),
            right: leg(1),
            silence_ms: 0
        })));
    }

    #[test]
    fn a_plan_without_targets_ends_as_agent_unavailable() {
        let mut rig = Rig::new();
        rig.give(rig::offered_by_trunk(Some("trunk offer")));
        rig.give(routed(Direction::Inbound, vec![]));
        let nobody = rig::cause(EndedBy::System, CauseKind::AgentUnavailable);
        assert_eq!(
            rig.opened(0, "our answer"),
            [act(0, LegAction::Reject { cause: nobody }), close(0), ended(nobody)]
        );
    }
}
