//! Requests of the peer inside a dialog (RFC 3261 §12.2.2), and responses to ours.

use super::{ALLOW, Dialog, SUPPORTED, Stage};
use crate::endpoint::{
    DialogEvent, DialogRequest, EndCause, InvalidUse, RequestFailure, Source, TransactionId, read,
};
use crate::transaction::{Answer, Owner, Purpose, TransactionLayer};
use crate::{HeaderName, Message, Method};
use std::time::Instant;

impl Dialog {
    /// A request in this dialog, from a source it trusts; its transaction was begun.
    pub(crate) fn handle_request(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        transaction: TransactionId,
        request: Box<Message>,
        source: &Source,
    ) {
        let refuse = |layer: &mut TransactionLayer, status| {
            layer.respond(now, transaction, &Answer::status(status));
        };
        if self.ended && *request.method() != Method::Bye {
            return refuse(layer, 481);
        }
        if let Some(lines) = unsupported_extensions(&request) {
            let answer = Answer { lines: &lines, ..Answer::status(420) };
            layer.respond(now, transaction, &answer);
            return;
        }
        if !self.note_cseq(&request, source) {
            return refuse(layer, 500);
        }
        match request.method() {
            Method::Bye => self.handle_bye(layer, now, transaction, &request),
            Method::Invite | Method::Update if matches!(self.stage, Stage::Live(_)) => {
                self.handle_change(layer, now, transaction, &request, source);
            }
            Method::Invite => refuse(layer, 491),
            Method::Update if !request.body().is_empty() => {
                self.handle_early_update(layer, now, transaction, &request);
            }
            Method::Prack => self.handle_prack(layer, now, transaction, &request),
            Method::Info => self.handle_info(layer, now, transaction, &request),
            Method::Options | Method::Update => {
                let lines = capabilities();
                let answer = Answer { lines: &lines, in_dialog: true, ..Answer::status(200) };
                layer.respond(now, transaction, &answer);
            }
            Method::Refer => self.handle_refer(layer, now, transaction, request),
            Method::Notify => self.handle_notify(layer, now, transaction, &request),
            Method::Message => {
                self.emit(layer, DialogEvent::Request { transaction, message: request });
            }
            Method::Register
            | Method::Subscribe
            | Method::Publish
            | Method::Ack
            | Method::Cancel => method_refused(layer, now, transaction, 405),
            Method::Other(_) => method_refused(layer, now, transaction, 501),
        }
    }

    /// CSeq must grow (§12.2.2).
    fn note_cseq(&mut self, request: &Message, source: &Source) -> bool {
        let cseq = request.cseq().seq;
        let peer = match &mut self.stage {
            Stage::Offered(offered) => Some(&mut offered.peer),
            Stage::Live(live) => Some(&mut live.peer),
            Stage::Calling(calling) => calling.peer_of(request.from_tag()),
            Stage::Challenged(_) | Stage::Over => None,
        };
        let Some(peer) = peer else { return true };
        if peer.cseq.is_some_and(|last| cseq <= last) {
            return false;
        }
        peer.cseq = Some(cseq);
        peer.flow = Some(*source);
        true
    }

    fn handle_bye(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        transaction: TransactionId,
        bye: &Message,
    ) {
        layer.respond(now, transaction, &Answer::status(200));
        let reason = bye.reason();
        self.remember(layer);
        match &self.stage {
            Stage::Calling(_) => self.handle_early_bye(layer, now, reason),
            Stage::Offered(_) => self.handle_bye_while_offered(layer, now, reason),
            Stage::Live(_) | Stage::Challenged(_) | Stage::Over => {
                let stage = std::mem::replace(&mut self.stage, Stage::Over);
                if let Stage::Live(live) = stage {
                    if let Some(ours) = &live.ours {
                        layer.disown(now, ours.transaction);
                    }
                    self.refuse_theirs(layer, now, live.theirs.as_ref());
                }
                self.end(layer, EndCause::RemoteBye, reason);
            }
        }
    }

    fn handle_info(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        transaction: TransactionId,
        info: &Message,
    ) {
        let Some(body) = read::body(info) else {
            layer.respond(now, transaction, &Answer::status(200));
            return;
        };
        let named = body.content_type.split(';').next().unwrap_or_default().trim();
        if !layer.config.info_types.iter().any(|known| known.eq_ignore_ascii_case(named)) {
            let lines = format!("Accept: {}\r\n", layer.config.info_types.join(", "));
            let answer = Answer { lines: &lines, ..Answer::status(415) };
            layer.respond(now, transaction, &answer);
            return;
        }
        layer.respond(now, transaction, &Answer::status(200));
        self.emit(layer, DialogEvent::Info { body });
    }

    fn handle_refer(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        transaction: TransactionId,
        request: Box<Message>,
    ) {
        let refer_to = read::value(&request, HeaderName::ReferTo);
        if refer_to.is_empty() || request.count(HeaderName::ReferTo) != 1 {
            layer.respond(now, transaction, &Answer::status(400));
            return;
        }
        let referred_by = request.text(HeaderName::ReferredBy).map(|text| text.to_string());
        let event = DialogEvent::Referred { transaction, refer_to, referred_by, message: request };
        self.emit(layer, event);
    }

    fn handle_notify(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        transaction: TransactionId,
        notify: &Message,
    ) {
        let is_refer = notify.event().is_some_and(|(event, _)| event.eq_ignore_ascii_case("refer"));
        if !is_refer {
            layer.respond(now, transaction, &Answer::status(489));
            return;
        }
        layer.respond(now, transaction, &Answer::status(200));
        let subscription_state = read::value(notify, HeaderName::SubscriptionState);
        let body = read::body(notify);
        self.emit(layer, DialogEvent::Notified { subscription_state, body });
    }

    /// Sends a request of the application's in the dialog.
    pub(crate) fn request(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        request: DialogRequest,
    ) -> Result<TransactionId, InvalidUse> {
        if self.ended {
            return Err(InvalidUse::UnknownDialog);
        }
        let Stage::Live(live) = &self.stage else { return Err(InvalidUse::WrongState) };
        let peer = live.peer.clone();
        let method = request.method;
        let needs_contact = matches!(method, Method::Refer | Method::Notify | Method::Subscribe);
        let mut outgoing = self.compose_next(&peer, method, request.headers, request.body);
        if needs_contact {
            outgoing.contact = self.contact_line();
        }
        let owner = Owner::Dialog(self.id, Purpose::Application);
        let way = self.way_to(&peer);
        layer.start(now, owner, outgoing, way).map_err(|_| InvalidUse::Full)
    }

    /// A response to a request of ours.
    pub(crate) fn handle_response(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        purpose: Purpose,
        transaction: TransactionId,
        message: Box<Message>,
        source: Source,
    ) {
        let status = read::status(&message);
        match purpose {
            Purpose::Invite => {
                self.handle_invite_response(layer, now, transaction, message, source);
            }
            Purpose::Reinvite | Purpose::Update | Purpose::Refresh => {
                self.handle_change_response(layer, now, transaction, &message, &source);
            }
            Purpose::Prack => {}
            Purpose::Application if status >= 200 => {
                let gone = status == 481 || status == 408;
                let message = Some(message);
                self.emit(layer, DialogEvent::Response { transaction, status, message });
                if gone && matches!(self.stage, Stage::Live(_)) {
                    self.terminate(layer, now, EndCause::PeerGone);
                }
            }
            Purpose::Application => {}
        }
    }

    /// A request of ours got no response.
    pub(crate) fn handle_failure(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        purpose: Purpose,
        transaction: TransactionId,
        failure: RequestFailure,
    ) {
        match purpose {
            Purpose::Invite => self.handle_invite_failure(layer, failure),
            Purpose::Reinvite | Purpose::Update | Purpose::Refresh => {
                self.handle_change_failure(layer, now, transaction, failure);
            }
            Purpose::Prack => {}
            Purpose::Application => {
                let status = failure.as_status();
                self.emit(layer, DialogEvent::Response { transaction, status, message: None });
            }
        }
    }
}

/// What we serve, as OPTIONS tells it.
pub(crate) fn capabilities() -> String {
    format!("Allow: {ALLOW}\r\nAccept: application/sdp\r\nSupported: {}\r\n", SUPPORTED.join(", "))
}

/// An `Unsupported` line, where the request demands what we do not know (§8.2.2.3).
fn unsupported_extensions(request: &Message) -> Option<String> {
    let mut unknown = request
        .require()
        .filter(|option| !SUPPORTED.iter().any(|known| known.eq_ignore_ascii_case(option)))
        .peekable();
    unknown.peek()?;
    let names: Vec<String> = unknown.map(|option| option.to_string()).collect();
    Some(format!("Unsupported: {}\r\n", names.join(", ")))
}

fn method_refused(layer: &mut TransactionLayer, now: Instant, id: TransactionId, status: u16) {
    let lines = format!("Allow: {ALLOW}\r\n");
    layer.respond(now, id, &Answer { lines: &lines, ..Answer::status(status) });
}
