//! What an agent is doing: a pure machine per agent. The state is derived from what is known
//! (wish, phone, calls, missing outcomes), never stored beside it.

mod floor;

pub use floor::{Change, Floor, Key};

use call::CallId;
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::{Duration, Instant},
};

/// How long a reservation waits for its call to exist before it is given up.
pub const RESERVATION: Duration = Duration::from_secs(10);

/// What the agent asked for; takes effect when no call and no missing outcome is in the way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Wish {
    /// Work.
    Ready,
    /// A break, and why.
    Paused(String),
    /// Go home.
    #[default]
    Offline,
}

/// What the agent is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// Not working.
    #[default]
    Offline,
    /// May get or place a call.
    Ready,
    /// Chosen for a call that does not exist yet.
    Reserved(CallId),
    /// Own phone rings, or the other side's does.
    Ringing(CallId),
    /// Talking.
    OnCall(CallId),
    /// The call is over, its outcome is missing (DIA-04).
    WrapUp(CallId),
    /// On a break, and why.
    Paused(String),
    /// Wants to work but no phone is registered.
    Unreachable,
}

impl State {
    /// The call at hand.
    pub fn call(&self) -> Option<CallId> {
        match self {
            Self::Reserved(call)
            | Self::Ringing(call)
            | Self::OnCall(call)
            | Self::WrapUp(call) => Some(*call),
            Self::Offline | Self::Ready | Self::Paused(_) | Self::Unreachable => None,
        }
    }
}

/// How far a call of the agent has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Asked for.
    Reserved,
    /// Somebody's phone rings.
    Ringing,
    /// Both sides talk.
    Talking,
}

/// What the machine is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The agent asks for a state.
    Wished(Wish),
    /// A phone of theirs is registered, or none.
    Reachable(bool),
    /// A call is about to be placed for them.
    Reserved(CallId),
    /// It will not be: refused.
    Released(CallId),
    /// Their phone or the other side's rings.
    Rang(CallId),
    /// They talk.
    Answered(CallId),
    /// The call is over for them, and whether they owe an outcome.
    Ended {
        /// Which call.
        call: CallId,
        /// An outcome must be saved before the next call.
        outcome_due: bool,
    },
    /// An outcome was saved.
    OutcomeSaved(CallId),
}

/// A state that ended and the one that followed. Spans tile the shift (H21).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// What they were doing.
    pub from: State,
    /// Since when.
    pub since: Instant,
    /// What they are doing now.
    pub to: State,
    /// From when: the end of the one is the start of the other.
    pub at: Instant,
}

/// One agent.
#[derive(Debug)]
pub struct Agent {
    wish: Wish,
    reachable: bool,
    calls: BTreeMap<CallId, Phase>,
    pending: BTreeSet<CallId>,
    /// Outcomes saved while the call was still under way.
    settled: BTreeSet<CallId>,
    reserved_at: BTreeMap<CallId, Instant>,
    state: State,
    since: Instant,
    out: VecDeque<Transition>,
}

impl Agent {
    /// An agent who is not working.
    pub fn new(now: Instant) -> Self {
        Self::resumed(now, Wish::Offline, BTreeSet::new())
    }

    /// An agent as a former process left them: what they wanted and which outcomes they owe.
    pub fn resumed(now: Instant, wish: Wish, pending: BTreeSet<CallId>) -> Self {
        let mut agent = Self {
            wish,
            reachable: false,
            calls: BTreeMap::new(),
            pending,
            settled: BTreeSet::new(),
            reserved_at: BTreeMap::new(),
            state: State::Offline,
            since: now,
            out: VecDeque::new(),
        };
        agent.state = agent.derived();
        agent
    }

    /// What they are doing.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Since when.
    pub fn since(&self) -> Instant {
        self.since
    }

    /// What they asked for.
    pub fn wish(&self) -> &Wish {
        &self.wish
    }

    /// Whether a phone is registered.
    pub fn reachable(&self) -> bool {
        self.reachable
    }

    /// Calls that need an outcome, oldest first.
    pub fn pending(&self) -> impl Iterator<Item = CallId> + '_ {
        self.pending.iter().copied()
    }

    /// Takes a fact; then drain [`Agent::poll_output`].
    pub fn handle_input(&mut self, now: Instant, input: Input) {
        match input {
            Input::Wished(wish) => self.wish = wish,
            Input::Reachable(reachable) => self.reachable = reachable,
            Input::Reserved(call) => {
                if !self.calls.contains_key(&call) && !self.pending.contains(&call) {
                    self.calls.insert(call, Phase::Reserved);
                    self.reserved_at.insert(call, now);
                }
            }
            Input::Released(call) => {
                if self.calls.get(&call) == Some(&Phase::Reserved) {
                    self.forget(call);
                }
            }
            Input::Rang(call) => self.advance(call, Phase::Ringing),
            Input::Answered(call) => self.advance(call, Phase::Talking),
            Input::Ended { call, outcome_due } => {
                self.forget(call);
                let settled = self.settled.remove(&call);
                if outcome_due && !settled {
                    self.pending.insert(call);
                }
            }
            Input::OutcomeSaved(call) => {
                self.pending.remove(&call);
                if self.calls.contains_key(&call) {
                    self.settled.insert(call);
                }
            }
        }
        self.settle(now);
    }

    /// The next change to tell.
    pub fn poll_output(&mut self) -> Option<Transition> {
        self.out.pop_front()
    }

    /// When to call [`Agent::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.reserved_at.values().min().map(|at| *at + RESERVATION)
    }

    /// Gives up reservations whose call never came to be.
    pub fn handle_timeout(&mut self, now: Instant) {
        let stale: Vec<CallId> = self
            .reserved_at
            .iter()
            .filter(|(_, at)| **at + RESERVATION <= now)
            .map(|(call, _)| *call)
            .collect();
        for call in stale {
            self.forget(call);
        }
        self.settle(now);
    }

    /// A call only goes forward; a late event of a call that is over changes nothing.
    fn advance(&mut self, call: CallId, phase: Phase) {
        if self.pending.contains(&call) {
            return;
        }
        let known = self.calls.entry(call).or_insert(phase);
        *known = (*known).max(phase);
        self.reserved_at.remove(&call);
    }

    fn forget(&mut self, call: CallId) {
        self.calls.remove(&call);
        self.reserved_at.remove(&call);
    }

    fn derived(&self) -> State {
        let foremost = self.calls.iter().max_by_key(|(call, phase)| (**phase, **call));
        match foremost {
            Some((call, Phase::Talking)) => return State::OnCall(*call),
            Some((call, Phase::Ringing)) => return State::Ringing(*call),
            Some((call, Phase::Reserved)) => return State::Reserved(*call),
            None => {}
        }
        if let Some(call) = self.pending.last() {
            return State::WrapUp(*call);
        }
        match &self.wish {
            Wish::Offline => State::Offline,
            Wish::Paused(reason) => State::Paused(reason.clone()),
            Wish::Ready if self.reachable => State::Ready,
            Wish::Ready => State::Unreachable,
        }
    }

    fn settle(&mut self, now: Instant) {
        let to = self.derived();
        if to == self.state {
            return;
        }
        let from = std::mem::replace(&mut self.state, to.clone());
        let since = std::mem::replace(&mut self.since, now);
        self.out.push_back(Transition { from, since, to, at: now });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn call(n: u8) -> CallId {
        CallId::from_parts(1_763_000_000_000 + u64::from(n), &[n; 10])
    }

    fn ready(now: Instant) -> Agent {
        let mut agent = Agent::new(now);
        agent.handle_input(now, Input::Reachable(true));
        agent.handle_input(now, Input::Wished(Wish::Ready));
        agent
    }

    /// DIA-04
    #[test]
    fn wrap_up_ends_only_when_the_outcome_is_saved() {
        let now = Instant::now();
        let mut agent = ready(now);
        for input in [
            Input::Reserved(call(1)),
            Input::Rang(call(1)),
            Input::Answered(call(1)),
            Input::Ended { call: call(1), outcome_due: true },
            Input::Wished(Wish::Ready),
            Input::Wished(Wish::Offline),
            Input::Wished(Wish::Paused("lunch".into())),
        ] {
            agent.handle_input(now, input);
        }
        agent.handle_timeout(now + Duration::from_secs(86_400));
        assert_eq!(agent.state(), &State::WrapUp(call(1)));
        agent.handle_input(now, Input::OutcomeSaved(call(1)));
        assert_eq!(agent.state(), &State::Paused("lunch".into()));
    }

    #[test]
    fn an_outcome_saved_before_the_end_is_not_asked_for_again() {
        let now = Instant::now();
        let mut agent = ready(now);
        agent.handle_input(now, Input::Answered(call(1)));
        agent.handle_input(now, Input::OutcomeSaved(call(1)));
        assert_eq!(agent.state(), &State::OnCall(call(1)));
        agent.handle_input(now, Input::Ended { call: call(1), outcome_due: true });
        assert_eq!(agent.state(), &State::Ready);
    }

    #[test]
    fn missing_outcomes_survive_a_restart() {
        let now = Instant::now();
        let mut agent = Agent::resumed(now, Wish::Ready, BTreeSet::from([call(1), call(2)]));
        agent.handle_input(now, Input::Reachable(true));
        assert_eq!(agent.state(), &State::WrapUp(call(2)));
        agent.handle_input(now, Input::OutcomeSaved(call(2)));
        assert_eq!(agent.state(), &State::WrapUp(call(1)));
        agent.handle_input(now, Input::OutcomeSaved(call(1)));
        assert_eq!(agent.state(), &State::Ready);
    }

    #[test]
    fn an_agent_without_a_registered_phone_is_unreachable_until_it_is_back() {
        let now = Instant::now();
        let mut agent = ready(now);
        agent.handle_input(now, Input::Reachable(false));
        assert_eq!(agent.state(), &State::Unreachable);
        agent.handle_input(now, Input::Reachable(true));
        assert_eq!(agent.state(), &State::Ready);
    }

    #[test]
    fn a_reservation_without_a_call_is_given_up() {
        let now = Instant::now();
        let mut agent = ready(now);
        agent.handle_input(now, Input::Reserved(call(1)));
        assert_eq!(agent.state(), &State::Reserved(call(1)));
        let due = agent.poll_timeout().expect("a reservation runs out");
        agent.handle_timeout(due);
        assert_eq!((agent.state(), agent.poll_timeout()), (&State::Ready, None));
    }

    #[test]
    fn a_second_call_that_rings_does_not_hide_the_one_at_hand() {
        let now = Instant::now();
        let mut agent = ready(now);
        agent.handle_input(now, Input::Answered(call(1)));
        agent.handle_input(now, Input::Rang(call(2)));
        assert_eq!(agent.state(), &State::OnCall(call(1)));
        agent.handle_input(now, Input::Ended { call: call(2), outcome_due: false });
        agent.handle_input(now, Input::Ended { call: call(1), outcome_due: false });
        assert_eq!(agent.state(), &State::Ready);
    }

    #[test]
    fn late_events_of_a_call_that_is_over_change_nothing() {
        let now = Instant::now();
        let mut agent = ready(now);
        agent.handle_input(now, Input::Ended { call: call(1), outcome_due: true });
        agent.handle_input(now, Input::Answered(call(1)));
        assert_eq!(agent.state(), &State::WrapUp(call(1)));
    }

    fn input() -> impl Strategy<Value = Input> {
        let id = (0u8..4).prop_map(call);
        prop_oneof![
            prop_oneof![Just(Wish::Ready), Just(Wish::Offline), "[a-c]".prop_map(Wish::Paused)]
                .prop_map(Input::Wished),
            any::<bool>().prop_map(Input::Reachable),
            id.clone().prop_map(Input::Reserved),
            id.clone().prop_map(Input::Released),
            id.clone().prop_map(Input::Rang),
            id.clone().prop_map(Input::Answered),
            (id.clone(), any::<bool>())
                .prop_map(|(call, outcome_due)| Input::Ended { call, outcome_due }),
            id.prop_map(Input::OutcomeSaved),
        ]
    }

    proptest! {
        /// H21: whatever happens, states follow each other without gap or overlap.
        #[test]
        fn states_tile_the_shift(steps in prop::collection::vec((0u64..20_000, input()), 0..80)) {
            let start = Instant::now();
            let (mut now, mut agent) = (start, Agent::new(start));
            let (mut end, mut last) = (start, State::Offline);
            let mut total = Duration::ZERO;
            for (wait, input) in steps {
                now += Duration::from_millis(wait);
                if agent.poll_timeout().is_some_and(|due| due <= now) {
                    agent.handle_timeout(now);
                }
                agent.handle_input(now, input);
                while let Some(change) = agent.poll_output() {
                    prop_assert_eq!(&change.from, &last);
                    prop_assert_eq!(change.since, end);
                    prop_assert!(change.at >= change.since);
                    prop_assert_ne!(&change.from, &change.to);
                    total += change.at - change.since;
                    (end, last) = (change.at, change.to);
                }
                prop_assert_eq!(agent.state(), &last);
                prop_assert_eq!(agent.since(), end);
                if agent.pending().next().is_some() {
                    prop_assert!(!matches!(agent.state(), State::Ready | State::Offline | State::Paused(_)));
                }
            }
            prop_assert_eq!(total + (now - end), now - start);
        }
    }
}
