//! What must hold after every single output of a call.

use call::{
    CallEventKind, CallId, LegAction, LegId, LegRole, MediaAction, MediaNotice, Output, RecordingId,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
struct LegFacts {
    role: Option<LegRole>,
    originated: bool,
    answered: bool,
    told_final: bool,
    told_end: bool,
    reported: bool,
    /// Its REFER was taken and not answered finally.
    referring: bool,
    opens: u32,
    closes: u32,
    open_failed: bool,
    bridged_to: Option<LegId>,
}

/// Watches outputs (and what the engine told) and panics at the first broken promise.
#[derive(Debug)]
pub(crate) struct Watch {
    seed: u64,
    written_limit: Duration,
    /// The call waits for the journal, since then.
    unwritten: Option<Instant>,
    recording: RecordingId,
    first: LegId,
    legs: BTreeMap<LegId, LegFacts>,
    started: u32,
    ended: u32,
    finished: bool,
    answered: Option<Instant>,
    records: u32,
    stops: u32,
    recording_reports: u32,
    engine_ended_recording: bool,
    held: BTreeSet<LegId>,
    pub(crate) transfers: u32,
    pub(crate) takeovers: u32,
    pub(crate) handed_over: u32,
}

impl Watch {
    pub(crate) fn new(seed: u64, call: CallId, written_limit: Duration) -> Self {
        Self {
            seed,
            written_limit,
            unwritten: None,
            recording: RecordingId::of(call),
            first: LegId::of(call, 0),
            legs: BTreeMap::new(),
            started: 0,
            ended: 0,
            finished: false,
            answered: None,
            records: 0,
            stops: 0,
            recording_reports: 0,
            engine_ended_recording: false,
            held: BTreeSet::new(),
            transfers: 0,
            takeovers: 0,
            handed_over: 0,
        }
    }

    fn must(&self, holds: bool, what: &str, output: &dyn std::fmt::Debug) {
        assert!(holds, "seed {}: {what}: {output:?}", self.seed);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.ended > 0
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.finished
    }

    /// What the engine is about to tell the call.
    pub(crate) fn told(&mut self, notice: &MediaNotice) {
        if let MediaNotice::Failed { leg, .. } = notice {
            let facts = self.legs.entry(*leg).or_default();
            facts.open_failed |= facts.opens == 1 && !facts.answered;
        }
        self.engine_ended_recording |= matches!(
            notice,
            MediaNotice::RecordingStopped { .. } | MediaNotice::RecordingFailed { .. }
        );
    }

    /// The journal says that it wrote what was waited for.
    pub(crate) fn written(&mut self) {
        self.unwritten = None;
    }

    /// H01: a phone rings when the call has its row, a caller is answered when the row says so;
    /// unless the database is not to be waited for.
    fn rests_on_what_is_written(&self, now: Instant, output: &Output) {
        let Output::Leg { action: LegAction::Originate { .. } | LegAction::Answer { .. }, .. } =
            output
        else {
            return;
        };
        let waited = self.unwritten.is_none_or(|since| now >= since + self.written_limit);
        self.must(waited, "nobody is called or answered before that is written", output);
    }

    fn file_begins_at_the_answer(&mut self, now: Instant, output: &Output) {
        if let Output::Emit(CallEventKind::Answered { .. }) = output {
            self.answered.get_or_insert(now);
        } else if let Output::Media(MediaAction::Record { silence_ms, .. }) = output {
            let since = self.answered.map(|at| (now - at).as_millis());
            let fits = since == Some(u128::from(*silence_ms));
            self.must(fits, "the file begins at the answer", output);
        }
    }

    pub(crate) fn see(&mut self, now: Instant, output: &Output) {
        self.must(!self.finished, "nothing comes after Finished", output);
        self.rests_on_what_is_written(now, output);
        self.file_begins_at_the_answer(now, output);
        match output {
            Output::NeedTransferRoute { by, .. } | Output::NeedPartner { by } => {
                let asks = self.legs.get(by).is_some_and(|facts| facts.referring);
                self.must(asks, "asked for whoever wants it", output);
            }
            Output::NeedRoute { .. } => self.must(self.started == 0, "routed first", output),
            Output::Leg { leg, action } => self.leg(*leg, action, output),
            Output::Media(action) => self.media(action, output),
            Output::Emit(kind) => self.event(kind, output),
            Output::NeedWritten(kind) => {
                self.unwritten = Some(now);
                self.event(kind, output);
            }
            Output::Finished => self.finish(output),
        }
    }

    fn leg(&mut self, leg: LegId, action: &LegAction, output: &Output) {
        let seed = self.seed;
        let must = |holds: bool, what: &str| assert!(holds, "seed {seed}: {what}: {output:?}");
        let facts = self.legs.entry(leg).or_default();
        match action {
            LegAction::Originate { .. } | LegAction::Adopt { .. } => {
                must(!facts.originated, "a leg is placed once");
                must(!facts.told_end, "a leg that was ended is not placed");
                facts.originated = true;
            }
            LegAction::Ring { .. } => {
                must(!facts.told_final && !facts.told_end, "no ringing after a final answer");
            }
            LegAction::Answer { .. } => {
                must(!facts.told_final, "one final answer");
                facts.told_final = true;
                self.takeovers += u32::from(leg != self.first);
            }
            LegAction::Reject { .. } => {
                must(!facts.told_final, "one final answer");
                (facts.told_final, facts.told_end) = (true, true);
            }
            LegAction::Hangup { .. } => {
                must(facts.originated || facts.told_final, "only a dialog can be hung up");
                facts.told_end = true;
            }
            LegAction::AcceptReoffer { .. } | LegAction::Reoffer { .. } => {
                must(!facts.told_end, "no offers in a dialog we ended");
            }
            LegAction::AcceptRefer | LegAction::ReferProgress { .. } => {
                must(!facts.told_end, "a dialog we ended hears of no transfer");
                let last = matches!(action, LegAction::ReferProgress { status } if *status >= 200);
                must(
                    facts.referring == matches!(action, LegAction::ReferProgress { .. }),
                    "asked first, and told in the end once",
                );
                facts.referring = !last;
            }
            LegAction::HandOver => {
                must(facts.answered && !facts.told_end, "who is handed over has answered");
                self.handed_over += 1;
            }
            LegAction::RefuseRefer { .. }
            | LegAction::PromiseFailed { .. }
            | LegAction::RefuseReplace { .. }
            | LegAction::RefuseReoffer { .. } => {}
        }
    }

    fn media(&mut self, action: &MediaAction, output: &Output) {
        match action {
            MediaAction::Open { leg, .. } => {
                let facts = self.legs.entry(*leg).or_default();
                facts.opens += 1;
                let opens = facts.opens;
                self.must(opens == 1, "ports are taken once", output);
            }
            MediaAction::Close { leg } => {
                self.touch(*leg, output);
                let facts = self.legs.entry(*leg).or_default();
                facts.closes += 1;
                if let Some(peer) = facts.bridged_to.take() {
                    self.legs.entry(peer).or_default().bridged_to = None;
                }
            }
            MediaAction::Bridge { a, b } => {
                for (leg, peer) in [(a, b), (b, a)] {
                    self.touch(*leg, output);
                    let bridged_to = self.legs[leg].bridged_to;
                    let free = bridged_to.is_none_or(|known| known == *peer);
                    self.must(free, "at most one bridge per leg", output);
                    self.legs.entry(*leg).or_default().bridged_to = Some(*peer);
                }
            }
            MediaAction::Unbridge { leg } => {
                self.touch(*leg, output);
                if let Some(peer) = self.legs.entry(*leg).or_default().bridged_to.take() {
                    self.legs.entry(peer).or_default().bridged_to = None;
                }
            }
            MediaAction::Record { recording, left, right, .. } => {
                self.touch(*left, output);
                self.touch(*right, output);
                self.records += 1;
                let ok = self.stops == 0 && *recording == self.recording && left != right;
                self.must(ok, "recorded into one file", output);
                for leg in [left, right] {
                    self.must(self.legs[leg].answered, "who is recorded has answered", output);
                }
            }
            MediaAction::StopRecording { .. } => {
                self.stops += 1;
                let ok = self.stops == 1 && self.records >= 1;
                self.must(ok, "stopped once, if started", output);
            }
            MediaAction::PauseRecording { .. } => {
                self.must(self.records >= 1 && self.stops == 0, "only a running one", output);
            }
            MediaAction::SetAnswer { leg, .. }
            | MediaAction::AnswerReoffer { leg, .. }
            | MediaAction::MakeReoffer { leg, .. }
            | MediaAction::Play { leg, .. }
            | MediaAction::StopPlay { leg }
            | MediaAction::Mute { leg, .. }
            | MediaAction::SendDtmf { leg, .. } => self.touch(*leg, output),
        }
    }

    /// Media is only asked of legs whose ports are taken.
    fn touch(&self, leg: LegId, output: &Output) {
        let open = self.legs.get(&leg).is_some_and(|facts| facts.opens == 1 && facts.closes == 0);
        self.must(open, "media of an open leg", output);
    }

    fn event(&mut self, kind: &CallEventKind, output: &Output) {
        let first = matches!(kind, CallEventKind::Started { .. });
        self.must(first == (self.started == 0), "Started is first and once", output);
        match kind {
            CallEventKind::Started { .. } => self.started += 1,
            CallEventKind::LegStarted { leg, role, .. } => {
                self.must(self.ended == 0, "no leg starts after the end", output);
                self.legs.entry(*leg).or_default().role = Some(*role);
            }
            CallEventKind::LegAnswered { leg } => {
                self.legs.entry(*leg).or_default().answered = true;
            }
            CallEventKind::Bridged { a, b } => {
                let both = self.legs[a].answered && self.legs[b].answered;
                self.must(both, "only answered legs are bridged", output);
            }
            CallEventKind::Transferred { from, to, .. } => {
                let fresh = from != to && self.legs[to].answered;
                self.must(fresh, "handed to somebody else who answered", output);
                self.transfers += 1;
            }
            CallEventKind::Held { leg, .. } => {
                let fresh = self.held.insert(*leg);
                self.must(fresh, "a leg is held once at a time", output);
            }
            CallEventKind::Resumed { leg } => {
                let held = self.held.remove(leg);
                self.must(held, "only a held leg resumes", output);
            }
            CallEventKind::LegEnded { leg, .. } => {
                let facts = self.legs.entry(*leg).or_default();
                let ok = !facts.reported && facts.role.is_some();
                facts.reported = true;
                self.must(ok, "each leg ends once", output);
            }
            CallEventKind::RecordingStopped { .. } | CallEventKind::RecordingFailed { .. } => {
                self.recording_reports += 1;
                self.must(self.recording_reports == 1, "one fate of a recording", output);
            }
            CallEventKind::Ended { .. } => {
                self.ended += 1;
                self.must(self.ended == 1, "Ended once", output);
            }
            CallEventKind::LegRinging { .. }
            | CallEventKind::Answered { .. }
            | CallEventKind::Muted { .. }
            | CallEventKind::DtmfReceived { .. }
            | CallEventKind::Announced { .. }
            | CallEventKind::ConsentDecided { .. }
            | CallEventKind::RecordingStarted { .. }
            | CallEventKind::RecordingPaused { .. }
            | CallEventKind::TrunkFailed { .. }
            | CallEventKind::LeadFound { .. }
            | CallEventKind::Gap { .. } => {}
        }
    }

    fn finish(&mut self, output: &Output) {
        self.finished = true;
        self.must(self.ended == self.started, "Finished only after Ended", output);
        for facts in self.legs.values() {
            self.must(facts.role.is_none() || facts.reported, "every leg was reported", output);
            let closed = facts.opens == 0 || facts.closes == 1 || facts.open_failed;
            self.must(closed, "every port was given back", output);
        }
        let stopped = self.records.min(1) == self.stops || self.engine_ended_recording;
        self.must(stopped, "a recording that ran was stopped", output);
        self.must(self.records.min(1) <= self.recording_reports, "and its fate is known", output);
    }
}
