//! Dialogs (RFC 3261 §12) and the INVITE sessions that live in them (§13–§15).
//!
//! One [`Dialog`] is one INVITE, whoever sent it, with all that grows from it. Its machine is
//! spread over files by what happens: `calling` (our INVITE), `offered` (theirs), `live` (after
//! the 2xx), `early` (offers before it), `reoffer` (re-INVITE, UPDATE), `incoming` (requests of the peer).

mod calling;
mod early;
mod incoming;
mod live;
mod named;
mod offered;
mod origin;
mod peer;
mod reoffer;
mod session;

pub(crate) use calling::orphan_response;
pub(crate) use incoming::capabilities;
pub(crate) use named::EndedDialogs;
pub use named::Named;
use peer::Peer;
pub(crate) use peer::with_route_set;

use crate::endpoint::{
    DialogEvent, DialogId, EndCause, Event, FlowId, HeaderLine, InvalidUse, Reach, Source,
    TimeoutReason, TransactionId,
};
use crate::headers::{Reason, Replaces};
use crate::transaction::{Answer, Token, TransactionLayer};
use crate::{Message, Text};
use std::net::IpAddr;
use std::time::Instant;

/// What we serve, for every Allow: of requests, of answers, within dialogs and outside.
pub const ALLOW: &str =
    "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO, UPDATE, PRACK, NOTIFY, REFER";

/// Extensions we understand, for Supported and the check of Require.
pub(crate) const SUPPORTED: [&str; 6] =
    ["100rel", "timer", "replaces", "path", "outbound", "norefersub"];

/// One INVITE and what grows from it.
#[derive(Debug)]
pub(crate) struct Dialog {
    pub(crate) id: DialogId,
    /// Our tag.
    pub(crate) tag: Token,
    pub(crate) call_id: Text,
    /// Our From or To value, with the tag.
    local: String,
    /// We sent the first INVITE, so the Call-ID is ours.
    is_caller: bool,
    reach: Reach,
    /// Contact value, where it is not our advertised address.
    contact: Option<String>,
    /// Where the peer may speak from (B11).
    peer_addresses: Vec<IpAddr>,
    any_address: bool,
    local_cseq: u32,
    /// The name our INVITE's target had to prove (TLS).
    server_name: Option<Box<str>>,
    stage: Stage,
    /// An UPDATE or PRACK whose offer the application has yet to answer, before the final response.
    early_offer: Option<TransactionId>,
    /// The terminal event was given.
    ended: bool,
    /// The connection the endpoint has it listed under.
    pub(crate) listed: Option<FlowId>,
    armed: Option<Instant>,
}

#[derive(Debug)]
enum Stage {
    /// Our INVITE has no final response yet.
    Calling(Box<calling::Calling>),
    /// Our INVITE waits for credentials.
    Challenged(Box<calling::Challenged>),
    /// Their INVITE has no final response yet.
    Offered(Box<offered::Offered>),
    /// A 2xx was sent or received.
    Live(Box<live::Live>),
    /// Only its removal is left.
    Over,
}

impl Dialog {
    /// Nothing is left to do.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    fn emit(&self, layer: &mut TransactionLayer, event: DialogEvent) {
        if !self.ended {
            layer.events.push_back(Event::Dialog { dialog: self.id, event });
        }
    }

    /// Gives the terminal event, once.
    fn finish(&mut self, layer: &mut TransactionLayer, event: DialogEvent) {
        self.emit(layer, event);
        self.ended = true;
    }

    fn end(&mut self, layer: &mut TransactionLayer, cause: EndCause, reason: Option<Reason>) {
        self.finish(layer, DialogEvent::Ended { cause, reason });
    }

    /// Does the call belong to this dialog? Tags decide; any early dialog of ours will do.
    pub(crate) fn matches(&self, request: &Message) -> bool {
        *request.call_id() == self.call_id
            && match &self.stage {
                Stage::Calling(calling) => calling.has_peer(request.from_tag()),
                Stage::Offered(offered) => offered.peer.tag == request.from_tag(),
                Stage::Live(live) => live.peer.tag == request.from_tag(),
                Stage::Challenged(_) | Stage::Over => false,
            }
    }

    /// May this source speak for the peer (B11)?
    pub(crate) fn trusts(&self, source: &Source) -> bool {
        self.any_address
            || self.peer_addresses.contains(&source.remote.ip())
            || (source.transport.is_reliable()
                && self.peer().and_then(|peer| peer.flow).is_some_and(|f| f.flow == source.flow))
    }

    fn peer(&self) -> Option<&Peer> {
        match &self.stage {
            Stage::Offered(offered) => Some(&offered.peer),
            Stage::Live(live) => Some(&live.peer),
            Stage::Calling(_) | Stage::Challenged(_) | Stage::Over => None,
        }
    }

    fn peer_mut(&mut self) -> Option<&mut Peer> {
        match &mut self.stage {
            Stage::Offered(offered) => Some(&mut offered.peer),
            Stage::Live(live) => Some(&mut live.peer),
            Stage::Calling(_) | Stage::Challenged(_) | Stage::Over => None,
        }
    }

    /// Whether it is the one that a `Replaces` names, and where it stands.
    pub(crate) fn named(&self, named: &Replaces) -> Option<Named> {
        if *named.call_id != *self.call_id {
            return None;
        }
        let tag = &*named.from_tag;
        match &self.stage {
            Stage::Calling(calling) if !self.ended && calling.has_peer(tag) => {
                Some(Named::Ringing(self.id))
            }
            Stage::Offered(offered) if !self.ended && offered.peer.tag == tag => {
                Some(Named::Offered(self.id))
            }
            Stage::Live(live) if live.peer.tag == tag && self.ended => Some(Named::Ended(self.id)),
            Stage::Live(live) if live.peer.tag == tag => Some(Named::Confirmed(self.id)),
            Stage::Calling(_)
            | Stage::Challenged(_)
            | Stage::Offered(_)
            | Stage::Live(_)
            | Stage::Over => None,
        }
    }

    /// An answered dialog is about to end: it may still be named.
    fn remember(&self, layer: &mut TransactionLayer) {
        if let Stage::Live(live) = &self.stage
            && !self.ended
        {
            let ids = [self.call_id.to_string(), self.tag.to_string(), live.peer.tag.clone()];
            layer.ended.note(self.id, ids);
        }
    }

    /// Call-ID, our tag, the peer's tag.
    pub(crate) fn ids(&self) -> Option<(String, String, String)> {
        let peer = self.peer()?;
        Some((self.call_id.to_string(), self.tag.to_string(), peer.tag.clone()))
    }

    pub(crate) fn set_reach(&mut self, reach: Reach) {
        self.reach = reach;
    }

    pub(crate) fn set_contact(&mut self, contact: String) {
        self.contact = Some(contact);
    }

    pub(crate) fn allow_address(&mut self, address: IpAddr) {
        if !self.peer_addresses.contains(&address) {
            self.peer_addresses.push(address);
        }
    }

    pub(crate) fn allow_any_address(&mut self) {
        self.any_address = true;
    }

    /// The peer registered anew: it is reached by this flow from now on.
    pub(crate) fn set_flow(&mut self, source: Source) {
        self.allow_address(source.remote.ip());
        if let Some(peer) = self.peer_mut() {
            peer.flow = Some(source);
        }
    }

    /// The connection the peer is reached by.
    pub(crate) fn stream(&self) -> Option<FlowId> {
        let source = self.peer()?.flow?;
        source.transport.is_reliable().then_some(source.flow)
    }

    /// The connection is gone: requests fall back to the route set until the peer speaks again.
    pub(crate) fn handle_flow_closed(&mut self, flow: FlowId) {
        if let Some(peer) = self.peer_mut()
            && peer.flow.is_some_and(|source| source.flow == flow)
        {
            peer.flow = None;
        }
    }

    /// Ends it whatever its stage; what the network still needs goes on without it.
    pub(crate) fn hangup(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        reason: Option<Reason>,
    ) -> Result<(), InvalidUse> {
        if self.ended {
            return Err(InvalidUse::UnknownDialog);
        }
        self.remember(layer);
        match &self.stage {
            Stage::Calling(_) => self.abandon(layer, now, reason.as_ref()),
            Stage::Challenged(_) => self.stage = Stage::Over,
            Stage::Offered(_) => {
                self.refuse(layer, now, &Answer::status(480), &[], reason.as_ref());
            }
            Stage::Live(_) => self.hangup_live(layer, now, reason.as_ref()),
            Stage::Over => return Err(InvalidUse::UnknownDialog),
        }
        self.end(layer, EndCause::Local, None);
        Ok(())
    }

    /// Sets its timer anew. To be called after everything that happened to it.
    pub(crate) fn arm(&mut self, layer: &mut TransactionLayer) {
        let at = match &self.stage {
            Stage::Calling(calling) => Some(calling.give_up),
            Stage::Challenged(challenged) => Some(challenged.give_up),
            Stage::Offered(offered) => Some(offered.poll_timeout()),
            Stage::Live(live) => live.poll_timeout(),
            Stage::Over => None,
        };
        layer.timers.set(TimeoutReason::Dialog(self.id), &mut self.armed, at);
    }

    /// Lets due timers fire.
    pub(crate) fn handle_timeout(&mut self, layer: &mut TransactionLayer, now: Instant) {
        self.armed = None;
        match &self.stage {
            Stage::Calling(calling) if calling.give_up <= now => self.ring_out(layer, now),
            Stage::Challenged(challenged) if challenged.give_up <= now => {
                self.give_up_challenged(layer);
            }
            Stage::Offered(_) => self.offered_timeout(layer, now),
            Stage::Live(_) => self.live_timeout(layer, now),
            Stage::Calling(_) | Stage::Challenged(_) | Stage::Over => {}
        }
    }
}

/// A Reason header line, or nothing.
fn reason_line(reason: Option<&Reason>) -> String {
    reason.map(|reason| format!("Reason: {reason}\r\n")).unwrap_or_default()
}

/// A Reason header for the application's list.
fn with_reason(headers: &[HeaderLine], reason: Option<&Reason>) -> Vec<HeaderLine> {
    let mut all = headers.to_vec();
    all.extend(reason.map(|reason| HeaderLine::new("Reason", reason.to_string())));
    all
}
