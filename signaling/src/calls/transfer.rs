//! Transfers on the wire: a phone's REFER, what it is told of it, and a dialog that moves from one call to another.

use super::{
    CallDoor, CallTaskEvent,
    answering::{Effects, established},
    cause,
    task::{CallTask, Leg},
};
use crate::{
    directory::RouteRequest,
    sip::{DialogAction, DialogKey, SipCommand},
};
use bytes::Bytes;
use call::{
    CauseKind, EndedBy, ExtensionId, ExtensionTarget, HangupCause, Input, LegEndpoint, LegId,
    Origin, Partner, ReferTo, TenantId,
};
use futures::future::BoxFuture;
use signaling_proto::{
    Body, DialogEvent, HeaderName, Message, NameAddr, Reply, StatusCode, TransactionId,
    headers::Replaces,
};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// The other call says within this time whom it has.
const PARTNER_LIMIT: Duration = Duration::from_secs(3);

/// A subscription that begins with a REFER lasts no longer; ringing and connecting do not either.
const SUBSCRIBED_S: u32 = 180;

/// A REFER as it came.
#[derive(Debug)]
pub(super) struct Referral {
    pub(super) fork: u16,
    pub(super) transaction: TransactionId,
    pub(super) refer_to: String,
    pub(super) message: Box<Message>,
}

/// A REFER that is answered, or about to be.
#[derive(Debug)]
pub(super) struct Referring {
    fork: u16,
    transaction: TransactionId,
    /// No word about how it fares is wanted (RFC 4488).
    silent: bool,
    /// The phone's other dialog (RFC 3891).
    replaces: Option<Replaces>,
}

/// The far party of the phone's other call.
#[derive(Debug)]
pub(crate) struct Found {
    door: CallDoor,
    leg: LegId,
    endpoint: LegEndpoint,
    /// Where its phones are, where it is one of ours.
    target: Option<ExtensionTarget>,
}

/// Whether this call may have another call's party, and who asks.
#[derive(Debug)]
pub(crate) struct Asker {
    pub(crate) tenant: TenantId,
    pub(crate) extension: ExtensionId,
    /// The phone's leg in the call that is asked.
    pub(crate) leg: LegId,
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
    party: EndedBy,
    answered: bool,
    over: bool,
    hung_up: Option<HangupCause>,
    _was: Leg,
}

impl AdoptedLeg {
    /// The dialog came to its end.
    pub(super) fn is_over(&self) -> bool {
        self.over
    }

    /// The core ended it with this cause.
    pub(super) fn note_hangup(&mut self, told: HangupCause) {
        self.hung_up.get_or_insert(told);
    }

    /// Something happened in its dialog.
    pub(super) fn handle(&mut self, event: DialogEvent) -> Effects {
        let mut effects = Effects::default();
        match event {
            DialogEvent::Ended { cause: end, reason } => {
                let cause = cause::of_end(self.party, end, reason.as_ref());
                self.ended(cause, &mut effects);
            }
            DialogEvent::Failed(failure) => {
                let cause = cause::of_failure(self.party, &failure);
                self.ended(cause, &mut effects);
            }
            DialogEvent::ReinviteAnswered { body } if !self.answered => {
                self.answered = true;
                let sdp = body.map(|body| body.bytes);
                effects.input(Input::LegAnswered { leg: self.leg, sdp });
            }
            DialogEvent::ReinviteFailed { status } if !self.answered => {
                // With the media of its former call gone it has none.
                let cause = HangupCause::from_status(self.party, status, None);
                self.hung_up = Some(cause);
                let reason = Some(cause::reason_for(cause));
                effects.act(0, DialogAction::Hangup { reason });
                effects.input(Input::LegFailed { leg: self.leg, cause, before_ringing: true });
            }
            other @ (DialogEvent::Progressed { .. }
            | DialogEvent::Answered { .. }
            | DialogEvent::Challenged { .. }
            | DialogEvent::Confirmed { .. }
            | DialogEvent::Reinvited { .. }
            | DialogEvent::ReinviteConfirmed { .. }
            | DialogEvent::ReinviteAnswered { .. }
            | DialogEvent::ReinviteFailed { .. }
            | DialogEvent::Info { .. }
            | DialogEvent::Referred { .. }
            | DialogEvent::Notified { .. }
            | DialogEvent::Request { .. }
            | DialogEvent::Response { .. }) => established(self.leg, 0, other, &mut effects),
        }
        effects
    }

    fn ended(&mut self, cause: HangupCause, effects: &mut Effects) {
        self.over = true;
        let cause = self.hung_up.unwrap_or(cause);
        effects.input(if self.answered {
            Input::LegEnded { leg: self.leg, cause }
        } else {
            Input::LegFailed { leg: self.leg, cause, before_ringing: true }
        });
    }
}

impl CallTask {
    /// A REFER in the dialog of a leg. Whether it is done is the core's to say.
    pub(super) fn referred(&mut self, leg: LegId, referral: Referral) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            let Referral { fork, transaction, refer_to, message } = referral;
            let read = match self.refers.contains_key(&leg) {
                true => Err(491),
                false => target_of(&refer_to),
            };
            let (to, replaces) = match read {
                Ok(read) => read,
                Err(status) => {
                    let reply = Reply::new(status);
                    return self
                        .dialog(leg, fork, DialogAction::Respond { transaction, reply })
                        .await;
                }
            };
            let silent = message.text(HeaderName::ReferSub).is_some_and(|value| {
                value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("false")
            });
            self.refers.insert(leg, Referring { fork, transaction, silent, replaces });
            self.core.handle_input(Instant::now(), Input::LegReferred { leg, to });
        })
    }

    /// 202, and that it is being done.
    pub(super) async fn accept_refer(&mut self, leg: LegId) {
        let Some(refer) = self.refers.get(&leg) else { return };
        let (fork, transaction, silent) = (refer.fork, refer.transaction, refer.silent);
        let mut reply = Reply::new(202);
        if silent {
            reply = reply.with_header("Refer-Sub", "false");
        }
        self.dialog(leg, fork, DialogAction::Respond { transaction, reply }).await;
        self.refer_progress(leg, 100).await;
    }

    /// It is not done.
    pub(super) async fn refuse_refer(&mut self, leg: LegId, status: u16) {
        let Some(refer) = self.refers.remove(&leg) else { return };
        let (transaction, reply) = (refer.transaction, Reply::new(status));
        self.dialog(leg, refer.fork, DialogAction::Respond { transaction, reply }).await;
    }

    /// How it fares.
    pub(super) async fn refer_progress(&mut self, leg: LegId, status: u16) {
        let is_last = status >= 200;
        let Some(refer) = self.refers.get(&leg) else { return };
        let (fork, silent) = (refer.fork, refer.silent);
        if is_last {
            self.refers.remove(&leg);
        }
        if silent {
            return;
        }
        let state = match is_last {
            true => "terminated;reason=noresource".to_owned(),
            false => format!("active;expires={SUBSCRIBED_S}"),
        };
        let phrase = StatusCode::new(status).map_or("", StatusCode::reason_phrase);
        let line = format!("SIP/2.0 {status} {phrase}");
        self.dialog(leg, fork, DialogAction::Notify { state, line }).await;
    }

    /// The directory is asked as if the phone dialled it itself: one policy for every way to dial (D04).
    pub(super) fn ask_transfer_route(&mut self, by: LegId, to: String) {
        let forbidden = HangupCause::new(EndedBy::System, CauseKind::PolicyRefused);
        let Some((extension, user, number)) = self.phone_of(by) else {
            self.asked =
                Some(Box::pin(async move { CallTaskEvent::TransferRouted(Err(forbidden)) }));
            return;
        };
        let directory = self.near.directory.clone();
        let to = directory.number(&to).unwrap_or(to);
        let request = RouteRequest {
            tenant: self.tenant,
            origin: Origin::Extension { extension, user, number: number.clone() },
            from: number,
            to,
            diverted_by: Some(extension),
        };
        self.asked = Some(Box::pin(async move {
            CallTaskEvent::TransferRouted(directory.route(request).await.map(Box::new))
        }));
    }

    /// Whose phone a leg leads to.
    fn phone_of(&self, leg: LegId) -> Option<(ExtensionId, Option<call::UserId>, String)> {
        let LegEndpoint::Extension { extension, user } = self.core.endpoint_of(leg)? else {
            return None;
        };
        let number = self.target_of_extension(*extension)?.aor.split('@').next()?.to_owned();
        Some((*extension, *user, number))
    }

    fn target_of_extension(&self, extension: ExtensionId) -> Option<ExtensionTarget> {
        let callers = self.placers.values().filter_map(|placer| placer.account.as_ref());
        let caller = callers.into_iter().find(|account| account.extension == extension);
        let of_caller = caller.map(|account| ExtensionTarget {
            extension,
            user: account.user,
            aor: account.aor.clone(),
        });
        of_caller.or_else(|| self.extensions.get(&extension).cloned())
    }

    /// Finds the call of the phone's other dialog, and asks it whom it has.
    pub(super) fn ask_partner(&mut self, by: LegId) {
        let replaces = self.refers.get(&by).and_then(|refer| refer.replaces.clone());
        let phone = self.phone_of(by);
        let (sip, me, tenant) = (self.near.sip.clone(), self.door.call, self.tenant);
        self.asked = Some(Box::pin(async move {
            let unknown = HangupCause {
                sip_status: Some(481),
                ..HangupCause::new(EndedBy::System, CauseKind::NotFound)
            };
            let (Some(replaces), Some((extension, ..))) = (replaces, phone) else {
                return CallTaskEvent::PartnerFound(Err(unknown));
            };
            let Some((key, door)) = sip.find_dialog(&replaces).await else {
                return CallTaskEvent::PartnerFound(Err(unknown));
            };
            let (reply, answer) = oneshot::channel();
            let asker = Asker { tenant, extension, leg: key.leg, reply };
            let asked = door.call != me && door.put(CallTaskEvent::PartnerWanted(asker));
            let answer = tokio::time::timeout(PARTNER_LIMIT, answer);
            let found = if asked { answer.await.ok().and_then(Result::ok).flatten() } else { None };
            CallTaskEvent::PartnerFound(found.map(Box::new).ok_or(unknown))
        }));
    }

    /// Another call of the same phone wants to know whom it has here.
    pub(super) fn tell_partner(&self, asker: Asker) {
        let Asker { tenant, extension, leg, reply } = asker;
        // Only its own dialogs can a phone name: nobody else's, and no other account's (G05).
        let is_theirs = tenant == self.tenant
            && matches!(
                self.core.endpoint_of(leg),
                Some(LegEndpoint::Extension { extension: own, .. }) if *own == extension
            );
        let partner = self.core.partner_of(leg).filter(|_| is_theirs);
        let found = partner.map(|(leg, Partner { endpoint })| {
            let target = match &endpoint {
                LegEndpoint::Extension { extension, .. } => self.target_of_extension(*extension),
                LegEndpoint::Trunk { .. } => None,
            };
            Found { door: self.door.clone(), leg, endpoint, target }
        });
        let _ = reply.send(found);
    }

    /// The other call said whom it has.
    pub(super) fn note_found(&mut self, found: Found) -> Partner {
        if let Some(target) = &found.target {
            self.extensions.insert(target.extension, target.clone());
        }
        let endpoint = found.endpoint.clone();
        self.adopting = Some((found, Bytes::new()));
        Partner { endpoint }
    }

    /// Our media offer exists: the other call shall let its party go.
    pub(super) fn adopt(&mut self, leg: LegId, sdp: Bytes) {
        let wanted = self.adopting.as_mut().map(|(found, offer)| {
            *offer = sdp;
            (found.door.clone(), found.leg)
        });
        let asked = wanted.is_some_and(|(door, theirs)| {
            door.put(CallTaskEvent::Give { leg: theirs, to: leg, door: self.door.clone() })
        });
        if !asked {
            self.not_adopted(leg);
        }
    }

    fn not_adopted(&mut self, leg: LegId) {
        let gone = HangupCause::new(EndedBy::System, CauseKind::NotFound);
        let cause = HangupCause { sip_status: Some(481), ..gone };
        let failed = Input::LegFailed { leg, cause, before_ringing: true };
        self.core.handle_input(Instant::now(), failed);
    }

    /// Lets a party go to another call; its dialog lives on there.
    pub(super) fn give(&mut self, leg: LegId, to: LegId, door: &CallDoor) {
        let (fork, party) = match self.legs.get(&leg) {
            Some(Leg::Placed(placed)) => (placed.fork(), placed.party()),
            Some(Leg::Offered(offered)) => (0, offered.party()),
            Some(Leg::Adopted(adopted)) => (0, adopted.party),
            Some(Leg::Gone) | None => (0, EndedBy::System),
        };
        let stands = self.core.has_partner(leg) && !matches!(self.legs.get(&leg), Some(Leg::Gone));
        if !stands {
            door.put(CallTaskEvent::Taken { leg: to, taken: None });
            return;
        }
        let was = self.legs.insert(leg, Leg::Gone).unwrap_or(Leg::Gone);
        let taken = Some(Box::new(Taken { key: DialogKey { leg, fork }, party, was }));
        if door.put(CallTaskEvent::Taken { leg: to, taken }) {
            self.core.handle_input(Instant::now(), Input::LegTaken { leg });
        } else {
            // Nobody is there to take it: it ends with this call.
            let cause = HangupCause::new(EndedBy::System, CauseKind::InternalError);
            self.core.handle_input(Instant::now(), Input::LegEnded { leg, cause });
        }
    }

    /// The party is ours now: it is offered our media, unless it came too late.
    pub(super) async fn taken(&mut self, leg: LegId, taken: Option<Box<Taken>>) {
        let offer = self.adopting.take().map(|(_, offer)| offer);
        let (Some(taken), Some(sdp)) = (taken, offer) else { return self.not_adopted(leg) };
        let Taken { key, party, was } = *taken;
        let (to, door) = (DialogKey { leg, fork: 0 }, self.door.clone());
        self.near.sip.send(SipCommand::Move { from: key, to, door }).await;
        let mut adopted =
            AdoptedLeg { leg, party, answered: false, over: false, hung_up: None, _was: was };
        let action = if self.core.is_live(leg) {
            DialogAction::Reinvite { body: Body::sdp(sdp) }
        } else {
            adopted.note_hangup(HangupCause::new(EndedBy::System, CauseKind::Cancelled));
            DialogAction::Hangup { reason: None }
        };
        self.legs.insert(leg, Leg::Adopted(Box::new(adopted)));
        self.dialog(leg, 0, action).await;
    }
}

/// Whom a Refer-To names: a number to dial, or the phone's other dialog. Else the status that says what is wrong.
fn target_of(refer_to: &str) -> Result<(ReferTo, Option<Replaces>), u16> {
    let name = NameAddr::parse(&Bytes::copy_from_slice(refer_to.as_bytes())).map_err(|_| 400u16)?;
    let uri = name.sip_uri().ok_or(416u16)?;
    // Nothing but calls is referred to here (RFC 3515 §2.4.3 leaves the choice to us).
    if uri.params.raw("method").is_some_and(|method| !method.eq_ignore_ascii_case("INVITE")) {
        return Err(403);
    }
    let replaces =
        uri.header_pairs().into_iter().find(|(name, _)| name.eq_ignore_ascii_case("replaces"));
    if let Some((_, value)) = replaces {
        let replaces = Replaces::parse(&Bytes::from(value)).ok_or(400u16)?;
        return Ok((ReferTo::Partner, Some(replaces)));
    }
    let to = name.uri.user().filter(|user| !user.is_empty()).ok_or(404u16)?;
    Ok((ReferTo::Number(to), None))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refer_to_names_a_number_or_the_other_dialog_of_the_phone() {
        let number = |to: &str| (ReferTo::Number(to.to_owned()), None);
        assert_eq!(target_of("<sip:102@pratham.local>"), Ok(number("102")));
        assert_eq!(target_of("sip:%2B9198@x;transport=tcp"), Ok(number("+9198")));
        let (to, replaces) = target_of(
            "<sip:102@pratham.local?Replaces=a%40b%3Bto-tag%3D1%3Bfrom-tag%3D2%3Bearly-only>",
        )
        .unwrap();
        let replaces = replaces.unwrap();
        assert_eq!(to, ReferTo::Partner);
        assert_eq!((&*replaces.call_id, &*replaces.to_tag, &*replaces.from_tag), ("a@b", "1", "2"));
        assert!(replaces.early_only);
    }

    #[test]
    fn what_is_no_call_is_not_referred_to() {
        for (refer_to, status) in [
            ("tel:+919812340001", 416),
            ("<http://example.com>", 416),
            ("<sip:102@x;method=BYE>", 403),
            ("<sip:pratham.local>", 404),
            ("<sip:102@x?Replaces=a%40b>", 400),
            ("<sip:102@", 400),
        ] {
            assert_eq!(target_of(refer_to).unwrap_err(), status, "{refer_to}");
        }
    }
}
