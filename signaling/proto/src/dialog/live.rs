//! A session after its 2xx: ACK owed or awaited, BYE, the timers (RFC 3261 §13.2.2.4, §13.3.1.4, §15).

use super::reoffer::{Ours, Retry, Theirs};
use super::session::timer_of_response;
use super::{Dialog, Peer, Stage, reason_line};
use crate::endpoint::{Body, DialogEvent, EndCause, InvalidUse, TransactionId, read};
use crate::headers::Reason;
use crate::session_timer::{SessionDue, SessionTimer};
use crate::transaction::{Owner, TransactionLayer};
use crate::{Message, Method};
use std::time::{Duration, Instant};

/// A session after its 2xx.
#[derive(Debug)]
pub(crate) struct Live {
    pub(super) peer: Peer,
    /// A 2xx of ours without its ACK.
    pub(super) unacked: Option<Unacked>,
    /// A 2xx of theirs whose offer the application has to answer in our ACK.
    pub(super) owed: Option<OwedAck>,
    /// Our re-INVITE or UPDATE without final response.
    pub(super) ours: Option<Ours>,
    /// Our re-INVITE met theirs and waits to be sent again (§14.1).
    pub(super) retry: Option<Retry>,
    /// Their re-INVITE or UPDATE without final response.
    pub(super) theirs: Option<Theirs>,
    pub(super) session: Option<SessionTimer>,
    /// The last description we sent, for refreshes by re-INVITE.
    pub(super) local_body: Option<Body>,
    /// `hangup` came before the ACK: the Reason line of the BYE to come.
    bye_on_ack: Option<String>,
}

/// A 2xx of ours without its ACK.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unacked {
    pub(super) transaction: TransactionId,
    pub(super) cseq: u32,
    /// It answers the first INVITE.
    pub(super) first: bool,
    /// It holds our offer: the ACK brings the answer.
    pub(super) late: bool,
    interval: Duration,
    next: Instant,
    give_up: Instant,
}

impl Unacked {
    /// The same for the first INVITE.
    pub(super) fn of_first(self) -> Self {
        Self { first: true, ..self }
    }

    pub(super) fn new(
        layer: &TransactionLayer,
        now: Instant,
        transaction: TransactionId,
        cseq: u32,
        late: bool,
    ) -> Self {
        let timing = layer.config.timing;
        Self {
            transaction,
            cseq,
            first: false,
            late,
            interval: timing.t1,
            next: now + timing.t1,
            give_up: now + timing.give_up(),
        }
    }
}

/// A 2xx of theirs that waits for `acknowledge`.
#[derive(Clone, Copy, Debug)]
pub(super) struct OwedAck {
    transaction: TransactionId,
    cseq: u32,
    give_up: Instant,
}

impl Live {
    pub(super) fn new(peer: Peer, session: Option<SessionTimer>, local_body: Option<Body>) -> Self {
        Self {
            peer,
            unacked: None,
            owed: None,
            ours: None,
            retry: None,
            theirs: None,
            session,
            local_body,
            bye_on_ack: None,
        }
    }

    /// An exchange begun by the peer, or a three-way handshake, is open.
    pub(super) fn is_exchanging(&self) -> bool {
        self.theirs.is_some() || self.unacked.is_some() || self.owed.is_some()
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        [
            self.unacked.map(|unacked| unacked.next.min(unacked.give_up)),
            self.owed.map(|owed| owed.give_up),
            self.retry.as_ref().map(|retry| retry.at),
            self.theirs.as_ref().map(|theirs| theirs.give_up),
            self.ours.as_ref().map(|ours| ours.give_up),
            self.session.and_then(|session| session.poll_timeout()).map(|(at, _)| at),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

impl Dialog {
    pub(super) fn live_mut(&mut self) -> Option<&mut Live> {
        match &mut self.stage {
            Stage::Live(live) => Some(live),
            Stage::Calling(_) | Stage::Challenged(_) | Stage::Offered(_) | Stage::Over => None,
        }
    }

    /// A 2xx to our first INVITE made this session.
    pub(super) fn go_live_as_caller(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        transaction: TransactionId,
        peer: Peer,
        response: &Message,
    ) {
        let offer = layer.request_of(transaction).and_then(|request| request.body.clone());
        let late = offer.is_none() && read::body(response).is_some();
        let session = timer_of_response(&layer.config, now, response);
        self.stage = Stage::Live(Box::new(Live::new(peer, session, offer)));
        self.acknowledge_or_owe(layer, now, transaction, response.cseq().seq, late);
    }

    /// Sends the ACK to a 2xx, or waits for the application's answer to put into it.
    pub(super) fn acknowledge_or_owe(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        transaction: TransactionId,
        cseq: u32,
        late: bool,
    ) {
        // Before they give up waiting for it, so that our BYE says why.
        let give_up = now + layer.config.timing.give_up() * 3 / 4;
        let owed = OwedAck { transaction, cseq, give_up };
        if late {
            if let Some(live) = self.live_mut() {
                live.owed = Some(owed);
            }
        } else {
            self.send_ack(layer, now, owed, None);
        }
    }

    /// A repeated 2xx whose ACK the application still owes.
    pub(super) fn owes_ack(&self, transaction: TransactionId, response: &Message) -> bool {
        let Stage::Live(live) = &self.stage else { return false };
        live.owed.is_some_and(|owed| owed.transaction == transaction)
            && response.to_tag() == Some(live.peer.tag.as_str())
    }

    fn send_ack(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        owed: OwedAck,
        body: Option<Body>,
    ) {
        let Some(peer) = self.peer().cloned() else { return };
        let mut ack = self.compose(&peer, Method::Ack, owed.cseq);
        ack.body = body;
        if let Some(invite) = layer.request_of(owed.transaction) {
            // §13.2.2.4: the ACK carries the credentials of its INVITE.
            ack.credentials.clone_from(&invite.credentials);
        }
        let way = self.way_to(&peer);
        if let Ok(id) = layer.start(now, Owner::Nobody, ack, way) {
            layer.note_ack(owed.transaction, &peer.tag, id);
        }
    }

    /// Answers the offer of a 2xx in the ACK.
    pub(crate) fn acknowledge(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        body: Option<Body>,
    ) -> Result<(), InvalidUse> {
        let live = self.live_mut().ok_or(InvalidUse::WrongState)?;
        let owed = live.owed.take().ok_or(InvalidUse::WrongState)?;
        if body.is_some() {
            live.local_body.clone_from(&body);
        }
        self.send_ack(layer, now, owed, body);
        Ok(())
    }

    /// An ACK in this dialog.
    pub(crate) fn handle_ack(&mut self, layer: &mut TransactionLayer, now: Instant, ack: &Message) {
        let Some(live) = self.live_mut() else { return };
        let Some(unacked) = live.unacked.take_if(|unacked| unacked.cseq == ack.cseq().seq) else {
            return;
        };
        if let Some(lines) = live.bye_on_ack.take() {
            self.send_bye(layer, now, lines);
            return;
        }
        let body = read::body(ack);
        if unacked.first {
            self.emit(layer, DialogEvent::Confirmed { body });
        } else if unacked.late {
            self.emit(layer, DialogEvent::ReinviteConfirmed { body });
        }
    }

    /// Ends a session that was set up; the BYE waits for the ACK to our 2xx (§15).
    pub(super) fn hangup_live(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        reason: Option<&Reason>,
    ) {
        let lines = reason_line(reason);
        let Some(live) = self.live_mut() else { return };
        if let Some(owed) = live.owed.take() {
            self.send_ack(layer, now, owed, None);
        }
        let Some(live) = self.live_mut() else { return };
        if live.unacked.is_some_and(|unacked| unacked.first) {
            live.bye_on_ack = Some(lines);
        } else {
            self.send_bye(layer, now, lines);
        }
    }

    /// Sends BYE and leaves it to its transaction.
    pub(super) fn send_bye(&mut self, layer: &mut TransactionLayer, now: Instant, lines: String) {
        let stage = std::mem::replace(&mut self.stage, Stage::Over);
        let Stage::Live(live) = stage else { return };
        if let Some(ours) = &live.ours {
            layer.disown(now, ours.transaction);
        }
        self.refuse_theirs(layer, now, live.theirs.as_ref());
        let mut bye = self.compose_next(&live.peer, Method::Bye, Vec::new(), None);
        bye.lines = lines;
        let way = self.way_to(&live.peer);
        if layer.start(now, Owner::Nobody, bye, way).is_err() {
            layer.counters.lost_byes += 1;
        }
    }

    /// Ends the session from our side for a reason of the protocol's.
    pub(super) fn terminate(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        cause: EndCause,
    ) {
        let reason = match cause {
            EndCause::PeerGone => Some(Reason::sip(408, "Request Timeout")),
            EndCause::Expired => Some(Reason::sip(408, "Session expired")),
            EndCause::NoAck => Some(Reason::sip(408, "No ACK")),
            EndCause::Local
            | EndCause::RemoteBye
            | EndCause::RemoteCancel
            | EndCause::NoPrack
            | EndCause::Unanswered => None,
        };
        self.remember(layer);
        self.send_bye(layer, now, reason_line(reason.as_ref()));
        self.end(layer, cause, None);
    }

    pub(super) fn live_timeout(&mut self, layer: &mut TransactionLayer, now: Instant) {
        let Some(live) = self.live_mut() else { return };
        if let Some(unacked) = &mut live.unacked {
            if unacked.give_up <= now {
                self.terminate(layer, now, EndCause::NoAck);
                return;
            }
            if unacked.next <= now {
                // §13.3.1.4: over every transport, T1 doubling to T2.
                unacked.interval = layer.config.timing.back_off(unacked.interval);
                unacked.next = now + unacked.interval;
                layer.resend_response(unacked.transaction);
            }
        }
        if live.owed.is_some_and(|owed| owed.give_up <= now) {
            if let Some(owed) = live.owed.take() {
                self.send_ack(layer, now, owed, None);
            }
            self.terminate(layer, now, EndCause::NoAck);
            return;
        }
        if live.theirs.as_ref().is_some_and(|theirs| theirs.give_up <= now) {
            let theirs = live.theirs.take();
            self.refuse_theirs(layer, now, theirs.as_ref());
        }
        self.ours_overdue(layer, now);
        self.retry_due(layer, now);
        self.session_due(layer, now);
    }

    fn session_due(&mut self, layer: &mut TransactionLayer, now: Instant) {
        let Some(live) = self.live_mut() else { return };
        match live.session.as_mut().and_then(|session| session.handle_timeout(now)) {
            Some(SessionDue::Refresh) => self.send_refresh(layer, now),
            Some(SessionDue::Expired) => self.terminate(layer, now, EndCause::Expired),
            None => {}
        }
    }
}
