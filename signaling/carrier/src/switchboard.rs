//! The carrier's one task: network, endpoint, media and live calls meet here.

use crate::behaviour::Behaviour;
use crate::carrier::{Command, Counters, OfferedCall, PlaceCall, PlacedCall};
use crate::config::Config;
use crate::dtmf_info;
use crate::live::{LiveCall, Neighbours, Outcome};
use crate::sockets::{SocketEvent, Sockets};
use crate::subscriber::Heard;
use bytes::Bytes;
use media::{Engine, LegKey, MediaEvent};
use signaling_proto::{
    AdvertisedSet, Body, Destination, DialogEvent, DialogId, Endpoint, EndpointConfig, Event,
    HeaderLine, InviteRequest, Message, Method, ParseOutcome, Reply, ResolveQuery, Source, Target,
    Transport,
};
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// The port a bare number of a resolved host means (RFC 3263 §4.2).
const SIP_PORT: u16 = 5060;

pub(crate) struct Switchboard {
    config: Config,
    sockets: Sockets,
    endpoint: Endpoint,
    engine: Engine,
    counters: Arc<Counters>,
    /// For answers of name look-ups; weak, so that the carrier's handle decides the end.
    commands: mpsc::WeakSender<Command>,
    calls: HashMap<LegKey, LiveCall>,
    by_dialog: HashMap<DialogId, LegKey>,
    /// When which subscriber wants to be woken.
    wakes: BTreeSet<(Instant, LegKey)>,
    /// Calls we shall place once their ports are taken.
    to_place: HashMap<LegKey, PlaceCall>,
    /// How often each number without a fixed behaviour was called.
    drawn: HashMap<String, u64>,
    /// Who wants to know of every call offered.
    watcher: Option<mpsc::Sender<OfferedCall>>,
}

impl Switchboard {
    pub(crate) fn new(
        config: Config,
        sockets: Sockets,
        engine: Engine,
        counters: Arc<Counters>,
        commands: mpsc::WeakSender<Command>,
    ) -> Self {
        let address = sockets.address();
        let host = signaling_proto::uri::Host::Ip(address.ip()).to_string();
        let advertised = AdvertisedSet::one_host(&host, address.port(), address.port());
        let mut endpoint_config = EndpointConfig::new(advertised);
        endpoint_config.user_agent = "TeleHub simulated carrier".into();
        endpoint_config.max_dialogs = config.calls_max;
        Self {
            config,
            sockets,
            endpoint: Endpoint::new(endpoint_config, rand::random()),
            engine,
            counters,
            commands,
            calls: HashMap::new(),
            by_dialog: HashMap::new(),
            wakes: BTreeSet::new(),
            to_place: HashMap::new(),
            drawn: HashMap::new(),
            watcher: None,
        }
    }

    pub(crate) async fn run(
        mut self,
        mut commands: mpsc::Receiver<Command>,
        mut media: mpsc::Receiver<MediaEvent>,
        shutdown: CancellationToken,
    ) {
        loop {
            self.drain(Instant::now());
            let due = self.next_wake();
            tokio::select! {
                () = shutdown.cancelled() => break,
                event = self.sockets.next() => self.network(event),
                Some(event) = media.recv() => self.media(event),
                Some(command) = commands.recv() => self.command(command),
                () = sleep_until(due) => self.timeout(Instant::now()),
            }
        }
        self.goodbye();
        self.engine.shutdown();
    }

    fn next_wake(&self) -> Option<Instant> {
        let endpoint = self.endpoint.poll_timeout().map(|(at, _)| at);
        let subscriber = self.wakes.first().map(|(at, _)| *at);
        endpoint.into_iter().chain(subscriber).min()
    }

    fn timeout(&mut self, now: Instant) {
        self.endpoint.handle_timeout(now);
        while let Some((at, leg)) = self.wakes.first().copied().filter(|(at, _)| *at <= now) {
            self.wakes.remove(&(at, leg));
            self.with_call(leg, |call, with| call.wake(with));
        }
    }

    fn network(&mut self, event: SocketEvent) {
        let now = Instant::now();
        match event {
            SocketEvent::Datagram { bytes, .. } if rings_nowhere(&bytes) => {}
            SocketEvent::Datagram { source, bytes } => {
                self.endpoint.handle_message(now, source, bytes);
            }
            SocketEvent::Message { source, outcome } => {
                let dead = matches!(&outcome, ParseOutcome::Ok(m) if rings_nowhere(m.bytes()));
                if !dead {
                    self.endpoint.handle_outcome(now, source, outcome);
                }
            }
            SocketEvent::Accepted(_) => {}
            SocketEvent::Closed { flow } => self.endpoint.handle_flow_closed(now, flow),
        }
    }

    /// Sends what is to be sent and does what is to be done, until there is nothing left.
    fn drain(&mut self, now: Instant) {
        loop {
            while let Some(transmit) = self.endpoint.poll_transmit() {
                let id = transmit.id;
                if !self.sockets.send(transmit) {
                    self.endpoint.handle_transmit_failed(now, id);
                }
            }
            match self.endpoint.poll_event() {
                Some(event) => self.event(now, event),
                None => return,
            }
        }
    }

    fn event(&mut self, now: Instant, event: Event) {
        match event {
            Event::Invited { dialog, message, source } => {
                self.invited(dialog, &message, &source);
            }
            Event::Dialog { dialog, event } => {
                if let Some(leg) = self.by_dialog.get(&dialog).copied() {
                    self.dialog_event(now, dialog, leg, event);
                }
            }
            Event::Request { transaction, message, .. } => {
                // OPTIONS keeps a trunk up; a carrier has no use for the rest.
                let status = if *message.method() == Method::Options { 200 } else { 405 };
                let reply = Reply::new(status)
                    .with_header("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, PRACK");
                if let Err(error) = self.endpoint.respond(now, transaction, &reply) {
                    tracing::debug!(%error, "a request went away before its answer");
                }
            }
            Event::NeedResolve(query) => self.resolve(query),
            Event::Response { .. } | Event::RequestFailed { .. } => {}
        }
    }

    fn invited(&mut self, dialog: DialogId, invite: &Message, source: &Source) {
        self.counters.offered.fetch_add(1, Ordering::Relaxed);
        let number = invite.request_uri().and_then(signaling_proto::Uri::user).unwrap_or_default();
        let behaviour = Behaviour::of_number(&number).unwrap_or_else(|| {
            let nth = self.drawn.entry(number.clone()).or_default();
            *nth += 1;
            self.config.mix.draw(&number, *nth)
        });
        tracing::info!(behaviour = %behaviour, "call offered");
        if let Err(error) =
            self.endpoint.set_contact(dialog, contact(source.local, source.transport))
        {
            tracing::debug!(%error, "the call went away");
        }
        let leg = LegKey(Uuid::now_v7());
        let mut live = LiveCall::new(leg, Some(dialog), behaviour);
        if let Some(watcher) = &self.watcher {
            let (told, outcome) = oneshot::channel();
            live.outcome = Some(told);
            // Full, or nobody reads any more: the call goes on untold.
            let _ = watcher.try_send(OfferedCall { number, outcome: PlacedCall(outcome) });
        }
        self.calls.insert(leg, live);
        self.by_dialog.insert(dialog, leg);
        let offer = Some(invite.body().clone()).filter(|body| !body.is_empty());
        self.with_call(leg, |call, with| call.called(with, offer));
    }

    fn dialog_event(&mut self, now: Instant, dialog: DialogId, leg: LegKey, event: DialogEvent) {
        match event {
            DialogEvent::Progressed { body, .. } => {
                self.with_call(leg, |call, with| call.take_answer(with, body));
            }
            DialogEvent::Answered { body, .. } | DialogEvent::Confirmed { body } => {
                self.counters.answered.fetch_add(1, Ordering::Relaxed);
                self.with_call(leg, |call, with| call.answered(with, body));
            }
            DialogEvent::Reinvited { body } => {
                self.with_call(leg, |call, with| call.reinvited(with, body));
            }
            DialogEvent::ReinviteConfirmed { body } | DialogEvent::ReinviteAnswered { body } => {
                self.with_call(leg, |call, with| call.take_answer(with, body));
            }
            DialogEvent::Info { body } => {
                if let Some(digit) = dtmf_info::digit_of(&body) {
                    self.with_call(leg, |call, with| call.hear(with, Heard::Digit(digit)));
                }
            }
            DialogEvent::Challenged { .. } => {
                // The carrier is known by its address; a switch that asks it is set up wrong.
                self.close(leg, Some(401));
                if let Err(error) = self.endpoint.hangup(now, dialog, None) {
                    tracing::debug!(%error, "the challenged call went away");
                }
            }
            DialogEvent::Referred { transaction, .. }
            | DialogEvent::Request { transaction, .. } => {
                if let Err(error) = self.endpoint.respond(now, transaction, &Reply::new(405)) {
                    tracing::debug!(%error, "a request went away before its answer");
                }
            }
            DialogEvent::Failed(failure) => self.close(leg, Some(failure.status)),
            DialogEvent::Ended { .. } => self.close(leg, None),
            DialogEvent::ReinviteFailed { .. }
            | DialogEvent::Notified { .. }
            | DialogEvent::Response { .. } => {}
        }
    }

    fn media(&mut self, event: MediaEvent) {
        match event {
            MediaEvent::Opened { leg, sdp } => {
                let mut place = false;
                self.with_call(leg, |call, with| place = call.opened(with, sdp));
                if place {
                    self.place(leg);
                }
            }
            MediaEvent::Established { leg } => {
                self.with_call(leg, |call, with| call.established(with));
            }
            MediaEvent::Reanswered { leg, sdp, .. } => {
                self.with_call(leg, |call, with| call.reanswered(with, sdp));
            }
            MediaEvent::Reoffer { leg, sdp } => {
                self.with_call(leg, |call, with| call.reoffer(with, sdp));
            }
            MediaEvent::Failed { leg, reason } => {
                tracing::debug!(%reason, "media failed");
                let mut dead = false;
                self.with_call(leg, |call, with| dead = call.media_failed(with));
                if dead {
                    self.close(leg, None);
                }
            }
            MediaEvent::Dtmf { leg, digit } => {
                self.with_call(leg, |call, with| call.hear(with, Heard::Digit(digit)));
            }
            MediaEvent::PlayFinished { leg, playback } => {
                self.with_call(leg, |call, with| call.play_finished(with, playback));
            }
            MediaEvent::SpeechEnded { leg } => {
                self.with_call(leg, |call, with| call.hear(with, Heard::SpeechEnded));
            }
            MediaEvent::Silent { .. }
            | MediaEvent::SpeechStarted { .. }
            | MediaEvent::RecordingStopped { .. }
            | MediaEvent::RecordingFailed { .. }
            | MediaEvent::Quality { .. }
            | MediaEvent::Closed { .. } => {}
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Place { call, outcome } => self.prepare(call, outcome),
            Command::Watch(watcher) => self.watcher = Some(watcher),
            Command::Resolved { id, targets } => {
                self.endpoint.resolved(Instant::now(), id, targets);
            }
        }
    }

    /// A call into the switch begins with ports and an offer.
    fn prepare(&mut self, call: PlaceCall, outcome: oneshot::Sender<Outcome>) {
        self.counters.placed.fetch_add(1, Ordering::Relaxed);
        let leg = LegKey(Uuid::now_v7());
        let mut live = LiveCall::new(leg, None, call.behaviour);
        live.outcome = Some(outcome);
        self.calls.insert(leg, live);
        self.to_place.insert(leg, call);
        self.with_call(leg, |call, with| call.open(with, None));
    }

    fn place(&mut self, leg: LegKey) {
        let (Some(call), Some(live)) = (self.to_place.remove(&leg), self.calls.get(&leg)) else {
            return;
        };
        let transport = if call.tcp { Transport::Tcp } else { Transport::Udp };
        let local = self.sockets.local_towards(call.switch.ip());
        let target = Target { transport, address: call.switch, server_name: None };
        let from = format!("<sip:{}@{local}>", call.from);
        let to = format!("sip:{}@{}", call.did, call.switch);
        let asserted = HeaderLine::new("P-Asserted-Identity", from.clone());
        let request = InviteRequest {
            contact: Some(contact(local, transport)),
            headers: vec![asserted],
            body: live.ours().map(Body::sdp),
            ..InviteRequest::new(
                to.clone(),
                from,
                format!("<{to}>"),
                Destination::Targets(vec![target]),
            )
        };
        match self.endpoint.invite(Instant::now(), request) {
            Ok(dialog) => {
                self.by_dialog.insert(dialog, leg);
                self.with_call(leg, |call, with| {
                    call.dialog = Some(dialog);
                    call.hear(with, Heard::Calling);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot place the call");
                self.close(leg, Some(503));
            }
        }
    }

    /// Asks the system's resolver, off this task.
    fn resolve(&self, query: ResolveQuery) {
        let commands = self.commands.clone();
        tokio::spawn(async move {
            let port = query.port.unwrap_or(SIP_PORT);
            let transport = query.transport.unwrap_or(Transport::Udp);
            let found = tokio::net::lookup_host((&*query.host, port)).await;
            let targets = found.into_iter().flatten().map(|address| Target {
                transport,
                address,
                server_name: Some(query.host.clone()),
            });
            let resolved = Command::Resolved { id: query.id, targets: targets.collect() };
            if let Some(commands) = commands.upgrade() {
                // The carrier stopped meanwhile: nobody needs the address.
                let _ = commands.send(resolved).await;
            }
        });
    }

    fn with_call(&mut self, leg: LegKey, act: impl FnOnce(&mut LiveCall, &mut Neighbours<'_>)) {
        let Some(call) = self.calls.get_mut(&leg) else { return };
        let before = call.subscriber.poll_timeout().map(|(at, _)| at);
        let mut with = Neighbours {
            endpoint: &mut self.endpoint,
            engine: &self.engine,
            language: &self.config.language,
            now: Instant::now(),
        };
        act(call, &mut with);
        let after = call.subscriber.poll_timeout().map(|(at, _)| at);
        if let Some(at) = before {
            self.wakes.remove(&(at, leg));
        }
        if let Some(at) = after {
            self.wakes.insert((at, leg));
        }
    }

    fn close(&mut self, leg: LegKey, status: Option<u16>) {
        self.with_call(leg, |call, with| call.gone(with, status));
        self.to_place.remove(&leg);
        if let Some(call) = self.calls.remove(&leg) {
            self.counters.ended.fetch_add(1, Ordering::Relaxed);
            if let Some(dialog) = call.dialog {
                self.by_dialog.remove(&dialog);
            }
        }
    }

    /// Hangs up every call; what must be sent is handed to the sockets.
    fn goodbye(&mut self) {
        let legs: Vec<LegKey> = self.calls.keys().copied().collect();
        for leg in legs {
            self.with_call(leg, |call, with| call.hang_up(with));
        }
        self.drain(Instant::now());
        // A switch that is gone answers no BYE: whoever waits for a call learns its length now.
        let legs: Vec<LegKey> = self.calls.keys().copied().collect();
        for leg in legs {
            self.close(leg, None);
        }
    }
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at.into()).await,
        None => std::future::pending().await,
    }
}

fn contact(local: SocketAddr, transport: Transport) -> String {
    match transport {
        Transport::Udp => format!("<sip:carrier@{local}>"),
        Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
            format!("<sip:carrier@{local};transport=tcp>")
        }
    }
}

/// An INVITE to a number that never answers, not even with 100: it must not reach the endpoint.
fn rings_nowhere(bytes: &Bytes) -> bool {
    let Some(line) = bytes.strip_prefix(b"INVITE ") else { return false };
    let end = line.iter().position(|byte| *byte == b'\r').unwrap_or(line.len());
    let uri = String::from_utf8_lossy(&line[..end]);
    let user = uri.split(['@', ' ']).next().unwrap_or_default();
    let user = user.split(';').next().unwrap_or_default();
    Behaviour::of_number(user) == Some(Behaviour::DeadAir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_invite_to_0021_is_swallowed() {
        let swallowed = |text: &'static str| rings_nowhere(&Bytes::from_static(text.as_bytes()));
        assert!(swallowed("INVITE sip:+919812340021@127.0.0.1:5090 SIP/2.0\r\nVia: x"));
        assert!(swallowed("INVITE sip:919812340021;phone-context=x@h SIP/2.0\r\n"));
        assert!(!swallowed("INVITE sip:+919812340001@h0021 SIP/2.0\r\n"));
        assert!(!swallowed("BYE sip:+919812340021@h SIP/2.0\r\n"));
        assert!(!swallowed(""));
    }
}
