//! The loop of the SIP task, and what moves in it.

use super::{
    DialogAction, DialogKey, OurNames, RequestOutcome, SipCommand, Ticket, dialogs::Dialogs,
    identity::Ask, registration::Registrations,
};
use crate::{
    calls::{CallDoor, CallNeighbours, CallTaskEvent, Calls},
    dns::Question,
    measure,
    transport::{Flows, KnownSources, NetworkEvent},
};
use signaling_proto::{
    Destination, DialogEvent, DialogId, Endpoint, Event, Failure, HeaderLine, InvalidUse,
    InviteRequest, Named, Reason, Reply, ResolveQuery, TransactionId, brute_force::BruteForce,
    digest::Challenger,
};
use std::{
    collections::{BTreeMap, HashMap},
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Taken from one queue before the other gets its turn.
const BATCH: usize = 64;

/// Counters are shown this often.
const MEASURE_EVERY: Duration = Duration::from_secs(1);

/// Requests that may wait for the directory; more are refused with 503.
pub(super) const PARKED_MAX: usize = 2000;

/// Everybody the SIP task talks to.
pub(crate) struct SipNeighbours {
    pub(crate) calls: Arc<Calls>,
    pub(crate) call_neighbours: Arc<CallNeighbours>,
    pub(crate) known: Arc<KnownSources>,
    pub(crate) names: OurNames,
    pub(crate) shutdown: CancellationToken,
}

/// The SIP task.
pub(crate) struct SipTask {
    pub(super) near: SipNeighbours,
    pub(super) endpoint: Endpoint,
    pub(super) flows: Flows,
    pub(super) challenger: Challenger,
    pub(super) brute_force: BruteForce,
    pub(super) registrations: Registrations,
    pub(super) dialogs: Dialogs,
    pub(super) parked: HashMap<Ticket, Ask>,
    pub(super) tickets: u64,
    requests: HashMap<TransactionId, oneshot::Sender<RequestOutcome>>,
    measured_at: Instant,
    /// Answers held back, by when they are due (B04).
    delayed: BTreeMap<(Instant, u64), (Ask, Reply)>,
}

impl SipTask {
    pub(crate) fn new(
        near: SipNeighbours,
        endpoint: Endpoint,
        flows: Flows,
        challenger: Challenger,
        brute_force: BruteForce,
        registrations: Registrations,
    ) -> Self {
        Self {
            near,
            endpoint,
            flows,
            challenger,
            brute_force,
            registrations,
            dialogs: Dialogs::default(),
            parked: HashMap::new(),
            tickets: 0,
            requests: HashMap::new(),
            measured_at: Instant::now(),
            delayed: BTreeMap::new(),
        }
    }

    /// Runs until shutdown.
    pub(crate) async fn run(
        mut self,
        mut network: mpsc::Receiver<NetworkEvent>,
        mut commands: mpsc::Receiver<SipCommand>,
    ) {
        let shutdown = self.near.shutdown.clone();
        let mut events = Vec::with_capacity(BATCH);
        let mut orders = Vec::with_capacity(BATCH);
        let mut armed = Instant::now();
        let mut due = pin!(tokio::time::sleep_until(armed.into()));
        loop {
            // Moved only when it must be: most messages leave the next deadline where it was.
            let deadline = self.deadline();
            if let Some(at) = deadline
                && at != armed
            {
                armed = at;
                due.as_mut().reset(at.into());
            }
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                _ = commands.recv_many(&mut orders, BATCH) => {}
                _ = network.recv_many(&mut events, BATCH) => {}
                () = due.as_mut(), if deadline.is_some() => {}
            }
            // Whatever woke us: both queues get their turn, so neither can starve the other.
            for order in orders.drain(..) {
                self.command(order);
                self.drain();
            }
            while events.len() < BATCH {
                let Ok(event) = network.try_recv() else { break };
                events.push(event);
            }
            for event in events.drain(..) {
                self.network(event);
                self.drain();
            }
            self.timeouts();
            self.drain();
            self.measure();
        }
    }

    /// Shows the endpoint's counters, at most once a second.
    fn measure(&mut self) {
        let now = Instant::now();
        if now.saturating_duration_since(self.measured_at) >= MEASURE_EVERY {
            self.measured_at = now;
            let counters = self.endpoint.counters();
            measure::endpoint(&counters, self.endpoint.transactions(), self.endpoint.dialogs());
        }
    }

    fn deadline(&self) -> Option<Instant> {
        let endpoint = self.endpoint.poll_timeout().map(|(at, _)| at);
        let registrations = self.registrations.poll_timeout();
        let delayed = self.delayed.keys().next().map(|(at, _)| *at);
        [endpoint, registrations, delayed].into_iter().flatten().min()
    }

    fn timeouts(&mut self) {
        let now = Instant::now();
        if self.endpoint.poll_timeout().is_some_and(|(at, _)| at <= now) {
            self.endpoint.handle_timeout(now);
        }
        self.registrations_due(now);
        while let Some(entry) = self.delayed.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let (ask, reply) = entry.remove();
            self.answer(ask, reply);
        }
    }

    /// Holds an answer back.
    pub(super) fn answer_later(&mut self, at: Instant, ask: Ask, reply: Reply) {
        if self.delayed.len() >= PARKED_MAX {
            measure::dropped("delayed_answers");
            return self.answer(ask, reply);
        }
        self.tickets += 1;
        self.delayed.insert((at, self.tickets), (ask, reply));
    }

    fn network(&mut self, event: NetworkEvent) {
        let now = Instant::now();
        match event {
            NetworkEvent::Read { source, outcome } => {
                self.endpoint.handle_outcome(now, source, *outcome);
            }
            NetworkEvent::Opened(connection) => self.flows.opened(connection),
            NetworkEvent::Closed { flow } => {
                let transport = self.flows.closed(flow);
                self.endpoint.handle_flow_closed(now, flow);
                if let Some(transport) = transport {
                    self.flow_closed(now, flow, transport);
                }
            }
            NetworkEvent::SendFailed { transmit } => {
                self.endpoint.handle_transmit_failed(now, transmit);
            }
        }
    }

    fn command(&mut self, command: SipCommand) {
        let now = Instant::now();
        match command {
            SipCommand::Invite { key, door, request } => self.invite(now, key, door, *request),
            SipCommand::Dialog { key, action } => self.act(now, key, action),
            SipCommand::Request { request, reply } => {
                let mut request = *request;
                request.contact = request.contact.or_else(|| self.contact_of(&request.destination));
                match self.endpoint.request(now, request) {
                    Ok(transaction) => {
                        self.requests.insert(transaction, reply);
                    }
                    Err(_) => {
                        let failure = signaling_proto::RequestFailure::Unreachable;
                        let _ = reply.send(RequestOutcome::Failed(failure));
                    }
                }
            }
            SipCommand::Abandon { call } => self.abandon(now, call),
            SipCommand::Looked { ticket, answered } => self.looked(now, ticket, answered),
            SipCommand::Resolved { id, targets } => self.endpoint.resolved(now, id, targets),
            SipCommand::Move { from, to, door } => self.move_dialog(from, to, door),
            SipCommand::FindDialog { replaces, reply } => {
                let found = match self.endpoint.find_dialog(&replaces) {
                    Some(Named::Confirmed(id) | Named::Offered(id)) => self.dialogs.owner(id),
                    Some(Named::Ringing(_) | Named::Ended(_)) | None => None,
                };
                let _ = reply.send(found.cloned());
            }
            SipCommand::Reach { aor, reply } => {
                let _ = reply.send(self.reach(now, &aor));
            }
            SipCommand::PhonesOut { tenant, extension } => {
                self.phones_out(now, tenant, extension);
            }
        }
    }

    /// One mutation, then drain.
    fn drain(&mut self) {
        loop {
            while let Some(transmit) = self.endpoint.poll_transmit() {
                let id = transmit.id;
                if self.flows.send(transmit).is_err() {
                    self.endpoint.handle_transmit_failed(Instant::now(), id);
                }
            }
            let Some(event) = self.endpoint.poll_event() else { return };
            self.event(event);
        }
    }

    fn event(&mut self, event: Event) {
        let now = Instant::now();
        match event {
            Event::Request { transaction, message, source } => {
                measure::request(message.method().as_str());
                self.requested(now, transaction, message, source);
            }
            Event::Invited { dialog, message, source } => {
                measure::request("INVITE");
                self.invited(now, dialog, message, source);
            }
            Event::Response { transaction, message, source } => {
                if message.status().is_some_and(|status| status.is_final())
                    && let Some(reply) = self.requests.remove(&transaction)
                {
                    let _ = reply.send(RequestOutcome::Response(message, source));
                }
            }
            Event::RequestFailed { transaction, failure } => {
                if let Some(reply) = self.requests.remove(&transaction) {
                    let _ = reply.send(RequestOutcome::Failed(failure));
                }
            }
            Event::Dialog { dialog, event } => self.dialog_event(now, dialog, event),
            Event::NeedResolve(query) => self.resolve(query),
        }
    }

    fn dialog_event(&mut self, now: Instant, dialog: DialogId, event: DialogEvent) {
        let terminal = matches!(event, DialogEvent::Failed(_) | DialogEvent::Ended { .. });
        let owner = if terminal {
            self.dialogs.remove(dialog)
        } else {
            self.dialogs.owner(dialog).cloned()
        };
        // Offered calls that we refused at the door have no owner; nothing is left of them.
        let Some((key, door)) = owner else {
            self.forget_parked(dialog);
            return;
        };
        let event = CallTaskEvent::Leg { leg: key.leg, fork: key.fork, event: Box::new(event) };
        if terminal {
            deliver(door, event);
        } else if !door.put(event) && door.mailbox.is_closed() {
            let _ = self.endpoint.hangup(now, dialog, None);
        }
    }

    fn invite(&mut self, now: Instant, key: DialogKey, door: CallDoor, mut request: InviteRequest) {
        request.contact = request.contact.or_else(|| self.contact_of(&request.destination));
        match self.endpoint.invite(now, request) {
            Ok(dialog) => self.dialogs.insert(dialog, key, door),
            Err(error) => {
                tracing::warn!(%error, leg.id = %key.leg, "INVITE not sent");
                deliver(door, failed(key, 503));
            }
        }
    }

    /// The address at which the far side of a request reaches us.
    fn contact_of(&self, destination: &Destination) -> Option<String> {
        match destination {
            Destination::Flow(source) => Some(self.near.names.contact_towards(source)),
            Destination::Targets(targets) => {
                targets.first().map(|to| self.near.names.contact_for(to.transport, to.address.ip()))
            }
            Destination::Uri | Destination::Host { .. } => None,
        }
    }

    fn act(&mut self, now: Instant, key: DialogKey, action: DialogAction) {
        let Some(dialog) = self.dialogs.id(key) else { return };
        let is_reinvite = matches!(action, DialogAction::Reinvite { .. });
        if let Err(error) = self.try_act(now, dialog, action) {
            tracing::debug!(%error, leg.id = %key.leg, "dialog action came too late");
            // The core waits for an answer to this one.
            if is_reinvite && let Some((_, door)) = self.dialogs.owner(dialog) {
                let event = Box::new(DialogEvent::ReinviteFailed { status: 491 });
                door.put(CallTaskEvent::Leg { leg: key.leg, fork: key.fork, event });
            }
        }
    }

    fn try_act(
        &mut self,
        now: Instant,
        dialog: DialogId,
        action: DialogAction,
    ) -> Result<(), InvalidUse> {
        let endpoint = &mut self.endpoint;
        match action {
            DialogAction::Progress { status, body } => {
                endpoint.progress(now, dialog, status, Vec::new(), body)
            }
            DialogAction::Answer { body } => endpoint.answer(now, dialog, Vec::new(), Some(body)),
            DialogAction::Reject { status, headers } => {
                measure::answered("INVITE", status);
                endpoint.reject(now, dialog, status, &headers)
            }
            DialogAction::AcceptReinvite { body } => {
                endpoint.accept_reinvite(now, dialog, Some(body))
            }
            DialogAction::RefuseReinvite { status } => {
                endpoint.refuse_reinvite(now, dialog, status)
            }
            DialogAction::Reinvite { body } => endpoint.reinvite(now, dialog, Some(body)),
            DialogAction::Hangup { reason } => endpoint.hangup(now, dialog, reason),
            DialogAction::RetryWith { headers } => endpoint.retry_with(now, dialog, headers),
            DialogAction::Respond { transaction, reply } => {
                endpoint.respond(now, transaction, &reply)
            }
            DialogAction::Notify { state, line } => {
                endpoint.notify(now, dialog, state, line).map(drop)
            }
        }
    }

    /// The dialog is another call's from now on, if it still stands.
    fn move_dialog(&mut self, from: DialogKey, to: DialogKey, door: CallDoor) {
        let found = self.dialogs.id(from);
        match found {
            Some(dialog) => {
                self.dialogs.remove(dialog);
                self.dialogs.insert(dialog, to, door);
            }
            None => deliver(door, failed(to, 481)),
        }
    }

    /// A call's task is gone: nobody else will end its dialogs.
    fn abandon(&mut self, now: Instant, call: call::CallId) {
        for dialog in self.dialogs.of_call(call) {
            let reason = Some(Reason::q850(41, "Temporary failure"));
            if self.endpoint.reject(now, dialog, 500, &[]).is_err() {
                let _ = self.endpoint.hangup(now, dialog, reason);
            }
            self.drain();
        }
    }

    fn resolve(&mut self, query: ResolveQuery) {
        let question = Question {
            host: query.host.to_string(),
            port: query.port,
            transport: query.transport,
            secure: query.secure,
        };
        let (dns, door) =
            (self.near.call_neighbours.dns.clone(), self.near.call_neighbours.sip.clone());
        tokio::spawn(async move {
            let targets = dns.find(question).await;
            door.send(SipCommand::Resolved { id: query.id, targets }).await;
        });
    }
}

/// The end of a dialog must reach its call even when its mailbox is full.
fn deliver(door: CallDoor, event: CallTaskEvent) {
    if let Err(mpsc::error::TrySendError::Full(event)) = door.mailbox.try_send(event) {
        tokio::spawn(async move {
            let _ = door.mailbox.send(event).await;
        });
    }
}

fn failed(key: DialogKey, status: u16) -> CallTaskEvent {
    let failure =
        Failure { status, message: None, reason: None, retry_after: None, before_ringing: true };
    let event = Box::new(DialogEvent::Failed(failure));
    CallTaskEvent::Leg { leg: key.leg, fork: key.fork, event }
}

/// Tells a refused caller when to come back.
pub(super) fn retry_after(seconds: u32) -> HeaderLine {
    HeaderLine::new("Retry-After", seconds.to_string())
}
