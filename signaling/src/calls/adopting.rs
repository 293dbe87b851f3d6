//! Attended transfers between two calls of one phone: the dialog of a party moves from one call to the other.
//!
//! The call that gets the party asks whom the other has, and for it once there is media for it. One that still rings is
//! promised, and goes over as it answers.

use super::{
    CallDoor, CallTaskEvent,
    answering::{Effects, Ending, established},
    cause,
    task::{CallTask, Leg},
};
use crate::sip::{DialogAction, DialogKey, SipCommand};
use bytes::Bytes;
use call::{
    CauseKind, EndedBy, ExtensionId, ExtensionTarget, HangupCause, Input, LegEndpoint, LegId,
    Partner, TenantId,
};
use signaling_proto::{Body, DialogEvent};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The other call says within this time whom it has.
const PARTNER_LIMIT: Duration = Duration::from_secs(3);

/// The far party of the phone's other call.
#[derive(Debug)]
pub(crate) struct Found {
    door: CallDoor,
    leg: LegId,
    endpoint: LegEndpoint,
    /// It has not answered yet.
    rings: bool,
    /// Where its phones are, where it is one of ours.
    target: Option<ExtensionTarget>,
}

/// The party of another call that becomes ours.
#[derive(Debug)]
pub(super) struct Adopting {
    found: Found,
    /// As which leg, once it was asked for.
    leg: Option<LegId>,
    /// Our offer to it.
    offer: Bytes,
}

/// Another call that waits for a party of this one.
#[derive(Debug)]
pub(super) struct Waiting {
    /// As which leg of its own, once it has one.
    leg: Option<LegId>,
    door: CallDoor,
}

/// Whether this call may have another call's party, and who asks.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(crate) tenant: TenantId,
    pub(crate) extension: ExtensionId,
    /// The phone's leg in the call that is asked.
    pub(crate) leg: LegId,
    /// The call that asks.
    pub(crate) door: CallDoor,
    pub(crate) reply: oneshot::Sender<Option<Found>>,
}

/// A leg that came from another call, dialog and all.
#[derive(Debug)]
pub(crate) struct Taken {
    key: DialogKey,
    party: EndedBy,
    /// Keeps what the leg holds, such as a carrier's channel.
    was: Leg,
}

/// A leg whose dialog another call began.
#[derive(Debug)]
pub(super) struct AdoptedLeg {
    leg: LegId,
    pub(super) ending: Ending,
    answered: bool,
    _was: Leg,
}

impl AdoptedLeg {
    /// Something happened in its dialog.
    pub(super) fn handle(&mut self, event: DialogEvent) -> Effects {
        let mut effects = Effects::default();
        let offered = !self.answered;
        if offered && let DialogEvent::ReinviteAnswered { body } = event {
            self.answered = true;
            let sdp = body.map(|body| body.bytes);
            effects.input(Input::LegAnswered { leg: self.leg, sdp });
        } else if offered && let DialogEvent::ReinviteFailed { status } = event {
            // With the media of its former call gone it has none.
            let cause = HangupCause::from_status(self.ending.party(), status, None);
            self.ending.note_hangup(cause);
            let reason = Some(cause::reason_for(cause));
            effects.act(0, DialogAction::Hangup { reason });
            effects.input(Input::LegFailed { leg: self.leg, cause, before_ringing: true });
        } else if event.is_within() {
            established(self.leg, 0, event, &mut effects);
        } else if let Some(cause) = self.ending.cause_of(&event) {
            effects.input(if self.answered {
                Input::LegEnded { leg: self.leg, cause }
            } else {
                Input::LegFailed { leg: self.leg, cause, before_ringing: true }
            });
        }
        effects
    }
}

impl CallTask {
    /// Finds the call of the phone's other dialog, and asks it whom it has.
    pub(super) fn ask_partner(&mut self, by: LegId) {
        let replaces = self.refers.get(&by).and_then(|refer| refer.replaces.clone());
        let phone = self.phone_of(by);
        self.lost = None;
        let (sip, me, tenant) = (self.near.sip.clone(), self.door.clone(), self.tenant);
        self.asked = Some(Box::pin(async move {
            let unknown = gone();
            let (Some(replaces), Some((extension, ..))) = (replaces, phone) else {
                return CallTaskEvent::PartnerFound(Err(unknown));
            };
            let Some((key, door)) = sip.find_dialog(&replaces).await else {
                return CallTaskEvent::PartnerFound(Err(unknown));
            };
            let (reply, answer) = oneshot::channel();
            let asks = me.call != door.call;
            let asker = Asker { tenant, extension, leg: key.leg, door: me, reply };
            let asked = asks && door.put(CallTaskEvent::PartnerWanted(asker));
            let answer = tokio::time::timeout(PARTNER_LIMIT, answer);
            let found = if asked { answer.await.ok().and_then(Result::ok).flatten() } else { None };
            CallTaskEvent::PartnerFound(found.map(Box::new).ok_or(unknown))
        }));
    }

    /// Another call of the same phone wants to know whom it has here.
    pub(super) fn tell_partner(&mut self, asker: Asker) {
        let Asker { tenant, extension, leg, door, reply } = asker;
        // Only its own dialogs can a phone name: nobody else's, and no other account's (G05).
        let is_theirs = tenant == self.tenant
            && matches!(
                self.core.endpoint_of(leg),
                Some(LegEndpoint::Extension { extension: own, .. }) if *own == extension
            );
        let partner = self.core.partner_of(leg).filter(|_| is_theirs);
        let found = partner.map(|(leg, Partner { endpoint, rings })| {
            let target = match &endpoint {
                LegEndpoint::Extension { extension, .. } => self.target_of_extension(*extension),
                LegEndpoint::Trunk { .. } => None,
            };
            Found { door: self.door.clone(), leg, endpoint, rings, target }
        });
        // From now on it rings for that call, should the asker leave this one.
        if let Some(Found { leg, rings: true, .. }) = &found {
            self.waiting = Some(Waiting { leg: None, door });
            self.core.handle_input(Instant::now(), Input::LegPromised { leg: *leg });
        }
        if let Err(Some(found)) = reply.send(found)
            && found.rings
        {
            self.not_wanted();
        }
    }

    /// The other call said whom it has.
    pub(super) fn note_found(&mut self, found: Found) -> Partner {
        if let Some(target) = &found.target {
            self.extensions.insert(target.extension, target.clone());
        }
        let (endpoint, rings) = (found.endpoint.clone(), found.rings);
        self.adopting = Some(Adopting { found, leg: None, offer: Bytes::new() });
        Partner { endpoint, rings }
    }

    /// Our media offer exists: the other call shall let its party go.
    pub(super) fn adopt(&mut self, leg: LegId, sdp: Bytes) {
        let wanted = self.adopting.as_mut().map(|adopting| {
            (adopting.leg, adopting.offer) = (Some(leg), sdp);
            (adopting.found.door.clone(), adopting.found.leg, adopting.found.rings)
        });
        if let Some(cause) = self.lost.take() {
            return self.not_adopted(leg, cause);
        }
        let asked = wanted.is_some_and(|(door, theirs, rings)| {
            let give = CallTaskEvent::Give { leg: theirs, to: leg, door: self.door.clone() };
            // A call that had promised its party and is over has said why: that word is on its way.
            door.put(give) || (rings && door.mailbox.is_closed())
        });
        if !asked {
            self.not_adopted(leg, gone());
        }
    }

    /// The other call's party is not to be had any more.
    pub(super) fn note_lost(&mut self, cause: HangupCause) {
        match self.adopting.as_ref().and_then(|adopting| adopting.leg) {
            Some(leg) => self.not_adopted(leg, cause),
            // It will be asked for in a moment.
            None => self.lost = Some(cause),
        }
    }

    fn not_adopted(&mut self, leg: LegId, cause: HangupCause) {
        let failed = Input::LegFailed { leg, cause, before_ringing: true };
        self.core.handle_input(Instant::now(), failed);
    }

    /// A transfer that is over without its party needs it no more: the other call need not keep it for us.
    pub(super) fn let_go(&mut self) {
        let over = !self.core.is_handing_on();
        if let Some(Adopting { found, .. }) = self.adopting.take_if(|_| over) {
            found.door.put(CallTaskEvent::NotWanted);
        }
    }

    /// Another call wants a party: at once, or as soon as it answers.
    pub(super) async fn give(&mut self, leg: LegId, to: LegId, door: CallDoor) {
        if self.core.is_pending(leg) {
            self.waiting = Some(Waiting { leg: Some(to), door });
            return;
        }
        self.hand_over(leg, to, &door).await;
    }

    /// The party that was promised answered.
    pub(super) async fn hand_over_promised(&mut self, leg: LegId) {
        // Whoever wants it may be about to say so.
        let ready = |waiting: &mut Waiting| waiting.leg.is_some();
        if let Some(Waiting { leg: Some(to), door }) = self.waiting.take_if(ready) {
            self.hand_over(leg, to, &door).await;
        }
    }

    /// It is not to be had.
    pub(super) fn promise_failed(&mut self, cause: HangupCause) {
        if let Some(Waiting { leg, door }) = self.waiting.take() {
            door.put(match leg {
                Some(leg) => CallTaskEvent::Taken { leg, taken: Err(cause) },
                None => CallTaskEvent::Lost(cause),
            });
        }
    }

    /// The other call does not want it any more.
    pub(super) fn not_wanted(&mut self) {
        self.waiting = None;
        self.core.handle_input(Instant::now(), Input::PromiseOver);
    }

    /// Lets a party go to another call; its dialog lives on there.
    async fn hand_over(&mut self, leg: LegId, to: LegId, door: &CallDoor) {
        let (fork, party) = match self.legs.get(&leg) {
            Some(Leg::Placed(placed)) => (placed.fork(), placed.party()),
            Some(Leg::Offered(offered)) => (0, offered.ending.party()),
            Some(Leg::Adopted(adopted)) => (0, adopted.ending.party()),
            Some(Leg::Gone) | None => (0, EndedBy::System),
        };
        let stands = self.core.has_partner(leg) && !matches!(self.legs.get(&leg), Some(Leg::Gone));
        if !stands {
            door.put(CallTaskEvent::Taken { leg: to, taken: Err(gone()) });
            return;
        }
        let was = self.legs.insert(leg, Leg::Gone).unwrap_or(Leg::Gone);
        let taken = Ok(Box::new(Taken { key: DialogKey { leg, fork }, party, was }));
        if door.put(CallTaskEvent::Taken { leg: to, taken }) {
            self.core.handle_input(Instant::now(), Input::LegTaken { leg });
        } else {
            // Nobody is there to take it: it ends with this call.
            self.dialog(leg, fork, DialogAction::Hangup { reason: None }).await;
            let cause = HangupCause::new(EndedBy::System, CauseKind::InternalError);
            self.core.handle_input(Instant::now(), Input::LegEnded { leg, cause });
        }
    }

    /// The party is ours now: it is offered our media, unless it came too late.
    pub(super) async fn taken(&mut self, leg: LegId, taken: Result<Box<Taken>, HangupCause>) {
        let sdp = self.adopting.take().map(|adopting| adopting.offer).unwrap_or_default();
        let Taken { key, party, was } = match taken {
            Ok(taken) => *taken,
            Err(cause) => return self.not_adopted(leg, cause),
        };
        let (to, door) = (DialogKey { leg, fork: 0 }, self.door.clone());
        self.near.sip.send(SipCommand::Move { from: key, to, door }).await;
        let ending = Ending::new(party);
        let mut adopted = AdoptedLeg { leg, ending, answered: false, _was: was };
        let action = if self.core.is_live(leg) {
            DialogAction::Reinvite { body: Body::sdp(sdp) }
        } else {
            adopted.ending.note_hangup(HangupCause::new(EndedBy::System, CauseKind::Cancelled));
            DialogAction::Hangup { reason: None }
        };
        self.legs.insert(leg, Leg::Adopted(Box::new(adopted)));
        self.dialog(leg, 0, action).await;
    }
}

/// The party of the other call is not there any more.
fn gone() -> HangupCause {
    let gone = HangupCause::new(EndedBy::System, CauseKind::NotFound);
    HangupCause { sip_status: Some(481), ..gone }
}
