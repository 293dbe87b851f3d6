//! The transaction layer (RFC 3261 §17): the tables, the timers and everything that leaves.

use super::client::Client;
use super::key::{DigestedMap, KeyDigester, ServerKey};
use super::server::Server;
use super::{ClientKey, Token};
use crate::Message;
use crate::dialog::EndedDialogs;
use crate::endpoint::Path;
use crate::endpoint::{
    Counters, DialogId, EndpointConfig, Event, FlowId, RequestFailure, ResolveId, Source,
    TimerQueue, TransactionId, Transmit, TransmitId,
};
use bytes::Bytes;
use rand::{RngCore, SeedableRng};
use rand_chacha::ChaCha12Rng;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::time::Instant;

/// Whom a client transaction serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The application (`Endpoint::request`).
    Application,
    /// A dialog.
    Dialog(DialogId, Purpose),
    /// Nobody waits for its outcome.
    Nobody,
}

/// What a dialog sent a request for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// The first INVITE.
    Invite,
    /// re-INVITE with an offer of the application.
    Reinvite,
    /// UPDATE with an offer of the application.
    Update,
    /// Session refresh.
    Refresh,
    /// PRACK.
    Prack,
    /// A request of the application.
    Application,
}

/// What the layer reports to the users of its client transactions.
#[derive(Debug)]
pub(crate) enum Upcall {
    /// A response.
    Response { transaction: TransactionId, owner: Owner, message: Box<Message>, source: Source },
    /// There will be none.
    Failed { transaction: TransactionId, owner: Owner, failure: RequestFailure },
}

/// A table is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TableFull;

/// The tables, the timers and everything that leaves.
#[derive(Debug)]
pub(crate) struct TransactionLayer {
    pub(crate) config: EndpointConfig,
    pub(crate) timers: TimerQueue,
    pub(crate) events: VecDeque<Event>,
    pub(crate) counters: Counters,
    pub(crate) ended: EndedDialogs,
    pub(super) clients: DigestedMap<TransactionId, Box<Client>>,
    pub(super) client_keys: HashMap<ClientKey, TransactionId>,
    pub(super) servers: DigestedMap<TransactionId, Box<Server>>,
    pub(super) server_keys: DigestedMap<ServerKey, TransactionId>,
    pub(super) merges: DigestedMap<ServerKey, TransactionId>,
    pub(super) digester: KeyDigester,
    /// Client transactions that wait for an answer over a connection.
    pub(super) on_flow: BTreeSet<(FlowId, TransactionId)>,
    pub(super) resolving: BTreeMap<ResolveId, TransactionId>,
    transmits: VecDeque<Transmit>,
    upcalls: VecDeque<Upcall>,
    rng: ChaCha12Rng,
    next_id: u64,
}

impl TransactionLayer {
    pub(crate) fn new(config: EndpointConfig, rng_seed: [u8; 32]) -> Self {
        let mut rng = ChaCha12Rng::from_seed(rng_seed);
        let mut secret = [0; 16];
        rng.fill_bytes(&mut secret);
        Self {
            config,
            timers: TimerQueue::default(),
            events: VecDeque::new(),
            counters: Counters::default(),
            ended: EndedDialogs::default(),
            clients: DigestedMap::default(),
            client_keys: HashMap::new(),
            servers: DigestedMap::default(),
            server_keys: DigestedMap::default(),
            merges: DigestedMap::default(),
            digester: KeyDigester::new(&secret),
            on_flow: BTreeSet::new(),
            resolving: BTreeMap::new(),
            transmits: VecDeque::new(),
            upcalls: VecDeque::new(),
            rng,
            next_id: 1,
        }
    }

    /// A number never used before.
    pub(crate) fn mint(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    /// An unguessable token.
    pub(crate) fn token(&mut self) -> Token {
        Token(self.rng.next_u64())
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u32) -> u32 {
        let wide = u64::from(self.rng.next_u32()) * u64::from(end);
        u32::try_from(wide >> 32).unwrap_or(0)
    }

    /// Hands bytes to the network.
    pub(crate) fn transmit(&mut self, id: TransmitId, path: Path, bytes: Bytes) {
        self.counters.sent += 1;
        self.transmits.push_back(Transmit { id, path, bytes });
    }

    pub(crate) fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    pub(crate) fn report(&mut self, upcall: Upcall) {
        self.upcalls.push_back(upcall);
    }

    pub(crate) fn poll_upcall(&mut self) -> Option<Upcall> {
        self.upcalls.pop_front()
    }

    /// Every table is empty.
    #[cfg(test)]
    pub(crate) fn assert_empty(&self) {
        assert!(self.client_keys.is_empty() && self.server_keys.is_empty());
        assert!(self.merges.is_empty() && self.on_flow.is_empty() && self.resolving.is_empty());
        assert!(self.upcalls.is_empty() && self.transmits.is_empty());
    }

    /// Transactions of both sides.
    pub(crate) fn transactions(&self) -> usize {
        self.clients.len() + self.servers.len()
    }

    /// May another one begin? Work inside existing dialogs gets a quarter more, so that live
    /// calls can still be ended when new ones are refused.
    pub(crate) fn has_room(&self, in_dialog: bool) -> bool {
        let limit = self.config.max_transactions;
        let limit = if in_dialog { limit + limit / 4 } else { limit };
        self.transactions() < limit
    }

    /// A message could not be sent.
    pub(crate) fn handle_transmit_failed(&mut self, now: Instant, id: TransmitId) {
        let transaction = TransactionId(id.0 >> 8);
        let attempt = id.0.to_le_bytes()[0];
        if self.clients.contains_key(&transaction) {
            self.client_transmit_failed(now, transaction, attempt);
        } else if self.servers.contains_key(&transaction) {
            self.server_transmit_failed(transaction);
        }
    }

    /// A connection is gone: what waited on it goes elsewhere or fails.
    pub(crate) fn handle_flow_closed(&mut self, now: Instant, flow: FlowId) {
        let end = (FlowId(flow.0 + 1), TransactionId(0));
        let waiting: Vec<_> = self
            .on_flow
            .range((flow, TransactionId(0))..end)
            .map(|(_, transaction)| *transaction)
            .collect();
        for transaction in waiting {
            self.client_unreachable(now, transaction);
        }
    }
}

/// The id of a transmission: which transaction, which attempt.
pub(super) fn transmit_id(transaction: TransactionId, attempt: u8) -> TransmitId {
    TransmitId(transaction.0 << 8 | u64::from(attempt))
}
