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
        if self.first().is_some_and(|first| matches!(first.dialog, Dialog::Offered { .. })) {
            self.answer_caller();
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
        let (mut agent, mut extension, mut trunk) = (plan.agent, plan.extension, None);
        for leg in [pair.far.leg(), pair.ours.leg()].into_iter().filter_map(|id| self.leg(id)) {
            match &leg.endpoint {
                LegEndpoint::Trunk { trunk: through } => trunk = Some(*through),
                LegEndpoint::Extension { extension: on, user } if leg.role == LegRole::Agent => {
                    (agent, extension) = (*user, Some(*on));
                }
                LegEndpoint::Extension { .. } => {}
            }
        }
        self.timers.set(now + limit, TimeoutReason::MaxDuration);
        self.emit(CallEventKind::Answered { agent, extension, trunk });
        self.announce_or_talk(now, pair);
    }

    /// Joins the two sides, recorded or not.
    pub(crate) fn talk(&mut self, _now: Instant, pair: Pair, recorded: bool) {
        self.timers.clear(TimeoutReason::Announcement);
        self.stage = Stage::Talking(Talk { pair, held: false });
        let (a, b) = (pair.ours.leg(), pair.far.leg());
        self.media(MediaAction::Bridge { a, b });
        self.emit(CallEventKind::Bridged { a, b });
        if recorded {
            self.start_recording(pair);
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
            MediaDirection::SendRecv => false,
            MediaDirection::SendOnly | MediaDirection::RecvOnly | MediaDirection::Inactive => true,
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
        if wanted != path {
            // From whatever it was: joining first ends every music.
            if path == Path::Parted || wanted == Path::Joined || matches!(path, Path::Waiting(_)) {
                self.media(MediaAction::Bridge { a: ours, b: far });
            }
            match wanted {
                Path::Joined | Path::Dead => {}
                Path::Parted => {
                    self.media(MediaAction::Unbridge { leg: ours });
                    self.play(far, PlaySource::HoldMusic);
                }
                Path::Waiting(leg) => {
                    self.play(leg, PlaySource::HoldMusic);
                }
            }
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
        talk.pair.peer_of(leg).filter(|_| self.path() == Path::Joined)
    }
}
