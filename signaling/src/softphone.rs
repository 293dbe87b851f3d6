//! A page as a phone of the house. It signs in with its session and has no SIP secret; in here it is a SIP phone like any
//! other, so that registrar, calls, hold and transfer know one kind of phone only. This task is that phone: SIP over
//! channels on one side (as over a WebSocket, RFC 7118), offers and answers on the other.

use crate::directory::ExtensionAccount;
use bytes::Bytes;
use call::{SoftphoneEvent, SoftphoneOrder};
use signaling_proto::{
    AdvertisedSet, Body, Destination, DialogEvent, DialogId, Endpoint, EndpointConfig, Event,
    FlowId, HeaderName, Message, Method, OutgoingRequest, Reply, Source, TransactionId, Transport,
    registration::{Registration, RegistrationConfig, RegistrationOutput, RegistrationState},
};
use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Instant};
use tokio::sync::mpsc;

/// Messages that may wait in one direction; a page that does not read is cut off.
pub(crate) const QUEUE: usize = 64;
/// It is refreshed long before; a page that is gone takes itself back at once.
const LIFETIME_S: u32 = 120;
/// Calls at one page at a time.
const CALLS_MAX: usize = 8;

/// A page's ends of its phone. Dropping `orders` hangs it up and takes it off the register.
#[derive(Debug)]
pub struct Softphone {
    /// What the page wants.
    pub orders: mpsc::Sender<SoftphoneOrder>,
    /// What the page is told.
    pub events: mpsc::Receiver<SoftphoneEvent>,
}

/// Where a leg stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Not answered yet.
    Offered,
    /// Nothing is asked of the page.
    Up,
    /// A change waits for the page's answer.
    Changing,
}

/// The SIP side: whole messages, as a WebSocket carries them.
pub(crate) struct Wire {
    pub(crate) outbound: mpsc::Sender<Bytes>,
    pub(crate) inbound: mpsc::Receiver<Bytes>,
}

pub(crate) struct SoftphoneTask {
    endpoint: Endpoint,
    registration: Registration,
    /// What it registers with each time it may be called again.
    terms: RegistrationConfig,
    /// Calls may come.
    reachable: bool,
    /// The REGISTER on its way.
    registering: Option<TransactionId>,
    source: Source,
    contact: String,
    wire: Wire,
    events: mpsc::Sender<SoftphoneEvent>,
    legs: BTreeMap<DialogId, (String, Stage)>,
    ready: bool,
}

impl SoftphoneTask {
    pub(crate) fn new(
        account: &ExtensionAccount,
        peer: SocketAddr,
        wire: Wire,
        events: mpsc::Sender<SoftphoneEvent>,
    ) -> Self {
        let domain = account.aor.rsplit_once('@').map_or(&*account.aor, |(_, domain)| domain);
        let tag: u64 = rand::random();
        // RFC 7118 §5: a browser has no address of its own.
        let host = format!("{tag:016x}.invalid");
        let mut config = EndpointConfig::new(AdvertisedSet::one_host(&host, 80, 443));
        config.user_agent = "TeleHub desk".into();
        config.max_dialogs = CALLS_MAX;
        let terms = RegistrationConfig {
            registrar: format!("sip:{domain}"),
            aor: format!("<sip:{}>", account.aor),
            credentials: Some((account.number.clone(), account.secret.0.clone())),
            realm: None,
            expires_s: LIFETIME_S,
        };
        let local = SocketAddr::from(([127, 0, 0, 1], 0));
        Self {
            endpoint: Endpoint::new(config, rand::random()),
            registration: Registration::new(terms.clone(), rand::random(), Instant::now()),
            terms,
            reachable: true,
            registering: None,
            source: Source { transport: Transport::Ws, local, remote: peer, flow: FlowId(1) },
            contact: format!("<sip:{}@{host};transport=ws>", account.number),
            wire,
            events,
            legs: BTreeMap::new(),
            ready: false,
        }
    }

    /// Runs until the page is gone, then says good-bye.
    pub(crate) async fn run(mut self, mut orders: mpsc::Receiver<SoftphoneOrder>) {
        loop {
            if self.drain().await.is_err() {
                return;
            }
            let due = self.endpoint.poll_timeout().map(|(at, _)| at);
            let due = due.into_iter().chain(self.registration.poll_timeout()).min();
            tokio::select! {
                order = orders.recv() => match order {
                    Some(order) => self.obey(order),
                    None => break,
                },
                message = self.wire.inbound.recv() => match message {
                    Some(bytes) => self.endpoint.handle_message(Instant::now(), self.source, bytes),
                    None => return,
                },
                () = sleep_until(due) => {
                    let now = Instant::now();
                    self.endpoint.handle_timeout(now);
                    self.registration.handle_timeout(now);
                }
            }
        }
        let now = Instant::now();
        for dialog in self.legs.keys().copied().collect::<Vec<_>>() {
            self.hang_up(dialog);
        }
        self.registration.leave(now);
        let _ = self.drain().await;
    }

    /// Sends and tells until there is nothing left. An error: one of the two sides is gone.
    async fn drain(&mut self) -> Result<(), Gone> {
        loop {
            let now = Instant::now();
            while let Some(output) = self.registration.poll_output() {
                match output {
                    RegistrationOutput::Send(request) => self.register(now, *request),
                    RegistrationOutput::State(state) => self.registered(&state)?,
                }
            }
            while let Some(transmit) = self.endpoint.poll_transmit() {
                self.wire.outbound.send(transmit.bytes).await.map_err(|_| Gone)?;
            }
            match self.endpoint.poll_event() {
                Some(event) => self.event(now, event)?,
                None => return Ok(()),
            }
        }
    }

    fn register(&mut self, now: Instant, mut request: OutgoingRequest) {
        request.destination = Destination::Flow(self.source);
        request.contact = Some(self.contact.clone());
        match self.endpoint.request(now, request) {
            Ok(transaction) => self.registering = Some(transaction),
            Err(error) => self.registration.handle_failure(now, &error.to_string()),
        }
    }

    fn registered(&mut self, state: &RegistrationState) -> Result<(), Gone> {
        let ready = matches!(state, RegistrationState::Registered { .. });
        let fault = match state {
            RegistrationState::Registered { .. } | RegistrationState::Left { .. } => false,
            RegistrationState::Refused { .. } | RegistrationState::Failed { .. } => true,
        };
        if fault {
            tracing::warn!(?state, "a page is not reachable by phone");
        }
        if std::mem::replace(&mut self.ready, ready) != ready || !ready {
            self.tell(SoftphoneEvent::Ready(ready))?;
        }
        Ok(())
    }

    /// Waits for nobody: who does not read is gone.
    fn tell(&self, event: SoftphoneEvent) -> Result<(), Gone> {
        self.events.try_send(event).map_err(|_| Gone)
    }

    fn event(&mut self, now: Instant, event: Event) -> Result<(), Gone> {
        match event {
            Event::Invited { dialog, message, .. } => return self.invited(now, dialog, &message),
            Event::Dialog { dialog, event } => return self.dialog_event(now, dialog, event),
            Event::Response { transaction, message, .. } => {
                let last = message.status().is_some_and(|status| status.code() >= 200);
                if last && self.registering == Some(transaction) {
                    self.registering = None;
                    self.registration.handle_response(now, &message, true, &self.contact);
                }
            }
            Event::RequestFailed { transaction, failure } => {
                if self.registering == Some(transaction) {
                    self.registering = None;
                    self.registration.handle_failure(now, &format!("{failure:?}"));
                }
            }
            Event::Request { transaction, message, .. } => {
                let status = if *message.method() == Method::Options { 200 } else { 405 };
                let _ = self.endpoint.respond(now, transaction, &Reply::new(status));
            }
            Event::NeedResolve(query) => self.endpoint.resolved(now, query.id, Vec::new()),
        }
        Ok(())
    }

    fn invited(&mut self, now: Instant, dialog: DialogId, invite: &Message) -> Result<(), Gone> {
        if !self.reachable {
            // It was sent before the registrar knew.
            let _ = self.endpoint.reject(now, dialog, 480, &[]);
            return Ok(());
        }
        if invite.body().is_empty() {
            // A page answers offers and makes none.
            let _ = self.endpoint.reject(now, dialog, 488, &[]);
            return Ok(());
        }
        let _ = self.endpoint.set_contact(dialog, self.contact.clone());
        let _ = self.endpoint.progress(now, dialog, 180, Vec::new(), None);
        let leg = invite.call_id().to_string();
        self.legs.insert(dialog, (leg.clone(), Stage::Offered));
        let from = invite.from();
        let user = signaling_proto::Uri::user(&from.uri).map(|user| user.to_string());
        let waits = |line: Bytes| String::from_utf8_lossy(&line).contains("answer-after=0");
        self.tell(SoftphoneEvent::Offer {
            leg,
            sdp: invite.body().clone(),
            from: user.unwrap_or_default(),
            name: from.display.as_deref().map(str::to_owned),
            auto_answer: invite.headers().lines(HeaderName::CallInfo).any(waits),
        })
    }

    fn dialog_event(
        &mut self,
        now: Instant,
        dialog: DialogId,
        event: DialogEvent,
    ) -> Result<(), Gone> {
        match event {
            DialogEvent::Reinvited { body: Some(body) } => {
                let Some((leg, stage)) = self.legs.get_mut(&dialog) else { return Ok(()) };
                *stage = Stage::Changing;
                let event = SoftphoneEvent::Change { leg: leg.clone(), sdp: body.bytes };
                return self.tell(event);
            }
            DialogEvent::Reinvited { body: None } => {
                let _ = self.endpoint.refuse_reinvite(now, dialog, 488);
            }
            DialogEvent::Failed(_) | DialogEvent::Ended { .. } => {
                if let Some((leg, _)) = self.legs.remove(&dialog) {
                    return self.tell(SoftphoneEvent::Ended { leg });
                }
            }
            DialogEvent::Referred { transaction, .. }
            | DialogEvent::Request { transaction, .. } => {
                let _ = self.endpoint.respond(now, transaction, &Reply::new(405));
            }
            DialogEvent::Progressed { .. }
            | DialogEvent::Answered { .. }
            | DialogEvent::Challenged { .. }
            | DialogEvent::Confirmed { .. }
            | DialogEvent::ReinviteConfirmed { .. }
            | DialogEvent::ReinviteAnswered { .. }
            | DialogEvent::ReinviteFailed { .. }
            | DialogEvent::Info { .. }
            | DialogEvent::Notified { .. }
            | DialogEvent::Response { .. } => {}
        }
        Ok(())
    }

    /// What is asked of a leg that is gone meanwhile has been told already.
    fn obey(&mut self, order: SoftphoneOrder) {
        let named = match &order {
            SoftphoneOrder::Reachable(wanted) => return self.reach(*wanted),
            SoftphoneOrder::Answer { leg, .. } | SoftphoneOrder::Hangup { leg } => leg,
        };
        let found = self.legs.iter_mut().find(|(_, (leg, _))| leg == named);
        let Some((&dialog, (_, stage))) = found else { return };
        let now = Instant::now();
        match order {
            SoftphoneOrder::Reachable(_) => {}
            SoftphoneOrder::Hangup { .. } => self.hang_up(dialog),
            SoftphoneOrder::Answer { sdp, .. } => {
                let body = Some(Body::sdp(sdp));
                let before = std::mem::replace(stage, Stage::Up);
                let done = match before {
                    Stage::Offered => self.endpoint.answer(now, dialog, Vec::new(), body),
                    Stage::Changing => self.endpoint.accept_reinvite(now, dialog, body),
                    Stage::Up => return,
                };
                if let Err(error) = done {
                    tracing::debug!(%error, "a page answered what was over");
                }
            }
        }
    }

    /// What rings goes elsewhere when nobody is there; what is talked on goes on.
    fn reach(&mut self, wanted: bool) {
        if std::mem::replace(&mut self.reachable, wanted) == wanted {
            return;
        }
        let now = Instant::now();
        if wanted {
            self.registering = None;
            self.registration = Registration::new(self.terms.clone(), rand::random(), now);
            return;
        }
        let ringing = self.legs.iter().filter(|(_, (_, stage))| *stage == Stage::Offered);
        for dialog in ringing.map(|(dialog, _)| *dialog).collect::<Vec<_>>() {
            let _ = self.endpoint.reject(now, dialog, 480, &[]);
        }
        self.registration.leave(now);
    }

    /// Refused where it is not answered yet: the desk says 603, so that it rings nowhere else.
    fn hang_up(&mut self, dialog: DialogId) {
        let now = Instant::now();
        let offered = self.legs.get(&dialog).is_some_and(|(_, stage)| *stage == Stage::Offered);
        let _ = if offered {
            self.endpoint.reject(now, dialog, 603, &[])
        } else {
            self.endpoint.hangup(now, dialog, None)
        };
    }
}

/// One of the two sides is not there any more.
#[derive(Clone, Copy, Debug)]
struct Gone;

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

/// Starts the phone of a page.
pub(crate) fn start(account: &Arc<ExtensionAccount>, peer: SocketAddr, wire: Wire) -> Softphone {
    let (orders, taken) = mpsc::channel(QUEUE);
    let (events, told) = mpsc::channel(QUEUE);
    tokio::spawn(SoftphoneTask::new(account, peer, wire, events).run(taken));
    Softphone { orders, events: told }
}
