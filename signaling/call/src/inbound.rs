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
        self.emit(CallEventKind::Started {
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
        });
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

    /// Our answer (or late offer) to the caller exists: try the targets.
    pub(crate) fn caller_admitted(&mut self, now: Instant) {
        if matches!(self.stage, Stage::Admitting(_))
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
    pub(crate) fn answer_caller(&mut self) {
        let Some(first) = self.legs.first_mut() else { return };
        let (Dialog::Offered { .. }, Some(sdp)) = (&first.dialog, first.ours()) else { return };
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
