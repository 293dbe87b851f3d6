//! The call machine: one mutation, then drain. Each noun of it lives in a file of its own.

use crate::bridge::Talk;
use crate::consent::{Announcing, Consent};
use crate::hunt::Hunt;
use crate::leg::{Dialog, Invitation, Leg, LegMedia, Placing};
use crate::phase::{LegSnapshot, Snapshot, phase_of};
use crate::recording::Recording;
use crate::takeover::Takeover;
use crate::timers::{CallConfig, TimeoutReason, Timers};
use crate::transfer::Transfer;
use crate::{
    CallEventKind, CallId, EndedBy, HangupCause, Input, LegAction, LegEndpoint, LegId, LegRole,
    MediaAction, MediaProfile, Originate, Output, Plan, PlaySource, PlaybackId, Target,
};
use bytes::Bytes;
use std::collections::VecDeque;
use std::time::Instant;

/// What the call is busy with, and what it needs for that. Where it stands as a whole is
/// computed from the legs ([`Snapshot`]).
#[derive(Debug)]
pub(crate) enum Stage {
    /// Waiting for the first input.
    New,
    /// Somebody called us; the directory looks for the route.
    Routing(Box<Offer>),
    /// The caller's ports are being taken; then the targets are tried.
    Admitting(Hunt),
    /// Click-to-call: the agent's phone is being called; then the targets are tried.
    CallingAgent(Hunt),
    /// Targets are being tried.
    Hunting(Hunt),
    /// This target answered; its media and the caller are being settled.
    Connecting(LegId),
    /// Both answered; the recording announcement plays.
    Announcing(Announcing),
    /// Both talk.
    Talking(Talk),
    /// It failed; the first party hears why.
    Toning {
        /// Why it failed.
        cause: HangupCause,
        /// The prompt whose end ends the call, where it is no tone.
        playback: PlaybackId,
    },
    /// Decided to be over; legs may still be closing.
    Over(HangupCause),
}

/// What came with the first leg of a call somebody placed to us.
#[derive(Debug)]
pub(crate) struct Offer {
    pub(crate) tenant: crate::TenantId,
    pub(crate) origin: crate::Origin,
    pub(crate) from: String,
    pub(crate) to: String,
    pub(crate) sdp: Option<Bytes>,
    pub(crate) carrier_refs: Vec<(String, String)>,
}

/// One call, from first offer to the last closed port. Pure: see the crate documentation.
#[derive(Debug)]
pub struct Call {
    pub(crate) id: CallId,
    pub(crate) config: CallConfig,
    pub(crate) stage: Stage,
    /// In order of appearance; the first is the A-leg.
    pub(crate) legs: Vec<Leg>,
    /// The terms, once known.
    pub(crate) plan: Option<Box<Plan>>,
    /// Both sides were there for the first time.
    pub(crate) answered_at: Option<Instant>,
    pub(crate) consent: Consent,
    pub(crate) recording: Recording,
    pub(crate) muted: bool,
    /// One party is being handed on.
    pub(crate) transfer: Option<Transfer>,
    /// The leg that another call waits for while it rings.
    pub(crate) promised: Option<LegId>,
    /// A phone is about to take a leg's place.
    pub(crate) takeover: Option<Takeover>,
    pub(crate) timers: Timers,
    playbacks: u32,
    /// The caller gave up before the directory answered.
    pub(crate) gone_unrouted: bool,
    /// The journal owes `Input::Written`.
    pub(crate) unwritten: bool,
    started: bool,
    finished: bool,
    outputs: VecDeque<Output>,
}

impl Call {
    /// A call without legs. Nothing in the core draws lots today; `_rng_seed` is part of the
    /// contract every machine keeps.
    pub fn new(call: CallId, config: CallConfig, _rng_seed: u64) -> Self {
        Self {
            id: call,
            config,
            stage: Stage::New,
            legs: Vec::new(),
            plan: None,
            answered_at: None,
            consent: Consent::NotAsked,
            recording: Recording::Off,
            muted: false,
            transfer: None,
            promised: None,
            takeover: None,
            timers: Timers::default(),
            playbacks: 0,
            gone_unrouted: false,
            unwritten: false,
            started: false,
            finished: false,
            outputs: VecDeque::new(),
        }
    }

    /// Takes one fact. Late, doubled and unknown ones change nothing.
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        if self.finished {
            return;
        }
        match input {
            Input::LegOffered { leg, tenant, origin, from, to, sdp, carrier_refs } => {
                let offer = Offer { tenant, origin, from, to, sdp, carrier_refs };
                self.leg_offered(now, leg, Box::new(offer));
            }
            Input::Originate(originate) => self.originate(now, *originate),
            Input::Routed(route) => self.routed(now, route),
            Input::Written => self.written(now),
            Input::LegProgressed { leg, status, sdp } => {
                self.leg_progressed(now, leg, status, sdp);
            }
            Input::LegAnswered { leg, sdp } => self.leg_answered(now, leg, sdp),
            Input::LegFailed { leg, cause, before_ringing } => {
                self.leg_failed(now, leg, cause, before_ringing);
            }
            Input::LegEnded { leg, cause } => self.leg_ended(now, leg, cause),
            Input::LegReoffered { leg, sdp } => self.leg_reoffered(now, leg, sdp),
            Input::LegReanswered { leg, sdp } => self.leg_reanswered(now, leg, sdp),
            Input::LegReferred { leg, to } => self.leg_referred(now, leg, to),
            Input::LegReplaces { leg, replacing } => self.leg_replaces(now, leg, replacing),
            Input::TransferRouted(route) => self.transfer_routed(now, route),
            Input::PartnerFound(partner) => self.partner_found(now, partner),
            Input::LegPromised { leg } => self.leg_promised(leg),
            Input::PromiseOver => self.promise_over(now),
            Input::LegTaken { leg } => self.leg_taken(now, leg),
            Input::LegDtmf { leg, digit } => self.dtmf_received(now, leg, digit, true),
            Input::Media(notice) => self.media_notice(now, notice),
            Input::Control(control) => self.control(now, control),
            Input::PhonesOut(extension) => self.phones_out(now, extension),
            Input::Shutdown => self.shutdown(now),
        }
        self.settle();
    }

    /// The next thing to do, in order.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When to call [`Call::handle_timeout`] at the latest, and what for.
    pub fn poll_timeout(&self) -> Option<(Instant, TimeoutReason)> {
        self.timers.next()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some(reason) = self.timers.take_due(now) {
            self.timed_out(now, reason);
            self.settle();
        }
    }

    /// The call as it stands.
    pub fn snapshot(&self) -> Snapshot {
        let legs = self.legs.iter().map(|leg| LegSnapshot {
            leg: leg.id,
            role: leg.role,
            status: leg.status(),
            holding: leg.holding,
            has_media: !matches!(leg.media, LegMedia::None | LegMedia::Closed),
        });
        Snapshot {
            phase: phase_of(&self.legs),
            legs: legs.collect(),
            held: matches!(&self.stage, Stage::Talking(talk) if talk.held),
            muted: self.muted,
            recording: self.recording.status(),
            ended: self.ended(),
        }
    }

    /// `Output::Finished` came: nothing will come any more.
    pub fn is_finished(&self) -> bool {
        self.finished
    }

    fn timed_out(&mut self, now: Instant, reason: TimeoutReason) {
        use crate::CauseKind::{
            IncompatibleMedia, InternalError, MaxDuration, MediaTimeout, NetworkFailure,
        };
        let ours = |kind| HangupCause::new(EndedBy::System, kind);
        match reason {
            TimeoutReason::Route => self.routed(now, Err(ours(NetworkFailure))),
            TimeoutReason::Written => self.written(now),
            TimeoutReason::AgentRing => self.agent_ring_ended(now),
            TimeoutReason::Ring => self.ring_ended(now),
            TimeoutReason::Tone => self.tone_ended(now),
            TimeoutReason::TransferRoute => self.transfer_failed(now, ours(NetworkFailure)),
            TimeoutReason::TransferRing => self.transfer_ring_ended(now),
            TimeoutReason::Takeover => self.takeover_failed(now, ours(IncompatibleMedia)),
            TimeoutReason::Announcement => self.announcement_failed(now),
            TimeoutReason::MaxDuration => self.end(now, ours(MaxDuration)),
            TimeoutReason::HeldSilence(_) => self.end(now, ours(MediaTimeout)),
            TimeoutReason::MediaReply(leg) => {
                self.media_failed(now, leg, ours(InternalError), false);
            }
            TimeoutReason::LateAnswer => self.end(now, ours(IncompatibleMedia)),
            TimeoutReason::LegClose(leg) => {
                if let Some(leg) = self.leg_mut(leg)
                    && let Dialog::Closing(cause) = leg.dialog
                {
                    leg.dialog = Dialog::Closed(cause);
                }
            }
            TimeoutReason::MediaClose(leg) => {
                if let Some(leg) = self.leg_mut(leg) {
                    leg.media = LegMedia::Closed;
                }
            }
            TimeoutReason::RecorderClose => self.recorder_is_stuck(),
        }
    }

    fn shutdown(&mut self, now: Instant) {
        if matches!(self.stage, Stage::New) {
            self.finished = true;
            self.outputs.push_back(Output::Finished);
            return;
        }
        self.end(now, HangupCause::new(EndedBy::System, crate::CauseKind::Interrupted));
    }

    /// Decides that the call is over: once, with the cause that came first.
    pub(crate) fn end(&mut self, now: Instant, cause: HangupCause) {
        if matches!(self.stage, Stage::Over(_)) {
            return;
        }
        let stage = std::mem::replace(&mut self.stage, Stage::Over(cause));
        if let Stage::Routing(offer) = stage {
            self.start_unrouted(&offer);
            if self.gone_unrouted {
                self.dialog_is_gone(LegId::of(self.id, 0), cause);
            }
        }
        self.transfer = None;
        self.takeover = None;
        if let Some(leg) = self.promised.take() {
            self.send(leg, LegAction::PromiseFailed { cause });
        }
        self.timers.clear_all_but_closing();
        self.stop_recording(now);
        for index in 0..self.legs.len() {
            let leg = self.legs[index].id;
            self.close_leg(now, leg, cause);
        }
        let suggested_disposition = cause.suggested_disposition().map(str::to_owned);
        self.emit(CallEventKind::Ended { cause, suggested_disposition });
    }

    /// Ends a leg from our side: CANCEL, BYE or refusal, and its ports. Does nothing twice.
    pub(crate) fn close_leg(&mut self, now: Instant, id: LegId, cause: HangupCause) {
        let limit = now + self.config.leg_close_limit;
        let Some(leg) = self.leg_mut(id) else { return };
        let (dialog, action) = match &leg.dialog {
            Dialog::Planned(_) => (Dialog::Closed(cause), None),
            Dialog::Offered { .. } => (Dialog::Closed(cause), Some(LegAction::Reject { cause })),
            Dialog::Calling | Dialog::Ringing | Dialog::Answered => {
                (Dialog::Closing(cause), Some(LegAction::Hangup { cause }))
            }
            Dialog::Closing(_) | Dialog::Closed(_) => {
                self.close_media(now, id);
                return;
            }
        };
        let confirmed = matches!(dialog, Dialog::Closed(_));
        leg.dialog = dialog;
        if let Some(action) = action {
            self.send(id, action);
        }
        if !confirmed {
            self.timers.set(limit, TimeoutReason::LegClose(id));
        }
        self.close_media(now, id);
    }

    /// The far side ended the leg (or never took it): nothing to send, ports to free.
    pub(crate) fn leg_is_gone(&mut self, now: Instant, id: LegId, cause: HangupCause) {
        self.dialog_is_gone(id, cause);
        self.close_media(now, id);
    }

    /// As [`Call::leg_is_gone`], for when [`Call::end`] follows and frees the ports itself,
    /// after the recording was stopped.
    pub(crate) fn dialog_is_gone(&mut self, id: LegId, cause: HangupCause) {
        let Some(leg) = self.leg_mut(id) else { return };
        // What ended it first stays its cause; the far side's words only confirm.
        leg.dialog = match leg.dialog {
            Dialog::Closing(first) | Dialog::Closed(first) => Dialog::Closed(first),
            Dialog::Planned(_)
            | Dialog::Calling
            | Dialog::Ringing
            | Dialog::Offered { .. }
            | Dialog::Answered => Dialog::Closed(cause),
        };
        self.timers.clear(TimeoutReason::LegClose(id));
    }

    fn close_media(&mut self, now: Instant, id: LegId) {
        let limit = now + self.config.media_close_limit;
        let Some(leg) = self.leg_mut(id) else { return };
        let opened = match leg.media {
            LegMedia::None => {
                leg.media = LegMedia::Closed;
                return;
            }
            LegMedia::Closing { .. } | LegMedia::Closed => return,
            LegMedia::Opening => false,
            LegMedia::Open { .. } | LegMedia::Answering { .. } | LegMedia::Up { .. } => true,
        };
        leg.media = LegMedia::Closing { opened };
        self.timers.clear(TimeoutReason::MediaReply(id));
        self.timers.clear(TimeoutReason::HeldSilence(id));
        self.timers.set(limit, TimeoutReason::MediaClose(id));
        self.media(MediaAction::Close { leg: id });
    }

    /// Reports legs that are over, and the end of it all.
    fn settle(&mut self) {
        for index in 0..self.legs.len() {
            let leg = &mut self.legs[index];
            if leg.reported || !leg.is_closed() {
                continue;
            }
            let Dialog::Closed(cause) = leg.dialog else { continue };
            leg.reported = true;
            let (leg, quality) = (leg.id, leg.quality.clone());
            self.emit(CallEventKind::LegEnded { leg, cause, quality });
        }
        let over = matches!(self.stage, Stage::Over(_)) && self.legs.iter().all(|leg| leg.reported);
        if over && self.recording.is_settled() && !self.finished {
            self.finished = true;
            self.outputs.push_back(Output::Finished);
        }
    }

    /// Adds a leg that we will place, and asks for its ports.
    pub(crate) fn plan_leg(&mut self, now: Instant, role: LegRole, to: Invitation) -> LegId {
        let endpoint = match &to.target {
            Target::Extension(target) => {
                LegEndpoint::Extension { extension: target.extension, user: target.user }
            }
            Target::Trunk(target) => LegEndpoint::Trunk { trunk: target.trunk },
        };
        let profile = MediaProfile::of(&endpoint);
        let leg = self.add_leg(role, endpoint, Dialog::Planned(Box::new(Placing::Invite(to))));
        self.open_media(now, leg, None, profile);
        leg
    }

    pub(crate) fn add_leg(
        &mut self,
        role: LegRole,
        endpoint: LegEndpoint,
        dialog: Dialog,
    ) -> LegId {
        let index = u16::try_from(self.legs.len()).expect("a plan has far fewer targets");
        let leg = LegId::of(self.id, index);
        self.legs.push(Leg::new(leg, role, endpoint.clone(), dialog));
        self.emit(CallEventKind::LegStarted { leg, role, endpoint });
        leg
    }

    pub(crate) fn open_media(
        &mut self,
        now: Instant,
        id: LegId,
        offer: Option<Bytes>,
        profile: MediaProfile,
    ) {
        if let Some(leg) = self.leg_mut(id) {
            leg.media = LegMedia::Opening;
            self.expect_media(now, id);
            self.media(MediaAction::Open { leg: id, offer, profile });
        }
    }

    /// Arms the guard on the media engine's next answer about a leg.
    pub(crate) fn expect_media(&mut self, now: Instant, leg: LegId) {
        self.timers.set(now + self.config.media_reply_limit, TimeoutReason::MediaReply(leg));
    }

    /// Plays to a leg; the id comes back in `PlayFinished`.
    pub(crate) fn play(&mut self, leg: LegId, source: PlaySource) -> PlaybackId {
        self.playbacks += 1;
        let playback = PlaybackId(self.playbacks);
        self.media(MediaAction::Play { leg, playback, source });
        playback
    }

    pub(crate) fn emit(&mut self, kind: CallEventKind) {
        self.note_first(&kind);
        self.outputs.push_back(Output::Emit(kind));
    }

    pub(crate) fn note_first(&mut self, kind: &CallEventKind) {
        self.started |= matches!(kind, CallEventKind::Started { .. });
        debug_assert!(self.started, "Started is the first event");
    }

    pub(crate) fn send(&mut self, leg: LegId, action: LegAction) {
        self.outputs.push_back(Output::Leg { leg, action });
    }

    pub(crate) fn media(&mut self, action: MediaAction) {
        self.outputs.push_back(Output::Media(action));
    }

    pub(crate) fn need(&mut self, need: Output) {
        self.outputs.push_back(need);
    }

    pub(crate) fn leg(&self, id: LegId) -> Option<&Leg> {
        self.legs.iter().find(|leg| leg.id == id)
    }

    pub(crate) fn leg_mut(&mut self, id: LegId) -> Option<&mut Leg> {
        self.legs.iter_mut().find(|leg| leg.id == id)
    }

    /// Where a leg leads.
    pub fn endpoint_of(&self, id: LegId) -> Option<&LegEndpoint> {
        self.leg(id).map(|leg| &leg.endpoint)
    }

    /// The leg is neither over nor being ended.
    pub fn is_live(&self, id: LegId) -> bool {
        self.leg(id).is_some_and(Leg::is_live)
    }

    /// The A-leg.
    pub(crate) fn first(&self) -> Option<&Leg> {
        self.legs.first()
    }

    pub(crate) fn is_first(&self, id: LegId) -> bool {
        self.first().is_some_and(|leg| leg.id == id)
    }

    pub(crate) fn ended(&self) -> Option<HangupCause> {
        if let Stage::Over(cause) = self.stage { Some(cause) } else { None }
    }
}

/// Whose act the end of a leg in this role is.
pub(crate) fn actor(role: LegRole) -> EndedBy {
    match role {
        LegRole::Customer => EndedBy::Customer,
        LegRole::Agent | LegRole::Caller | LegRole::Callee | LegRole::Supervisor => EndedBy::Agent,
    }
}

/// The plan that a click-to-call amounts to.
pub(crate) fn plan_of(originate: &Originate) -> Plan {
    let caller_id = originate.routes.first().map(|route| route.caller_id.to_string());
    Plan {
        tenant: originate.tenant,
        direction: crate::Direction::Outbound,
        lead: originate.lead,
        agent: originate.agent.user,
        extension: Some(originate.agent.extension),
        number: None,
        campaign: originate.campaign,
        targets: originate.routes.iter().cloned().map(Target::Trunk).collect(),
        caller_id: caller_id.unwrap_or_default(),
        caller_name: None,
        ring_timeout_ms: originate.ring_timeout_ms,
        max_duration_ms: originate.max_duration_ms,
        record: originate.record.clone(),
    }
}
