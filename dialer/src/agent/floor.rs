//! Every agent of the installation, moved by what happens in calls.

use super::{Agent, Input, Transition, Wish};
use call::{
    CallEvent, CallEventKind, CallId, CallRecord, Direction, LegEndpoint, LegId, LegRole,
    LegStatus, TenantId, UserId,
};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    time::Instant,
};

/// Which agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Whose.
    pub tenant: TenantId,
    /// Who.
    pub user: UserId,
}

/// An agent changed state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Which agent.
    pub key: Key,
    /// From what to what.
    pub transition: Transition,
}

/// One call, and the agents it concerns.
#[derive(Debug)]
struct Live {
    record: CallRecord,
    involved: BTreeSet<UserId>,
    /// Handed it to an outside number, and had their end then.
    left: Option<UserId>,
}

/// All agents and the calls that move them.
#[derive(Debug, Default)]
pub struct Floor {
    agents: BTreeMap<Key, Agent>,
    calls: BTreeMap<CallId, Live>,
    out: VecDeque<Change>,
    touched: BTreeSet<Key>,
}

impl Floor {
    /// Nobody is there yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Puts an agent there as a former process left them.
    pub fn resume(&mut self, now: Instant, key: Key, wish: Wish, pending: BTreeSet<CallId>) {
        self.agents.insert(key, Agent::resumed(now, wish, pending));
    }

    /// One agent, if ever heard of.
    pub fn agent(&self, key: Key) -> Option<&Agent> {
        self.agents.get(&key)
    }

    /// Every agent heard of.
    pub fn agents(&self) -> impl Iterator<Item = (&Key, &Agent)> {
        self.agents.iter()
    }

    /// Takes a fact about one agent; then drain [`Floor::poll_output`].
    pub fn handle_input(&mut self, now: Instant, key: Key, input: Input) {
        self.touched.insert(key);
        let agent = self.agents.entry(key).or_insert_with(|| Agent::new(now));
        agent.handle_input(now, input);
        while let Some(transition) = agent.poll_output() {
            self.out.push_back(Change { key, transition });
        }
    }

    /// Takes an event of the journal; then drain [`Floor::poll_output`]. An event taken twice
    /// changes nothing.
    pub fn handle_event(&mut self, now: Instant, at_unix_ms: u64, event: &CallEvent) {
        let begins = matches!(event.kind, CallEventKind::Started { .. });
        if !begins && !self.calls.contains_key(&event.call) {
            return;
        }
        let live = self.calls.entry(event.call).or_insert_with(|| Live {
            record: CallRecord::new(event.tenant, event.call),
            involved: BTreeSet::new(),
            left: None,
        });
        live.record.apply(event, at_unix_ms);
        let inputs = live.inputs(&event.kind);
        if live.record.status.is_final() {
            self.calls.remove(&event.call);
        }
        for (user, input) in inputs {
            self.handle_input(now, Key { tenant: event.tenant, user }, input);
        }
    }

    /// The next change to tell.
    pub fn poll_output(&mut self) -> Option<Change> {
        self.out.pop_front()
    }

    /// Agents about whom something was told since the last time, changed state or not.
    pub fn take_touched(&mut self) -> BTreeSet<Key> {
        std::mem::take(&mut self.touched)
    }

    /// Whether the call is under way here.
    pub fn knows(&self, call: CallId) -> bool {
        self.calls.contains_key(&call)
    }

    /// When to call [`Floor::handle_timeout`].
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.agents.values().filter_map(Agent::poll_timeout).min()
    }

    /// Lets the due timeouts of all agents happen.
    pub fn handle_timeout(&mut self, now: Instant) {
        for (key, agent) in &mut self.agents {
            if agent.poll_timeout().is_some_and(|due| due <= now) {
                agent.handle_timeout(now);
                self.touched.insert(*key);
                while let Some(transition) = agent.poll_output() {
                    self.out.push_back(Change { key: *key, transition });
                }
            }
        }
    }
}

impl Live {
    fn inputs(&mut self, kind: &CallEventKind) -> Vec<(UserId, Input)> {
        let call = self.record.id;
        match kind {
            CallEventKind::Started {
                direction: Direction::Outbound, agent: Some(user), ..
            } => {
                self.involved.insert(*user);
                vec![(*user, Input::Rang(call))]
            }
            CallEventKind::LegStarted { leg, .. } => match self.user_of(*leg) {
                Some(user) => {
                    self.involved.insert(user);
                    vec![(user, Input::Rang(call))]
                }
                None => Vec::new(),
            },
            CallEventKind::Answered { .. } => self.answered(),
            CallEventKind::Transferred { from, agent, .. } => self.handed_on(*from, *agent),
            CallEventKind::LegEnded { leg, .. } => self.leg_ended(*leg),
            CallEventKind::Ended { .. } => {
                let due = self.outcome_due();
                let agent = self.record.agent_id;
                let involved = std::mem::take(&mut self.involved);
                let agent = agent.filter(|user| self.left != Some(*user));
                let ended = |user| Input::Ended { call, outcome_due: due && agent == Some(user) };
                involved.into_iter().chain(agent).map(|user| (user, ended(user))).collect()
            }
            CallEventKind::Started { .. }
            | CallEventKind::LegRinging { .. }
            | CallEventKind::LegAnswered { .. }
            | CallEventKind::Bridged { .. }
            | CallEventKind::Held { .. }
            | CallEventKind::Resumed { .. }
            | CallEventKind::Muted { .. }
            | CallEventKind::DtmfReceived { .. }
            | CallEventKind::Announced { .. }
            | CallEventKind::ConsentDecided { .. }
            | CallEventKind::RecordingStarted { .. }
            | CallEventKind::RecordingPaused { .. }
            | CallEventKind::RecordingStopped { .. }
            | CallEventKind::RecordingFailed { .. }
            | CallEventKind::TrunkFailed { .. }
            | CallEventKind::LeadFound { .. }
            | CallEventKind::Gap { .. } => Vec::new(),
        }
    }

    fn answered(&mut self) -> Vec<(UserId, Input)> {
        let call = self.record.id;
        let talking: BTreeSet<UserId> = match self.record.direction {
            Some(Direction::Internal) => self
                .record
                .legs
                .iter()
                .filter(|leg| leg.status == LegStatus::Answered || leg.role == LegRole::Caller)
                .filter_map(|leg| self.user_of(leg.leg))
                .collect(),
            Some(Direction::Inbound | Direction::Outbound) | None => {
                self.record.agent_id.into_iter().collect()
            }
        };
        self.involved.extend(&talking);
        talking.into_iter().map(|user| (user, Input::Answered(call))).collect()
    }

    /// Whoever has the call now is on it. Who handed it to a colleague owes no outcome: the colleague will.
    fn handed_on(&mut self, from: LegId, to: Option<UserId>) -> Vec<(UserId, Input)> {
        let call = self.record.id;
        let former = self.user_of(from).filter(|user| Some(*user) != to);
        let outcome_due = self.outcome_due() && to.is_none();
        if let Some(former) = former {
            self.involved.remove(&former);
        }
        self.involved.extend(to);
        self.left = former.filter(|_| to.is_none());
        let left = former.map(|user| (user, Input::Ended { call, outcome_due }));
        to.map(|user| (user, Input::Answered(call))).into_iter().chain(left).collect()
    }

    /// A phone stopped ringing because somebody else answered, or its owner refused.
    fn leg_ended(&mut self, leg: LegId) -> Vec<(UserId, Input)> {
        let Some(user) = self.user_of(leg) else { return Vec::new() };
        let outbound = self.record.direction == Some(Direction::Outbound);
        let theirs = (outbound || self.record.answered_at_ms.is_some())
            && self.record.agent_id == Some(user);
        let has_another =
            self.record.legs.iter().any(|other| {
                other.status != LegStatus::Ended && self.user_of(other.leg) == Some(user)
            });
        if theirs || has_another {
            return Vec::new();
        }
        self.involved.remove(&user);
        vec![(user, Input::Ended { call: self.record.id, outcome_due: false })]
    }

    fn user_of(&self, leg: LegId) -> Option<UserId> {
        let leg = self.record.legs.iter().find(|known| known.leg == leg)?;
        match (&leg.endpoint, leg.role) {
            (_, LegRole::Supervisor) => None,
            (LegEndpoint::Extension { user, .. }, _) => *user,
            (LegEndpoint::Trunk { .. }, _) => None,
        }
    }

    /// Every call we placed, and every call of theirs that we answered (DSP-16).
    fn outcome_due(&self) -> bool {
        match self.record.direction {
            Some(Direction::Outbound) => true,
            Some(Direction::Inbound) => self.record.answered_at_ms.is_some(),
            Some(Direction::Internal) | None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::State;
    use serde::Deserialize;

    #[derive(Deserialize)]
    struct Fixture {
        name: String,
        events: Vec<Stamped>,
        expected: CallRecord,
    }

    #[derive(Deserialize)]
    struct Stamped {
        at_ms: u64,
        event: CallEvent,
    }

    fn fixtures() -> Vec<Fixture> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/data/events");
        let mut paths: Vec<_> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|e| e == "json"))
            .collect();
        paths.sort();
        paths
            .iter()
            .map(|path| serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
            .collect()
    }

    /// DIA-04, DSP-16: whatever a call was like, at its end the agent owes an outcome or is free.
    #[test]
    fn after_every_recorded_call_the_agent_owes_an_outcome_or_is_free() {
        let fixtures = fixtures();
        assert!(fixtures.len() >= 6);
        for fixture in fixtures {
            let now = Instant::now();
            let mut floor = Floor::new();
            for stamped in fixture.events.iter().flat_map(|e| [e, e]) {
                floor.handle_event(now, stamped.at_ms, &stamped.event);
            }
            if !fixture.expected.status.is_final() {
                continue;
            }
            let owes = match fixture.expected.direction {
                Some(Direction::Outbound) => true,
                Some(Direction::Inbound) => fixture.expected.answered_at_ms.is_some(),
                Some(Direction::Internal) | None => false,
            };
            for (key, agent) in floor.agents() {
                let expected = if owes && Some(key.user) == fixture.expected.agent_id {
                    State::WrapUp(fixture.expected.id)
                } else {
                    State::Offline
                };
                assert_eq!(agent.state(), &expected, "{}", fixture.name);
            }
        }
    }

    fn id<T: From<uuid::Uuid>>(n: u128) -> T {
        T::from(uuid::Uuid::from_u128(n))
    }

    fn event(kind: CallEventKind) -> CallEvent {
        CallEvent { v: call::EVENT_VERSION, tenant: id(1), call: id(2), kind }
    }

    fn inbound() -> CallEventKind {
        CallEventKind::Started {
            direction: Direction::Inbound,
            from: "+919812340001".into(),
            to: "+918047190000".into(),
            lead: None,
            agent: None,
            extension: None,
            trunk: None,
            number: None,
            campaign: None,
            carrier_refs: Vec::new(),
        }
    }

    fn rings(leg: u128, user: u128) -> CallEventKind {
        CallEventKind::LegStarted {
            leg: id(leg),
            role: LegRole::Agent,
            endpoint: LegEndpoint::Extension { extension: id(user + 100), user: Some(id(user)) },
        }
    }

    #[test]
    fn the_agent_whose_phone_was_rung_in_vain_is_free_when_a_colleague_answers() {
        let now = Instant::now();
        let mut floor = Floor::new();
        let key = |user| Key { tenant: id(1), user: id(user) };
        for user in [11, 12] {
            floor.handle_input(now, key(user), Input::Reachable(true));
            floor.handle_input(now, key(user), Input::Wished(Wish::Ready));
        }
        for kind in [inbound(), rings(21, 11), rings(22, 12)] {
            floor.handle_event(now, 1000, &event(kind));
        }
        let state = |floor: &Floor, user| floor.agent(key(user)).unwrap().state().clone();
        assert_eq!(state(&floor, 11), State::Ringing(id(2)));
        let cause = call::HangupCause::new(call::EndedBy::System, call::CauseKind::Cancelled);
        for kind in [
            CallEventKind::LegAnswered { leg: id(22) },
            CallEventKind::Answered { agent: Some(id(12)), extension: Some(id(112)), trunk: None },
            CallEventKind::LegEnded { leg: id(21), cause, quality: None },
        ] {
            floor.handle_event(now, 2000, &event(kind));
        }
        assert_eq!(state(&floor, 11), State::Ready);
        assert_eq!(state(&floor, 12), State::OnCall(id(2)));
        let ended = CallEventKind::Ended { cause, suggested_disposition: None };
        floor.handle_event(now, 3000, &event(ended));
        assert_eq!(state(&floor, 12), State::WrapUp(id(2)));
        floor.handle_input(now, key(12), Input::OutcomeSaved(id(2)));
        assert_eq!(state(&floor, 12), State::Ready);
    }

    /// Two agents, the first on a call with a customer.
    fn talking(now: Instant) -> Floor {
        let mut floor = Floor::new();
        for user in [11, 12] {
            let key = Key { tenant: id(1), user: id(user) };
            floor.handle_input(now, key, Input::Reachable(true));
            floor.handle_input(now, key, Input::Wished(Wish::Ready));
        }
        let answered =
            CallEventKind::Answered { agent: Some(id(11)), extension: Some(id(111)), trunk: None };
        for kind in [inbound(), rings(21, 11), CallEventKind::LegAnswered { leg: id(21) }, answered]
        {
            floor.handle_event(now, 1000, &event(kind));
        }
        floor
    }

    fn state(floor: &Floor, user: u128) -> State {
        floor.agent(Key { tenant: id(1), user: id(user) }).unwrap().state().clone()
    }

    /// PBX-11: the colleague owes the outcome, who handed over is free.
    #[test]
    fn a_call_handed_to_a_colleague_is_the_colleagues() {
        let now = Instant::now();
        let mut floor = talking(now);
        let cause = call::HangupCause::new(call::EndedBy::Agent, call::CauseKind::Normal);
        floor.handle_event(now, 2000, &event(rings(22, 12)));
        assert_eq!(state(&floor, 12), State::Ringing(id(2)));
        let (agent, extension) = (Some(id(12)), Some(id(112)));
        for kind in [
            CallEventKind::LegAnswered { leg: id(22) },
            CallEventKind::Transferred { from: id(21), to: id(22), agent, extension },
            CallEventKind::LegEnded { leg: id(21), cause, quality: None },
        ] {
            floor.handle_event(now, 3000, &event(kind));
        }
        assert_eq!((state(&floor, 11), state(&floor, 12)), (State::Ready, State::OnCall(id(2))));
        let ended = CallEventKind::Ended { cause, suggested_disposition: None };
        floor.handle_event(now, 4000, &event(ended));
        assert_eq!((state(&floor, 11), state(&floor, 12)), (State::Ready, State::WrapUp(id(2))));
    }

    #[test]
    fn who_hands_a_call_to_an_outside_number_owes_its_outcome_at_once_and_once() {
        let now = Instant::now();
        let mut floor = talking(now);
        let cause = call::HangupCause::new(call::EndedBy::Agent, call::CauseKind::Normal);
        for kind in [
            CallEventKind::Transferred { from: id(21), to: id(22), agent: None, extension: None },
            CallEventKind::LegEnded { leg: id(21), cause, quality: None },
        ] {
            floor.handle_event(now, 3000, &event(kind));
        }
        assert_eq!(state(&floor, 11), State::WrapUp(id(2)));
        let key = Key { tenant: id(1), user: id(11) };
        floor.handle_input(now, key, Input::OutcomeSaved(id(2)));
        assert_eq!(state(&floor, 11), State::Ready);
        let ended = CallEventKind::Ended { cause, suggested_disposition: None };
        floor.handle_event(now, 9000, &event(ended));
        assert_eq!(state(&floor, 11), State::Ready);
    }

    #[test]
    fn a_call_nobody_answered_leaves_nobody_an_outcome_to_save() {
        let now = Instant::now();
        let mut floor = Floor::new();
        let cause = call::HangupCause::new(call::EndedBy::Customer, call::CauseKind::Cancelled);
        for kind in [
            inbound(),
            rings(21, 11),
            CallEventKind::LegEnded { leg: id(21), cause, quality: None },
            CallEventKind::Ended { cause, suggested_disposition: None },
        ] {
            floor.handle_event(now, 1000, &event(kind));
        }
        let agent = floor.agent(Key { tenant: id(1), user: id(11) }).unwrap();
        assert_eq!((agent.state(), agent.pending().count()), (&State::Offline, 0));
    }
}
