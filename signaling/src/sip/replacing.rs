//! INVITEs that want to take a dialog's place (RFC 3891 §3), and whose dialog that is.

use super::{
    DialogKey,
    identity::Ask,
    request::{Offer, new_call_id},
    task::{SipTask, retry_after},
};
use crate::calls::{CallDoor, CallTaskEvent, Caller, Claim};
use call::{LegId, TenantId};
use signaling_proto::{DialogId, HeaderName, Message, Named, Reply, headers::Replaces};

/// The dialog that an INVITE names, or the status that says what is wrong with it.
pub(super) fn named_by(invite: &Message) -> Result<Option<Replaces>, u16> {
    // To take a party's place and to join it (RFC 3911) are two things. A second Replaces is malformed, and was refused.
    if invite.count(HeaderName::Replaces) > 0 && invite.count(HeaderName::Join) > 0 {
        return Err(400);
    }
    invite.replaces().map_err(|_| 400)
}

impl SipTask {
    /// The call that has the named dialog decides; until then the new one goes by a name of its own.
    pub(super) fn replace(
        &mut self,
        dialog: DialogId,
        ask: Ask,
        replaces: &Replaces,
        offer: &Offer,
        caller: Caller,
    ) {
        let (key, door, rings) = match self.replaced(replaces, offer.tenant) {
            Ok(found) => found,
            Err(status) => return self.answer(ask, Reply::new(status)),
        };
        // Who is at its end is not a carrier's to say (D04).
        let Caller::Phone(account) = caller else { return self.answer(ask, Reply::new(403)) };
        let own = DialogKey { leg: LegId::of(new_call_id(), 0), fork: 0 };
        let claim = Claim {
            key: own,
            old: key.leg,
            rings,
            account,
            peer: ask.source.remote,
            sdp: ask.message.sdp(),
            early_only: replaces.early_only,
            leave: None,
        };
        self.dialogs.insert(dialog, own, door.clone());
        if !door.put(CallTaskEvent::Claimed(Box::new(claim))) {
            self.dialogs.remove(dialog);
            let mut reply = Reply::new(503);
            reply.headers.push(retry_after(5));
            self.answer(ask, reply);
        }
    }

    /// Whose the named dialog is and whether it still rings, or the status to refuse with. Another tenant's does not
    /// exist.
    fn replaced(
        &self,
        replaces: &Replaces,
        tenant: TenantId,
    ) -> Result<(DialogKey, CallDoor, bool), u16> {
        let (dialog, rings) = match self.endpoint.find_dialog(replaces) {
            Some(Named::Ringing(dialog)) => (dialog, true),
            Some(Named::Confirmed(dialog)) => (dialog, false),
            Some(Named::Ended(dialog)) => {
                let owner = self.dialogs.owner(dialog).map(|(_, door)| door.call);
                let call = owner.or_else(|| self.dialogs.former_owner(dialog)).ok_or(481_u16)?;
                let is_theirs = self.near.calls.tenant_of(call) == Some(tenant);
                return Err(if is_theirs { 603 } else { 481 });
            }
            // Early dialogs that others began are not to be replaced.
            Some(Named::Offered(_)) | None => return Err(481),
        };
        let (key, door) = self.dialogs.owner(dialog).cloned().ok_or(481_u16)?;
        let door = self.near.calls.door(door.call, tenant).ok_or(481_u16)?;
        Ok((key, door, rings))
    }
}
