//! Client transactions: from a request to its bytes, its target, the next target, its outcome.

use super::hop::parse_uri;
use super::layer::{Owner, TableFull, TransactionLayer, Upcall, transmit_id};
use super::wire::Outgoing;
use super::{ClientInvite, ClientKey, ClientNonInvite, Expired, Received};
use crate::endpoint::read;
use crate::endpoint::{
    Destination, Event, FlowId, Path, RequestFailure, ResolveId, ResolveQuery, Source, Target,
    TimeoutReason, TransactionId,
};
use crate::{Message, Method};
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// With another target at hand, a silent one is left after this (A21).
const PATIENCE: Duration = Duration::from_secs(4);

/// One request of ours.
#[derive(Debug)]
pub(crate) struct Client {
    key: ClientKey,
    owner: Owner,
    request: Outgoing,
    stage: Stage,
    /// Not yet tried.
    remaining: VecDeque<Target>,
    /// When to try them although nothing failed.
    patience_ends: Option<Instant>,
    attempt: u8,
    /// Reason value for its CANCEL.
    cancel_reason: Option<String>,
    /// A cancelled INVITE without final response is forgotten then (§9.1).
    forget_at: Option<Instant>,
    /// The ACKs to its 2xx, by To tag.
    acks: Vec<(Box<str>, TransactionId)>,
    armed: Option<Instant>,
}

#[derive(Debug)]
enum Stage {
    /// Its addresses are being asked for.
    Resolving { query: ResolveId, give_up: Instant },
    /// It was sent.
    Sent(Box<Sent>),
    /// It failed; only its removal is left.
    Over,
}

#[derive(Debug)]
struct Sent {
    machine: Machine,
    path: Path,
    wire: Bytes,
    /// ACK to a non-2xx final response.
    ack: Option<Bytes>,
    heard: bool,
}

#[derive(Debug)]
enum Machine {
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

    fn is_pending(&self) -> bool {
        match self {
            Self::Invite(machine) => machine.is_pending(),
            Self::NonInvite(machine) => machine.is_pending(),
            Self::Ack { .. } => false,
        }
    }
}

impl Client {
    fn new(key: ClientKey, owner: Owner, request: Outgoing) -> Self {
        Self {
            key,
            owner,
            request,
            stage: Stage::Over,
            remaining: VecDeque::new(),
            patience_ends: None,
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
    fn waits_on(&self) -> Option<FlowId> {
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

    /// Finds the first way for a request.
    fn aim(&mut self, now: Instant, id: TransactionId, destination: Destination) {
        match destination {
            Destination::Flow(source) => self.send_by(now, id, source.reply_path()),
            Destination::Targets(targets) => self.try_targets(now, id, targets),
            Destination::Host { host, port, transport } => {
                let hop = super::hop::Hop { host, port, transport, secure: false };
                self.aim_at_hop(now, id, hop);
            }
            Destination::Uri => {
                let Some(client) = self.clients.get(&id) else { return };
                let request = &client.request;
                // A strict first router stands in the request-URI already (RFC 3261 §8.1.2).
                let route = request.routes.first().and_then(|route| parse_uri(route));
                let hop = match route {
                    Some(route) if route.is_loose_route() => super::hop::Hop::of_sip_uri(&route),
                    Some(_) | None => super::hop::Hop::of_uri(&request.request_uri),
                };
                match hop {
                    Some(hop) => self.aim_at_hop(now, id, hop),
                    None => self.fail(id, RequestFailure::Unresolved),
                }
            }
        }
    }

    fn aim_at_hop(&mut self, now: Instant, id: TransactionId, hop: super::hop::Hop) {
        if let Some(target) = hop.literal() {
            self.try_targets(now, id, vec![target]);
            return;
        }
        let query = ResolveId(self.mint());
        let give_up = now + self.config.timing.give_up();
        self.resolving.insert(query, id);
        if let Some(client) = self.clients.get_mut(&id) {
            client.stage = Stage::Resolving { query, give_up };
        }
        self.events.push_back(Event::NeedResolve(ResolveQuery {
            id: query,
            host: hop.host,
            port: hop.port,
            transport: hop.transport,
            secure: hop.secure,
        }));
        self.arm_client(id);
    }

    /// The answer to a question for addresses.
    pub(crate) fn handle_resolved(&mut self, now: Instant, query: ResolveId, targets: Vec<Target>) {
        let Some(id) = self.resolving.remove(&query) else { return };
        self.try_targets(now, id, targets);
    }

    fn try_targets(&mut self, now: Instant, id: TransactionId, targets: Vec<Target>) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        client.remaining = targets.into();
        match client.remaining.pop_front() {
            Some(target) => self.send_by(now, id, Path::Address(target)),
            None => self.fail(id, RequestFailure::Unresolved),
        }
    }

    fn send_by(&mut self, now: Instant, id: TransactionId, path: Path) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let transport = path.transport();
        let (timing, reliable) = (self.config.timing, transport.is_reliable());
        let wire = client.request.write(&self.config, transport, client.key.branch);
        let machine = if client.request.method == Method::Invite {
            Machine::Invite(ClientInvite::new(now, timing, reliable))
        } else if client.request.method == Method::Ack {
            Machine::Ack { until: now + timing.give_up() }
        } else {
            Machine::NonInvite(ClientNonInvite::new(now, timing, reliable))
        };
        client.patience_ends = (!client.remaining.is_empty()).then(|| now + PATIENCE);
        let transmit = transmit_id(id, client.attempt);
        client.stage = Stage::Sent(Box::new(Sent {
            machine,
            path: path.clone(),
            wire: wire.clone(),
            ack: None,
            heard: false,
        }));
        if let Some(flow) = client.waits_on() {
            self.on_flow.insert((flow, id));
        }
        self.transmit(transmit, path, wire);
        self.arm_client(id);
    }

    fn arm_client(&mut self, id: TransactionId) {
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

    /// The way a request went.
    pub(crate) fn path_of(&self, id: TransactionId) -> Option<&Path> {
        match &self.clients.get(&id)?.stage {
            Stage::Sent(sent) => Some(&sent.path),
            Stage::Resolving { .. } | Stage::Over => None,
        }
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
        let was_heard = std::mem::replace(&mut sent.heard, true);
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
                if status == 503 && !was_heard && self.next_target(now, id) {
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

    /// Goes on to the next target. False: there is none.
    fn next_target(&mut self, now: Instant, id: TransactionId) -> bool {
        let branch = self.token();
        let Some(client) = self.clients.get_mut(&id) else { return false };
        let Some(target) = client.remaining.pop_front() else { return false };
        let old = ClientKey { branch, ..client.key };
        let old_key = std::mem::replace(&mut client.key, old);
        let old_stage = std::mem::replace(&mut client.stage, Stage::Over);
        client.attempt = client.attempt.saturating_add(1).min(u8::MAX - 1);
        self.client_keys.remove(&old_key);
        self.client_keys.insert(ClientKey { branch, ..old_key }, id);
        if let Stage::Sent(sent) = old_stage {
            if let Path::Flow { flow, .. } = &sent.path {
                self.on_flow.remove(&(*flow, id));
            }
            self.leave(id, old_key, *sent);
        }
        self.send_by(now, id, Path::Address(target));
        true
    }

    /// Keeps an INVITE whose target we gave up, so that a late answer is acknowledged and
    /// ended instead of becoming a call nobody has.
    fn leave(&mut self, id: TransactionId, key: ClientKey, sent: Sent) {
        if !matches!(sent.machine, Machine::Invite(_)) {
            return;
        }
        let Some(request) = self.clients.get(&id).map(|client| client.request.clone()) else {
            return;
        };
        let left = TransactionId(self.mint());
        self.client_keys.insert(key, left);
        let mut client = Client::new(key, Owner::Nobody, request);
        client.stage = Stage::Sent(Box::new(sent));
        self.clients.insert(left, Box::new(client));
        self.arm_client(left);
    }

    /// The request of a transaction nobody owns any more.
    pub(crate) fn request_of(&self, id: TransactionId) -> Option<&Outgoing> {
        self.clients.get(&id).map(|client| &client.request)
    }

    pub(super) fn client_transmit_failed(&mut self, now: Instant, id: TransactionId, attempt: u8) {
        let Some(client) = self.clients.get(&id) else { return };
        if client.attempt == attempt {
            self.client_unreachable(now, id);
        }
    }

    /// The target in use cannot be reached.
    pub(super) fn client_unreachable(&mut self, now: Instant, id: TransactionId) {
        let Some(client) = self.clients.get(&id) else { return };
        let Stage::Sent(sent) = &client.stage else { return };
        let may_move = match &sent.machine {
            Machine::Ack { .. } => true,
            Machine::Invite(_) | Machine::NonInvite(_) => sent.machine.is_pending(),
        };
        if may_move && !self.next_target(now, id) {
            self.fail(id, RequestFailure::Unreachable);
        }
    }

    fn fail(&mut self, id: TransactionId, failure: RequestFailure) {
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
        if impatient && self.next_target(now, id) {
            return;
        }
        self.arm_client(id);
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
