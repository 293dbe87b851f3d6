//! One SIP user agent for a whole switch: messages in, messages and events out, nothing waited for.
//!
//! ```text
//! handle_message ─┐                          ┌─ poll_transmit  bytes for the network
//! handle_timeout ─┼─► transactions, dialogs ─┼─ poll_event     news for the application
//! methods        ─┘                          └─ poll_timeout   when to call again
//! ```
//!
//! After every call: drain `poll_transmit` and `poll_event`, then sleep until `poll_timeout`.

mod address;
mod config;
mod event;
mod id;
mod in_dialog;
mod outgoing;
pub(crate) mod read;
mod receive;
mod timers;

pub use address::{Destination, Path, ResolveQuery, Source, Target, Transmit};
pub use config::{Advertised, AdvertisedSet, EndpointConfig};
pub use event::{DialogEvent, EndCause, Event, Failure, RequestFailure};
pub use id::{DialogId, FlowId, ResolveId, TransactionId, TransmitId};
pub use outgoing::{Body, DialogRequest, HeaderLine, InviteRequest, OutgoingRequest, Reach, Reply};
pub use timers::TimeoutReason;
pub(crate) use timers::TimerQueue;

use crate::dialog::{Dialog, orphan_response, with_route_set};
use crate::transaction::{Answer, ContactLine, Outgoing, Owner, Token, TransactionLayer, Upcall};
use crate::{Message, Text};
use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

/// A method that does not fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUse {
    /// It ended already, or never was.
    #[error("unknown dialog")]
    UnknownDialog,
    /// It ended already, or was answered.
    #[error("unknown transaction")]
    UnknownTransaction,
    /// The dialog is not in a state for this.
    #[error("not possible in this state of the dialog")]
    WrongState,
    /// Another offer is under way in the dialog; try again after it.
    #[error("another exchange is under way")]
    Pending,
    /// No room for another transaction or dialog.
    #[error("too many transactions or dialogs")]
    Full,
}

/// What was dropped or refused, for metrics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages taken in.
    pub received: u64,
    /// Messages handed to the network.
    pub sent: u64,
    /// Bytes that are no SIP message.
    pub malformed: u64,
    /// Responses without a transaction.
    pub stray_responses: u64,
    /// ACKs without a dialog.
    pub stray_acks: u64,
    /// In-dialog requests for no dialog (481).
    pub stray_requests: u64,
    /// In-dialog requests from an address the peer does not have (B11).
    pub foreign_requests: u64,
    /// Work refused or dropped because a table was full.
    pub refused_full: u64,
    /// BYEs that could not even be begun.
    pub lost_byes: u64,
}

/// One SIP user agent for a whole switch.
#[derive(Debug)]
pub struct Endpoint {
    layer: TransactionLayer,
    dialogs: HashMap<DialogId, Box<Dialog>>,
    tags: HashMap<Token, DialogId>,
    /// Dialogs by the connection their peer is reached by.
    streams: BTreeSet<(FlowId, DialogId)>,
}

impl Endpoint {
    /// A new endpoint; the seed makes its tags, branches and waits.
    pub fn new(config: EndpointConfig, rng_seed: [u8; 32]) -> Self {
        Self {
            layer: TransactionLayer::new(config, rng_seed),
            dialogs: HashMap::new(),
            tags: HashMap::new(),
            streams: BTreeSet::new(),
        }
    }

    /// The next message to be sent.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.layer.poll_transmit()
    }

    /// The next news.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.layer.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout), and for whom.
    pub fn poll_timeout(&self) -> Option<(Instant, TimeoutReason)> {
        self.layer.timers.next()
    }

    /// Lets due timers fire.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(due) = self.layer.timers.pop_due(now) {
            match due {
                TimeoutReason::Client(id) => self.layer.handle_client_timeout(now, id),
                TimeoutReason::Server(id) => self.layer.handle_server_timeout(now, id),
                TimeoutReason::Dialog(id) => {
                    if let Some(dialog) = self.dialogs.get_mut(&id) {
                        dialog.handle_timeout(&mut self.layer, now);
                        self.settle(id);
                    }
                }
            }
            self.drain_upcalls(now);
        }
    }

    /// A message of `poll_transmit` could not be sent (connection refused or lost, no route).
    pub fn handle_transmit_failed(&mut self, now: Instant, id: TransmitId) {
        self.layer.handle_transmit_failed(now, id);
        self.drain_upcalls(now);
    }

    /// A connection was closed, by whomever.
    pub fn handle_flow_closed(&mut self, now: Instant, flow: FlowId) {
        let end = (FlowId(flow.0.saturating_add(1)), DialogId(0));
        let listed: Vec<_> = self.streams.range((flow, DialogId(0))..end).copied().collect();
        for (flow, id) in listed {
            if let Some(dialog) = self.dialogs.get_mut(&id) {
                dialog.handle_flow_closed(flow);
            }
            self.settle(id);
        }
        self.layer.handle_flow_closed(now, flow);
        self.drain_upcalls(now);
    }

    /// The answer to [`Event::NeedResolve`], best first; none: the host has no address.
    pub fn resolved(&mut self, now: Instant, id: ResolveId, targets: Vec<Target>) {
        self.layer.handle_resolved(now, id, targets);
        self.drain_upcalls(now);
    }

    /// Sends a request outside any dialog: REGISTER, OPTIONS, MESSAGE and the like.
    pub fn request(
        &mut self,
        now: Instant,
        request: OutgoingRequest,
    ) -> Result<TransactionId, InvalidUse> {
        let tag = match request.from_tag {
            Some(tag) => tag,
            None => self.layer.token().to_string(),
        };
        let call_id = match request.call_id {
            Some(call_id) => Text::from(call_id),
            None => Text::from(format!("{}{}", self.layer.token(), self.layer.token())),
        };
        let (request_uri, routes) = with_route_set(&request.request_uri, &request.routes);
        let outgoing = Outgoing {
            method: request.method,
            request_uri,
            routes,
            from: format!("{};tag={tag}", bracketed(&request.from)),
            to: bracketed(&request.to),
            call_id,
            cseq: request.cseq.unwrap_or(1),
            max_forwards: 70,
            contact: request.contact.map_or(ContactLine::Absent, ContactLine::Given),
            lines: String::new(),
            headers: request.headers,
            credentials: Vec::new(),
            body: request.body,
            server_name: None,
        };
        let started = self.layer.start(now, Owner::Application, outgoing, request.destination);
        let id = started.map_err(|_| InvalidUse::Full)?;
        self.drain_upcalls(now);
        Ok(id)
    }

    /// Answers [`Event::Request`], [`DialogEvent::Referred`] or [`DialogEvent::Request`].
    pub fn respond(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        reply: &Reply,
    ) -> Result<(), InvalidUse> {
        let tag = self.layer.token();
        let answer = Answer {
            phrase: reply.phrase.as_deref(),
            tag: Some(tag),
            in_dialog: self.layer.dialog_of(transaction).is_some(),
            headers: &reply.headers,
            body: reply.body.as_ref(),
            ..Answer::status(reply.status)
        };
        let sent = self.layer.respond(now, transaction, &answer);
        sent.map(|_| ()).ok_or(InvalidUse::UnknownTransaction)
    }

    /// What was dropped or refused, for metrics.
    pub fn counters(&self) -> Counters {
        self.layer.counters
    }

    /// Transactions in progress or lingering.
    pub fn transactions(&self) -> usize {
        self.layer.transactions()
    }

    /// Dialogs, early ones too.
    pub fn dialogs(&self) -> usize {
        self.dialogs.len()
    }

    /// The settings, for those that may change while it runs.
    pub fn config_mut(&mut self) -> &mut EndpointConfig {
        &mut self.layer.config
    }

    /// Hands what transactions report to their users.
    fn drain_upcalls(&mut self, now: Instant) {
        while let Some(upcall) = self.layer.poll_upcall() {
            match upcall {
                Upcall::Response { transaction, owner, message, source } => {
                    self.hand_response(now, transaction, owner, message, source);
                }
                Upcall::Failed { transaction, owner, failure } => match owner {
                    Owner::Application => {
                        self.layer.events.push_back(Event::RequestFailed { transaction, failure });
                    }
                    Owner::Dialog(id, purpose) => {
                        if let Some(dialog) = self.dialogs.get_mut(&id) {
                            let layer = &mut self.layer;
                            dialog.handle_failure(layer, now, purpose, transaction, failure);
                            self.settle(id);
                        }
                    }
                    Owner::Nobody => {}
                },
            }
        }
    }

    fn hand_response(
        &mut self,
        now: Instant,
        transaction: TransactionId,
        owner: Owner,
        message: Box<Message>,
        source: Source,
    ) {
        let dialog = match owner {
            Owner::Application => {
                self.layer.events.push_back(Event::Response { transaction, message, source });
                return;
            }
            Owner::Dialog(id, purpose) => {
                self.dialogs.get_mut(&id).map(|dialog| (id, purpose, dialog))
            }
            Owner::Nobody => None,
        };
        match dialog {
            Some((id, purpose, dialog)) => {
                let layer = &mut self.layer;
                dialog.handle_response(layer, now, purpose, transaction, message, source);
                self.settle(id);
            }
            None => orphan_response(&mut self.layer, now, transaction, &message, &source),
        }
    }

    fn keep(&mut self, dialog: Dialog) {
        let id = dialog.id;
        self.tags.insert(dialog.tag, id);
        self.dialogs.insert(id, Box::new(dialog));
        self.settle(id);
    }

    /// Arms a dialog's timer, or forgets it when it is over.
    fn settle(&mut self, id: DialogId) {
        let Some(dialog) = self.dialogs.get_mut(&id) else { return };
        dialog.arm(&mut self.layer);
        let stream = dialog.stream();
        if dialog.listed != stream {
            if let Some(old) = dialog.listed {
                self.streams.remove(&(old, id));
            }
            if let Some(new) = stream {
                self.streams.insert((new, id));
            }
            dialog.listed = stream;
        }
        if dialog.is_over() {
            self.tags.remove(&dialog.tag);
            self.dialogs.remove(&id);
        }
    }
}

/// A From value that a tag can follow: a bare URI with parameters needs brackets.
pub(crate) fn bracketed(value: &str) -> String {
    if value.contains('<') { value.to_owned() } else { format!("<{value}>") }
}

#[cfg(test)]
mod tests;
