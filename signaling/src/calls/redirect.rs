//! Following a carrier's redirection, where policy allows it (D04).

use super::{
    answering::Redirect,
    request,
    task::{CallTask, Leg},
};
use crate::{
    directory::RedirectRequest,
    sip::{DialogKey, SipCommand},
};
use call::{CauseKind, EndedBy, HangupCause, LegId, TrunkTarget};
use futures::future::BoxFuture;
use std::time::Duration;

/// Nobody waits longer for leave to be sent on.
const LEAVE_LIMIT: Duration = Duration::from_secs(3);

impl CallTask {
    /// Asks whether the call may go there, and places it anew by the same trunk.
    pub(super) fn redirect(&mut self, leg: LegId, redirect: Redirect) -> BoxFuture<'_, ()> {
        Box::pin(self.follow_redirect(leg, redirect))
    }

    async fn follow_redirect(&mut self, leg: LegId, redirect: Redirect) {
        let fork = redirect.fork;
        let leave = tokio::time::timeout(LEAVE_LIMIT, self.leave_for(leg, redirect.to)).await;
        let slow = HangupCause::new(EndedBy::System, CauseKind::NetworkFailure);
        let placed = match leave.unwrap_or(Err(slow)) {
            Ok((target, named)) => self.place_again(leg, fork, &target, &named).await,
            Err(cause) => Err(cause),
        };
        if let Err(cause) = placed
            && let Some(Leg::Placed(placed)) = self.legs.get_mut(&leg)
        {
            let effects = placed.redirect_refused(fork, cause);
            self.carry_out(leg, effects).await;
        }
    }

    /// The first of the numbers named that may be called.
    async fn leave_for(
        &mut self,
        leg: LegId,
        named: Vec<String>,
    ) -> Result<(TrunkTarget, String), HangupCause> {
        let mut refused = HangupCause::new(EndedBy::System, CauseKind::PolicyRefused);
        let trunk = match self.legs.get(&leg) {
            Some(Leg::Placed(placed)) => placed.trunk(),
            Some(Leg::Offered(_) | Leg::Adopted(_) | Leg::Gone) | None => None,
        };
        let Some(trunk) = trunk else { return Err(refused) };
        for to in named {
            let request = RedirectRequest {
                tenant: self.tenant,
                call: self.door.call,
                user: self.dialled_by,
                trunk,
                to: to.clone(),
            };
            match self.near.directory.redirect(request).await {
                Ok(target) => return Ok((target, to)),
                Err(cause) => refused = cause,
            }
        }
        Err(refused)
    }

    async fn place_again(
        &mut self,
        leg: LegId,
        fork: u16,
        target: &TrunkTarget,
        named: &str,
    ) -> Result<(), HangupCause> {
        let gone = HangupCause::new(EndedBy::System, CauseKind::NetworkFailure);
        let Some(Leg::Placed(placed)) = self.legs.get_mut(&leg) else { return Err(gone) };
        let Some((trunk, sdp)) = placed.follow(target, named) else { return Err(gone) };
        let addresses = trunk.targets();
        let request = request::to_trunk(&trunk.settings, target, addresses, sdp);
        let Ok(uri) = request.request_uri.parse() else { return Err(gone) };
        placed.addressed(uri);
        tracing::info!(leg.id = %leg, trunk.name = %trunk.settings.name, to = %target.number.masked(), "sent on by the carrier");
        let key = DialogKey { leg, fork };
        let (door, request) = (self.door.clone(), Box::new(request));
        self.near.sip.send(SipCommand::Invite { key, door, request }).await;
        Ok(())
    }
}
