//! The world around one call: far ends, media engine, directory, people, and faults.

use crate::invariants::Watch;
use crate::lots::Lots;
use bytes::Bytes;
use call::*;
use std::time::{Duration, Instant};

/// What may go wrong between the call and its surroundings, in percent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    lose: u64,
    double: u64,
    delay_ms_max: u64,
    engine_fails: u64,
}

impl Faults {
    pub(crate) fn none() -> Self {
        Self { lose: 0, double: 0, delay_ms_max: 30, engine_fails: 0 }
    }

    pub(crate) fn all() -> Self {
        Self { lose: 5, double: 10, delay_ms_max: 3000, engine_fails: 3 }
    }
}

/// After the last thing people and far ends do, a call must be over within this time.
const END_BOUND: Duration = Duration::from_secs(60);

/// How a far end behaves when it is called.
#[derive(Clone, Copy, Debug, PartialEq)]
enum FarEnd {
    Answers { rings: bool, early_media: bool },
    Refuses(u16),
    FailsAtOnce(u16),
    RingsForEver,
    IsDead,
}

#[derive(Debug, PartialEq)]
enum DialogState {
    Early,
    Up,
    Over,
}

#[derive(Debug)]
struct Far {
    leg: LegId,
    state: DialogState,
}

pub(crate) struct World {
    seed: u64,
    lots: Lots,
    faults: Faults,
    call: Call,
    id: CallId,
    tenant: TenantId,
    now: Instant,
    zero: Instant,
    queue: Vec<(Instant, u64, Input)>,
    order: u64,
    far: Vec<Far>,
    /// Phones that placed themselves into the call, and whether without an offer.
    takers: Vec<(LegId, bool)>,
    watch: Watch,
    record: CallRecord,
    inbound: bool,
    last_act: Instant,
}

impl World {
    #[allow(clippy::disallowed_methods)]
    pub(crate) fn new(seed: u64, faults: Faults, config: CallConfig) -> Self {
        let id = CallId::from_parts(1_795_000_000_000 + seed, &[seed as u8; 10]);
        let tenant = TenantId::from_parts(1, &[1; 10]);
        let now = Instant::now();
        let written_limit = config.written_limit;
        let mut lots = Lots::new(seed);
        let inbound = lots.percent(50);
        Self {
            seed,
            lots,
            faults,
            call: Call::new(id, config, seed),
            id,
            tenant,
            now,
            zero: now,
            queue: Vec::new(),
            order: 0,
            far: Vec::new(),
            takers: Vec::new(),
            watch: Watch::new(seed, id, written_limit),
            record: CallRecord::new(tenant, id),
            inbound,
            last_act: now,
        }
    }

    /// How often the call was handed on.
    pub(crate) fn transfers(&self) -> u32 {
        self.watch.transfers
    }

    /// How many parties that rang went to another call as they answered.
    pub(crate) fn handed_over(&self) -> u32 {
        self.watch.handed_over
    }

    /// How many phones were answered in another's place.
    pub(crate) fn takeovers(&self) -> u32 {
        self.watch.takeovers
    }

    pub(crate) fn run(&mut self) -> CallRecord {
        self.begin();
        self.people_act();
        let mut steps = 0;
        while !self.watch.is_finished() {
            steps += 1;
            assert!(steps < 20_000, "the call never comes to rest");
            let timer = self.call.poll_timeout().map(|(at, _)| at);
            self.queue.sort_by_key(|(at, order, _)| (*at, *order));
            let input = self.queue.first().map(|(at, _, _)| *at);
            let Some(next) = timer.into_iter().chain(input).min() else { break };
            self.now = self.now.max(next);
            if input == Some(next) {
                let (_, _, input) = self.queue.remove(0);
                self.deliver(input);
            } else {
                self.call.handle_timeout(self.now);
                let again = self.call.poll_timeout().map(|(at, _)| at);
                assert!(again.is_none_or(|at| at > self.now), "timers make progress");
            }
            self.drain();
        }
        assert!(self.watch.is_finished(), "the call finishes: {:?}", self.call.snapshot());
        assert!(self.now <= self.last_act + END_BOUND, "and within the bound");
        assert_eq!(self.call.poll_timeout(), None, "no timer survives");
        assert!(self.call.snapshot().legs.iter().all(|leg| !leg.has_media), "no open port");
        assert!(self.record.status.is_final() || self.record.started_at_ms.is_none());
        self.record.clone()
    }

    fn begin(&mut self) {
        let consent = self.lots.pick(&[
            ConsentMode::Silent,
            ConsentMode::Announce,
            ConsentMode::AnnounceOptOut,
            ConsentMode::OptIn,
        ]);
        let record =
            RecordPlan { enabled: self.lots.percent(80), consent, language: "en".to_owned() };
        if !self.inbound {
            let originate = Originate {
                tenant: self.tenant,
                call: self.id,
                agent: phone(1),
                lead: None,
                campaign: None,
                to: number().into(),
                routes: (0..=self.lots.below(3) as u8).map(trunk).collect(),
                display_name: None,
                agent_ring_timeout_ms: 20_000,
                ring_timeout_ms: 30_000,
                max_duration_ms: 120_000,
                record,
            };
            return self.deliver(Input::Originate(Box::new(originate)));
        }
        self.begin_inbound(record);
    }

    fn begin_inbound(&mut self, record: RecordPlan) {
        let mut targets: Vec<Target> =
            (0..self.lots.below(4) as u8).map(|n| Target::Extension(phone(n))).collect();
        if self.lots.percent(30) {
            targets.push(Target::Trunk(trunk(1)));
        }
        let direction = self.lots.pick(&[Direction::Inbound, Direction::Internal]);
        let plan = self.plan(direction, targets, record);
        let leg = LegId::of(self.id, 0);
        self.far.push(Far { leg, state: DialogState::Early });
        let sdp = self.lots.percent(80).then(|| Bytes::from_static(b"offer"));
        self.deliver(Input::LegOffered {
            leg,
            tenant: self.tenant,
            origin: Origin::Trunk(TrunkId::from_parts(4, &[1; 10])),
            from: "+919812340001".to_owned(),
            to: "+918040000001".to_owned(),
            sdp,
            carrier_refs: Vec::new(),
        });
        let refused = HangupCause::new(EndedBy::System, CauseKind::NotFound);
        let route = if self.lots.percent(95) { Ok(Box::new(plan)) } else { Err(refused) };
        self.later(0, 200, Input::Routed(route));
    }

    fn plan(&self, direction: Direction, targets: Vec<Target>, record: RecordPlan) -> Plan {
        Plan {
            tenant: self.tenant,
            direction,
            lead: None,
            agent: None,
            extension: None,
            number: None,
            campaign: None,
            targets,
            caller_id: "+919812340001".to_owned(),
            caller_name: None,
            ring_timeout_ms: 20_000,
            max_duration_ms: 120_000,
            record,
        }
    }

    /// Random acts of people, spread over two minutes; the last one is a shutdown or hang-up.
    fn people_act(&mut self) {
        for _ in 0..self.lots.below(8) {
            let leg = LegId::of(self.id, self.lots.below(4) as u16);
            let quiet = HangupCause::new(EndedBy::Customer, CauseKind::Normal);
            let acts = [
                Input::Control(Control::Hold),
                Input::Control(Control::Resume),
                Input::Control(Control::Mute(true)),
                Input::Control(Control::Dtmf("19#".to_owned())),
                Input::Control(Control::PauseRecording(true)),
                Input::Control(Control::PauseRecording(false)),
                Input::LegDtmf { leg, digit: self.lots.pick(&['1', '9', '5']) },
                Input::Media(MediaNotice::Dtmf { leg, digit: '1' }),
                Input::LegReoffered { leg, sdp: Some(Bytes::from_static(b"hold")) },
                Input::LegReoffered { leg, sdp: Some(Bytes::from_static(b"resume")) },
                Input::LegReoffered { leg, sdp: None },
                Input::LegReanswered { leg, sdp: Ok(Some(Bytes::from_static(b"ack"))) },
                Input::Media(MediaNotice::Silent { leg }),
                Input::LegEnded { leg, cause: quiet },
                Input::LegReferred { leg, to: ReferTo::Number("102".to_owned()) },
                Input::LegReferred { leg, to: ReferTo::Number("102".to_owned()) },
                Input::LegReferred { leg, to: ReferTo::Partner },
                Input::LegTaken { leg },
            ];
            let act = self.lots.pick(&acts);
            self.later(100, 60_000, act);
        }
        if self.lots.percent(40) {
            let leg = LegId::of(self.id, self.lots.below(3) as u16);
            let to = self.lots.pick(&[ReferTo::Number("102".to_owned()), ReferTo::Partner]);
            self.later(5_000, 30_000, Input::LegReferred { leg, to });
        }
        self.phones_take_over();
        self.another_call_waits();
        let hangup = Input::Control(Control::Hangup { by: None });
        let last = self.lots.pick(&[hangup, Input::Shutdown]);
        self.later(60_000, 100_000, last);
        self.last_act = self.queue.iter().map(|(at, _, _)| *at).max().unwrap_or(self.now);
    }

    /// Another call waits for whom this one calls, and may think better of it. Its lots are its own, too.
    fn another_call_waits(&mut self) {
        let mut lots = Lots::new(self.seed ^ 0x1f2e_3d4c);
        for _ in 0..lots.below(3) {
            let leg = LegId::of(self.id, 1 + lots.below(2) as u16);
            let mut acts = vec![Input::LegPromised { leg }];
            acts.extend(lots.percent(20).then_some(Input::PromiseOver));
            for act in acts {
                self.order += 1;
                self.queue.push((self.now + lots.within_ms(200, 12_000), self.order, act));
            }
        }
    }

    /// Phones that want another's place. Their lots are their own, so that the seeds of before go on meaning something.
    fn phones_take_over(&mut self) {
        let mut lots = Lots::new(self.seed ^ 0x7a6b_5c4d);
        for _ in 0..lots.below(4) {
            let (span, old) = (lots.within_ms(200, 40_000), lots.below(4) as u16);
            let ExtensionTarget { extension, user, .. } = phone(3);
            let replacing = Replacing {
                old: LegId::of(self.id, old),
                extension,
                user,
                sdp: lots.percent(75).then(|| Bytes::from_static(b"offer")),
                early_only: lots.percent(20),
            };
            // Which leg it becomes is known when it comes.
            let leg = LegId::of(self.id, 0);
            self.order += 1;
            let input = Input::LegReplaces { leg, replacing };
            self.queue.push((self.now + span, self.order, input));
        }
    }

    /// A phone wants a leg's place; it may give up again.
    fn phone_takes_over(&mut self, replacing: Replacing) {
        let (leg, late) = (self.call.next_leg(), replacing.sdp.is_none());
        self.call.handle_input(self.now, Input::LegReplaces { leg, replacing });
        if self.call.is_live(leg) {
            self.far.push(Far { leg, state: DialogState::Early });
            self.takers.push((leg, late));
            if self.lots.percent(30) {
                let cause = HangupCause::new(EndedBy::Agent, CauseKind::Normal);
                self.faulty(0, 20_000, Input::LegEnded { leg, cause });
            }
        }
        self.drain();
    }

    /// Something reaches the call after a while; not through the faulty network.
    fn later(&mut self, from_ms: u64, to_ms: u64, input: Input) {
        let at = self.now + self.lots.within_ms(from_ms, to_ms);
        self.order += 1;
        self.queue.push((at, self.order, input));
    }

    /// The same, lost, doubled and out of order as the faults have it.
    fn faulty(&mut self, from_ms: u64, to_ms: u64, input: Input) {
        if self.lots.percent(self.faults.lose) {
            return;
        }
        let late = self.faults.delay_ms_max;
        if self.lots.percent(self.faults.double) {
            self.later(from_ms, to_ms + late, input.clone());
        }
        self.later(from_ms, to_ms + late, input);
    }

    fn deliver(&mut self, input: Input) {
        if let Input::Media(notice) = &input {
            self.watch.told(notice);
        }
        if input == Input::Written {
            self.watch.written();
        }
        if let Input::LegAnswered { leg, .. } = &input
            && let Some(far) = self.far.iter_mut().find(|far| far.leg == *leg)
            && far.state == DialogState::Early
        {
            far.state = DialogState::Up;
        }
        if let Input::LegReplaces { replacing, .. } = input {
            return self.phone_takes_over(replacing);
        }
        self.call.handle_input(self.now, input);
        self.drain();
    }

    fn drain(&mut self) {
        while let Some(output) = self.call.poll_output() {
            self.watch.see(self.now, &output);
            match output {
                Output::Leg { leg, action } => self.far_end(leg, action),
                Output::Media(action) => self.engine(action),
                Output::Emit(kind) => self.journal(kind),
                Output::NeedWritten(kind) => {
                    self.journal(kind);
                    self.faulty(1, 20, Input::Written);
                }
                Output::NeedTransferRoute { .. } => self.transfer_is_routed(),
                Output::NeedPartner { .. } => self.partner_is_found(),
                Output::NeedRoute { .. } | Output::Finished => {}
            }
        }
        if self.watch.is_over() {
            self.last_act = self.last_act.min(self.now);
        }
    }

    fn journal(&mut self, kind: CallEventKind) {
        let at = 1_000_000 + (self.now - self.zero).as_millis() as u64;
        let (tenant, call) = (self.tenant, self.id);
        self.record.apply(&CallEvent { v: EVENT_VERSION, tenant, call, kind }, at);
    }

    fn far_end(&mut self, leg: LegId, action: LegAction) {
        match action {
            LegAction::Originate { .. } | LegAction::Adopt { .. } => self.far_end_is_called(leg),
            LegAction::Hangup { cause } => {
                let gone = self.far.iter_mut().find(|far| far.leg == leg);
                let Some(far) = gone.filter(|far| far.state != DialogState::Over) else { return };
                let was_up = far.state == DialogState::Up;
                far.state = DialogState::Over;
                let input = if was_up {
                    Input::LegEnded { leg, cause }
                } else {
                    Input::LegFailed { leg, cause, before_ringing: false }
                };
                self.faulty(10, 500, input);
            }
            LegAction::Answer { sdp } => {
                if sdp.as_ref() == b"late" {
                    let sdp = Ok(self.lots.percent(90).then(|| Bytes::from_static(b"ack")));
                    self.faulty(10, 300, Input::LegReanswered { leg, sdp });
                }
                if let Some(far) = self.far.iter_mut().find(|far| far.leg == leg) {
                    far.state = DialogState::Up;
                }
            }
            LegAction::Reject { .. } => {
                if let Some(far) = self.far.iter_mut().find(|far| far.leg == leg) {
                    far.state = DialogState::Over;
                }
            }
            LegAction::HandOver => {
                let cause = HangupCause::new(EndedBy::System, CauseKind::InternalError);
                let taken = self.lots.percent(80);
                let end = Input::LegEnded { leg, cause };
                let input = if taken { Input::LegTaken { leg } } else { end };
                self.later(0, 0, input);
            }
            LegAction::Reoffer { sdp } => {
                self.faulty(10, 300, Input::LegReanswered { leg, sdp: Ok(Some(sdp)) });
            }
            LegAction::Ring { .. }
            | LegAction::AcceptRefer
            | LegAction::RefuseRefer { .. }
            | LegAction::RefuseReplace { .. }
            | LegAction::PromiseFailed { .. }
            | LegAction::ReferProgress { .. }
            | LegAction::AcceptReoffer { .. }
            | LegAction::RefuseReoffer { .. } => {}
        }
    }

    /// The directory has a way for nine transfers of ten.
    fn transfer_is_routed(&mut self) {
        let refused = HangupCause::new(EndedBy::System, CauseKind::PolicyRefused);
        let mut targets: Vec<Target> =
            (0..self.lots.below(3) as u8).map(|n| Target::Extension(phone(n))).collect();
        targets.extend((0..self.lots.below(3) as u8).map(|n| Target::Trunk(trunk(n))));
        let plan = self.plan(Direction::Outbound, targets, RecordPlan::default());
        let route = if self.lots.percent(90) { Ok(Box::new(plan)) } else { Err(refused) };
        self.faulty(0, 200, Input::TransferRouted(route));
    }

    fn partner_is_found(&mut self) {
        let gone = HangupCause::new(EndedBy::System, CauseKind::NotFound);
        let endpoint = LegEndpoint::Trunk { trunk: trunk(3).trunk };
        let rings = self.now.duration_since(self.zero).as_millis().is_multiple_of(2);
        let partner = Partner { endpoint, rings };
        let found = if self.lots.percent(80) { Ok(partner) } else { Err(gone) };
        self.faulty(0, 200, Input::PartnerFound(found));
    }

    fn far_end_is_called(&mut self, leg: LegId) {
        self.far.push(Far { leg, state: DialogState::Early });
        let behaviour = self.lots.pick(&[
            FarEnd::Answers { rings: true, early_media: false },
            FarEnd::Answers { rings: true, early_media: true },
            FarEnd::Answers { rings: false, early_media: false },
            FarEnd::Refuses(486),
            FarEnd::Refuses(480),
            FarEnd::FailsAtOnce(503),
            FarEnd::FailsAtOnce(404),
            FarEnd::RingsForEver,
            FarEnd::IsDead,
        ]);
        let rings = |sdp: Option<Bytes>| Input::LegProgressed {
            leg,
            status: if sdp.is_some() { 183 } else { 180 },
            sdp,
        };
        let fails = |status: u16, before_ringing: bool| Input::LegFailed {
            leg,
            cause: HangupCause::from_status(EndedBy::Customer, status, None),
            before_ringing,
        };
        match behaviour {
            FarEnd::Answers { rings: rang, early_media } => {
                if rang {
                    let sdp = early_media.then(|| Bytes::from_static(b"early"));
                    self.faulty(50, 500, rings(sdp));
                }
                let sdp = Some(
                    self.lots.pick(&[Bytes::from_static(b"answer"), Bytes::from_static(b"early")]),
                );
                self.faulty(600, 9_000, Input::LegAnswered { leg, sdp });
                if self.lots.percent(50) {
                    let cause = HangupCause::new(EndedBy::Customer, CauseKind::Normal);
                    self.faulty(9_100, 40_000, Input::LegEnded { leg, cause });
                }
            }
            FarEnd::Refuses(status) => {
                self.faulty(50, 500, rings(None));
                self.faulty(600, 5_000, fails(status, false));
            }
            FarEnd::FailsAtOnce(status) => self.faulty(20, 300, fails(status, true)),
            FarEnd::RingsForEver => self.faulty(50, 500, rings(None)),
            FarEnd::IsDead => {}
        }
    }

    fn engine(&mut self, action: MediaAction) {
        let fails = self.lots.percent(self.faults.engine_fails);
        let cause = HangupCause::new(EndedBy::System, CauseKind::InternalError);
        let incompatible = HangupCause::new(EndedBy::Customer, CauseKind::IncompatibleMedia);
        let notice = match action {
            MediaAction::Open { leg, .. } if fails => MediaNotice::Failed { leg, cause },
            MediaAction::Open { leg, offer, .. } => {
                let first = leg == LegId::of(self.id, 0) && self.inbound;
                let offered = first || self.takers.contains(&(leg, true));
                let ours: &[u8] = if offered && offer.is_none() { b"late" } else { b"ours" };
                MediaNotice::Opened { leg, sdp: Bytes::copy_from_slice(ours) }
            }
            MediaAction::SetAnswer { leg, .. } | MediaAction::AnswerReoffer { leg, .. }
                if fails =>
            {
                MediaNotice::Failed { leg, cause: incompatible }
            }
            MediaAction::SetAnswer { leg, .. } => MediaNotice::Established { leg },
            MediaAction::AnswerReoffer { leg, sdp } => {
                let holds = sdp.as_deref() == Some(b"hold");
                let direction =
                    if holds { MediaDirection::Inactive } else { MediaDirection::SendRecv };
                MediaNotice::Reanswered { leg, sdp: Bytes::from_static(b"again"), direction }
            }
            MediaAction::MakeReoffer { leg, .. } => {
                MediaNotice::Reoffer { leg, sdp: Bytes::from_static(b"reoffer") }
            }
            MediaAction::Play { leg, playback, source: PlaySource::Prompt { .. } } => {
                let notice = MediaNotice::PlayFinished { leg, playback };
                return self.faulty(2_000, 4_000, Input::Media(notice));
            }
            MediaAction::Record { recording, .. } if fails => {
                MediaNotice::RecordingFailed { recording, error: "disk full".to_owned() }
            }
            MediaAction::StopRecording { recording } => {
                MediaNotice::RecordingStopped { recording, duration_ms: 1000 }
            }
            MediaAction::Close { leg } => {
                MediaNotice::Closed { leg, quality: LegQuality::default() }
            }
            MediaAction::Bridge { .. }
            | MediaAction::Unbridge { .. }
            | MediaAction::Play { .. }
            | MediaAction::StopPlay { .. }
            | MediaAction::Mute { .. }
            | MediaAction::SendDtmf { .. }
            | MediaAction::Record { .. }
            | MediaAction::PauseRecording { .. } => return,
        };
        self.faulty(0, 20, Input::Media(notice));
    }
}

fn phone(n: u8) -> ExtensionTarget {
    let ours = CallId::from_parts(9, &[7; 10]).uuid();
    ExtensionTarget {
        extension: ExtensionId(ours),
        user: Some(UserId(ours)),
        aor: format!("10{n}@a"),
    }
}

fn number() -> E164 {
    E164::parse("+919812340001").expect("well formed")
}

fn trunk(n: u8) -> TrunkTarget {
    TrunkTarget {
        trunk: TrunkId::from_parts(4, &[n; 10]),
        number: number().into(),
        caller_id: number(),
    }
}
