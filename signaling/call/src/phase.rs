//! Where a call stands as a whole: computed from its legs, never stored.

use crate::leg::{Dialog, Leg};
use crate::{HangupCause, LegId, LegRole, LegStatus, RecordingStatus};

/// Where a call stands as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Nothing happened yet.
    New,
    /// A caller waits for the route, or for the first phone to be called.
    Routing,
    /// Click-to-call: the agent's own phone is being called.
    CallingAgent,
    /// The called side is being reached.
    Dialling,
    /// The called side's phone rings.
    Ringing,
    /// The called side's carrier sends audio before the answer.
    EarlyMedia,
    /// Both sides answered.
    Connected,
    /// Every leg has been told to end.
    Ending,
    /// Every leg is over.
    Over,
}

/// A leg as seen from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegSnapshot {
    /// Which leg.
    pub leg: LegId,
    /// What it is.
    pub role: LegRole,
    /// Where it stands.
    pub status: LegStatus,
    /// The party's own phone holds us.
    pub holding: bool,
    /// Ports are taken (or asked for) and not given back.
    pub has_media: bool,
}

/// A call as seen from outside, for live lists and tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// As a whole.
    pub phase: Phase,
    /// Its legs in order of appearance.
    pub legs: Vec<LegSnapshot>,
    /// Held by command.
    pub held: bool,
    /// The agent's microphone is off.
    pub muted: bool,
    /// The recording, where one was started.
    pub recording: Option<RecordingStatus>,
    /// Why it ended, once it has.
    pub ended: Option<HangupCause>,
}

/// The phase of a call with these legs.
pub(crate) fn phase_of(legs: &[Leg]) -> Phase {
    if legs.is_empty() {
        return Phase::New;
    }
    if legs.iter().all(Leg::is_closed) {
        return Phase::Over;
    }
    // Who handed the other party on is gone, and the call is not.
    let mut live = legs.iter().filter(|leg| leg.is_live());
    let Some(first) = live.next() else { return Phase::Ending };
    let others = live;
    if first.is_pending() {
        return Phase::CallingAgent;
    }
    let reached = others.map(reach_of).max();
    match (reached, first.is_answered()) {
        (Some(Phase::Connected), true) => Phase::Connected,
        // The target answered; the caller is being answered in this moment.
        (Some(Phase::Connected), false) => Phase::Ringing,
        (Some(phase), _) if phase > Phase::New => phase,
        (_, true) => Phase::Dialling,
        (_, false) => Phase::Routing,
    }
}

fn reach_of(leg: &Leg) -> Phase {
    match &leg.dialog {
        Dialog::Planned(_) | Dialog::Calling => Phase::Dialling,
        Dialog::Ringing if leg.media_is_up() => Phase::EarlyMedia,
        Dialog::Ringing => Phase::Ringing,
        Dialog::Answered => Phase::Connected,
        Dialog::Offered { .. } | Dialog::Closing(_) | Dialog::Closed(_) => Phase::New,
    }
}
