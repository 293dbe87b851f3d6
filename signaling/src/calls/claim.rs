//! A phone whose INVITE names a dialog of this call (RFC 3891): who may have it, and how it becomes a leg.

use super::{
    CallTaskEvent,
    answering::OfferedLeg,
    task::{CallTask, Leg, Placer},
};
use crate::{
    directory::{ExtensionAccount, SecurityEvent, SecurityEventKind},
    sip::{DialogAction, DialogKey, SipCommand},
};
use bytes::Bytes;
use call::{EndedBy, ExtensionTarget, Input, LegEndpoint, LegId, Replacing};
use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Instant, SystemTime},
};

/// An INVITE of a phone that wants a leg's place.
#[derive(Debug)]
pub(crate) struct Claim {
    /// The name its dialog goes by until it is a leg.
    pub(crate) key: DialogKey,
    /// Whose place.
    pub(crate) old: LegId,
    /// That leg's phone still rings.
    pub(crate) rings: bool,
    /// Who proved a secret.
    pub(crate) account: Arc<ExtensionAccount>,
    /// From which address.
    pub(crate) peer: SocketAddr,
    /// Its offer.
    pub(crate) sdp: Option<Bytes>,
    /// Only while the old leg has not answered.
    pub(crate) early_only: bool,
    /// Whether its user leads whose place it is, once that was asked.
    pub(crate) leave: Option<bool>,
}

impl CallTask {
    /// A phone wants a leg's place. One's own call may be fetched from another phone, and a phone that rings may be
    /// picked up by any colleague; a talk is taken away only by who leads the one who talks, as at the desk.
    pub(super) async fn claimed(&mut self, claim: Box<Claim>) {
        let is_own = self.is_own(&claim);
        if !is_own && !claim.rings && !claim.early_only {
            match claim.leave {
                None => return self.ask_leave(claim),
                Some(false) => return self.refuse_claim(&claim, 403).await,
                Some(true) => {}
            }
        }
        let leg = self.core.next_leg();
        let Claim { key, old, ref account, peer, .. } = *claim;
        let replacing = Replacing {
            old,
            extension: account.extension,
            user: account.user,
            sdp: claim.sdp.clone(),
            // Whoever may only pick up comes too late for a talk.
            early_only: claim.early_only || !(is_own || claim.leave == Some(true)),
        };
        let late = replacing.sdp.is_none();
        self.note_extension(&ExtensionTarget {
            extension: account.extension,
            user: account.user,
            aor: account.aor.clone(),
        });
        let placer = Placer { account: Some(account.clone()), peer: peer.ip() };
        self.core.handle_input(Instant::now(), Input::LegReplaces { leg, replacing });
        if self.core.is_live(leg) {
            self.placers.insert(leg, placer);
            self.legs.insert(leg, Leg::Offered(OfferedLeg::new(leg, EndedBy::Agent, late, None)));
            let (to, door) = (DialogKey { leg, fork: 0 }, self.door.clone());
            self.near.sip.send(SipCommand::Move { from: key, to, door }).await;
        } else {
            self.claim = Some(claim);
        }
    }

    /// The old leg is a phone of the same user, or of the same extension.
    fn is_own(&self, claim: &Claim) -> bool {
        let Some(LegEndpoint::Extension { extension, user }) = self.core.endpoint_of(claim.old)
        else {
            return false;
        };
        *extension == claim.account.extension || (user.is_some() && *user == claim.account.user)
    }

    /// Asks whether the user leads whose talk it is; the claim comes back with the answer.
    fn ask_leave(&self, mut claim: Box<Claim>) {
        let (near, tenant, door) = (self.near.clone(), self.tenant, self.door.clone());
        let whom = match self.core.endpoint_of(claim.old) {
            Some(LegEndpoint::Extension { user, .. }) => *user,
            Some(LegEndpoint::Trunk { .. }) | None => None,
        };
        self.near.tasks.spawn(async move {
            let leads = match claim.account.user {
                Some(user) => near.directory.leads(tenant, user, whom).await.unwrap_or(false),
                None => false,
            };
            claim.leave = Some(leads);
            let key = claim.key;
            if !door.put(CallTaskEvent::Claimed(claim)) {
                let action = DialogAction::Reject { status: 503, headers: Vec::new() };
                near.sip.send(SipCommand::Dialog { key, action }).await;
            }
        });
    }

    /// The core does not have it: the status goes to the phone.
    pub(super) async fn claim_refused(&mut self, status: u16) {
        if let Some(claim) = self.claim.take() {
            self.refuse_claim(&claim, status).await;
        }
    }

    async fn refuse_claim(&mut self, claim: &Claim, status: u16) {
        if status == 403 {
            self.audit_claim(claim);
        }
        let action = DialogAction::Reject { status, headers: Vec::new() };
        self.near.sip.send(SipCommand::Dialog { key: claim.key, action }).await;
    }

    fn audit_claim(&self, claim: &Claim) {
        let extension = claim.account.extension;
        let kind = SecurityEventKind::TakeoverRefused { extension, call: self.door.call };
        let (at, tenant, source) = (SystemTime::now(), Some(self.tenant), claim.peer);
        let event = SecurityEvent { at, tenant, source, kind };
        tracing::warn!(%source, "a phone wanted a call that is not its own, see the audit");
        let directory = self.near.directory.clone();
        self.near.tasks.spawn(async move {
            if let Err(error) = directory.audit(event).await {
                tracing::error!(%error, "security event is not in the audit");
            }
        });
    }
}
