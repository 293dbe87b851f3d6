//! For the tests of this crate: a call, virtual time, and the words to say what goes in and out.

use crate::*;
use bytes::Bytes;
use std::time::{Duration, Instant};

/// The one real instant; everything else is counted from it.
#[allow(clippy::disallowed_methods)]
pub(crate) fn start() -> Instant {
    Instant::now()
}

pub(crate) const TRUNKS: [u8; 2] = [1, 2];

pub(crate) fn call_id() -> CallId {
    CallId::from_parts(1_795_000_000_000, &[5; 10])
}
pub(crate) fn tenant() -> TenantId {
    TenantId::from_parts(1, &[1; 10])
}
pub(crate) fn user(n: u8) -> UserId {
    UserId::from_parts(2, &[n; 10])
}
pub(crate) fn extension(n: u8) -> ExtensionId {
    ExtensionId::from_parts(3, &[n; 10])
}
pub(crate) fn trunk(n: u8) -> TrunkId {
    TrunkId::from_parts(4, &[n; 10])
}
pub(crate) fn leg(n: u16) -> LegId {
    LegId::of(call_id(), n)
}
pub(crate) fn recording() -> RecordingId {
    RecordingId::of(call_id())
}
pub(crate) fn number(text: &str) -> E164 {
    E164::parse(text).unwrap()
}
pub(crate) fn sdp(text: &'static str) -> Bytes {
    Bytes::from_static(text.as_bytes())
}
pub(crate) fn phone(n: u8) -> ExtensionTarget {
    let aor = format!("10{n}@pratham.local");
    ExtensionTarget { extension: extension(n), user: Some(user(n)), aor }
}
pub(crate) fn through(n: u8) -> TrunkTarget {
    TrunkTarget {
        trunk: trunk(n),
        number: number("+919812340001").into(),
        caller_id: number("+918040000001"),
    }
}
pub(crate) fn recorded(consent: ConsentMode) -> RecordPlan {
    RecordPlan { enabled: true, consent, language: "en".to_owned() }
}

pub(crate) fn originate_with(record: RecordPlan) -> Input {
    Input::Originate(Box::new(Originate {
        tenant: tenant(),
        call: call_id(),
        agent: phone(1),
        lead: None,
        campaign: None,
        to: number("+919812340001").into(),
        routes: TRUNKS.map(through).to_vec(),
        display_name: Some("Ravi".to_owned()),
        agent_ring_timeout_ms: 20_000,
        ring_timeout_ms: 45_000,
        max_duration_ms: 7_200_000,
        record,
    }))
}

pub(crate) fn plan(direction: Direction, targets: Vec<Target>) -> Plan {
    Plan {
        tenant: tenant(),
        direction,
        lead: None,
        agent: None,
        extension: None,
        number: None,
        campaign: None,
        targets,
        caller_id: "+919812340001".to_owned(),
        caller_name: None,
        ring_timeout_ms: 30_000,
        max_duration_ms: 7_200_000,
        record: recorded(ConsentMode::Silent),
    }
}

pub(crate) fn offered_by_trunk(offer: Option<&'static str>) -> Input {
    Input::LegOffered {
        leg: leg(0),
        tenant: tenant(),
        origin: Origin::Trunk(trunk(1)),
        from: "+919812340001".to_owned(),
        to: "+918040000001".to_owned(),
        sdp: offer.map(sdp),
        carrier_refs: Vec::new(),
    }
}

pub(crate) fn offered_by_phone(to: &str) -> Input {
    Input::LegOffered {
        leg: leg(0),
        tenant: tenant(),
        origin: Origin::Extension {
            extension: extension(1),
            user: Some(user(1)),
            number: "101".to_owned(),
        },
        from: "101".to_owned(),
        to: to.to_owned(),
        sdp: Some(sdp("phone offer")),
        carrier_refs: Vec::new(),
    }
}

pub(crate) fn status(code: u16) -> HangupCause {
    HangupCause::from_status(EndedBy::Customer, code, None)
}
pub(crate) fn cause(by: EndedBy, kind: CauseKind) -> HangupCause {
    HangupCause::new(by, kind)
}

/// A call in virtual time.
pub(crate) struct Rig {
    pub(crate) call: Call,
    pub(crate) now: Instant,
    /// Does not say by itself that something is written.
    pub(crate) slow_journal: bool,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(CallConfig::default())
    }

    pub(crate) fn with(config: CallConfig) -> Self {
        Self { call: Call::new(call_id(), config, 1), now: start(), slow_journal: false }
    }

    pub(crate) fn with_slow_journal() -> Self {
        Self { slow_journal: true, ..Self::new() }
    }

    /// One input, and everything it causes.
    pub(crate) fn give(&mut self, input: Input) -> Vec<Output> {
        self.call.handle_input(self.now, input);
        self.drain()
    }

    pub(crate) fn media(&mut self, notice: MediaNotice) -> Vec<Output> {
        self.give(Input::Media(notice))
    }

    pub(crate) fn control(&mut self, control: Control) -> Vec<Output> {
        self.give(Input::Control(control))
    }

    /// Time passes.
    pub(crate) fn pass(&mut self, span: Duration) -> Vec<Output> {
        let end = self.now + span;
        while let Some((at, _)) = self.call.poll_timeout().filter(|(at, _)| *at <= end) {
            self.now = at;
            self.call.handle_timeout(at);
        }
        self.now = end;
        self.drain()
    }

    fn drain(&mut self) -> Vec<Output> {
        let mut outputs = Vec::new();
        while let Some(output) = self.call.poll_output() {
            let written = matches!(output, Output::NeedWritten(_)) && !self.slow_journal;
            outputs.push(output);
            if written {
                self.call.handle_input(self.now, Input::Written);
            }
        }
        outputs
    }

    pub(crate) fn opened(&mut self, n: u16, ours: &'static str) -> Vec<Output> {
        self.media(MediaNotice::Opened { leg: leg(n), sdp: sdp(ours) })
    }
    pub(crate) fn established(&mut self, n: u16) -> Vec<Output> {
        self.media(MediaNotice::Established { leg: leg(n) })
    }
    pub(crate) fn progressed(
        &mut self,
        n: u16,
        status: u16,
        theirs: Option<&'static str>,
    ) -> Vec<Output> {
        self.give(Input::LegProgressed { leg: leg(n), status, sdp: theirs.map(sdp) })
    }
    pub(crate) fn answered(&mut self, n: u16, theirs: &'static str) -> Vec<Output> {
        self.give(Input::LegAnswered { leg: leg(n), sdp: Some(sdp(theirs)) })
    }
    pub(crate) fn failed(&mut self, n: u16, cause: HangupCause, early: bool) -> Vec<Output> {
        self.give(Input::LegFailed { leg: leg(n), cause, before_ringing: early })
    }
    pub(crate) fn ended(&mut self, n: u16, cause: HangupCause) -> Vec<Output> {
        self.give(Input::LegEnded { leg: leg(n), cause })
    }
    pub(crate) fn closed(&mut self, n: u16) -> Vec<Output> {
        let quality = LegQuality::default();
        self.media(MediaNotice::Closed { leg: leg(n), quality })
    }

    /// A click-to-call whose agent hears ringback and whose customer leg 1 is placed.
    pub(crate) fn dialling(record: RecordPlan) -> Self {
        let mut rig = Self::new();
        rig.give(originate_with(record));
        rig.opened(0, "offer 0");
        rig.answered(0, "answer 0");
        rig.established(0);
        rig.opened(1, "offer 1");
        rig
    }

    /// The same, with both sides talking.
    pub(crate) fn talking() -> Self {
        let mut rig = Self::dialling(recorded(ConsentMode::Silent));
        rig.answered(1, "answer 1");
        rig.established(1);
        rig
    }

    /// An inbound call to phones 1 and 2, both placed.
    pub(crate) fn inbound() -> Self {
        let mut rig = Self::new();
        rig.give(offered_by_trunk(Some("trunk offer")));
        let targets = vec![Target::Extension(phone(1)), Target::Extension(phone(2))];
        rig.give(Input::Routed(Ok(Box::new(plan(Direction::Inbound, targets)))));
        rig.opened(0, "our answer");
        rig.opened(1, "offer 1");
        rig.opened(2, "offer 2");
        rig
    }
}

pub(crate) fn emit(kind: CallEventKind) -> Output {
    Output::Emit(kind)
}
pub(crate) fn media(action: MediaAction) -> Output {
    Output::Media(action)
}
pub(crate) fn act(n: u16, action: LegAction) -> Output {
    Output::Leg { leg: leg(n), action }
}
pub(crate) fn hangup(n: u16, cause: HangupCause) -> Output {
    act(n, LegAction::Hangup { cause })
}
pub(crate) fn close(n: u16) -> Output {
    media(MediaAction::Close { leg: leg(n) })
}
pub(crate) fn ended(cause: HangupCause) -> Output {
    let suggested_disposition = cause.suggested_disposition().map(str::to_owned);
    emit(CallEventKind::Ended { cause, suggested_disposition })
}
pub(crate) fn leg_ended(n: u16, cause: HangupCause, had_media: bool) -> Output {
    let quality = had_media.then(LegQuality::default);
    emit(CallEventKind::LegEnded { leg: leg(n), cause, quality })
}
pub(crate) fn play(n: u16, playback: u32, source: PlaySource) -> Output {
    media(MediaAction::Play { leg: leg(n), playback: PlaybackId(playback), source })
}
pub(crate) fn prompt(name: &str) -> PlaySource {
    PlaySource::Prompt { name: name.to_owned(), language: "en".to_owned() }
}
