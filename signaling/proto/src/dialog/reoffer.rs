//! Changing a session: re-INVITE and UPDATE of both sides, glare, refreshes
//! (RFC 3261 §14, RFC 3311, RFC 4028 §7–§10).

use super::live::Unacked;
use super::origin::continued;
use super::session::{accept_terms, demanded, invite_lines, timer_of_response, update_lines};
use super::{ALLOW, Dialog, Stage};
use crate::endpoint::{
    Body, DialogEvent, EndCause, InvalidUse, RequestFailure, Source, TransactionId, read,
};
use crate::headers::Refresher;
use crate::session_timer::{Keeper, SessionWish};
use crate::transaction::{Answer, Owner, Purpose, TransactionLayer};
use crate::{Message, Method};
use std::time::{Duration, Instant};

/// Our re-INVITE or UPDATE without final response.
#[derive(Clone, Debug)]
pub(super) struct Ours {
    pub(super) transaction: TransactionId,
    change: Change,
    /// Another try after 422 was made.
    stretched: bool,
    /// A provisional response stops the transaction's timeout, not ours.
    pub(super) give_up: Instant,
}

/// What a re-INVITE or UPDATE of ours is for.
#[derive(Clone, Debug)]
struct Change {
    purpose: Purpose,
    method: Method,
    body: Option<Body>,
}

/// Our change met theirs and waits.
#[derive(Clone, Debug)]
pub(super) struct Retry {
    pub(super) at: Instant,
    change: Change,
    /// It waits for another exchange to end, not for a random time.
    queued: bool,
}

/// A change that waits for another exchange looks this often whether that is over.
const QUEUE_LOOK: Duration = Duration::from_millis(50);

/// Their re-INVITE or UPDATE without final response.
#[derive(Clone, Debug)]
pub(super) struct Theirs {
    transaction: TransactionId,
    is_invite: bool,
    cseq: u32,
    had_offer: bool,
    wish: SessionWish,
    pub(super) give_up: Instant,
}

impl Dialog {
    /// re-INVITE with a new offer, or without (late).
    pub(crate) fn reinvite(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        body: Option<Body>,
    ) -> Result<(), InvalidUse> {
        let change = Change { purpose: Purpose::Reinvite, method: Method::Invite, body };
        self.begin_change(layer, now, change)
    }

    /// UPDATE with a new offer.
    pub(crate) fn update(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        body: Body,
    ) -> Result<(), InvalidUse> {
        let change = Change { purpose: Purpose::Update, method: Method::Update, body: Some(body) };
        self.begin_change(layer, now, change)
    }

    fn begin_change(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        change: Change,
    ) -> Result<(), InvalidUse> {
        if self.ended {
            return Err(InvalidUse::UnknownDialog);
        }
        let live = self.live_mut().ok_or(InvalidUse::WrongState)?;
        if live.ours.is_some() || live.retry.is_some() {
            return Err(InvalidUse::Pending);
        }
        if live.is_exchanging() {
            // §14.1: not before the ACK, not while theirs is open. It goes out after that.
            live.retry = Some(Retry { at: now + QUEUE_LOOK, change, queued: true });
            return Ok(());
        }
        self.send_change(layer, now, change, None)
    }

    fn send_change(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        mut change: Change,
        interval: Option<Duration>,
    ) -> Result<(), InvalidUse> {
        let Stage::Live(live) = &self.stage else { return Err(InvalidUse::WrongState) };
        change.body = change.body.map(|body| continued(live.local_body.as_ref(), body));
        let peer = live.peer.clone();
        let session = live.session.map(|session| {
            let role = match session.keeper {
                Keeper::Us => Refresher::Uac,
                Keeper::Them => Refresher::Uas,
            };
            (interval.unwrap_or(session.interval), Some(role))
        });
        let session = session.or(interval.map(|interval| (interval, None)));
        let mut request =
            self.compose_next(&peer, change.method.clone(), Vec::new(), change.body.clone());
        request.contact = self.contact_line();
        request.lines = if change.method == Method::Invite {
            invite_lines(&layer.config, false, session)
        } else {
            update_lines(&layer.config, session)
        };
        let owner = Owner::Dialog(self.id, change.purpose);
        let way = self.way_to(&peer);
        let started = layer.start(now, owner, request, way);
        let transaction = started.map_err(|_| InvalidUse::Full)?;
        if let Some(live) = self.live_mut() {
            let give_up = now + layer.config.timing.give_up() * 2;
            let stretched = interval.is_some();
            live.ours = Some(Ours { transaction, change, stretched, give_up });
        }
        Ok(())
    }

    /// Keeps the session alive: UPDATE where they take it, else re-INVITE as before.
    pub(super) fn send_refresh(&mut self, layer: &mut TransactionLayer, now: Instant) {
        let Some(live) = self.live_mut() else { return };
        if live.ours.is_some() || live.retry.is_some() || live.theirs.is_some() {
            return; // that exchange refreshes as well
        }
        let change = if live.peer.takes_update {
            Change { purpose: Purpose::Refresh, method: Method::Update, body: None }
        } else {
            let body = live.local_body.clone();
            Change { purpose: Purpose::Refresh, method: Method::Invite, body }
        };
        // Without room the timer expires and ends the session.
        let _ = self.send_change(layer, now, change, None);
    }

    /// A response to our re-INVITE or UPDATE.
    pub(super) fn handle_change_response(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        transaction: TransactionId,
        message: &Message,
        source: &Source,
    ) {
        let status = read::status(message);
        let Some(live) = self.live_mut() else { return };
        let Some(ours) = live.ours.take_if(|o| o.transaction == transaction && status >= 200)
        else {
            return;
        };
        match status {
            200..=299 => self.change_accepted(layer, now, &ours, message, source),
            491 => {
                let at = now + self.glare_wait(layer);
                if let Some(live) = self.live_mut() {
                    live.retry = Some(Retry { at, change: ours.change, queued: false });
                }
            }
            422 if !ours.stretched && demanded(message).is_some() => {
                let interval = demanded(message);
                if self.send_change(layer, now, ours.change.clone(), interval).is_err() {
                    self.change_failed(layer, &ours.change, status);
                }
            }
            408 | 481 => {
                self.terminate(layer, now, EndCause::PeerGone);
            }
            0..=199 | 300.. => self.change_failed(layer, &ours.change, status),
        }
    }

    fn change_accepted(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        ours: &Ours,
        message: &Message,
        source: &Source,
    ) {
        let timer = timer_of_response(&layer.config, now, message);
        let body = read::body(message);
        let is_invite = ours.change.method == Method::Invite;
        if let Some(live) = self.live_mut() {
            live.peer.refresh(message, source);
            live.session = timer;
            if let Some(sent) = &ours.change.body {
                live.local_body = Some(sent.clone());
            }
        }
        if is_invite {
            let late = ours.change.body.is_none() && body.is_some();
            let cseq = message.cseq().seq;
            self.acknowledge_or_owe(layer, now, ours.transaction, cseq, late);
        }
        if ours.change.purpose != Purpose::Refresh {
            self.emit(layer, DialogEvent::ReinviteAnswered { body });
        }
    }

    fn change_failed(&mut self, layer: &mut TransactionLayer, change: &Change, status: u16) {
        if change.purpose != Purpose::Refresh {
            self.emit(layer, DialogEvent::ReinviteFailed { status });
        }
    }

    /// Our re-INVITE or UPDATE got no response: the peer is gone (§12.2.1.2).
    pub(super) fn handle_change_failure(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        transaction: TransactionId,
        failure: RequestFailure,
    ) {
        let Some(live) = self.live_mut() else { return };
        let Some(ours) = live.ours.take_if(|ours| ours.transaction == transaction) else { return };
        match failure {
            RequestFailure::Timeout => self.terminate(layer, now, EndCause::PeerGone),
            RequestFailure::Unreachable | RequestFailure::Unresolved => {
                self.change_failed(layer, &ours.change, failure.as_status());
            }
        }
    }

    /// Takes back a change of ours the peer thinks about for too long.
    pub(super) fn ours_overdue(&mut self, layer: &mut TransactionLayer, now: Instant) {
        let Some(live) = self.live_mut() else { return };
        let Some(ours) = live.ours.take_if(|ours| ours.give_up <= now) else { return };
        layer.abandon(now, ours.transaction, None);
        self.change_failed(layer, &ours.change, 408);
    }

    /// How long to wait after 491: by who owns the Call-ID (§14.1, A17).
    fn glare_wait(&self, layer: &mut TransactionLayer) -> Duration {
        let steps = if self.is_caller { 210 + layer.below(191) } else { layer.below(201) };
        Duration::from_millis(u64::from(steps) * 10)
    }

    /// Sends a change that met theirs again.
    pub(super) fn retry_due(&mut self, layer: &mut TransactionLayer, now: Instant) {
        let Some(live) = self.live_mut() else { return };
        let busy = live.is_exchanging();
        let Some(retry) = live.retry.take_if(|retry| retry.at <= now) else { return };
        if busy {
            let wait = if retry.queued { QUEUE_LOOK } else { self.glare_wait(layer) };
            let at = now + wait.max(QUEUE_LOOK);
            if let Some(live) = self.live_mut() {
                live.retry = Some(Retry { at, ..retry });
            }
            return;
        }
        if self.send_change(layer, now, retry.change.clone(), None).is_err() {
            self.change_failed(layer, &retry.change, 503);
        }
    }

    /// Their re-INVITE or UPDATE. The transaction was begun.
    pub(super) fn handle_change(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        transaction: TransactionId,
        request: &Message,
        source: &Source,
    ) {
        let is_invite = *request.method() == Method::Invite;
        let body = read::body(request);
        let wish = read::session_wish(request);
        let offers = is_invite || body.is_some();
        if let Some(refusal) = self.refusal_of_change(layer, offers, &wish) {
            let lines = refusal.1;
            let answer = Answer { lines: &lines, ..Answer::status(refusal.0) };
            layer.respond(now, transaction, &answer);
            return;
        }
        if !offers {
            self.accept_refresh(layer, now, transaction, request, source);
            return;
        }
        let give_up = now + layer.config.timing.give_up() * 3 / 4;
        let theirs = Theirs {
            transaction,
            is_invite,
            cseq: request.cseq().seq,
            had_offer: body.is_some(),
            wish,
            give_up,
        };
        if let Some(live) = self.live_mut() {
            live.peer.refresh(request, source);
            live.theirs = Some(theirs);
        }
        if is_invite {
            layer.respond(now, transaction, &Answer::status(100));
        }
        self.emit(layer, DialogEvent::Reinvited { body });
    }

    /// UPDATE without an offer: a target or session refresh only.
    fn accept_refresh(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        transaction: TransactionId,
        update: &Message,
        source: &Source,
    ) {
        let contact = self.contact.clone();
        let (lines, timer) = accept_terms(&layer.config, now, read::session_wish(update));
        if let Some(live) = self.live_mut() {
            live.peer.refresh(update, source);
            live.session = timer.or(live.session.take());
        }
        let answer = Answer {
            in_dialog: true,
            contact: contact.as_deref(),
            lines: &lines,
            ..Answer::status(200)
        };
        layer.respond(now, transaction, &answer);
    }

    /// Status and lines of a refusal the protocol demands.
    fn refusal_of_change(
        &mut self,
        layer: &mut TransactionLayer,
        offers: bool,
        wish: &SessionWish,
    ) -> Option<(u16, String)> {
        if self.ended {
            return Some((481, String::new()));
        }
        let live = self.live_mut()?;
        if offers && live.theirs.is_some() {
            return Some((500, format!("Retry-After: {}\r\n", layer.below(11))));
        }
        if offers && (live.ours.is_some() || live.unacked.is_some() || live.owed.is_some()) {
            return Some((491, String::new()));
        }
        if crate::session_timer::agree(&layer.config.session_timer, *wish).is_err() {
            let min = layer.config.session_timer.min_se.as_secs();
            return Some((422, format!("Min-SE: {min}\r\n")));
        }
        None
    }

    /// 2xx to their re-INVITE or UPDATE.
    pub(crate) fn accept_reinvite(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        body: Option<Body>,
    ) -> Result<(), InvalidUse> {
        if self.early_offer.is_some() {
            return self.answer_early_offer(layer, now, body.as_ref());
        }
        let contact = self.contact.clone();
        let live = self.live_mut().ok_or(InvalidUse::WrongState)?;
        let theirs = live.theirs.take().ok_or(InvalidUse::WrongState)?;
        let body = body.map(|body| continued(live.local_body.as_ref(), body));
        let (mut lines, timer) = accept_terms(&layer.config, now, theirs.wish);
        lines.push_str(&format!("Allow: {ALLOW}\r\nSupported: replaces, timer\r\n"));
        live.session = timer.or(live.session.take());
        if body.is_some() {
            live.local_body.clone_from(&body);
        }
        if theirs.is_invite {
            let late = !theirs.had_offer;
            live.unacked = Some(Unacked::new(layer, now, theirs.transaction, theirs.cseq, late));
        }
        let answer = Answer {
            in_dialog: true,
            contact: contact.as_deref(),
            lines: &lines,
            body: body.as_ref(),
            ..Answer::status(200)
        };
        layer.respond(now, theirs.transaction, &answer);
        Ok(())
    }

    /// Refuses their re-INVITE or UPDATE; the session stays as it was.
    pub(crate) fn refuse_reinvite(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        status: u16,
    ) -> Result<(), InvalidUse> {
        if self.early_offer.is_some() {
            return self.refuse_early_offer(layer, now, status.clamp(300, 699));
        }
        let live = self.live_mut().ok_or(InvalidUse::WrongState)?;
        let theirs = live.theirs.take().ok_or(InvalidUse::WrongState)?;
        layer.respond(now, theirs.transaction, &Answer::status(status.clamp(300, 699)));
        Ok(())
    }

    /// Their CANCEL of their re-INVITE (§9.2).
    pub(super) fn cancel_theirs(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        invite: TransactionId,
    ) {
        let Some(live) = self.live_mut() else { return };
        let theirs = live.theirs.take_if(|theirs| theirs.transaction == invite);
        self.refuse_theirs(layer, now, theirs.as_ref());
    }

    /// Ends a change of theirs nobody will answer.
    pub(super) fn refuse_theirs(
        &mut self,
        layer: &mut TransactionLayer,
        now: Instant,
        theirs: Option<&Theirs>,
    ) {
        if let Some(theirs) = theirs {
            let status = if theirs.is_invite { 487 } else { 500 };
            layer.respond(now, theirs.transaction, &Answer::status(status));
        }
    }
}
