//! Client transactions: from a request to its bytes, its target, the next target, its outcome.

use super::layer::{Owner, TableFull, TransactionLayer, Upcall, transmit_id};
use super::wire::Outgoing;
use super::{ClientInvite, ClientKey, ClientNonInvite, Expired, Received};
use crate::endpoint::read;
use crate::endpoint::{
    Destination, FlowId, Path, RequestFailure, ResolveId, Source, Target, TimeoutReason,
    TransactionId,
};
use crate::{Message, Method};
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Targets that share a limited patience; where there is another way, further ones are not tried.
const SHARES_MAX: usize = 3;

/// One request of ours.
#[derive(Debug)]
pub(crate) struct Client {
    pub(super) key: ClientKey,
    pub(super) owner: Owner,
    pub(super) request: Outgoing,
    pub(super) stage: Stage,
    /// Not yet tried.
    pub(super) remaining: VecDeque<Target>,
    /// Nobody said which transport: a large request may go by TCP.
    pub(super) may_grow: bool,
    /// When to try them although nothing failed.
    pub(super) patience_ends: Option<Instant>,
    /// How long each of them may be silent; `None`: the last one until its transaction times out.
    pub(super) patience: Option<Duration>,
    pub(super) attempt: u8,
    /// Reason value for its CANCEL.
    pub(super) cancel_reason: Option<String>,
    /// A cancelled INVITE without final response is forgotten then (§9.1).
    pub(super) forget_at: Option<Instant>,
    /// The ACKs to its 2xx, by To tag.
    pub(super) acks: Vec<(Box<str>, TransactionId)>,
    pub(super) armed: Option<Instant>,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// Its addresses are being asked for.
    Resolving { query: ResolveId, give_up: Instant },
    /// It was sent.
    Sent(Box<Sent>),
    /// It failed; only its removal is left.
    Over,
}

#[derive(Debug)]
pub(super) struct Sent {
    pub(super) machine: Machine,
    pub(super) path: Path,
    pub(super) wire: Bytes,
    /// ACK to a non-2xx final response.
    pub(super) ack: Option<Bytes>,
    /// Any response came.
    pub(super) heard: bool,
    /// A response above 100 came: the peer took it on.
    pub(super) rang: bool,
}

#[derive(Debug)]
pub(super) enum Machine {
    Invite(ClientInvite),
    NonInvite(ClientNonInvite),
    /// The ACK to a 2xx: no transaction, kept to be repeated with the 2xx.
    Ack {
        until: Instant,
    },
}

impl Machine {
    fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Invite(machine) => machine.poll_timeout().map(|(at, _)| at),
            Self::NonInvite(machine) => machine.poll_timeout().map(|(at, _)| at),
            Self::Ack { until } => Some(*until),
        }
    }

    fn handle_timeout(&mut self, now: Instant) -> Expired {
        match self {
            Self::Invite(machine) => machine.handle_timeout(now),
            Self::NonInvite(machine) => machine.handle_timeout(now),
            Self::Ack { until } if *until <= now => Expired::Over,
            Self::Ack { .. } => Expired::Nothing,
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.is_pending(),
            Self::NonInvite(machine) => machine.is_pending(),
            Self::Ack { .. } => false,
        }
    }
}

impl Client {
    pub(super) fn new(key: ClientKey, owner: Owner, request: Outgoing) -> Self {
        Self {
            key,
            owner,
            request,
            stage: Stage::Over,
            remaining: VecDeque::new(),
            may_grow: false,
            patience_ends: None,
            patience: None,
            attempt: 0,
            cancel_reason: None,
            forget_at: None,
            acks: Vec::new(),
            armed: None,
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        match &self.stage {
            Stage::Resolving { give_up, .. } => Some(*give_up),
            Stage::Sent(sent) => {
                let machine = sent.machine.poll_timeout();
                [machine, self.patience_ends, self.forget_at].into_iter().flatten().min()
            }
            Stage::Over => None,
        }
    }

    /// The connection whose end would be the end of its wait.
    pub(super) fn waits_on(&self) -> Option<FlowId> {
        let Stage::Sent(sent) = &self.stage else { return None };
        match sent.path {
            Path::Flow { transport, flow, .. }
                if transport.is_reliable() && sent.machine.is_pending() =>
            {
                Some(flow)
            }
            Path::Flow { .. } | Path::Address(_) => None,
        }
    }
}

impl TransactionLayer {
    /// Begins a client transaction (or sends an ACK to a 2xx, which is kept like one).
    pub(crate) fn start(
        &mut self,
        now: Instant,
        owner: Owner,
        request: Outgoing,
        destination: Destination,
    ) -> Result<TransactionId, TableFull> {
        let in_dialog = matches!(owner, Owner::Dialog(..) | Owner::Nobody);
        if !self.has_room(in_dialog) {
            self.counters.refused_full += 1;
            return Err(TableFull);
        }
        let id = TransactionId(self.mint());
        let key = ClientKey { branch: self.token(), cancel: request.method == Method::Cancel };
        self.client_keys.insert(key, id);
        self.clients.insert(id, Box::new(Client::new(key, owner, request)));
        self.aim(now, id, destination);
        Ok(id)
    }

    /// Gives an INVITE up: CANCEL now or at the first provisional response (RFC 3261 §9.1);
    /// what still comes of it is nobody's.
    pub(crate) fn abandon(&mut self, now: Instant, invite: TransactionId, reason: Option<String>) {
        let Some(client) = self.clients.get_mut(&invite) else { return };
        client.owner = Owner::Nobody;
        client.remaining.clear();
        client.patience_ends = None;
        client.cancel_reason = reason;
        match &client.stage {
            Stage::Sent(sent) if sent.heard => self.cancel(now, invite),
            Stage::Sent(_) => self.arm_client(invite),
            Stage::Resolving { .. } | Stage::Over => {
                self.remove_client(invite);
            }
        }
    }

    /// Sends CANCEL for an INVITE of ours, once: same branch, same way.
    pub(crate) fn cancel(&mut self, now: Instant, invite: TransactionId) {
        let Some(client) = self.clients.get_mut(&invite) else { return };
        let Stage::Sent(sent) = &client.stage else { return };
        let key = ClientKey { cancel: true, ..client.key };
        if !sent.machine.is_pending() || client.forget_at.is_some() {
            return;
        }
        client.forget_at = Some(now + self.config.timing.give_up());
        let path = sent.path.clone();
        let lines = client.cancel_reason.take();
        let request = Outgoing {
            method: Method::Cancel,
            body: None,
            headers: Vec::new(),
            credentials: Vec::new(),
            contact: super::wire::ContactLine::Absent,
            lines: lines.map(|value| format!("Reason: {value}\r\n")).unwrap_or_default(),
            ..client.request.clone()
        };
        self.arm_client(invite);
        let id = TransactionId(self.mint());
        self.client_keys.insert(key, id);
        self.clients.insert(id, Box::new(Client::new(key, Owner::Nobody, request)));
        self.send_by(now, id, path);
    }

    pub(super) fn arm_client(&mut self, id: TransactionId) {
        if let Some(client) = self.clients.get_mut(&id) {
            let at = client.poll_timeout();
            self.timers.set(TimeoutReason::Client(id), &mut client.armed, at);
        }
    }

    /// Sends a request that was already sent once more (the ACK to a repeated 2xx).
    pub(crate) fn repeat(&mut self, id: TransactionId) {
        let Some(client) = self.clients.get(&id) else { return };
        let Stage::Sent(sent) = &client.stage else { return };
        let (path, wire) = (sent.path.clone(), sent.wire.clone());
        let transmit = transmit_id(id, client.attempt);
        self.transmit(transmit, path, wire);
    }

    /// A response with our branch arrived.
    pub(crate) fn handle_response(
        &mut self,
        now: Instant,
        key: ClientKey,
        message: Box<Message>,
        source: Source,
    ) {
        let status = read::status(&message);
        if (200..300).contains(&status) && self.repeat_ack(key, &message) {
            return;
        }
        let found = self.client_keys.get(&key).copied();
        let Some((id, client)) = found.and_then(|id| Some((id, self.clients.get_mut(&id)?))) else {
            self.counters.stray_responses += 1;
            return;
        };
        let Stage::Sent(sent) = &mut client.stage else { return };
        sent.heard = true;
        let rang = sent.rang;
        sent.rang |= status > 100;
        client.patience_ends = None;
        let received = match &mut sent.machine {
            Machine::Invite(machine) => machine.handle_response(now, status),
            Machine::NonInvite(machine) => machine.handle_response(now, status),
            Machine::Ack { .. } => Received::Absorb,
        };
        if status >= 200
            && let Path::Flow { flow, .. } = &sent.path
        {
            self.on_flow.remove(&(*flow, id));
        }
        let owner = client.owner;
        match received {
            Received::Absorb => {}
            Received::AckAgain => self.send_ack(id, None),
            Received::Deliver | Received::DeliverAndAck => {
                if received == Received::DeliverAndAck {
                    self.send_ack(id, Some(&message));
                }
                if status == 503 && !rang && self.next_target(now, id) {
                    return;
                }
                self.report(Upcall::Response { transaction: id, owner, message, source });
            }
        }
        self.arm_client(id);
    }

    /// Remembers the ACK to a 2xx, to be repeated with it.
    pub(crate) fn note_ack(&mut self, invite: TransactionId, to_tag: &str, ack: TransactionId) {
        if let Some(client) = self.clients.get_mut(&invite) {
            client.acks.push((to_tag.into(), ack));
        }
    }

    /// A 2xx that was acknowledged before is acknowledged again, and told to nobody.
    fn repeat_ack(&mut self, key: ClientKey, response: &Message) -> bool {
        let Some(client) = self.client_keys.get(&key).and_then(|id| self.clients.get(id)) else {
            return false;
        };
        let tag = response.to_tag().unwrap_or_default();
        let Some((_, ack)) = client.acks.iter().find(|(known, _)| **known == *tag) else {
            return false;
        };
        let ack = *ack;
        self.repeat(ack);
        true
    }

    /// Acknowledges a non-2xx final response, the first time with its To.
    fn send_ack(&mut self, id: TransactionId, response: Option<&Message>) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let Stage::Sent(sent) = &mut client.stage else { return };
        if let Some(response) = response {
            let to = read::to_value(response);
            sent.ack = Some(client.request.write_ack(
                &self.config,
                sent.path.transport(),
                client.key.branch,
                &to,
            ));
        }
        if let Some(ack) = sent.ack.clone() {
            let path = sent.path.clone();
            self.transmit(transmit_id(id, u8::MAX), path, ack);
        }
    }

    /// The request of a transaction nobody owns any more.
    pub(crate) fn request_of(&self, id: TransactionId) -> Option<&Outgoing> {
        self.clients.get(&id).map(|client| &client.request)
    }

    pub(super) fn fail(&mut self, id: TransactionId, failure: RequestFailure) {
        if let Some(client) = self.remove_client(id) {
            self.report(Upcall::Failed { transaction: id, owner: client.owner, failure });
        }
    }

    /// Lets due timers of a client transaction fire.
    pub(crate) fn handle_client_timeout(&mut self, now: Instant, id: TransactionId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        client.armed = None;
        let sent = match &mut client.stage {
            Stage::Sent(sent) => sent,
            Stage::Resolving { .. } | Stage::Over => {
                self.fail(id, RequestFailure::Unresolved);
                return;
            }
        };
        match sent.machine.handle_timeout(now) {
            Expired::Resend => self.repeat(id),
            Expired::TimedOut if self.next_target(now, id) => return,
            Expired::TimedOut => self.fail(id, RequestFailure::Timeout),
            Expired::Over => {
                self.remove_client(id);
            }
            Expired::Nothing => {}
        }
        if self.clients.get(&id).is_some_and(|client| client.forget_at.is_some_and(|at| at <= now))
        {
            // An INVITE accepted after its CANCEL goes on to its timer M.
            let accepted = self.clients.get(&id).is_some_and(|client| !client.acks.is_empty());
            if accepted {
                if let Some(client) = self.clients.get_mut(&id) {
                    client.forget_at = None;
                }
            } else {
                self.remove_client(id);
                return;
            }
        }
        let impatient = self
            .clients
            .get(&id)
            .is_some_and(|client| client.patience_ends.is_some_and(|at| at <= now));
        if impatient {
            if self.next_target(now, id) {
                return;
            }
            self.let_go(id);
        }
        self.arm_client(id);
    }

    /// A request of ours whose targets may not be silent for longer than this, all of them together.
    pub(crate) fn limit_silence(&mut self, now: Instant, id: TransactionId, patience: Duration) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        client.remaining.truncate(SHARES_MAX - 1);
        let share = patience / u32::try_from(client.remaining.len() + 1).unwrap_or(1);
        client.patience = Some(share);
        let ends = now + share;
        client.patience_ends = Some(client.patience_ends.map_or(ends, |known| known.min(ends)));
        self.arm_client(id);
    }

    /// Its owner waits no longer; should it be answered after all, that is nobody's (H14).
    fn let_go(&mut self, id: TransactionId) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        client.patience_ends = None;
        let owner = std::mem::replace(&mut client.owner, Owner::Nobody);
        let failure = RequestFailure::Timeout;
        self.report(Upcall::Failed { transaction: id, owner, failure });
    }

    /// Forgets a client transaction: late responses are strays from now on.
    pub(crate) fn remove_client(&mut self, id: TransactionId) -> Option<Box<Client>> {
        let mut client = self.clients.remove(&id)?;
        self.client_keys.remove(&client.key);
        self.timers.set(TimeoutReason::Client(id), &mut client.armed, None);
        match &client.stage {
            Stage::Resolving { query, .. } => {
                self.resolving.remove(query);
            }
            Stage::Sent(sent) => {
                if let Path::Flow { flow, .. } = sent.path {
                    self.on_flow.remove(&(flow, id));
                }
            }
            Stage::Over => {}
        }
        Some(client)
    }

    /// Nobody waits for the outcome any more.
    pub(crate) fn disown(&mut self, now: Instant, id: TransactionId) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.owner = Owner::Nobody;
            client.forget_at.get_or_insert(now + self.config.timing.give_up());
        }
        self.arm_client(id);
    }
}
