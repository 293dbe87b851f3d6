//! One task per call: feeds the call core, carries out what it wants, and ends alone if it must.

use super::{
    CallTaskEvent, Claim, MediaPort, Place,
    adopting::{AdoptedLeg, Adopting, Waiting},
    answering::{Effects, OfferedLeg},
    carry::Presented,
    cause, media as words,
    outbox::Outbox,
    placing::PlacedLeg,
    transfer::Referring,
};
use crate::{
    Directory, EventOut,
    accounts::Accounts,
    directory::{ExtensionAccount, RouteRequest},
    measure,
    sip::{DialogAction, DialogKey, SipCommand, SipDoor},
    transport::LocalAddresses,
    trunk::{Channel, Trunks},
};
use ::media::{MediaCommand, MediaEvent};
use call::{
    Call, CallConfig, CallEventKind, CauseKind, EndedBy, ExtensionId, ExtensionTarget, HangupCause,
    Input, LegAction, LegId, Origin, Originate, Output, Plan, RecordingId, Target, TenantId,
};
use futures::{FutureExt, future::BoxFuture};
use signaling_proto::{Body, HeaderLine};
use std::{
    collections::{BTreeMap, VecDeque},
    net::{IpAddr, SocketAddr},
    panic::AssertUnwindSafe,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
};
use tracing::Instrument;

/// What had no room (media commands, events for the journal) is tried again after this.
const RETRY: Duration = Duration::from_millis(5);

/// How long a finished call waits for the journal to take its last events.
const OUTBOX_PATIENCE: Duration = Duration::from_secs(60);

/// Everybody a call talks to.
pub(crate) struct CallNeighbours {
    /// Where calls run: the signalling thread.
    pub(crate) tasks: Handle,
    pub(crate) sip: SipDoor,
    pub(crate) media: MediaPort,
    pub(crate) directory: Arc<dyn Directory>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) trunks: Arc<Trunks>,
    pub(crate) dns: crate::dns::Dns,
    pub(crate) events: EventOut,
    pub(crate) media_addresses: LocalAddresses,
    pub(crate) spool: PathBuf,
}

/// What the call begins with.
pub(crate) enum FirstInput {
    /// Somebody placed it to us.
    Offered(Box<Offered>),
    /// Click-to-call.
    Originate(Box<Originate>),
}

/// An INVITE whose sender is known.
pub(crate) struct Offered {
    pub(crate) input: Input,
    pub(crate) peer: SocketAddr,
    pub(crate) caller: Caller,
}

/// Who placed the call to us.
pub(crate) enum Caller {
    Phone(Arc<ExtensionAccount>),
    Trunk(Channel),
}

/// Starts the call's task.
pub(crate) fn spawn(
    near: Arc<CallNeighbours>,
    place: Place,
    mailbox: mpsc::Receiver<CallTaskEvent>,
    first: FirstInput,
) {
    let span = tracing::info_span!("call", call.id = %place.call);
    let tasks = near.tasks.clone();
    tasks.spawn(guarded(near, place, mailbox, first).instrument(span));
}

/// Runs the call; a panic inside of it ends this call and nothing else (A06).
async fn guarded(
    near: Arc<CallNeighbours>,
    place: Place,
    mailbox: mpsc::Receiver<CallTaskEvent>,
    first: FirstInput,
) {
    let mut task = Box::new(CallTask::new(near.clone(), &place, mailbox));
    let ran = AssertUnwindSafe(task.run(first)).catch_unwind().await;
    if ran.is_err() {
        measure::call_panicked();
        tracing::error!("call task panicked, its call is ended");
        near.sip.send(SipCommand::Abandon { call: place.call }).await;
        task.close_after_panic();
    }
    task.drain_outbox().await;
    task.leave();
}

/// One leg's signalling.
#[derive(Debug)]
pub(super) enum Leg {
    Offered(OfferedLeg),
    Placed(Box<PlacedLeg>),
    /// Of a call that is over.
    Adopted(Box<AdoptedLeg>),
    /// Could not be placed, or is over.
    Gone,
}

/// Who placed a leg to us.
#[derive(Debug)]
pub(super) struct Placer {
    /// The phone's, where it is one of ours.
    pub(super) account: Option<Arc<ExtensionAccount>>,
    pub(super) peer: IpAddr,
}

pub(super) struct CallTask {
    pub(super) near: Arc<CallNeighbours>,
    pub(super) tenant: TenantId,
    pub(super) door: super::CallDoor,
    mailbox: mpsc::Receiver<CallTaskEvent>,
    pub(super) core: Call,
    outbox: Outbox,
    pub(super) legs: BTreeMap<LegId, Leg>,
    /// Who placed a leg to us.
    pub(super) placers: BTreeMap<LegId, Placer>,
    /// Whom the plan may ring, for the media settings of their legs.
    pub(super) extensions: BTreeMap<ExtensionId, ExtensionTarget>,
    pub(super) trunks_left: Vec<call::TrunkId>,
    /// Who placed the call, where it is one of ours.
    pub(super) dialled_by: Option<call::UserId>,
    /// REFERs that are answered, or about to be, by the leg they came from.
    pub(super) refers: BTreeMap<LegId, Referring>,
    /// The party of another call that becomes ours.
    pub(super) adopting: Option<Adopting>,
    /// The party that was found and is to be asked for is not to be had any more.
    pub(super) lost: Option<HangupCause>,
    /// Another call waits for a party of ours.
    pub(super) waiting: Option<Waiting>,
    /// A phone that wants a leg's place, about to be refused.
    pub(super) claim: Option<Box<Claim>>,
    /// What a transfer waits for.
    pub(super) asked: Option<BoxFuture<'static, CallTaskEvent>>,
    route: Option<BoxFuture<'static, Result<Box<Plan>, HangupCause>>>,
    /// Ends when the latest event that was waited for is on disk. Events are written in order:
    /// a later one stands for all before it.
    written: Option<oneshot::Receiver<()>>,
    unsent: VecDeque<MediaCommand>,
    started: bool,
    ended: bool,
    finished: bool,
}

impl CallTask {
    fn new(
        near: Arc<CallNeighbours>,
        place: &Place,
        mailbox: mpsc::Receiver<CallTaskEvent>,
    ) -> Self {
        let (call, tenant) = (place.call, place.tenant);
        Self {
            outbox: Outbox::new(tenant, call, near.events.clone()),
            near,
            tenant,
            door: place.door.clone(),
            mailbox,
            core: Call::new(call, CallConfig::default(), rand::random()),
            legs: BTreeMap::new(),
            placers: BTreeMap::new(),
            extensions: BTreeMap::new(),
            trunks_left: Vec::new(),
            dialled_by: None,
            refers: BTreeMap::new(),
            adopting: None,
            lost: None,
            waiting: None,
            claim: None,
            asked: None,
            route: None,
            written: None,
            unsent: VecDeque::new(),
            started: false,
            ended: false,
            finished: false,
        }
    }

    async fn run(&mut self, first: FirstInput) {
        let input = self.begin(first);
        self.feed(input).await;
        while !self.finished {
            let event = self.next_event().await;
            self.take(event).await;
        }
    }

    fn begin(&mut self, first: FirstInput) -> Input {
        match first {
            FirstInput::Offered(offered) => {
                let Offered { mut input, peer, caller } = *offered;
                self.write_numbers(&mut input);
                let leg = LegId::of(self.door.call, 0);
                let (party, channel, account) = match caller {
                    Caller::Phone(account) => {
                        self.dialled_by = account.user;
                        (EndedBy::Agent, None, Some(account))
                    }
                    Caller::Trunk(channel) => (EndedBy::Customer, Some(channel), None),
                };
                let late = matches!(&input, Input::LegOffered { sdp: None, .. });
                self.placers.insert(leg, Placer { account, peer: peer.ip() });
                self.legs.insert(leg, Leg::Offered(OfferedLeg::new(leg, party, late, channel)));
                input
            }
            FirstInput::Originate(originate) => {
                self.note_extension(&originate.agent);
                self.dialled_by = originate.agent.user;
                self.trunks_left = originate.routes.iter().map(|route| route.trunk).collect();
                Input::Originate(originate)
            }
        }
    }

    /// Records, screens and routes know a telephone number in one form only.
    fn write_numbers(&self, input: &mut Input) {
        if let Input::LegOffered { from, to, .. } = input {
            for text in [from, to] {
                if let Some(number) = self.near.directory.number(text) {
                    *text = number;
                }
            }
        }
    }

    /// What wakes the task next.
    async fn next_event(&mut self) -> CallTaskEvent {
        let deadline = self.core.poll_timeout().map(|(at, _)| at);
        let retry =
            (!self.unsent.is_empty() || !self.outbox.is_empty()).then(|| Instant::now() + RETRY);
        let deadline = match (deadline, retry) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
        let due = async {
            match deadline {
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        };
        let routed = async {
            match &mut self.route {
                Some(route) => route.await,
                None => std::future::pending().await,
            }
        };
        let asked = async {
            match &mut self.asked {
                Some(asked) => asked.await,
                None => std::future::pending().await,
            }
        };
        let written = async {
            match &mut self.written {
                // Dropped unsent: it will not be known, and waiting on helps nobody.
                Some(written) => drop(written.await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            event = self.mailbox.recv() => event.unwrap_or(CallTaskEvent::Shutdown),
            plan = routed => {
                self.route = None;
                CallTaskEvent::Directory(plan)
            }
            answer = asked => {
                self.asked = None;
                answer
            }
            () = written => {
                self.written = None;
                CallTaskEvent::Written
            }
            () = due => CallTaskEvent::Timeout,
        }
    }

    async fn take(&mut self, event: CallTaskEvent) {
        match event {
            CallTaskEvent::Command(control) => self.feed(Input::Control(control)).await,
            CallTaskEvent::PhonesOut(extension) => {
                self.feed(Input::PhonesOut(extension)).await;
            }
            CallTaskEvent::Leg { leg, fork, event } => {
                let now = Instant::now();
                let effects = match self.legs.get_mut(&leg) {
                    Some(Leg::Offered(offered)) => offered.handle(*event),
                    Some(Leg::Placed(placed)) => placed.handle(fork, *event, now),
                    Some(Leg::Adopted(adopted)) => adopted.handle(*event),
                    Some(Leg::Gone) | None => Effects::default(),
                };
                self.carry_out(leg, effects).await;
            }
            CallTaskEvent::Media(event) => {
                if let Some(notice) = words::notice(event) {
                    self.feed(Input::Media(notice)).await;
                }
            }
            CallTaskEvent::Directory(plan) => {
                if let Ok(plan) = &plan {
                    self.note_plan(plan);
                }
                self.feed(Input::Routed(plan)).await;
            }
            CallTaskEvent::TransferRouted(_)
            | CallTaskEvent::PartnerWanted(_)
            | CallTaskEvent::PartnerFound(_)
            | CallTaskEvent::Give { .. }
            | CallTaskEvent::Taken { .. }
            | CallTaskEvent::Lost(_)
            | CallTaskEvent::NotWanted
            | CallTaskEvent::Claimed(_) => Box::pin(self.take_transfer(event)).await,
            CallTaskEvent::Written => self.feed(Input::Written).await,
            CallTaskEvent::Timeout => {
                self.retry_unsent();
                self.outbox.flush();
                self.core.handle_timeout(Instant::now());
                self.drain().await;
            }
            CallTaskEvent::Shutdown => self.feed(Input::Shutdown).await,
        }
    }

    /// What other calls, other phones and the directory have to say about who is in this call.
    async fn take_transfer(&mut self, event: CallTaskEvent) {
        match event {
            CallTaskEvent::TransferRouted(route) => {
                if let Ok(plan) = &route {
                    self.note_plan(plan);
                }
                self.core.handle_input(Instant::now(), Input::TransferRouted(route));
            }
            CallTaskEvent::PartnerWanted(asker) => self.tell_partner(asker),
            CallTaskEvent::PartnerFound(found) => {
                let partner = found.map(|found| self.note_found(*found));
                self.core.handle_input(Instant::now(), Input::PartnerFound(partner));
            }
            CallTaskEvent::Give { leg, to, door } => self.give(leg, to, door).await,
            CallTaskEvent::Lost(cause) => self.note_lost(cause),
            CallTaskEvent::NotWanted => self.not_wanted(),
            CallTaskEvent::Taken { leg, taken } => self.taken(leg, taken).await,
            CallTaskEvent::Claimed(claim) => self.claimed(claim).await,
            CallTaskEvent::Command(_)
            | CallTaskEvent::PhonesOut(_)
            | CallTaskEvent::Leg { .. }
            | CallTaskEvent::Media(_)
            | CallTaskEvent::Directory(_)
            | CallTaskEvent::Written
            | CallTaskEvent::Timeout
            | CallTaskEvent::Shutdown => {}
        }
        self.drain().await;
    }

    async fn feed(&mut self, input: Input) {
        self.core.handle_input(Instant::now(), input);
        self.drain().await;
    }

    /// One mutation, then drain: until the core wants nothing more.
    async fn drain(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::NeedRoute { tenant, origin, from, to } => {
                    self.ask_route(tenant, origin, from, to);
                }
                Output::NeedTransferRoute { by, to } => self.ask_transfer_route(by, to),
                Output::NeedPartner { by } => self.ask_partner(by),
                Output::NeedWritten(kind) => {
                    self.note_emitted(&kind);
                    self.written = Some(self.outbox.put_for_receipt(kind));
                }
                Output::Leg { leg, action } => Box::pin(self.act(leg, action)).await,
                Output::Media(action) => self.media(action).await,
                Output::Emit(kind) => self.emit(kind),
                Output::Finished => self.finished = true,
            }
        }
        self.let_go();
    }

    fn ask_route(&mut self, tenant: TenantId, origin: Origin, from: String, to: String) {
        let directory = self.near.directory.clone();
        let request = RouteRequest { tenant, origin, from, to, diverted_by: None };
        self.route = Some(Box::pin(async move { directory.route(request).await.map(Box::new) }));
    }

    fn note_plan(&mut self, plan: &Plan) {
        for target in &plan.targets {
            match target {
                Target::Extension(target) => self.note_extension(target),
                Target::Trunk(target) => self.trunks_left.push(target.trunk),
            }
        }
    }

    pub(super) fn note_extension(&mut self, target: &ExtensionTarget) {
        self.extensions.insert(target.extension, target.clone());
    }

    fn emit(&mut self, kind: CallEventKind) {
        self.note_emitted(&kind);
        self.outbox.put(kind);
    }

    fn note_emitted(&mut self, kind: &CallEventKind) {
        self.started |= matches!(kind, CallEventKind::Started { .. });
        self.ended |= matches!(kind, CallEventKind::Ended { .. });
        tracing::debug!(?kind, "call event");
    }

    /// Hands facts to the core and actions to the SIP task.
    pub(super) async fn carry_out(&mut self, leg: LegId, effects: Effects) {
        for (fork, action) in effects.actions {
            self.dialog(leg, fork, action).await;
        }
        for input in effects.inputs {
            self.core.handle_input(Instant::now(), input);
        }
        if let Some(redirect) = effects.redirect {
            self.redirect(leg, redirect).await;
        }
        if let Some(referral) = effects.refer {
            self.referred(leg, referral).await;
        }
        self.drain().await;
        let over = match self.legs.get(&leg) {
            Some(Leg::Offered(offered)) => offered.ending.is_over(),
            Some(Leg::Placed(placed)) => placed.is_over(),
            Some(Leg::Adopted(adopted)) => adopted.ending.is_over(),
            Some(Leg::Gone) | None => false,
        };
        if over {
            self.legs.insert(leg, Leg::Gone);
        }
    }

    pub(super) async fn dialog(&mut self, leg: LegId, fork: u16, action: DialogAction) {
        let key = DialogKey { leg, fork };
        self.near.sip.send(SipCommand::Dialog { key, action }).await;
    }

    /// What the core wants of one leg.
    async fn act(&mut self, leg: LegId, action: LegAction) {
        let fork = match self.legs.get(&leg) {
            Some(Leg::Placed(placed)) => placed.fork(),
            Some(Leg::Offered(_) | Leg::Adopted(_) | Leg::Gone) | None => 0,
        };
        let action = match action {
            LegAction::Originate { target, sdp, caller_id, caller_name, auto_answer } => {
                let as_ = Presented { caller_id, caller_name, auto_answer };
                return self.place(leg, target, sdp, as_).await;
            }
            LegAction::Ring { sdp } => DialogAction::Progress {
                status: if sdp.is_some() { 183 } else { 180 },
                body: sdp.map(Body::sdp),
            },
            LegAction::Answer { sdp } => DialogAction::Answer { body: Body::sdp(sdp) },
            LegAction::Reject { cause } => {
                let reason = cause::reason_for(cause).to_string();
                let mut headers = vec![HeaderLine::new("Reason", reason)];
                if cause.status_to_send() == 503 {
                    headers.push(HeaderLine::new("Retry-After", "5"));
                }
                DialogAction::Reject { status: cause.status_to_send(), headers }
            }
            LegAction::AcceptReoffer { sdp } => {
                DialogAction::AcceptReinvite { body: Body::sdp(sdp) }
            }
            LegAction::RefuseReoffer { status } => DialogAction::RefuseReinvite { status },
            LegAction::Reoffer { sdp } => DialogAction::Reinvite { body: Body::sdp(sdp) },
            LegAction::Adopt { sdp } => return self.adopt(leg, sdp),
            LegAction::AcceptRefer => return self.accept_refer(leg).await,
            LegAction::RefuseRefer { status } => return self.refuse_refer(leg, status).await,
            LegAction::HandOver => return self.hand_over_promised(leg).await,
            LegAction::PromiseFailed { cause } => return self.promise_failed(cause),
            LegAction::RefuseReplace { status } => return self.claim_refused(status).await,
            LegAction::ReferProgress { status } => return self.refer_progress(leg, status).await,
            LegAction::Hangup { cause } => return self.hang_up(leg, cause).await,
        };
        self.dialog(leg, fork, action).await;
    }

    async fn hang_up(&mut self, leg: LegId, cause: HangupCause) {
        match self.legs.get_mut(&leg) {
            Some(Leg::Offered(offered)) => {
                offered.ending.note_hangup(cause);
                let reason = Some(cause::reason_for(cause));
                self.dialog(leg, 0, DialogAction::Hangup { reason }).await;
            }
            Some(Leg::Adopted(adopted)) => {
                adopted.ending.note_hangup(cause);
                let reason = Some(cause::reason_for(cause));
                self.dialog(leg, 0, DialogAction::Hangup { reason }).await;
            }
            Some(Leg::Placed(placed)) => {
                let effects = placed.hang_up(cause);
                for (fork, action) in effects.actions {
                    self.dialog(leg, fork, action).await;
                }
            }
            Some(Leg::Gone) | None => {
                self.core.handle_input(Instant::now(), Input::LegEnded { leg, cause });
            }
        }
    }

    /// Asks the engine; what it has no room for is asked again, new legs are refused.
    pub(super) fn submit(&mut self, command: MediaCommand) {
        if !self.unsent.is_empty() && !matches!(command, MediaCommand::Open { .. }) {
            self.unsent.push_back(command);
            return;
        }
        match self.near.media.submit(command.clone()) {
            Ok(()) => {}
            Err(::media::Full) => {
                measure::dropped("media_queue");
                if let MediaCommand::Open { leg, .. } = command {
                    self.door.put(CallTaskEvent::Media(MediaEvent::Failed {
                        leg,
                        reason: ::media::FailReason::NoPorts,
                    }));
                } else {
                    self.unsent.push_back(command);
                }
            }
        }
    }

    fn retry_unsent(&mut self) {
        while let Some(command) = self.unsent.pop_front() {
            if self.near.media.submit(command.clone()).is_err() {
                self.unsent.push_front(command);
                return;
            }
        }
    }

    /// The row is closed and the media freed although the core can no longer say so (A06).
    fn close_after_panic(&mut self) {
        self.promise_failed(HangupCause::new(EndedBy::System, CauseKind::InternalError));
        let call = self.door.call;
        let recording = ::media::RecordingKey(RecordingId::of(call).uuid());
        let _ = self.near.media.submit(MediaCommand::StopRecording { recording });
        for leg in self.legs.keys() {
            let leg = ::media::LegKey(leg.uuid());
            let _ = self.near.media.submit(MediaCommand::Close { leg });
        }
        if self.started && !self.ended {
            let cause = HangupCause::new(EndedBy::System, CauseKind::InternalError);
            let suggested_disposition = cause.suggested_disposition().map(str::to_owned);
            self.emit(CallEventKind::Ended { cause, suggested_disposition });
        }
    }

    /// The call is over; its last events are not.
    async fn drain_outbox(&mut self) {
        let until = Instant::now() + OUTBOX_PATIENCE;
        while !self.outbox.is_empty() && !self.outbox.is_closed() && Instant::now() < until {
            tokio::time::sleep(RETRY).await;
            self.outbox.flush();
        }
    }

    fn leave(&mut self) {
        self.near.media.unroute(RecordingId::of(self.door.call).uuid());
        for leg in self.legs.keys() {
            self.near.media.unroute(leg.uuid());
        }
    }
}
