//! Handing the other party on: a phone's REFER (RFC 3515), blind or naming another call of that phone (RFC 3891).
//!
//! While it is under way the two still are a pair: whatever fails, the party is where it was.

use crate::call::{Call, Stage};
use crate::leg::{Answered, Dialog, Invitation, Placing};
use crate::timers::TimeoutReason;
use crate::{
    CallEventKind, CauseKind, EndedBy, HangupCause, LegAction, LegEndpoint, LegId, LegRole,
    MediaAction, MediaProfile, Output, Partner, Plan, PlaySource, ReferTo, Target, Tone,
};
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A transfer under way.
#[derive(Debug)]
pub(crate) struct Transfer {
    /// Who hands over.
    by: LegId,
    /// Who is handed over.
    stays: LegId,
    /// Legs placed for it.
    legs: Vec<LegId>,
    step: Step,
    /// The party hears that somebody is called.
    ringback: bool,
}

#[derive(Debug)]
enum Step {
    /// Somebody else is asked where it goes.
    Asking,
    /// Targets are tried.
    Hunting { rest: VecDeque<Target>, plan: Option<Box<Plan>> },
    /// This one answered; its media is being settled.
    Connecting(LegId),
}

impl Call {
    /// A phone of ours wants its party elsewhere.
    pub(crate) fn leg_referred(&mut self, now: Instant, by: LegId, to: ReferTo) {
        let status = match self.leg(by).map(|leg| &leg.endpoint) {
            None => 481,
            // Where calls go is not a carrier's to say (D04).
            Some(LegEndpoint::Trunk { .. }) => 403,
            Some(LegEndpoint::Extension { .. }) if self.transfer.is_some() => 491,
            Some(LegEndpoint::Extension { .. }) => 0,
        };
        if status != 0 {
            return self.send(by, LegAction::RefuseRefer { status });
        }
        let Some(stays) = self.talks_with(by) else {
            return self.send(by, LegAction::RefuseRefer { status: 491 });
        };
        self.transfer =
            Some(Transfer { by, stays, legs: Vec::new(), step: Step::Asking, ringback: false });
        self.timers.set(now + self.config.route_limit, TimeoutReason::TransferRoute);
        self.send(by, LegAction::AcceptRefer);
        self.need(match to {
            ReferTo::Number(to) => Output::NeedTransferRoute { by, to },
            ReferTo::Partner => Output::NeedPartner { by },
        });
    }

    /// Whether, and where to, the party may be sent.
    pub(crate) fn transfer_routed(&mut self, now: Instant, route: Result<Box<Plan>, HangupCause>) {
        if !self.transfer_asks() {
            return;
        }
        self.timers.clear(TimeoutReason::TransferRoute);
        match route {
            Err(cause) => self.transfer_failed(now, cause),
            Ok(mut plan) => {
                let rest = std::mem::take(&mut plan.targets).into();
                self.step(Step::Hunting { rest, plan: Some(plan) });
                let nobody = HangupCause::new(EndedBy::System, CauseKind::AgentUnavailable);
                self.transfer_hunt(now, nobody);
            }
        }
    }

    /// The far party of the transferor's other call.
    pub(crate) fn partner_found(&mut self, now: Instant, partner: Result<Partner, HangupCause>) {
        if !self.transfer_asks() {
            return;
        }
        self.timers.clear(TimeoutReason::TransferRoute);
        match partner {
            Err(cause) => self.transfer_failed(now, cause),
            Ok(partner) => {
                let role = self.role_after(&partner.endpoint);
                let dialog = Dialog::Planned(Box::new(Placing::Adopt));
                let (endpoint, profile) =
                    (partner.endpoint.clone(), MediaProfile::of(&partner.endpoint));
                let leg = self.add_leg(role, endpoint, dialog);
                if let Some(transfer) = &mut self.transfer {
                    transfer.legs.push(leg);
                }
                self.step(Step::Hunting { rest: VecDeque::new(), plan: None });
                let limit = match partner.rings {
                    true => self.config.adopt_ringing_limit,
                    false => self.config.adopt_limit,
                };
                self.timers.set(now + limit, TimeoutReason::TransferRing);
                self.open_media(now, leg, None, profile);
                if partner.rings {
                    self.transfer_target_rings();
                }
            }
        }
    }

    fn transfer_asks(&self) -> bool {
        self.transfer.as_ref().is_some_and(|t| matches!(t.step, Step::Asking))
    }

    fn step(&mut self, step: Step) {
        if let Some(transfer) = &mut self.transfer {
            transfer.step = step;
        }
    }

    /// What the new party is in this call: it takes the transferor's part.
    fn role_after(&self, endpoint: &LegEndpoint) -> LegRole {
        let by = self.transfer.as_ref().and_then(|t| self.leg(t.by)).map(|leg| leg.role);
        match endpoint {
            LegEndpoint::Extension { .. } => by.unwrap_or(LegRole::Agent),
            // Our agent it is not, and a customer of the record it does not become.
            LegEndpoint::Trunk { .. } => match by {
                Some(LegRole::Agent) | None => LegRole::Callee,
                Some(other) => other,
            },
        }
    }

    /// Tries the next targets, or gives up.
    fn transfer_hunt(&mut self, now: Instant, cause: HangupCause) {
        let Some(Transfer { step: Step::Hunting { rest, plan }, .. }) = &mut self.transfer else {
            return;
        };
        let mut group = Vec::new();
        while let Some(target) = rest.pop_front() {
            let alone = matches!(target, Target::Trunk(_));
            if alone && !group.is_empty() {
                rest.push_front(target);
                break;
            }
            group.push(target);
            if alone {
                break;
            }
        }
        let Some(plan) = plan.as_deref().filter(|_| !group.is_empty()) else {
            return self.transfer_failed(now, cause);
        };
        let (shown, name) = (plan.caller_id.clone(), plan.caller_name.clone());
        let ring = Duration::from_millis(plan.ring_timeout_ms);
        self.timers.set(now + ring, TimeoutReason::TransferRing);
        for target in group {
            let (caller_id, endpoint) = match &target {
                Target::Extension(to) => {
                    let (extension, user) = (to.extension, to.user);
                    (shown.clone(), LegEndpoint::Extension { extension, user })
                }
                Target::Trunk(to) => {
                    (to.caller_id.to_string(), LegEndpoint::Trunk { trunk: to.trunk })
                }
            };
            let role = self.role_after(&endpoint);
            let caller_name = name.clone();
            let invitation = Invitation { target, caller_id, caller_name, auto_answer: false };
            let leg = self.plan_leg(now, role, invitation);
            if let Some(transfer) = &mut self.transfer {
                transfer.legs.push(leg);
            }
        }
    }

    /// A party is being handed on.
    pub fn is_handing_on(&self) -> bool {
        self.transfer.is_some()
    }

    /// Whether this leg was placed for the transfer under way.
    pub(crate) fn is_for_transfer(&self, id: LegId) -> bool {
        self.transfer.as_ref().is_some_and(|transfer| transfer.legs.contains(&id))
    }

    /// A phone the party is handed to rings.
    pub(crate) fn transfer_target_rings(&mut self) {
        let Some(transfer) = &mut self.transfer else { return };
        if std::mem::replace(&mut transfer.ringback, true) {
            return;
        }
        let (by, stays) = (transfer.by, transfer.stays);
        self.part(by, stays);
        self.play(stays, PlaySource::Tone(Tone::Ringback));
        self.tell_transferor(by, 180);
    }

    fn tell_transferor(&mut self, by: LegId, status: u16) {
        if self.leg(by).is_some_and(|leg| leg.is_live()) {
            self.send(by, LegAction::ReferProgress { status });
        }
    }

    /// Music and ringback of the transfer come before what holding asks for.
    pub(crate) fn transfer_is_heard(&self) -> bool {
        self.transfer.as_ref().is_some_and(|transfer| transfer.ringback)
    }

    /// Whatever joined them, the party hears only what is played to it from now on.
    pub(crate) fn part(&mut self, by: LegId, stays: LegId) {
        let open = |leg: LegId| self.leg(leg).is_some_and(|leg| leg.media_is_up());
        if open(by) && open(stays) {
            self.media(MediaAction::Unbridge { leg: stays });
        }
    }

    /// The first target that answers has the party.
    pub(crate) fn transfer_target_answered(&mut self, now: Instant, id: LegId, sdp: Option<Bytes>) {
        if !matches!(&self.transfer, Some(Transfer { step: Step::Hunting { .. }, .. })) {
            let late = HangupCause::new(EndedBy::System, CauseKind::Cancelled);
            return self.close_leg(now, id, late);
        }
        self.transfer_target_is(now, id);
        if !self.take_answer(now, id, sdp) {
            let cause = HangupCause::new(EndedBy::System, CauseKind::IncompatibleMedia);
            self.close_leg(now, id, cause);
            return self.transfer_failed(now, cause);
        }
        self.try_hand_over(now);
    }

    /// Whether this leg rings for the one who is handed on, and may be picked up by another phone.
    pub(crate) fn transfer_can_be_answered_by(&self, id: LegId) -> bool {
        let hunts = matches!(&self.transfer, Some(Transfer { step: Step::Hunting { .. }, .. }));
        hunts && self.is_for_transfer(id)
    }

    /// This one has the party; the others stop ringing.
    pub(crate) fn transfer_target_is(&mut self, now: Instant, id: LegId) {
        if let Some(transfer) = self.transfer.as_mut().filter(|t| !t.legs.contains(&id)) {
            transfer.legs.push(id);
        }
        self.step(Step::Connecting(id));
        self.timers.clear(TimeoutReason::TransferRing);
        self.close_transfer_legs(now, Some(id));
        self.emit(CallEventKind::LegAnswered { leg: id });
    }

    fn close_transfer_legs(&mut self, now: Instant, but: Option<LegId>) {
        let legs = self.transfer.as_ref().map(|t| t.legs.clone()).unwrap_or_default();
        let cause = HangupCause::new(EndedBy::System, CauseKind::Cancelled);
        for leg in legs.into_iter().filter(|leg| Some(*leg) != but) {
            self.close_leg(now, leg, cause);
        }
    }

    /// Both sides stand: the transferor is out.
    pub(crate) fn try_hand_over(&mut self, now: Instant) {
        let Some(Transfer { by, stays, step: Step::Connecting(id), .. }) = &self.transfer else {
            return;
        };
        let (by, stays) = (*by, *stays);
        let Some(new) = self.leg(*id).and_then(|leg| leg.answered()) else { return };
        self.transfer = None;
        self.timers.clear(TimeoutReason::TransferRing);
        self.part(by, stays);
        self.tell_transferor(by, 200);
        self.swap(now, by, new);
    }

    /// One party takes the place of another.
    pub(crate) fn swap(&mut self, now: Instant, old: LegId, new: Answered) {
        self.resume_waiting();
        let Stage::Talking(talk) = &mut self.stage else { return };
        let pair = &mut talk.pair;
        let of_ours = pair.ours.leg() == old;
        *(if of_ours { &mut pair.ours } else { &mut pair.far }) = new;
        talk.held = false;
        let pair = *pair;
        let (a, b) = (pair.ours.leg(), pair.far.leg());
        self.media(MediaAction::Bridge { a, b });
        if self.muted && of_ours {
            self.muted = false;
            self.emit(CallEventKind::Muted { leg: a, muted: false });
        }
        let (agent, extension) = match self.leg(new.leg()).map(|leg| (&leg.endpoint, leg.role)) {
            Some((LegEndpoint::Extension { extension, user }, LegRole::Agent)) => {
                (*user, Some(*extension))
            }
            Some((LegEndpoint::Extension { .. } | LegEndpoint::Trunk { .. }, _)) | None => {
                (None, None)
            }
        };
        self.emit(CallEventKind::Transferred { from: old, to: new.leg(), agent, extension });
        self.emit(CallEventKind::Bridged { a, b });
        self.go_on_recording(now, pair);
        let over = HangupCause::new(EndedBy::Agent, CauseKind::Normal);
        self.close_leg(now, old, over);
        self.follow_new_pair();
    }

    /// It did not come about: the transferor has the party back, if still there.
    pub(crate) fn transfer_failed(&mut self, now: Instant, cause: HangupCause) {
        let Some(Transfer { by, stays, ringback, .. }) = &self.transfer else { return };
        let (by, stays, ringback) = (*by, *stays, *ringback);
        self.close_transfer_legs(now, None);
        self.transfer = None;
        self.timers.clear(TimeoutReason::TransferRing);
        self.timers.clear(TimeoutReason::TransferRoute);
        if !self.leg(by).is_some_and(|leg| leg.is_live()) {
            return self.left_alone(now, stays, cause);
        }
        self.tell_transferor(by, cause.status_to_send());
        if ringback {
            self.rejoin();
        }
    }

    /// Nobody is left for the party: it hears so.
    fn left_alone(&mut self, now: Instant, stays: LegId, cause: HangupCause) {
        let tone = if cause.kind == CauseKind::Busy { Tone::Busy } else { Tone::Congestion };
        let playback = self.play(stays, PlaySource::Tone(tone));
        self.timers.set(now + self.config.tone_limit, TimeoutReason::Tone);
        // They had talked: how it ended does not make it a failed call.
        let cause = HangupCause::new(EndedBy::Agent, CauseKind::Normal);
        self.stage = Stage::Toning { cause, playback };
    }

    /// A target of the transfer is not to be had.
    pub(crate) fn transfer_target_failed(
        &mut self,
        now: Instant,
        id: LegId,
        cause: HangupCause,
        before_ringing: bool,
    ) {
        let Some(transfer) = &self.transfer else { return };
        if let Step::Connecting(connecting) = transfer.step {
            if connecting == id {
                self.transfer_failed(now, cause);
            }
            return;
        }
        let legs = transfer.legs.clone();
        let pending = |leg: &LegId| self.leg(*leg).is_some_and(|leg| leg.is_pending());
        if legs.iter().any(pending) {
            return;
        }
        let via_trunk =
            self.leg(id).is_some_and(|leg| matches!(leg.endpoint, LegEndpoint::Trunk { .. }));
        // As for any call: another carrier only while the phone cannot have rung (H14).
        if via_trunk && !before_ringing {
            return self.transfer_failed(now, cause);
        }
        self.transfer_hunt(now, cause);
    }

    /// It rang long enough.
    pub(crate) fn transfer_ring_ended(&mut self, now: Instant) {
        self.transfer_failed(now, HangupCause::new(EndedBy::System, CauseKind::NoAnswer));
    }

    /// The transferor hung up before the target answered; the party waits for the target.
    pub(crate) fn transferor_left(&mut self, now: Instant, id: LegId, cause: HangupCause) -> bool {
        let Some(transfer) = self.transfer.as_ref().filter(|t| t.by == id) else { return false };
        let (stays, ringback) = (transfer.stays, transfer.ringback);
        if !ringback {
            self.part(id, stays);
            self.play(stays, PlaySource::Tone(Tone::Ringback));
        }
        if let Some(transfer) = &mut self.transfer {
            transfer.ringback = true;
        }
        self.leg_is_gone(now, id, cause);
        true
    }
}

#[cfg(test)]
mod tests;
