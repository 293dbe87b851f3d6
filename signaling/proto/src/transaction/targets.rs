//! Where a request of ours goes: its first target, and the next one when that fails (RFC 3263).

use super::client::{Client, Machine, Sent, Stage};
use super::hop::{Hop, parse_uri};
use super::layer::{Owner, TransactionLayer, transmit_id};
use super::{ClientInvite, ClientKey, ClientNonInvite};
use crate::endpoint::{
    Destination, Event, Path, RequestFailure, ResolveId, ResolveQuery, Source, Target,
    TransactionId,
};
use crate::{Method, Transport};
use std::time::{Duration, Instant};

/// With another target at hand, a silent one is left after this (A21).
const PATIENCE: Duration = Duration::from_secs(4);

/// A larger request goes by TCP where nobody asked for UDP (RFC 3261 §18.1.1: within 200 bytes of the path MTU, which is
/// taken for 1500): fragments of a datagram are lost together and often dropped on the way.
const DATAGRAM_MAX: usize = 1300;

impl TransactionLayer {
    /// Finds the first way for a request.
    pub(super) fn aim(&mut self, now: Instant, id: TransactionId, destination: Destination) {
        match destination {
            Destination::Flow(source) => self.send_by(now, id, source.reply_path()),
            Destination::Targets(targets) => self.try_targets(now, id, targets),
            Destination::Host { host, port, transport } => {
                let hop = Hop { host, port, transport, secure: false };
                self.aim_at_hop(now, id, hop);
            }
            Destination::Uri => {
                let Some(client) = self.clients.get(&id) else { return };
                let request = &client.request;
                // A strict first router stands in the request-URI already (RFC 3261 §8.1.2).
                let route = request.routes.first().and_then(|route| parse_uri(route));
                let hop = match route {
                    Some(route) if route.is_loose_route() => Hop::of_sip_uri(&route),
                    Some(_) | None => Hop::of_uri(&request.request_uri),
                };
                match hop {
                    Some(hop) => self.aim_at_hop(now, id, hop),
                    None => self.fail(id, RequestFailure::Unresolved),
                }
            }
        }
    }

    fn aim_at_hop(&mut self, now: Instant, id: TransactionId, hop: Hop) {
        if let Some(client) = self.clients.get_mut(&id) {
            client.may_grow = hop.transport.is_none();
        }
        if let Some(mut target) = hop.literal() {
            if target.transport.is_secure() {
                let client = self.clients.get(&id);
                target.server_name = client.and_then(|client| client.request.server_name.clone());
            }
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

    pub(super) fn send_by(&mut self, now: Instant, id: TransactionId, path: Path) {
        let Some(client) = self.clients.get_mut(&id) else { return };
        let transport = path.transport();
        let (timing, reliable) = (self.config.timing, transport.is_reliable());
        let wire = client.request.write(&self.config, transport, client.key.branch);
        if let Path::Address(target) = &path
            && client.may_grow
            && transport == Transport::Udp
            && wire.len() > DATAGRAM_MAX
        {
            // Who does not take it that way gets it by UDP after all.
            client.remaining.push_front(target.clone());
            client.may_grow = false;
            let by_stream = Target { transport: Transport::Tcp, ..target.clone() };
            return self.send_by(now, id, Path::Address(by_stream));
        }
        let machine = if client.request.method == Method::Invite {
            Machine::Invite(ClientInvite::new(now, timing, reliable))
        } else if client.request.method == Method::Ack {
            Machine::Ack { until: now + timing.give_up() }
        } else {
            Machine::NonInvite(ClientNonInvite::new(now, timing, reliable))
        };
        let others = !client.remaining.is_empty();
        let patience = client.patience.or(others.then_some(PATIENCE));
        client.patience_ends = patience.map(|patience| now + patience);
        let transmit = transmit_id(id, client.attempt);
        client.stage = Stage::Sent(Box::new(Sent {
            machine,
            path: path.clone(),
            wire: wire.clone(),
            ack: None,
            heard: false,
            rang: false,
        }));
        if let Some(flow) = client.waits_on() {
            self.on_flow.insert((flow, id));
        }
        self.transmit(transmit, path, wire);
        self.arm_client(id);
    }

    /// Goes on to the next target. False: there is none.
    pub(super) fn next_target(&mut self, now: Instant, id: TransactionId) -> bool {
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

    /// The way a request went and the targets not tried yet, for another request like it.
    pub(crate) fn way_of(&self, id: TransactionId) -> Option<Destination> {
        let client = self.clients.get(&id)?;
        let Stage::Sent(sent) = &client.stage else { return None };
        Some(match sent.path.clone() {
            Path::Address(target) => {
                let remaining = client.remaining.iter().cloned();
                Destination::Targets(std::iter::once(target).chain(remaining).collect())
            }
            Path::Flow { transport, flow, remote } => {
                Destination::Flow(Source { transport, local: remote, remote, flow })
            }
        })
    }

    /// The way a request went.
    pub(crate) fn path_of(&self, id: TransactionId) -> Option<&Path> {
        match &self.clients.get(&id)?.stage {
            Stage::Sent(sent) => Some(&sent.path),
            Stage::Resolving { .. } | Stage::Over => None,
        }
    }
}
