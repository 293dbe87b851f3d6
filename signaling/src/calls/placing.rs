//! A leg we placed: one INVITE to a carrier, or one to each phone of an extension. The first
//! answer wins in here; the core sees one leg.

use super::{
    answering::{Effects, Redirect, established},
    cause,
};
use crate::{
    sip::DialogAction,
    trunk::{Channel, Trunk},
};
use bytes::Bytes;
use call::{CauseKind, EndedBy, HangupCause, Input, LegId, TrunkTarget};
use signaling_proto::{
    Body, DialogEvent, Failure, HeaderLine, Message, Method, NameAddr, Source, Uri,
    digest::DigestClient, message::Contacts, registration::challenges_only,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// Credentials are sent this often for one INVITE: once, and once more for a stale nonce (B08).
const CREDENTIALS_SENT_MAX: u8 = 2;

/// A carrier that sends one call on more often than this goes in circles.
const REDIRECTS_MAX: usize = 3;

/// Numbers of one redirection that are looked at.
const CANDIDATES_MAX: usize = 3;

/// A leg we placed.
#[derive(Debug)]
pub(super) struct PlacedLeg {
    leg: LegId,
    side: Side,
    forks: Vec<Fork>,
    winner: Option<u16>,
    early: Option<u16>,
    rang: bool,
    best: Option<Outcome>,
    hung_up: Option<HangupCause>,
}

/// Where it leads.
#[derive(Debug)]
enum Side {
    Phones,
    Trunk(Box<TrunkSide>),
}

/// A carrier, and what a challenge of it needs.
#[derive(Debug)]
struct TrunkSide {
    trunk: Arc<Trunk>,
    credentials: Option<DigestClient>,
    sent: u8,
    uri: Uri,
    /// Our offer, for the INVITE that follows a redirection.
    sdp: Bytes,
    /// Whom it was asked to call, latest last.
    asked: Vec<String>,
    _channel: Channel,
}

/// What a leg to a carrier begins with.
#[derive(Debug)]
pub(super) struct TrunkCall {
    pub(super) trunk: Arc<Trunk>,
    pub(super) channel: Channel,
    pub(super) uri: Uri,
    pub(super) number: String,
    pub(super) sdp: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fork {
    Calling,
    Answered,
    Leaving,
    Over,
}

/// How one fork failed.
#[derive(Clone, Copy, Debug)]
struct Outcome {
    cause: HangupCause,
    before_ringing: bool,
}

impl PlacedLeg {
    /// To the phones of an extension.
    pub(super) fn to_phones(leg: LegId, phones: u16) -> Self {
        Self::new(leg, Side::Phones, phones)
    }

    /// To a carrier; keeps its channel until the leg is over.
    pub(super) fn to_trunk(leg: LegId, call: TrunkCall) -> Self {
        let TrunkCall { trunk, channel, uri, number, sdp } = call;
        let credentials = trunk
            .settings
            .credentials
            .as_ref()
            .map(|own| DigestClient::new(&own.username, &own.secret.0, rand::random()));
        let asked = vec![number];
        let side = TrunkSide { trunk, credentials, sent: 0, uri, sdp, asked, _channel: channel };
        Self::new(leg, Side::Trunk(Box::new(side)), 1)
    }

    fn new(leg: LegId, side: Side, forks: u16) -> Self {
        Self {
            leg,
            side,
            forks: vec![Fork::Calling; usize::from(forks)],
            winner: None,
            early: None,
            rang: false,
            best: None,
            hung_up: None,
        }
    }

    /// The party's end of the conversation, for causes.
    pub(super) fn party(&self) -> EndedBy {
        match self.side {
            Side::Phones => EndedBy::Agent,
            Side::Trunk(_) => EndedBy::Customer,
        }
    }

    /// The fork that the dialog actions of the core are for.
    pub(super) fn fork(&self) -> u16 {
        self.winner.unwrap_or(0)
    }

    /// CANCEL or BYE to everybody that is still there.
    pub(super) fn hang_up(&mut self, told: HangupCause) -> Effects {
        let mut effects = Effects::default();
        self.hung_up.get_or_insert(told);
        for index in 0..self.forks.len() {
            self.leave(index, told, &mut effects);
        }
        effects
    }

    /// Something happened in one fork's dialog.
    pub(super) fn handle(&mut self, fork: u16, event: DialogEvent, now: Instant) -> Effects {
        let mut effects = Effects::default();
        let index = usize::from(fork);
        if index >= self.forks.len() {
            return effects;
        }
        if event.is_within() {
            if self.winner.is_none_or(|winner| winner == fork) {
                established(self.leg, fork, event, &mut effects);
            }
        } else if let DialogEvent::Progressed { status, body, .. } = event {
            self.progressed(fork, status, body, &mut effects);
        } else if let DialogEvent::Answered { body, .. } = event {
            self.answered(fork, body, &mut effects);
        } else if let DialogEvent::Challenged { message, source } = event {
            self.challenged(fork, &message, &source, &mut effects);
        } else if let DialogEvent::Failed(failure) = event {
            self.failed(index, &failure, now, &mut effects);
        } else if let DialogEvent::Ended { cause: end, reason } = event {
            let told = self.hung_up;
            let cause = told.unwrap_or_else(|| cause::of_end(self.party(), end, reason.as_ref()));
            self.over(index, Outcome { cause, before_ringing: !self.rang }, &mut effects);
        }
        effects
    }

    fn progressed(&mut self, fork: u16, status: u16, body: Option<Body>, effects: &mut Effects) {
        if self.winner.is_some() || self.forks[usize::from(fork)] != Fork::Calling || status <= 100
        {
            return;
        }
        self.rang = true;
        let sdp = body.map(|body| body.bytes);
        // Of several phones none is listened to before one answered, and early media of a
        // second dialog of a forking carrier cannot be joined with the first.
        let alone = self.forks.len() == 1 || matches!(self.side, Side::Trunk(_));
        let sdp = sdp.filter(|_| alone && *self.early.get_or_insert(fork) == fork);
        effects.input(Input::LegProgressed { leg: self.leg, status, sdp });
    }

    fn answered(&mut self, fork: u16, body: Option<Body>, effects: &mut Effects) {
        let index = usize::from(fork);
        match self.forks[index] {
            Fork::Calling => {}
            // Our CANCEL crossed the 200 (A14), or another phone was quicker: BYE.
            Fork::Leaving | Fork::Answered | Fork::Over => {
                effects.act(fork, DialogAction::Hangup { reason: None });
                return;
            }
        }
        self.forks[index] = Fork::Answered;
        self.winner = Some(fork);
        let elsewhere = HangupCause::new(EndedBy::System, CauseKind::Cancelled);
        for other in 0..self.forks.len() {
            if other != index {
                self.leave(other, elsewhere, effects);
            }
        }
        if let Side::Trunk(side) = &self.side {
            side.trunk.note_status(200);
        }
        let sdp = body.map(|body| body.bytes);
        effects.input(Input::LegAnswered { leg: self.leg, sdp });
    }

    /// Credentials go to the trunk's own hosts only, in answer to our own INVITE (B07).
    fn challenged(&mut self, fork: u16, message: &Message, source: &Source, effects: &mut Effects) {
        let headers = match &mut self.side {
            Side::Trunk(side) if side.sent < CREDENTIALS_SENT_MAX => {
                let again = side.sent > 0;
                side.sent += 1;
                let theirs = side.trunk.is_host(source.remote) && realm_fits(&side.trunk, message);
                let own = side.credentials.as_mut().filter(|_| theirs);
                own.and_then(|own| authorise(own, message, &side.uri, again))
            }
            Side::Trunk(_) | Side::Phones => None,
        };
        match headers {
            Some(headers) => effects.act(fork, DialogAction::RetryWith { headers }),
            None => {
                let status = message.status().map_or(401, |status| status.code());
                let refused = HangupCause::from_status(self.party(), status, None);
                if let Side::Trunk(side) = &self.side {
                    side.trunk.note_status(status);
                }
                self.note(Outcome { cause: refused, before_ringing: !self.rang });
                self.leave(usize::from(fork), refused, effects);
            }
        }
    }

    fn failed(&mut self, index: usize, failure: &Failure, now: Instant, effects: &mut Effects) {
        if let Side::Trunk(side) = &self.side {
            if self.forks[index] == Fork::Calling {
                side.trunk.note_status(failure.status);
            }
            if failure.status == 503
                && let Some(pause) = failure.retry_after
            {
                side.trunk.avoid_for(pause.max(Duration::from_secs(1)), now);
            }
        }
        let cause = match failure.status {
            300..=399 => match self.redirected(index, failure, effects) {
                Ok(()) => return,
                Err(cause) => cause,
            },
            _ => cause::of_failure(self.party(), failure),
        };
        let before_ringing = failure.before_ringing && !self.rang;
        self.over(index, Outcome { cause, before_ringing }, effects);
    }

    /// A carrier's 3xx: whether its number may be called is asked outside. A phone's is not followed: where calls go is
    /// the directory's to say (D04).
    fn redirected(
        &mut self,
        index: usize,
        failure: &Failure,
        effects: &mut Effects,
    ) -> Result<(), HangupCause> {
        let away = HangupCause::new(self.party(), CauseKind::Unavailable);
        let Side::Trunk(side) = &mut self.side else { return Err(away) };
        let message = failure.message.as_deref().filter(|_| matches!(failure.status, 300..=302));
        let Some(message) = message.filter(|_| self.hung_up.is_none()) else { return Err(away) };
        let named = numbers_named(message);
        if named.is_empty() {
            return Err(away);
        }
        let to: Vec<String> =
            named.into_iter().filter(|number| !side.asked.contains(number)).collect();
        if to.is_empty() || side.asked.len() > REDIRECTS_MAX {
            side.trunk.note_error("it sends calls in circles (302)");
            let circles = HangupCause::new(EndedBy::System, CauseKind::NetworkFailure);
            return Err(HangupCause { sip_status: Some(483), ..circles });
        }
        self.forks[index] = Fork::Over;
        self.forks.push(Fork::Calling);
        self.early = None;
        let fork = u16::try_from(self.forks.len() - 1).unwrap_or(u16::MAX);
        effects.redirect = Some(Redirect { fork, to });
        Ok(())
    }

    /// The redirection is followed: what the new INVITE is built from. The leg's channel stays the same one.
    pub(super) fn follow(
        &mut self,
        target: &TrunkTarget,
        named: &str,
    ) -> Option<(Arc<Trunk>, Bytes)> {
        let Side::Trunk(side) = &mut self.side else { return None };
        side.sent = 0;
        side.asked.push(named.to_owned());
        if target.number.as_str() != named {
            side.asked.push(target.number.as_str().to_owned());
        }
        Some((side.trunk.clone(), side.sdp.clone()))
    }

    /// Credentials are for this request from now on.
    pub(super) fn addressed(&mut self, uri: Uri) {
        if let Side::Trunk(side) = &mut self.side {
            side.uri = uri;
        }
    }

    /// It is not.
    pub(super) fn redirect_refused(&mut self, fork: u16, cause: HangupCause) -> Effects {
        let mut effects = Effects::default();
        let before_ringing = !self.rang;
        self.over(usize::from(fork), Outcome { cause, before_ringing }, &mut effects);
        effects
    }

    /// The trunk it goes by.
    pub(super) fn trunk(&self) -> Option<call::TrunkId> {
        match &self.side {
            Side::Trunk(side) => Some(side.trunk.settings.trunk),
            Side::Phones => None,
        }
    }

    /// One fork is over; the last one ends the leg.
    fn over(&mut self, index: usize, outcome: Outcome, effects: &mut Effects) {
        if self.forks[index] == Fork::Over {
            return;
        }
        let was = std::mem::replace(&mut self.forks[index], Fork::Over);
        if was == Fork::Calling {
            self.note(outcome);
        }
        let is_winner = self.winner.is_some_and(|winner| usize::from(winner) == index);
        if is_winner {
            effects.input(Input::LegEnded { leg: self.leg, cause: outcome.cause });
        } else if self.winner.is_none() && self.is_over() {
            let Outcome { cause, before_ringing } = self.best.unwrap_or(outcome);
            let cause = self.hung_up.unwrap_or(cause);
            effects.input(Input::LegFailed { leg: self.leg, cause, before_ringing });
        }
    }

    /// Every fork's dialog came to its end.
    pub(super) fn is_over(&self) -> bool {
        self.forks.iter().all(|fork| *fork == Fork::Over)
    }

    fn leave(&mut self, index: usize, told: HangupCause, effects: &mut Effects) {
        match self.forks[index] {
            Fork::Calling | Fork::Answered => {
                self.forks[index] = Fork::Leaving;
                let fork = u16::try_from(index).unwrap_or(u16::MAX);
                let reason = Some(cause::reason_for(told));
                effects.act(fork, DialogAction::Hangup { reason });
            }
            Fork::Leaving | Fork::Over => {}
        }
    }

    fn note(&mut self, outcome: Outcome) {
        let better = self.best.is_none_or(|best| weight(&outcome.cause) > weight(&best.cause));
        if better {
            self.best = Some(outcome);
        }
    }
}

/// User parts of the contacts of a 3xx, the one with the highest `q` first. Where they point to plays no part: a
/// carrier's answer sends nothing of ours to a host of its choice.
fn numbers_named(message: &Message) -> Vec<String> {
    let Ok(Contacts::List(mut contacts)) = message.contacts() else { return Vec::new() };
    let q = |contact: &NameAddr| {
        let value = contact.params.value("q").and_then(|q| q.parse::<f32>().ok());
        value.map_or(1000, |q| (q.clamp(0.0, 1.0) * 1000.0) as u16)
    };
    contacts.sort_by_key(|contact| std::cmp::Reverse(q(contact)));
    let numbers = contacts.iter().filter_map(|contact| contact.uri.user());
    numbers.filter(|number| !number.is_empty()).take(CANDIDATES_MAX).collect()
}

/// The header lines that answer a challenge to an INVITE.
fn authorise(
    own: &mut DigestClient,
    challenge: &Message,
    uri: &Uri,
    again: bool,
) -> Option<Vec<HeaderLine>> {
    own.challenged(challenge, again).ok()?;
    let lines = own.authorise(&Method::Invite, uri);
    Some(lines.into_iter().map(|(name, value)| HeaderLine::new(name.as_str(), value)).collect())
}

/// Where the trunk's realm is configured, no other is answered (B07).
fn realm_fits(trunk: &Trunk, challenge: &Message) -> bool {
    let wanted = trunk.settings.credentials.as_ref().and_then(|own| own.realm.as_deref());
    challenges_only(challenge, wanted)
}

/// What several phones' refusals come to: who pressed a key says more than who is away.
fn weight(cause: &HangupCause) -> u8 {
    match cause.kind {
        CauseKind::DoNotDisturb | CauseKind::Rejected => 4,
        CauseKind::Busy => 3,
        CauseKind::NoAnswer | CauseKind::Cancelled => 2,
        CauseKind::Unavailable | CauseKind::NotFound => 1,
        CauseKind::Normal
        | CauseKind::Forbidden
        | CauseKind::IncompatibleMedia
        | CauseKind::NetworkFailure
        | CauseKind::AgentUnavailable
        | CauseKind::MediaTimeout
        | CauseKind::MaxDuration
        | CauseKind::NoAck
        | CauseKind::SessionExpired
        | CauseKind::ConsentRefused
        | CauseKind::PolicyRefused
        | CauseKind::Interrupted
        | CauseKind::InternalError => 0,
    }
}
