//! Our INVITE until its final response: early dialogs, PRACK, CANCEL, challenges (RFC 3261 §13.2, §9.1).

use super::session::{demanded, invite_lines};
use super::{Dialog, Peer, Stage, with_route_set};
use crate::endpoint::{
    Destination, DialogEvent, DialogId, EndCause, Failure, HeaderLine, InvalidUse, InviteRequest,
    Path, RequestFailure, Source, TransactionId, bracketed, read,
};
use crate::headers::Reason;
use crate::transaction::{ContactLine, Outgoing, Owner, Purpose, TableFull, TransactionLayer};
use crate::{HeaderName, Message, Method, Text};
use std::time::Instant;

/// Early dialogs of one INVITE beyond this are not told apart.
const FORKS_MAX: usize = 16;

/// Our INVITE on its way.
#[derive(Debug)]
pub(crate) struct Calling {
    pub(super) transaction: TransactionId,
    early: Vec<Early>,
    /// An 18x came.
    rang: bool,
    /// A 422 was followed already.
    stretched: bool,
    pub(super) give_up: Instant,
}

/// One early dialog.
#[derive(Debug)]
struct Early {
    peer: Peer,
    /// The last reliable response in it.
    rseq: Option<u32>,
    /// A reliable 18x brought the answer to our offer.
    settled: bool,
    /// CSeq of the last request we sent in it.
    local_cseq: u32,
}

/// Our INVITE waits for credentials.
#[derive(Debug)]
pub(crate) struct Challenged {
    request: Outgoing,
    destination: Destination,
    failure: Failure,
    rang: bool,
    pub(super) give_up: Instant,
}

impl Calling {
    pub(super) fn has_peer(&self, tag: &str) -> bool {
        self.early.iter().any(|early| early.peer.tag == tag)
    }

    /// Has our offer its answer in the early dialog with this peer? Only the first of several is listened to.
    pub(super) fn is_settled(&self, tag: &str) -> bool {
        self.early.first().is_some_and(|early| early.peer.tag == tag && early.settled)
    }

    pub(super) fn peer_of(&mut self, tag: &str) -> Option<&mut Peer> {
        self.early.iter_mut().map(|early| &mut early.peer).find(|peer| peer.tag == tag)
    }
}

impl Dialog {
    /// Sends a new INVITE.
    pub(crate) fn call(
        layer: &mut TransactionLayer,
        now: Instant,
        id: DialogId,
        invite: InviteRequest,
    ) -> Result<Self, TableFull> {
        let tag = layer.token();
        let call_id = match invite.call_id {
            Some(call_id) => Text::from(call_id),
            None => Text::from(format!("{}{}", layer.token(), layer.token())),
        };
        let local = format!("{};tag={tag}", bracketed(&invite.from));
        let (request_uri, routes) = with_route_set(&invite.request_uri, &invite.routes);
        let contact = invite.contact.clone();
        let request = Outgoing {
            method: Method::Invite,
            request_uri,
            routes,
            from: local.clone(),
            to: bracketed(&invite.to),
            call_id: call_id.clone(),
            cseq: 1,
            max_forwards: invite.max_forwards.unwrap_or(70),
            contact: contact.clone().map_or(ContactLine::Advertised, ContactLine::Given),
            lines: invite_lines(&layer.config, invite.body.is_some(), None),
            headers: invite.headers,
            credentials: Vec::new(),
            body: invite.body,
            server_name: None,
        };
        let owner = Owner::Dialog(id, Purpose::Invite);
        let transaction = layer.start(now, owner, request, invite.destination)?;
        if let Some(patience) = invite.patience {
            layer.limit_silence(now, transaction, patience);
        }
        Ok(Self {
            id,
            tag,
            call_id,
            local,
            is_caller: true,
            reach: invite.reach,
            contact,
            peer_addresses: invite.peer_addresses,
            any_address: false,
            local_cseq: 1,
            server_name: None,
            stage: Stage::Calling(Box::new(Calling {
                transaction,
                early: Vec::new(),
                rang: false,
                stretched: false,
                give_up: now + layer.config.max_ring,
            })),
            early_offer: None,
            ended: false,
            listed: None,
            armed: None,
        })
    }

    /// A response to the first INVITE.
    pub(super) fn handle_invite_response(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        transaction: TransactionId,
        message: Box<Message>,
        source: Source,
    ) {
        let status = read::status(&message);
        if self.owes_ack(transaction, &message) {
            return;
        }
        if !matches!(&self.stage, Stage::Calling(c) if c.transaction == transaction) {
            // Another branch of a forked INVITE answered after the first (§13.2.2.4).
            orphan_response(layer, now, transaction, &message, &source);
            return;
        }
        match status {
            0..=100 => {}
            101..=199 => self.handle_provisional(layer, now, message, source),
            200..=299 => self.handle_answer(layer, now, transaction, message, source),
            401 | 407 => self.handle_challenge(layer, now, message, source),
            422 if self.stretch(layer, now, &message) => {}
            300.. => self.handle_refusal(layer, message),
        }
    }

    fn handle_provisional(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        message: Box<Message>,
        source: Source,
    ) {
        let Stage::Calling(calling) = &mut self.stage else { return };
        calling.rang = true;
        let status = read::status(&message);
        let mut learnt = Vec::new();
        let tag = message.to_tag().unwrap_or_default();
        let found = calling.early.iter().position(|early| early.peer.tag == tag);
        let index = match found {
            Some(index) => Some(index),
            None if tag.is_empty() || calling.early.len() >= FORKS_MAX => None,
            None => {
                let target = layer
                    .request_of(calling.transaction)
                    .map_or_else(String::new, |request| request.request_uri.clone());
                let peer = Peer::of_response(&message, &source, &target);
                let local_cseq = self.local_cseq;
                for address in peer.addresses() {
                    learnt.push(address);
                }
                calling.early.push(Early { peer, rseq: None, settled: false, local_cseq });
                Some(calling.early.len() - 1)
            }
        };
        if let Some(early) = index.and_then(|index| calling.early.get_mut(index)) {
            early.peer.refresh(&message, &source);
        }
        for address in learnt {
            self.allow_address(address);
        }
        let rseq =
            read::number(&message, HeaderName::RSeq).filter(|_| read::requires(&message, "100rel"));
        let reliable = match (rseq, index) {
            (Some(rseq), Some(index)) => {
                if !self.acknowledge_provisional(layer, now, index, rseq, &message) {
                    return;
                }
                true
            }
            (Some(_), None) => return,
            (None, _) => false,
        };
        let body = read::body(&message);
        self.emit(layer, DialogEvent::Progressed { status, body, reliable, message });
    }

    /// PRACK for a reliable response in order (RFC 3262 §4). False: it was seen or is early.
    fn acknowledge_provisional(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        index: usize,
        rseq: u32,
        message: &Message,
    ) -> bool {
        let Stage::Calling(calling) = &mut self.stage else { return false };
        let Some(early) = calling.early.get_mut(index) else { return false };
        if early.rseq.is_some_and(|last| rseq != last.wrapping_add(1)) {
            return false;
        }
        early.rseq = Some(rseq);
        let offered = layer.request_of(calling.transaction).is_some_and(|r| r.body.is_some());
        early.settled |= offered && read::body(message).is_some();
        early.local_cseq += 1;
        let (peer, cseq) = (early.peer.clone(), early.local_cseq);
        self.local_cseq = self.local_cseq.max(cseq);
        let mut prack = self.compose(&peer, Method::Prack, cseq);
        prack.lines = format!("RAck: {rseq} {}\r\n", message.cseq());
        self.learn_addresses(&peer);
        let way = self.way_to(&peer);
        // Without room the peer repeats the response and it is tried again then.
        layer.start(now, Owner::Dialog(self.id, Purpose::Prack), prack, way).is_ok()
    }

    fn handle_answer(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        transaction: TransactionId,
        message: Box<Message>,
        source: Source,
    ) {
        let Stage::Calling(calling) = &mut self.stage else { return };
        let early = calling
            .early
            .iter()
            .position(|early| Some(early.peer.tag.as_str()) == message.to_tag())
            .map(|index| calling.early.swap_remove(index));
        let request_uri = layer
            .request_of(transaction)
            .map_or_else(String::new, |request| request.request_uri.clone());
        // §13.2.2.4: the route set is computed anew from the 2xx.
        let mut peer = Peer::of_response(&message, &source, &request_uri);
        peer.cseq = early.as_ref().and_then(|early| early.peer.cseq);
        self.learn_addresses(&peer);
        if let Some(path) = layer.path_of(transaction).cloned() {
            self.allow_address(path.remote().ip());
            if let Path::Address(target) = path {
                self.server_name = target.server_name;
            }
        }
        self.go_live_as_caller(layer, now, transaction, peer, &message);
        let body = read::body(&message);
        self.emit(layer, DialogEvent::Answered { body, message, source });
    }

    fn handle_challenge(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        message: Box<Message>,
        source: Source,
    ) {
        let Stage::Calling(calling) = &self.stage else { return };
        let transaction = calling.transaction;
        let (Some(request), Some(destination)) =
            (layer.request_of(transaction).cloned(), layer.way_of(transaction))
        else {
            self.handle_refusal(layer, message);
            return;
        };
        let failure = failure_of(&message, calling.rang);
        self.stage = Stage::Challenged(Box::new(Challenged {
            request,
            destination,
            failure,
            rang: calling.rang,
            give_up: now + layer.config.timing.give_up(),
        }));
        self.emit(layer, DialogEvent::Challenged { message, source });
    }

    /// Sends the INVITE again with credentials (§22.2).
    pub(crate) fn retry_with(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        credentials: Vec<HeaderLine>,
    ) -> Result<(), InvalidUse> {
        let Stage::Challenged(challenged) = &self.stage else {
            return Err(InvalidUse::WrongState);
        };
        let mut request = challenged.request.clone();
        request.credentials = credentials;
        let (destination, rang) = (challenged.destination.clone(), challenged.rang);
        self.send_invite_again(layer, now, request, destination, rang, false)
            .map_err(|TableFull| InvalidUse::Full)
    }

    fn send_invite_again(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        mut request: Outgoing,
        destination: Destination,
        rang: bool,
        stretched: bool,
    ) -> Result<(), TableFull> {
        self.local_cseq += 1;
        request.cseq = self.local_cseq;
        let owner = Owner::Dialog(self.id, Purpose::Invite);
        let transaction = layer.start(now, owner, request, destination)?;
        self.stage = Stage::Calling(Box::new(Calling {
            transaction,
            early: Vec::new(),
            rang,
            stretched,
            give_up: now + layer.config.max_ring,
        }));
        Ok(())
    }

    /// Follows a 422 once with the interval it demands (RFC 4028 §7.3).
    fn stretch(&mut self, layer: &mut TransactionLayer, now: Instant, message: &Message) -> bool {
        let Stage::Calling(calling) = &self.stage else { return false };
        let (rang, transaction) = (calling.rang, calling.transaction);
        let (false, Some(interval)) = (calling.stretched, demanded(message)) else { return false };
        let (Some(mut request), Some(destination)) =
            (layer.request_of(transaction).cloned(), layer.way_of(transaction))
        else {
            return false;
        };
        request.lines = invite_lines(&layer.config, request.body.is_some(), Some((interval, None)));
        self.send_invite_again(layer, now, request, destination, rang, true).is_ok()
    }

    fn handle_refusal(&mut self, layer: &mut TransactionLayer, message: Box<Message>) {
        let Stage::Calling(calling) = &self.stage else { return };
        let mut failure = failure_of(&message, calling.rang);
        failure.message = Some(message);
        self.stage = Stage::Over;
        self.finish(layer, DialogEvent::Failed(failure));
    }

    pub(super) fn give_up_challenged(&mut self, layer: &mut TransactionLayer) {
        if let Stage::Challenged(challenged) = std::mem::replace(&mut self.stage, Stage::Over) {
            self.finish(layer, DialogEvent::Failed(challenged.failure));
        }
    }

    /// The INVITE got no response at all.
    pub(super) fn handle_invite_failure(
        &mut self,
        layer: &mut TransactionLayer,
        failure: RequestFailure,
    ) {
        let Stage::Calling(calling) = &self.stage else { return };
        let failure = Failure {
            status: failure.as_status(),
            message: None,
            reason: None,
            retry_after: None,
            before_ringing: !calling.rang,
        };
        self.stage = Stage::Over;
        self.finish(layer, DialogEvent::Failed(failure));
    }

    /// It rang for too long: end it, as 408.
    pub(super) fn ring_out(&mut self, layer: &mut TransactionLayer, now: Instant) {
        self.abandon(layer, now, None);
        let failure = Failure {
            status: 408,
            message: None,
            reason: None,
            retry_after: None,
            before_ringing: false,
        };
        self.finish(layer, DialogEvent::Failed(failure));
    }

    /// Leaves the INVITE to its end: CANCEL as soon as allowed, ACK and BYE if a 2xx crosses.
    pub(super) fn abandon(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        reason: Option<&Reason>,
    ) {
        if let Stage::Calling(calling) = &self.stage {
            layer.abandon(now, calling.transaction, reason.map(ToString::to_string));
        }
        self.stage = Stage::Over;
        let _ = self.refuse_early_offer(layer, now, 487);
    }

    /// BYE by the callee before its answer is odd but ends the call.
    pub(super) fn handle_early_bye(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        reason: Option<Reason>,
    ) {
        self.abandon(layer, now, None);
        self.end(layer, EndCause::RemoteBye, reason);
    }
}

fn failure_of(message: &Message, rang: bool) -> Failure {
    Failure {
        status: read::status(message),
        message: None,
        reason: read::reason(message),
        retry_after: read::seconds(message, HeaderName::RetryAfter),
        before_ringing: !rang,
    }
}

/// A response to an INVITE nobody wants any more: CANCEL it, or acknowledge and end it
/// (§13.2.2.4, A14).
pub(crate) fn orphan_response(
    layer: &mut TransactionLayer,
    now: Instant,
    transaction: TransactionId,
    response: &Message,
    source: &Source,
) {
    let Some(invite) = layer.request_of(transaction).cloned() else { return };
    if invite.method != Method::Invite {
        return;
    }
    match read::status(response) {
        100..=199 => layer.cancel(now, transaction),
        200..=299 => {
            let peer = Peer::of_response(response, source, &invite.request_uri);
            let (request_uri, routes) = with_route_set(&peer.target, &peer.routes);
            let follow_up = |method, cseq| Outgoing {
                method,
                request_uri: request_uri.clone(),
                routes: routes.clone(),
                to: peer.value.clone(),
                cseq,
                max_forwards: 70,
                contact: ContactLine::Absent,
                lines: String::new(),
                headers: Vec::new(),
                credentials: Vec::new(),
                body: None,
                ..invite.clone()
            };
            let way = match layer.path_of(transaction) {
                Some(Path::Flow { .. }) => Destination::Flow(*source),
                Some(Path::Address(_)) | None => Destination::Uri,
            };
            let in_dialog = invite.to.contains(";tag=");
            let ack = follow_up(Method::Ack, invite.cseq);
            let bye = follow_up(Method::Bye, invite.cseq + 1);
            if let Ok(ack) = layer.start(now, Owner::Nobody, ack, way.clone()) {
                layer.note_ack(transaction, &peer.tag, ack);
            }
            if !in_dialog {
                // Full tables: the peer repeats its 2xx, and this is tried again then.
                let _ = layer.start(now, Owner::Nobody, bye, way);
            }
        }
        0..=99 | 300.. => {}
    }
}
