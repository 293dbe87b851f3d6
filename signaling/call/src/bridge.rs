//! Two answered legs that hear each other, and everything that parts them for a while.

use crate::call::{Call, Stage};
use crate::leg::{Answered, Dialog};
use crate::timers::TimeoutReason;
use crate::{CallEventKind, LegEndpoint, LegId, LegRole, MediaAction, MediaDirection, PlaySource};
use std::time::{Duration, Instant};

/// The two sides of a talk. Only answered legs fit (see [`Answered`]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pair {
    /// The side commands speak for: the agent, or who dialled an internal call.
    pub(crate) ours: Answered,
    /// The other one.
    pub(crate) far: Answered,
}

impl Pair {
    pub(crate) fn peer_of(&self, leg: LegId) -> Option<LegId> {
        if leg == self.ours.leg() {
            Some(self.far.leg())
        } else {
            (leg == self.far.leg()).then(|| self.ours.leg())
        }
    }
}

/// Both talk, unless somebody holds.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) pair: Pair,
    /// Held by command.
    pub(crate) held: bool,
}

/// How media flows between two sides that talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Path {
    /// Both hear each other.
    Joined,
    /// By command: the far side hears music, ours nothing.
    Parted,
    /// This leg's peer holds it by its own phone: it hears music.
    Waiting(LegId),
    /// Both phones hold: nobody listens.
    Dead,
}

impl Call {
    /// Goes on as far as the target, the caller and both media paths allow.
    pub(crate) fn try_connect(&mut self, now: Instant) {
        let Stage::Connecting(other) = self.stage else { return };
        let Some(other) = self.leg(other).and_then(|leg| leg.answered()) else { return };
        // Nobody hears of an answer that a crash would make undone.
        if self.unwritten {
            return;
        }
        if self.first().is_some_and(|first| matches!(first.dialog, Dialog::Offered { .. })) {
            self.answer_caller(now);
        }
        // A late offer waits here for the answer in the ACK.
        let Some(first) = self.first().and_then(|first| first.answered()) else { return };
        let far_is_first = self.first().is_some_and(|first| first.role == LegRole::Customer);
        let pair = if far_is_first {
            Pair { ours: other, far: first }
        } else {
            Pair { ours: first, far: other }
        };
        self.connected(now, pair);
    }

    fn connected(&mut self, now: Instant, pair: Pair) {
        let Some(plan) = self.plan.as_deref() else { return };
        let limit = Duration::from_millis(plan.max_duration_ms);
        self.timers.clear(TimeoutReason::LateAnswer);
        self.timers.set(now + limit, TimeoutReason::MaxDuration);
        self.answered_at.get_or_insert(now);
        self.emit_answered([pair.far.leg(), pair.ours.leg()]);
        self.announce_or_talk(now, pair);
    }

    /// These two have each other: who is our agent, and which carrier carries it.
    pub(crate) fn emit_answered(&mut self, legs: [LegId; 2]) {
        let plan = self.plan.as_deref().map(|plan| (plan.agent, plan.extension));
        let (mut agent, mut extension) = plan.unwrap_or_default();
        let mut trunk = None;
        for leg in legs.into_iter().filter_map(|id| self.leg(id)) {
            match &leg.endpoint {
                LegEndpoint::Trunk { trunk: through } => trunk = Some(*through),
                LegEndpoint::Extension { extension: on, user } if leg.role == LegRole::Agent => {
                    (agent, extension) = (*user, Some(*on));
                }
                LegEndpoint::Extension { .. } => {}
            }
        }
        self.emit(CallEventKind::Answered { agent, extension, trunk });
    }

    /// Whom a leg talks with.
    pub(crate) fn talks_with(&self, leg: LegId) -> Option<LegId> {
        if let Stage::Talking(talk) = &self.stage { talk.pair.peer_of(leg) } else { None }
    }

    /// Joins the two sides, recorded or not.
    pub(crate) fn talk(&mut self, now: Instant, pair: Pair, recorded: bool) {
        self.timers.clear(TimeoutReason::Announcement);
        self.stage = Stage::Talking(Talk { pair, held: false });
        let (a, b) = (pair.ours.leg(), pair.far.leg());
        self.media(MediaAction::Bridge { a, b });
        self.emit(CallEventKind::Bridged { a, b });
        if recorded {
            self.start_recording(now, pair);
        }
        // A phone may have put us on hold while the announcement played.
        self.follow_holds(Path::Joined, [false, false]);
    }

    /// By command: the far side waits with music.
    pub(crate) fn hold(&mut self, held: bool) {
        let before = (self.path(), self.waiting());
        if let Stage::Talking(talk) = &mut self.stage {
            talk.held = held;
        }
        self.follow_holds(before.0, before.1);
    }

    /// By the party's own phone.
    pub(crate) fn party_direction(&mut self, id: LegId, direction: MediaDirection) {
        let before = (self.path(), self.waiting());
        let holding = match direction {
            MediaDirection::SendRecv | MediaDirection::RecvOnly => false,
            MediaDirection::SendOnly | MediaDirection::Inactive => true,
        };
        if let Some(leg) = self.leg_mut(id) {
            leg.holding = holding;
        }
        if !holding {
            self.timers.clear(TimeoutReason::HeldSilence(id));
        }
        self.follow_holds(before.0, before.1);
    }

    /// Brings the media path and the events from one state of holds to the present one.
    fn follow_holds(&mut self, path: Path, waiting: [bool; 2]) {
        let Stage::Talking(talk) = &self.stage else { return };
        let (pair, by_command) = (talk.pair, talk.held);
        let (ours, far) = (pair.ours.leg(), pair.far.leg());
        let wanted = self.path();
        if wanted != path && !self.transfer_is_heard() {
            // From whatever it was: joining first ends every music.
            if path == Path::Parted || wanted == Path::Joined || matches!(path, Path::Waiting(_)) {
                self.media(MediaAction::Bridge { a: ours, b: far });
            }
            self.lay(pair, wanted);
        }
        let legs = [ours, far];
        for (index, waits) in self.waiting().into_iter().enumerate() {
            let leg = legs[index];
            if waits && !waiting[index] {
                let by_party = !(by_command && leg == far);
                self.emit(CallEventKind::Held { leg, by_party });
            } else if !waits && waiting[index] {
                self.emit(CallEventKind::Resumed { leg });
            }
        }
    }

    /// From joined to another path.
    fn lay(&mut self, pair: Pair, wanted: Path) {
        match wanted {
            Path::Joined | Path::Dead => {}
            Path::Parted => {
                self.media(MediaAction::Unbridge { leg: pair.ours.leg() });
                self.play(pair.far.leg(), PlaySource::HoldMusic);
            }
            Path::Waiting(leg) => {
                self.play(leg, PlaySource::HoldMusic);
            }
        }
    }

    /// The two have each other back, as far as neither holds.
    pub(crate) fn rejoin(&mut self) {
        let Stage::Talking(talk) = &self.stage else { return };
        let pair = talk.pair;
        self.media(MediaAction::Bridge { a: pair.ours.leg(), b: pair.far.leg() });
        self.lay(pair, self.path());
    }

    /// Nobody waits any more: the pair is about to be another.
    pub(crate) fn resume_waiting(&mut self) {
        let Stage::Talking(talk) = &self.stage else { return };
        let legs = [talk.pair.ours.leg(), talk.pair.far.leg()];
        for (leg, waits) in legs.into_iter().zip(self.waiting()) {
            if waits {
                self.emit(CallEventKind::Resumed { leg });
            }
        }
    }

    /// One of a pair that was just joined may hold by its own phone.
    pub(crate) fn follow_new_pair(&mut self) {
        self.follow_holds(Path::Joined, [false, false]);
    }

    fn path(&self) -> Path {
        let Stage::Talking(talk) = &self.stage else { return Path::Joined };
        let (ours, far) = (talk.pair.ours.leg(), talk.pair.far.leg());
        match (talk.held, self.holds(ours), self.holds(far)) {
            (true, _, _) => Path::Parted,
            (false, true, true) => Path::Dead,
            (false, true, false) => Path::Waiting(far),
            (false, false, true) => Path::Waiting(ours),
            (false, false, false) => Path::Joined,
        }
    }

    /// Whether our side and the far side wait.
    fn waiting(&self) -> [bool; 2] {
        let Stage::Talking(talk) = &self.stage else { return [false, false] };
        let (ours, far) = (talk.pair.ours.leg(), talk.pair.far.leg());
        [self.holds(far), talk.held || self.holds(ours)]
    }

    fn holds(&self, id: LegId) -> bool {
        self.leg(id).is_some_and(|leg| leg.holding)
    }

    /// The peer a digit by INFO goes on to.
    pub(crate) fn joined_peer_of(&self, leg: LegId) -> Option<LegId> {
        let Stage::Talking(talk) = &self.stage else { return None };
        let joined = self.path() == Path::Joined && !self.transfer_is_heard();
        talk.pair.peer_of(leg).filter(|_| joined)
    }
}

#[cfg(test)]
mod tests {
    use crate::rig::{self, Rig, act, emit, ended, leg, media, play, sdp};
    use crate::*;
    use std::time::Duration;

    /// A re-INVITE of the party on leg `n`, up to our 200.
    fn party_offers(rig: &mut Rig, n: u16, direction: MediaDirection) -> Vec<Output> {
        let offer = Some(sdp("new offer"));
        let out = rig.give(Input::LegReoffered { leg: leg(n), sdp: offer.clone() });
        assert_eq!(out, [media(MediaAction::AnswerReoffer { leg: leg(n), sdp: offer })]);
        rig.media(MediaNotice::Reanswered { leg: leg(n), sdp: sdp("new answer"), direction })
    }

    fn accepted(n: u16) -> Output {
        act(n, LegAction::AcceptReoffer { sdp: sdp("new answer") })
    }

    fn bridge() -> Output {
        media(MediaAction::Bridge { a: leg(0), b: leg(1) })
    }

    /// TEL-13.
    #[test]
    fn holding_by_command_plays_music_to_the_customer_and_parts_the_agent() {
        let mut rig = Rig::talking();
        assert_eq!(
            rig.control(Control::Hold),
            [
                media(MediaAction::Unbridge { leg: leg(0) }),
                play(1, 2, PlaySource::HoldMusic),
                emit(CallEventKind::Held { leg: leg(1), by_party: false }),
            ]
        );
        assert!(rig.call.snapshot().held);
        assert_eq!(rig.control(Control::Hold), []);
        assert_eq!(
            rig.control(Control::Resume),
            [bridge(), emit(CallEventKind::Resumed { leg: leg(1) })]
        );
        assert_eq!(rig.control(Control::Resume), []);
    }

    /// A18.
    #[test]
    fn a_party_that_holds_lets_the_other_hear_music_until_it_resumes() {
        for (holder, waiter) in [(0, 1), (1, 0)] {
            for direction in [MediaDirection::SendOnly, MediaDirection::Inactive] {
                let mut rig = Rig::talking();
                assert_eq!(
                    party_offers(&mut rig, holder, direction),
                    [
                        accepted(holder),
                        play(waiter, 2, PlaySource::HoldMusic),
                        emit(CallEventKind::Held { leg: leg(waiter), by_party: true }),
                    ]
                );
                assert_eq!(
                    party_offers(&mut rig, holder, MediaDirection::SendRecv),
                    [accepted(holder), bridge(), emit(CallEventKind::Resumed { leg: leg(waiter) })]
                );
            }
        }
    }

    #[test]
    fn a_customer_held_twice_waits_until_both_holds_end() {
        let mut rig = Rig::talking();
        rig.control(Control::Hold);
        assert_eq!(party_offers(&mut rig, 0, MediaDirection::Inactive), [accepted(0)]);
        assert_eq!(rig.control(Control::Resume), [bridge(), play(1, 3, PlaySource::HoldMusic)]);
        assert_eq!(
            party_offers(&mut rig, 0, MediaDirection::SendRecv),
            [accepted(0), bridge(), emit(CallEventKind::Resumed { leg: leg(1) })]
        );
    }

    #[test]
    fn a_second_offer_while_one_is_worked_on_is_refused() {
        let mut rig = Rig::talking();
        rig.give(Input::LegReoffered { leg: leg(1), sdp: Some(sdp("a")) });
        assert_eq!(
            rig.give(Input::LegReoffered { leg: leg(1), sdp: Some(sdp("b")) }),
            [act(1, LegAction::RefuseReoffer { status: 491 })]
        );
    }

    #[test]
    fn an_offer_the_engine_cannot_take_is_refused_and_the_call_goes_on() {
        let mut rig = Rig::talking();
        rig.give(Input::LegReoffered { leg: leg(1), sdp: Some(sdp("video only")) });
        let cause = rig::cause(EndedBy::Customer, CauseKind::IncompatibleMedia);
        assert_eq!(
            rig.media(MediaNotice::Failed { leg: leg(1), cause }),
            [act(1, LegAction::RefuseReoffer { status: 488 })]
        );
        assert_eq!(rig.call.snapshot().phase, Phase::Connected);
    }

    #[test]
    fn an_offerless_reinvite_gets_our_offer_and_the_ack_settles_it() {
        let mut rig = Rig::talking();
        let out = rig.give(Input::LegReoffered { leg: leg(1), sdp: None });
        assert_eq!(out, [media(MediaAction::AnswerReoffer { leg: leg(1), sdp: None })]);
        let direction = MediaDirection::SendRecv;
        let offer = sdp("new answer");
        let out = rig.media(MediaNotice::Reanswered { leg: leg(1), sdp: offer, direction });
        assert_eq!(out, [accepted(1)]);
        let answer = sdp("answer in ack");
        assert_eq!(
            rig.give(Input::LegReanswered { leg: leg(1), sdp: Ok(Some(answer.clone())) }),
            [media(MediaAction::SetAnswer { leg: leg(1), sdp: answer })]
        );
        assert_eq!(rig.established(1), []);
        assert_eq!(rig.call.snapshot().phase, Phase::Connected);
    }

    #[test]
    fn a_silent_party_ends_the_call_but_one_that_holds_may_stay_silent_longer() {
        let mut rig = Rig::talking();
        party_offers(&mut rig, 1, MediaDirection::Inactive);
        assert_eq!(rig.media(MediaNotice::Silent { leg: leg(1) }), []);
        assert_eq!(rig.pass(Duration::from_secs(599)), []);
        let silent = rig::cause(EndedBy::System, CauseKind::MediaTimeout);
        assert!(rig.pass(Duration::from_secs(1)).contains(&ended(silent)));

        let mut rig = Rig::talking();
        let out = rig.media(MediaNotice::Silent { leg: leg(1) });
        assert!(out.contains(&ended(silent)));
    }

    /// D07.
    #[test]
    fn the_longest_allowed_talk_is_ended_by_the_system() {
        let mut rig = Rig::talking();
        assert_eq!(rig.pass(Duration::from_secs(7199)), []);
        let limit = rig::cause(EndedBy::System, CauseKind::MaxDuration);
        assert!(rig.pass(Duration::from_secs(1)).contains(&ended(limit)));
    }
}
