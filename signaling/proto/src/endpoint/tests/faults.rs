//! Random calls over a network that loses, repeats and reorders: whatever happens, each call ends
//! once for each side and nothing is left.

use super::*;

/// A call as one side knows it.
#[derive(Debug, Default)]
struct Known {
    terminal: u32,
    after_terminal: u32,
    answered: bool,
}

/// Two applications that do anything at any time.
struct Play {
    world: World,
    rng: ChaCha12Rng,
    known: [BTreeMap<DialogId, Known>; 2],
    transport: Transport,
}

impl Play {
    fn new(seed: u16, faults: Faults, transport: Transport) -> Self {
        let reliable = seed.is_multiple_of(3);
        let config = |side| EndpointConfig {
            reliable_provisional: reliable,
            max_ring: Duration::from_secs(60),
            session_timer: crate::SessionTimerConfig {
                expires: Duration::from_secs(90),
                ..crate::SessionTimerConfig::default()
            },
            ..config(side)
        };
        let mut world = World::with(config(A), config(B), seed);
        world.faults = faults;
        let rng = ChaCha12Rng::from_seed(seed_of(seed, 4));
        Self { world, rng, known: [BTreeMap::new(), BTreeMap::new()], transport }
    }

    fn chance(&mut self, percent: u32) -> bool {
        self.rng.random_range(0..100) < percent
    }

    fn take_news(&mut self) {
        for side in [A, B] {
            for event in self.world.news(side) {
                match event {
                    Event::Invited { dialog, .. } => {
                        self.known[side].insert(dialog, Known::default());
                        self.greet(side, dialog);
                    }
                    Event::Dialog { dialog, event } => self.note(side, dialog, event),
                    Event::Request { transaction, .. } => {
                        let reply = Reply::new(200);
                        // A repeated hand-up would be an error; a late one is not.
                        let _ = self.world.sides[side].respond(self.world.now, transaction, &reply);
                    }
                    Event::Response { .. }
                    | Event::RequestFailed { .. }
                    | Event::NeedResolve(_) => {}
                }
            }
        }
    }

    fn greet(&mut self, side: usize, dialog: DialogId) {
        let now = self.world.now;
        if self.chance(70) {
            let status = if self.chance(50) { 180 } else { 183 };
            let early = if status == 183 { sdp() } else { None };
            // The caller may have given up in the same moment.
            let _ = self.world.sides[side].progress(now, dialog, status, vec![], early);
        }
    }

    fn note(&mut self, side: usize, dialog: DialogId, event: DialogEvent) {
        let now = self.world.now;
        let accept = self.chance(80);
        let endpoint = &mut self.world.sides[side];
        let known = self.known[side].get_mut(&dialog).expect("a known dialog");
        if known.terminal > 0 {
            known.after_terminal += 1;
        }
        match event {
            DialogEvent::Failed(_) | DialogEvent::Ended { .. } => known.terminal += 1,
            DialogEvent::Answered { .. } => {
                assert!(!known.answered, "answered twice");
                known.answered = true;
            }
            DialogEvent::Reinvited { .. } if accept => {
                // It may have ended meanwhile.
                let _ = endpoint.accept_reinvite(now, dialog, sdp());
            }
            DialogEvent::Reinvited { .. } => {
                let _ = endpoint.refuse_reinvite(now, dialog, 488);
            }
            DialogEvent::Referred { transaction, .. }
            | DialogEvent::Request { transaction, .. } => {
                let _ = endpoint.respond(now, transaction, &Reply::new(202));
            }
            DialogEvent::Progressed { .. }
            | DialogEvent::Challenged { .. }
            | DialogEvent::Confirmed { .. }
            | DialogEvent::ReinviteConfirmed { .. }
            | DialogEvent::ReinviteAnswered { .. }
            | DialogEvent::ReinviteFailed { .. }
            | DialogEvent::Info { .. }
            | DialogEvent::Notified { .. }
            | DialogEvent::Response { .. } => {}
        }
    }

    /// Anything, on any dialog that is not over. Refusals of the endpoint are fine.
    fn act(&mut self) {
        let side = usize::from(self.chance(50));
        let alive: Vec<DialogId> = self.known[side]
            .iter()
            .filter(|(_, known)| known.terminal == 0)
            .map(|(dialog, _)| *dialog)
            .collect();
        if alive.is_empty() {
            return;
        }
        let dialog = alive[self.rng.random_range(0..alive.len())];
        let now = self.world.now;
        let action = self.rng.random_range(0..12u32);
        let endpoint = &mut self.world.sides[side];
        let _ = match action {
            0..=4 => endpoint.answer(now, dialog, vec![], sdp()),
            5 => endpoint.hangup(now, dialog, None),
            6 => endpoint.reject(now, dialog, 486, &[]),
            7 => endpoint.reinvite(now, dialog, sdp()),
            8 => endpoint.update(now, dialog, sdp().expect("a body")),
            9 => {
                let body = Body { content_type: "application/dtmf".into(), bytes: "1".into() };
                endpoint.info(now, dialog, body).map(|_| ())
            }
            10 => endpoint.progress(now, dialog, 183, vec![], sdp()),
            11.. => endpoint.refer(now, dialog, "<sip:c@x>".into(), None).map(|_| ()),
        };
    }

    /// How many calls were answered.
    fn play(mut self) -> usize {
        for _ in 0..8 {
            let call = self.world.call(self.transport);
            self.known[A].insert(call, Known::default());
            for _ in 0..10 {
                let pause = self.rng.random_range(1..1500);
                self.world.run(pause);
                self.take_news();
                self.act();
                self.take_news();
            }
        }
        self.world.run(200_000);
        self.take_news();
        for side in [A, B] {
            let open: Vec<_> = self.known[side]
                .iter()
                .filter(|(_, known)| known.terminal == 0)
                .map(|(dialog, _)| *dialog)
                .collect();
            for dialog in open {
                self.world.sides[side].hangup(self.world.now, dialog, None).expect("it lives");
            }
            self.take_news();
        }
        self.world.run_out();
        self.take_news();
        for known in self.known.iter().flat_map(BTreeMap::values) {
            assert_eq!((known.terminal, known.after_terminal), (1, 0));
        }
        self.known[A].values().filter(|known| known.answered).count()
    }
}

#[test]
fn every_call_ends_once_and_nothing_is_left_whatever_the_network_does() {
    let mut answered = 0;
    for seed in 0..120 {
        let faults = Faults { lost: 200, doubled: 150, jitter_ms: 400, mangled: 0 };
        answered += Play::new(seed, faults, Transport::Udp).play();
    }
    assert!(answered > 240, "only {answered} calls were answered");
}

#[test]
fn every_call_ends_once_over_streams_too() {
    let mut answered = 0;
    for seed in 0..60 {
        answered += Play::new(seed, Faults::default(), Transport::Tcp).play();
    }
    assert!(answered > 120, "only {answered} calls were answered");
}

#[test]
fn every_call_ends_once_on_a_network_that_is_all_but_dead() {
    let mut answered = 0;
    for seed in 0..40 {
        let faults = Faults { lost: 700, doubled: 300, jitter_ms: 3000, mangled: 0 };
        answered += Play::new(seed, faults, Transport::Udp).play();
    }
    assert!(answered > 5, "only {answered} calls were answered");
}

/// A05: one message in five has changed bytes; each call still ends, and nothing is left.
#[test]
fn changed_bytes_end_no_call_twice_and_leave_nothing() {
    let mut answered = 0;
    for seed in 0..120 {
        let faults = Faults { lost: 20, doubled: 50, jitter_ms: 50, mangled: 200 };
        answered += Play::new(seed, faults, Transport::Udp).play();
    }
    assert!(answered > 240, "only {answered} calls were answered");
}

/// A14: on a network that only repeats and reorders, no call is refused or lost for it.
#[test]
fn repetition_and_reordering_alone_change_nothing() {
    for seed in 0..60 {
        let mut world = World::with(config(A), config(B), seed);
        world.faults = Faults { doubled: 500, jitter_ms: 300, ..Faults::default() };
        let a = world.call(Transport::Udp);
        world.run(1000);
        let b = world.invited();
        world.sides[B].progress(world.now, b, 180, vec![], None).expect("offered");
        world.run(700);
        world.sides[B].answer(world.now, b, vec![], sdp()).expect("offered");
        world.run(1500);
        world.sides[A].hangup(world.now, a, None).expect("it lives");
        world.run_out();
        let names = world.names(A);
        assert_eq!(names.iter().filter(|name| *name == "Answered").count(), 1, "{seed}: {names:?}");
        assert_eq!(world.names(B), ["Invited", "Confirmed", "Ended RemoteBye"], "{seed}");
    }
}
