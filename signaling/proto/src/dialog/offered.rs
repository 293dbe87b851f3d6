//! Their INVITE until our final response: 18x, reliable ones with PRACK, the answer, the refusal
//! (RFC 3261 §13.3, RFC 3262 §3).

use super::live::{Live, Unacked};
use super::session::accept_terms;
use super::{ALLOW, Dialog, Peer, Stage, with_reason};
use crate::endpoint::{
    Body, DialogId, EndCause, HeaderLine, InvalidUse, Reach, Source, TransactionId, read,
};
use crate::headers::Reason;
use crate::session_timer::SessionWish;
use crate::transaction::{Answer, TransactionLayer};
use crate::{HeaderName, Message};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Provisional responses waiting for a PRACK beyond this are dropped: each says more than the last.
const QUEUE_MAX: usize = 8;

/// An unreliable 18x is repeated this often, so that proxies keep the call (§13.3.1.1).
const REMIND: Duration = Duration::from_secs(60);

/// Their INVITE without final response.
#[derive(Debug)]
pub(crate) struct Offered {
    pub(super) transaction: TransactionId,
    pub(super) peer: Peer,
    cseq: u32,
    has_offer: bool,
    wish: SessionWish,
    /// Our 18x go reliably.
    reliable: bool,
    rseq: u32,
    unacked: Option<Unpracked>,
    queue: VecDeque<Provisional>,
    /// An answer given while an 18x with a description waits for its PRACK (RFC 3262 §3).
    answer: Option<(Vec<HeaderLine>, Option<Body>)>,
    /// The last description sent in an 18x.
    pub(super) local_body: Option<Body>,
    remind_at: Option<Instant>,
    /// A reliable 18x answered their offer, and they know it.
    settled: bool,
    /// A later offer changed the session: the 200 has nothing to say about it any more.
    pub(super) changed: bool,
    give_up: Instant,
}

#[derive(Debug)]
struct Provisional {
    status: u16,
    headers: Vec<HeaderLine>,
    body: Option<Body>,
}

/// A reliable 18x without its PRACK.
#[derive(Debug)]
struct Unpracked {
    rseq: u32,
    has_body: bool,
    interval: Duration,
    next: Instant,
    give_up: Instant,
}

impl Offered {
    /// Has the first offer its answer?
    pub(super) fn is_settled(&self) -> bool {
        self.settled
    }

    pub(super) fn poll_timeout(&self) -> Instant {
        let unacked = self.unacked.as_ref().map(|unacked| unacked.next.min(unacked.give_up));
        [unacked, self.remind_at].into_iter().flatten().fold(self.give_up, Instant::min)
    }
}

impl Dialog {
    /// A dialog for a new INVITE whose transaction was begun.
    pub(crate) fn offered(
        layer: &mut TransactionLayer,
        now: Instant,
        id: DialogId,
        transaction: TransactionId,
        invite: &Message,
        source: &Source,
    ) -> Self {
        let tag = layer.token();
        let peer = Peer::of_request(invite, source);
        let browser = matches!(source.transport, crate::Transport::Ws | crate::Transport::Wss);
        let reliable = read::requires(invite, "100rel")
            || (layer.config.reliable_provisional && read::supports(invite, "100rel"));
        let mut dialog = Self {
            id,
            tag,
            call_id: invite.call_id().as_str().into(),
            local: format!("{};tag={tag}", read::to_value(invite)),
            is_caller: false,
            reach: if browser { Reach::Flow } else { Reach::RouteSet },
            contact: None,
            peer_addresses: Vec::new(),
            any_address: false,
            local_cseq: layer.below(1 << 16),
            server_name: None,
            stage: Stage::Over,
            early_offer: None,
            ended: false,
            listed: None,
            armed: None,
        };
        dialog.learn_addresses(&peer);
        dialog.stage = Stage::Offered(Box::new(Offered {
            transaction,
            peer,
            cseq: invite.cseq().seq,
            has_offer: read::body(invite).is_some(),
            wish: read::session_wish(invite),
            reliable,
            rseq: layer.below(1 << 16),
            unacked: None,
            queue: VecDeque::new(),
            answer: None,
            local_body: None,
            remind_at: None,
            settled: false,
            changed: false,
            give_up: now + layer.config.max_ring,
        }));
        dialog
    }

    fn offered_mut(&mut self) -> Option<&mut Offered> {
        match &mut self.stage {
            Stage::Offered(offered) => Some(offered),
            Stage::Calling(_) | Stage::Challenged(_) | Stage::Live(_) | Stage::Over => None,
        }
    }

    /// Sends 101–199.
    pub(crate) fn progress(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        status: u16,
        headers: Vec<HeaderLine>,
        body: Option<Body>,
    ) -> Result<(), InvalidUse> {
        let offered = self.offered_mut().ok_or(InvalidUse::WrongState)?;
        if offered.answer.is_some() || !(101..200).contains(&status) {
            return Err(InvalidUse::WrongState);
        }
        // A late offer goes into the 200: in a reliable 18x the PRACK would have to answer it.
        let body = body.filter(|_| offered.has_offer || !offered.reliable);
        let provisional = Provisional { status, headers, body };
        if offered.unacked.is_some() {
            if offered.queue.len() < QUEUE_MAX {
                offered.queue.push_back(provisional);
            }
            return Ok(());
        }
        self.send_provisional(layer, now, provisional);
        Ok(())
    }

    fn send_provisional(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        provisional: Provisional,
    ) {
        let (tag, contact, timing) = (self.tag, self.contact.clone(), layer.config.timing);
        let Some(offered) = self.offered_mut() else { return };
        let mut lines = format!("Allow: {ALLOW}\r\n");
        if offered.reliable {
            offered.rseq += 1;
            lines.push_str(&format!("Require: 100rel\r\nRSeq: {}\r\n", offered.rseq));
            offered.unacked = Some(Unpracked {
                rseq: offered.rseq,
                has_body: provisional.body.is_some(),
                interval: timing.t1,
                next: now + timing.t1,
                give_up: now + timing.give_up(),
            });
        } else {
            offered.remind_at = Some(now + REMIND);
        }
        if provisional.body.is_some() {
            offered.local_body.clone_from(&provisional.body);
        }
        let answer = Answer {
            tag: Some(tag),
            in_dialog: true,
            contact: contact.as_deref(),
            lines: &lines,
            headers: &provisional.headers,
            body: provisional.body.as_ref(),
            ..Answer::status(provisional.status)
        };
        layer.respond(now, offered.transaction, &answer);
    }

    /// A PRACK: answered first, then what waited for it goes out.
    pub(super) fn handle_prack(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        transaction: TransactionId,
        prack: &Message,
    ) {
        let status = self.take_prack(prack);
        let offers = status == 200 && read::body(prack).is_some();
        let settled = self.offered_mut().is_some_and(|offered| offered.is_settled());
        if offers && settled && self.early_offer.is_none() {
            return self.take_early_offer(layer, transaction, prack);
        }
        // A body where no offer may stand (RFC 3262 §5) means nothing here; the 18x is acknowledged all the same.
        layer.respond(now, transaction, &Answer::status(status));
        if status == 200 {
            self.answer_held_back(layer, now);
        }
    }

    /// Sends what waited for a PRACK, or for our answer to an early offer.
    pub(super) fn answer_held_back(&mut self, layer: &mut TransactionLayer, now: Instant) {
        if self.early_offer.is_some() {
            return;
        }
        let Some(offered) = self.offered_mut().filter(|offered| offered.unacked.is_none()) else {
            return;
        };
        if let Some(next) = offered.queue.pop_front() {
            self.send_provisional(layer, now, next);
        } else if let Some((headers, body)) = offered.answer.take() {
            self.send_answer(layer, now, headers, body);
        }
    }

    /// Which status a PRACK gets; 200: the 18x is off our mind.
    fn take_prack(&mut self, prack: &Message) -> u16 {
        let Some(offered) = self.offered_mut() else { return 481 };
        let Ok(Some(rack)) = prack.rack() else { return 400 };
        let meant = offered.cseq == rack.cseq.seq;
        let taken = offered.unacked.take_if(|unacked| meant && unacked.rseq == rack.rseq);
        let Some(taken) = taken else { return 481 };
        offered.settled |= taken.has_body && offered.has_offer;
        200
    }

    /// Sends 200; the call is up.
    pub(crate) fn answer(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        headers: Vec<HeaderLine>,
        body: Option<Body>,
    ) -> Result<(), InvalidUse> {
        let offered = self.offered_mut().ok_or(InvalidUse::WrongState)?;
        if offered.answer.is_some() {
            return Err(InvalidUse::WrongState);
        }
        offered.queue.clear();
        let owes = self.early_offer.is_some();
        let offered = self.offered_mut().ok_or(InvalidUse::WrongState)?;
        // RFC 3262 §5, RFC 3311 §5.2: not before the PRACK of an answer, nor before their new offer has its own.
        if owes || offered.unacked.as_ref().is_some_and(|unacked| unacked.has_body) {
            offered.answer = Some((headers, body));
        } else {
            self.send_answer(layer, now, headers, body);
        }
        Ok(())
    }

    fn send_answer(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        headers: Vec<HeaderLine>,
        body: Option<Body>,
    ) {
        let stage = std::mem::replace(&mut self.stage, Stage::Over);
        let Stage::Offered(offered) = stage else { return };
        let body = body.filter(|_| !offered.changed);
        let (mut lines, session) = accept_terms(&layer.config, now, offered.wish);
        lines.push_str(&format!("Allow: {ALLOW}\r\nSupported: replaces, timer\r\n"));
        let answer = Answer {
            tag: Some(self.tag),
            in_dialog: true,
            contact: self.contact.as_deref(),
            lines: &lines,
            headers: &headers,
            body: body.as_ref(),
            ..Answer::status(200)
        };
        layer.respond(now, offered.transaction, &answer);
        let unacked =
            Unacked::new(layer, now, offered.transaction, offered.cseq, !offered.has_offer);
        let local_body = body.or(offered.local_body);
        let mut live = Live::new(offered.peer, session, local_body);
        live.unacked = Some(unacked.of_first());
        self.stage = Stage::Live(Box::new(live));
    }

    /// Refuses the call.
    pub(crate) fn reject(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        status: u16,
        headers: &[HeaderLine],
    ) -> Result<(), InvalidUse> {
        self.offered_mut().ok_or(InvalidUse::WrongState)?;
        self.refuse(layer, now, &Answer::status(status.clamp(300, 699)), headers, None);
        self.end(layer, EndCause::Local, None);
        Ok(())
    }

    /// Sends a final refusal; the transaction sees to its ACK.
    pub(super) fn refuse(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        answer: &Answer<'_>,
        headers: &[HeaderLine],
        reason: Option<&Reason>,
    ) {
        let stage = std::mem::replace(&mut self.stage, Stage::Over);
        let _ = self.refuse_early_offer(layer, now, 487);
        let Stage::Offered(offered) = stage else { return };
        let headers = with_reason(headers, reason);
        let answer = Answer { tag: Some(self.tag), headers: &headers, ..*answer };
        layer.respond(now, offered.transaction, &answer);
    }

    /// The caller gave up (§9.2).
    pub(crate) fn handle_cancel(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        invite: TransactionId,
        cancel: &Message,
    ) {
        if self.offered_mut().is_none() {
            // It crossed our final response, or takes back a re-INVITE.
            self.cancel_theirs(layer, now, invite);
            return;
        }
        self.refuse(layer, now, &Answer::status(487), &[], None);
        self.end(layer, EndCause::RemoteCancel, cancel.reason());
    }

    /// BYE in the early dialog: like CANCEL (§15.1.2).
    pub(super) fn handle_bye_while_offered(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        reason: Option<Reason>,
    ) {
        self.refuse(layer, now, &Answer::status(487), &[], None);
        self.end(layer, EndCause::RemoteBye, reason);
    }

    pub(super) fn offered_timeout(&mut self, layer: &mut TransactionLayer, now: Instant) {
        let Some(offered) = self.offered_mut() else { return };
        if offered.give_up <= now {
            self.refuse(layer, now, &Answer::status(480), &[], None);
            self.end(layer, EndCause::Unanswered, None);
            return;
        }
        let transaction = offered.transaction;
        if offered.remind_at.is_some_and(|at| at <= now) {
            offered.remind_at = Some(now + REMIND);
            layer.resend_response(transaction);
        }
        let Some(unacked) = &mut offered.unacked else { return };
        if unacked.give_up <= now {
            self.refuse(layer, now, &Answer::status(504), &[], None);
            self.end(layer, EndCause::NoPrack, None);
        } else if unacked.next <= now {
            // RFC 3262 §3: T1 doubling, without bound.
            unacked.interval *= 2;
            unacked.next = now + unacked.interval;
            layer.resend_response(transaction);
        }
    }

    /// What an INVITE without room for its session interval is told (RFC 4028 §9).
    pub(crate) fn interval_refusal(layer: &TransactionLayer, invite: &Message) -> Option<String> {
        let wish = read::session_wish(invite);
        let config = &layer.config.session_timer;
        crate::session_timer::agree(config, wish)
            .err()
            .map(|_| format!("{}: {}\r\n", HeaderName::MinSe, config.min_se.as_secs()))
    }
}
