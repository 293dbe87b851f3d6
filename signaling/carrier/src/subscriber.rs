//! The subscriber at the far end of one call: a small machine in virtual time, no socket in it.

use crate::behaviour::Behaviour;
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a friendly subscriber lets it ring.
const RING: Duration = Duration::from_secs(1);
/// How long a conversation lasts.
const CONVERSATION: Duration = Duration::from_secs(60);
/// How long a turn waits for the other side to begin and end speaking.
const TURN_PATIENCE: Duration = Duration::from_secs(6);
/// When a short call ends.
const SHORT_CALL: Duration = Duration::from_secs(3);
/// Time between holding and resuming.
const HOLD_CYCLE: Duration = Duration::from_secs(5);
/// When a caller who cannot talk gives up ringing us.
const GIVE_UP: Duration = Duration::from_secs(5);
/// The turns of a conversation, spoken in this order, over and over.
const TURNS: [&str; 4] = ["carrier_talk_1", "carrier_talk_2", "carrier_talk_3", "carrier_talk_4"];

/// What the subscriber learns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// The call reached it; audio is ready where the behaviour needs any.
    Called,
    /// It placed the call.
    Calling,
    /// Both sides are connected and audio flows.
    Connected,
    /// What it played is over.
    PlayFinished,
    /// The other side pressed a key.
    Digit(char),
    /// The other side stopped speaking.
    SpeechEnded,
    /// The other side hung up, or the call failed.
    Gone,
}

/// What the subscriber does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// 180.
    Ring,
    /// 183 with audio.
    EarlyMedia,
    /// 200.
    Answer,
    /// Final refusal.
    Refuse(Refusal),
    /// Speaks a prompt.
    Speak(&'static str),
    /// One short tone.
    Beep,
    /// A steady tone of so many Hz.
    Tone(u16),
    /// Sends back what it hears.
    Echo,
    /// Wants to know when the other side stops speaking.
    Listen,
    /// Presses a key.
    Press(char),
    /// Holds (true) or resumes by re-INVITE.
    Hold(bool),
    /// BYE, or CANCEL before the answer.
    HangUp,
}

/// How a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// SIP status.
    pub status: u16,
    /// Reason header (RFC 3326): Q.850 cause and text.
    pub reason: Option<(u16, &'static str)>,
}

impl Refusal {
    const fn bare(status: u16) -> Self {
        Self { status, reason: None }
    }
}

/// Why it wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wake {
    /// To pick up.
    PickUp,
    /// To end the call.
    HangUp,
    /// To speak although nobody spoke.
    Turn,
    /// To hold or resume.
    Hold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    New,
    /// Being called and not answered, or calling.
    Ringing,
    /// Plays an announcement before refusing.
    Announcing(Refusal),
    /// Answered, not yet connected.
    Answered,
    /// Connected.
    Talking(Talk),
    Over,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Talk {
    /// Speaks turn so-and-so.
    Speaking(usize),
    /// Waits for the other side before turn so-and-so.
    Listening(usize),
    /// Holds or not.
    Cycling { held: bool },
    /// Machine: the greeting plays, then the beep.
    Greeting,
    /// Nothing more of its own accord.
    Settled,
}

/// The subscriber at the far end of one call.
#[derive(Debug)]
pub struct Subscriber {
    behaviour: Behaviour,
    state: State,
    wakes: Vec<(Instant, Wake)>,
    acts: VecDeque<Act>,
}

impl Subscriber {
    /// Nobody called yet.
    pub fn new(behaviour: Behaviour) -> Self {
        Self { behaviour, state: State::New, wakes: Vec::new(), acts: VecDeque::new() }
    }

    /// Takes one fact.
    pub fn handle_input(&mut self, now: Instant, heard: Heard) {
        match heard {
            Heard::Called if self.state == State::New => self.called(now),
            Heard::Calling if self.state == State::New => self.calling(now),
            Heard::Connected => self.connected(now),
            Heard::PlayFinished => self.play_finished(now),
            Heard::Digit(digit) => self.digit(digit),
            Heard::SpeechEnded => self.speech_ended(now),
            Heard::Gone => {
                self.state = State::Over;
                self.wakes.clear();
            }
            Heard::Called | Heard::Calling => {}
        }
    }

    /// The next thing to do, in order.
    pub fn poll_output(&mut self) -> Option<Act> {
        self.acts.pop_front()
    }

    /// When to call [`Subscriber::handle_timeout`] at the latest, and what for.
    pub fn poll_timeout(&self) -> Option<(Instant, Wake)> {
        self.wakes.iter().copied().min_by_key(|(at, _)| *at)
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant) {
        while let Some((_, wake)) = self.poll_timeout().filter(|(at, _)| *at <= now) {
            self.wakes.retain(|(_, other)| *other != wake);
            match wake {
                Wake::PickUp => {
                    self.state = State::Answered;
                    self.acts.push_back(Act::Answer);
                }
                Wake::HangUp => self.hang_up(),
                Wake::Turn => self.next_turn(now),
                Wake::Hold => self.cycle(now),
            }
        }
    }

    fn called(&mut self, now: Instant) {
        self.state = State::Ringing;
        let refusal = match self.behaviour {
            Behaviour::Busy => Refusal::bare(486),
            Behaviour::NotInUse => {
                Refusal { reason: Some((1, "Unallocated number")), ..Refusal::bare(404) }
            }
            Behaviour::Overloaded => Refusal::bare(503),
            Behaviour::DoNotDisturb => Refusal {
                reason: Some((21, "Number is on the preference register (DND)")),
                ..Refusal::bare(603)
            },
            Behaviour::SwitchedOff => {
                return self.announce("carrier_switched_off", Refusal::bare(480));
            }
            Behaviour::NotReachable => {
                let reason = Some((20, "Subscriber absent"));
                let refusal = Refusal { reason, ..Refusal::bare(480) };
                return self.announce("carrier_not_reachable", refusal);
            }
            Behaviour::DeadAir => return,
            Behaviour::NoAnswer => return self.acts.push_back(Act::Ring),
            Behaviour::Greeting
            | Behaviour::Conversation
            | Behaviour::AnsweringMachine
            | Behaviour::Echo
            | Behaviour::RepeatDigits
            | Behaviour::Silent
            | Behaviour::ShortCall
            | Behaviour::Tone(_)
            | Behaviour::HoldCycle
            | Behaviour::AlawOnly
            | Behaviour::MulawOnly
            | Behaviour::EventsOnly101 => {
                self.acts.push_back(Act::Ring);
                return self.wake(now + RING, Wake::PickUp);
            }
        };
        self.state = State::Over;
        self.acts.push_back(Act::Refuse(refusal));
    }

    /// Who cannot talk rings for a while and gives up: a missed call.
    fn calling(&mut self, now: Instant) {
        self.state = State::Ringing;
        let silent_kind =
            matches!(self.behaviour, Behaviour::SwitchedOff | Behaviour::NotReachable);
        if silent_kind || !self.behaviour.needs_media() {
            self.wake(now + GIVE_UP, Wake::HangUp);
        }
    }

    fn announce(&mut self, prompt: &'static str, refusal: Refusal) {
        self.state = State::Announcing(refusal);
        self.acts.extend([Act::EarlyMedia, Act::Speak(prompt)]);
    }

    fn connected(&mut self, now: Instant) {
        if !matches!(self.state, State::Ringing | State::Answered) {
            return;
        }
        self.wakes.clear();
        let (talk, act) = match self.behaviour {
            Behaviour::Conversation => {
                self.wake(now + CONVERSATION, Wake::HangUp);
                (Talk::Speaking(0), Some(Act::Speak(TURNS[0])))
            }
            Behaviour::AnsweringMachine => {
                (Talk::Greeting, Some(Act::Speak("carrier_machine_greeting")))
            }
            Behaviour::Echo => (Talk::Settled, Some(Act::Echo)),
            Behaviour::RepeatDigits | Behaviour::Silent => (Talk::Settled, None),
            Behaviour::ShortCall => {
                self.wake(now + SHORT_CALL, Wake::HangUp);
                (Talk::Settled, Some(Act::Speak("carrier_greeting")))
            }
            Behaviour::Tone(hertz) => (Talk::Settled, Some(Act::Tone(hertz))),
            Behaviour::HoldCycle => {
                self.wake(now + HOLD_CYCLE, Wake::Hold);
                (Talk::Cycling { held: false }, Some(Act::Speak("carrier_greeting")))
            }
            Behaviour::Greeting
            | Behaviour::AlawOnly
            | Behaviour::MulawOnly
            | Behaviour::EventsOnly101 => (Talk::Settled, Some(Act::Speak("carrier_greeting"))),
            // Called by us and answered all the same: there is nothing they would say.
            Behaviour::Busy
            | Behaviour::NoAnswer
            | Behaviour::SwitchedOff
            | Behaviour::NotReachable
            | Behaviour::NotInUse
            | Behaviour::Overloaded
            | Behaviour::DoNotDisturb
            | Behaviour::DeadAir => return self.hang_up(),
        };
        self.state = State::Talking(talk);
        self.acts.extend(act);
    }

    fn play_finished(&mut self, now: Instant) {
        match self.state {
            State::Announcing(refusal) => {
                self.state = State::Over;
                self.acts.push_back(Act::Refuse(refusal));
            }
            State::Talking(Talk::Speaking(turn)) => {
                self.state = State::Talking(Talk::Listening(turn + 1));
                self.acts.push_back(Act::Listen);
                self.wake(now + TURN_PATIENCE, Wake::Turn);
            }
            State::Talking(Talk::Greeting) => {
                self.state = State::Talking(Talk::Settled);
                self.acts.push_back(Act::Beep);
            }
            State::Talking(Talk::Listening(_) | Talk::Cycling { .. } | Talk::Settled)
            | State::New
            | State::Ringing
            | State::Answered
            | State::Over => {}
        }
    }

    fn digit(&mut self, digit: char) {
        let talking = matches!(self.state, State::Talking(_));
        if talking && self.behaviour == Behaviour::RepeatDigits {
            self.acts.push_back(Act::Press(digit));
        }
    }

    fn speech_ended(&mut self, now: Instant) {
        if let State::Talking(Talk::Listening(_)) = self.state {
            self.next_turn(now);
        }
    }

    fn next_turn(&mut self, _now: Instant) {
        if let State::Talking(Talk::Listening(turn)) = self.state {
            self.wakes.retain(|(_, wake)| *wake != Wake::Turn);
            self.state = State::Talking(Talk::Speaking(turn));
            self.acts.push_back(Act::Speak(TURNS[turn % TURNS.len()]));
        }
    }

    fn cycle(&mut self, now: Instant) {
        if let State::Talking(Talk::Cycling { held }) = self.state {
            self.state = State::Talking(Talk::Cycling { held: !held });
            self.acts.push_back(Act::Hold(!held));
            self.wake(now + HOLD_CYCLE, Wake::Hold);
        }
    }

    fn hang_up(&mut self) {
        self.state = State::Over;
        self.wakes.clear();
        self.acts.push_back(Act::HangUp);
    }

    fn wake(&mut self, at: Instant, wake: Wake) {
        self.wakes.retain(|(_, other)| *other != wake);
        self.wakes.push((at, wake));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rig {
        subscriber: Subscriber,
        now: Instant,
    }

    impl Rig {
        fn new(behaviour: Behaviour) -> Self {
            Self { subscriber: Subscriber::new(behaviour), now: Instant::now() }
        }

        fn hear(&mut self, heard: Heard) -> Vec<Act> {
            self.subscriber.handle_input(self.now, heard);
            self.acts()
        }

        fn pass(&mut self, seconds: u64) -> Vec<Act> {
            let end = self.now + Duration::from_secs(seconds);
            while let Some((at, _)) = self.subscriber.poll_timeout().filter(|(at, _)| *at <= end) {
                self.now = at;
                self.subscriber.handle_timeout(at);
            }
            self.now = end;
            self.acts()
        }

        fn acts(&mut self) -> Vec<Act> {
            std::iter::from_fn(|| self.subscriber.poll_output()).collect()
        }

        fn connected(behaviour: Behaviour) -> (Self, Vec<Act>) {
            let mut rig = Self::new(behaviour);
            assert_eq!(rig.hear(Heard::Called), [Act::Ring]);
            assert_eq!(rig.pass(1), [Act::Answer]);
            let acts = rig.hear(Heard::Connected);
            (rig, acts)
        }
    }

    #[test]
    fn a_greeting_is_spoken_and_then_the_other_side_decides() {
        let (mut rig, acts) = Rig::connected(Behaviour::Greeting);
        assert_eq!(acts, [Act::Speak("carrier_greeting")]);
        assert_eq!(rig.hear(Heard::PlayFinished), []);
        assert_eq!(rig.pass(3600), []);
    }

    #[test]
    fn a_conversation_takes_turns_and_ends_after_a_minute() {
        let (mut rig, acts) = Rig::connected(Behaviour::Conversation);
        assert_eq!(acts, [Act::Speak("carrier_talk_1")]);
        assert_eq!(rig.pass(5), []);
        assert_eq!(rig.hear(Heard::PlayFinished), [Act::Listen]);
        assert_eq!(rig.pass(2), []);
        assert_eq!(rig.hear(Heard::SpeechEnded), [Act::Speak("carrier_talk_2")]);
        assert_eq!(rig.hear(Heard::SpeechEnded), [], "not while it speaks itself");
        assert_eq!(rig.hear(Heard::PlayFinished), [Act::Listen]);
        assert_eq!(rig.pass(6), [Act::Speak("carrier_talk_3")], "nobody spoke");
        assert_eq!(rig.pass(46), []);
        assert_eq!(rig.pass(1), [Act::HangUp]);
    }

    #[test]
    fn refusals_carry_their_status_and_reason() {
        for (behaviour, status) in [
            (Behaviour::Busy, 486),
            (Behaviour::NotInUse, 404),
            (Behaviour::Overloaded, 503),
            (Behaviour::DoNotDisturb, 603),
        ] {
            let mut rig = Rig::new(behaviour);
            let acts = rig.hear(Heard::Called);
            assert!(
                matches!(acts[..], [Act::Refuse(refusal)] if refusal.status == status),
                "{acts:?}"
            );
        }
    }

    #[test]
    fn an_announcement_plays_as_early_media_before_the_480() {
        let mut rig = Rig::new(Behaviour::NotReachable);
        let announced = [Act::EarlyMedia, Act::Speak("carrier_not_reachable")];
        assert_eq!(rig.hear(Heard::Called), announced);
        let reason = Some((20, "Subscriber absent"));
        let refusal = Refusal { status: 480, reason };
        assert_eq!(rig.hear(Heard::PlayFinished), [Act::Refuse(refusal)]);
    }

    #[test]
    fn a_machine_greets_beeps_and_falls_silent() {
        let (mut rig, acts) = Rig::connected(Behaviour::AnsweringMachine);
        assert_eq!(acts, [Act::Speak("carrier_machine_greeting")]);
        assert_eq!(rig.hear(Heard::PlayFinished), [Act::Beep]);
        assert_eq!(rig.hear(Heard::PlayFinished), []);
    }

    #[test]
    fn digits_are_repeated_one_by_one() {
        let (mut rig, _) = Rig::connected(Behaviour::RepeatDigits);
        assert_eq!(rig.hear(Heard::Digit('7')), [Act::Press('7')]);
        let (mut rig, _) = Rig::connected(Behaviour::Echo);
        assert_eq!(rig.hear(Heard::Digit('7')), []);
    }

    #[test]
    fn a_short_call_ends_by_itself_and_a_hold_cycle_goes_round() {
        let (mut rig, _) = Rig::connected(Behaviour::ShortCall);
        assert_eq!(rig.pass(3), [Act::HangUp]);
        let (mut rig, _) = Rig::connected(Behaviour::HoldCycle);
        assert_eq!(rig.pass(15), [Act::Hold(true), Act::Hold(false), Act::Hold(true)]);
        assert_eq!(rig.hear(Heard::Gone), []);
        assert_eq!(rig.pass(60), []);
    }

    #[test]
    fn who_does_not_answer_rings_for_ever_and_who_is_dead_does_nothing() {
        let mut rig = Rig::new(Behaviour::NoAnswer);
        assert_eq!(rig.hear(Heard::Called), [Act::Ring]);
        assert_eq!(rig.pass(600), []);
        assert_eq!(Rig::new(Behaviour::DeadAir).hear(Heard::Called), []);
    }

    #[test]
    fn a_caller_talks_when_answered_and_one_who_cannot_gives_up() {
        let mut rig = Rig::new(Behaviour::Tone(440));
        assert_eq!(rig.hear(Heard::Calling), []);
        assert_eq!(rig.pass(20), []);
        assert_eq!(rig.hear(Heard::Connected), [Act::Tone(440)]);
        let mut rig = Rig::new(Behaviour::NoAnswer);
        assert_eq!(rig.hear(Heard::Calling), []);
        assert_eq!(rig.pass(5), [Act::HangUp]);
    }
}
