//! What a number does, by its last four digits; every other number draws from a seeded mix.

use std::fmt;
use std::str::FromStr;

/// How a simulated subscriber behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Behaviour {
    /// Rings 1 s, answers, plays a spoken greeting, stays (0001).
    Greeting,
    /// Answers and talks in turns for 60 s, then hangs up (0002).
    Conversation,
    /// 486 (0003).
    Busy,
    /// Rings for ever (0004).
    NoAnswer,
    /// Early media "switched off", then 480 (0005).
    SwitchedOff,
    /// Early media "not reachable", then 480 with a Reason header (0006).
    NotReachable,
    /// 404 (0007).
    NotInUse,
    /// Answers, 6 s greeting, beep, silence (0008).
    AnsweringMachine,
    /// Answers and echoes (0009).
    Echo,
    /// Answers and repeats digits (0010).
    RepeatDigits,
    /// 503 (0011).
    Overloaded,
    /// 603 with a reason text (0012).
    DoNotDisturb,
    /// Answers and is silent (0013).
    Silent,
    /// Answers and hangs up after 3 s (0014).
    ShortCall,
    /// Answers and plays a steady tone of so many Hz (0015: 1000, 0016: 440).
    Tone(u16),
    /// Answers, then holds and resumes every 5 s (0017).
    HoldCycle,
    /// Answers with A-law only (0018).
    AlawOnly,
    /// Answers with µ-law only (0019).
    MulawOnly,
    /// Answers with telephone-event 101 and no other event type (0020).
    EventsOnly101,
    /// Never answers the INVITE, not even with 100 (0021).
    DeadAir,
}

/// Last four digits, name for the command line, behaviour.
const TABLE: [(&str, &str, Behaviour); 21] = [
    ("0001", "greeting", Behaviour::Greeting),
    ("0002", "conversation", Behaviour::Conversation),
    ("0003", "busy", Behaviour::Busy),
    ("0004", "no-answer", Behaviour::NoAnswer),
    ("0005", "switched-off", Behaviour::SwitchedOff),
    ("0006", "not-reachable", Behaviour::NotReachable),
    ("0007", "not-in-use", Behaviour::NotInUse),
    ("0008", "machine", Behaviour::AnsweringMachine),
    ("0009", "echo", Behaviour::Echo),
    ("0010", "repeat-digits", Behaviour::RepeatDigits),
    ("0011", "overloaded", Behaviour::Overloaded),
    ("0012", "dnd", Behaviour::DoNotDisturb),
    ("0013", "silent", Behaviour::Silent),
    ("0014", "short-call", Behaviour::ShortCall),
    ("0015", "tone-1000", Behaviour::Tone(1000)),
    ("0016", "tone-440", Behaviour::Tone(440)),
    ("0017", "hold-cycle", Behaviour::HoldCycle),
    ("0018", "alaw-only", Behaviour::AlawOnly),
    ("0019", "mulaw-only", Behaviour::MulawOnly),
    ("0020", "events-101", Behaviour::EventsOnly101),
    ("0021", "dead-air", Behaviour::DeadAir),
];

/// The text names no behaviour.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such behaviour: {0}")]
pub struct UnknownBehaviour(String);

impl Behaviour {
    /// By the last four digits of the number called, where they name one. A number of three digits is one for
    /// emergencies, and is answered.
    pub fn of_number(number: &str) -> Option<Self> {
        let digits: String = number.chars().filter(char::is_ascii_digit).collect();
        // Whoever calls for help is answered (D14).
        if digits.len() == 3 {
            return Some(Self::Greeting);
        }
        let last = digits.get(digits.len().checked_sub(4)?..)?;
        TABLE.iter().find(|(code, _, _)| *code == last).map(|(_, _, behaviour)| *behaviour)
    }

    /// Every behaviour with its four digits and its name.
    pub fn all() -> impl Iterator<Item = (&'static str, &'static str, Self)> {
        TABLE.into_iter()
    }

    /// It refuses or ignores the call without ever needing an audio path.
    pub fn needs_media(self) -> bool {
        !matches!(
            self,
            Self::Busy
                | Self::NoAnswer
                | Self::NotInUse
                | Self::Overloaded
                | Self::DoNotDisturb
                | Self::DeadAir
        )
    }
}

impl fmt::Display for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let row = TABLE.iter().find(|(_, _, behaviour)| behaviour == self);
        f.write_str(row.map_or("tone", |(_, name, _)| name))
    }
}

impl FromStr for Behaviour {
    type Err = UnknownBehaviour;

    /// Four digits or a name.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let row = TABLE.iter().find(|(code, name, _)| *code == text || *name == text);
        row.map(|(_, _, behaviour)| *behaviour).ok_or_else(|| UnknownBehaviour(text.to_owned()))
    }
}

/// What numbers without a fixed behaviour do: drawn from the seed, the number and how often it
/// was called, so that a run can be repeated however calls interleave.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Mix {
    /// Share of calls that are answered, 0.0 to 1.0.
    pub answer_rate: f64,
    /// Same seed, same draws.
    pub seed: u64,
}

impl Mix {
    /// The behaviour of the `nth` call to `number`.
    pub fn draw(&self, number: &str, nth: u64) -> Behaviour {
        let mut state = self.seed ^ nth.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in number.bytes().filter(u8::is_ascii_digit) {
            state = scramble(state ^ u64::from(byte));
        }
        let (first, second) = (scramble(state), scramble(scramble(state)));
        let share = (first >> 11) as f64 / (1u64 << 53) as f64;
        if share < self.answer_rate {
            pick(
                second,
                &[
                    (60, Behaviour::Conversation),
                    (20, Behaviour::Greeting),
                    (10, Behaviour::ShortCall),
                    (10, Behaviour::AnsweringMachine),
                ],
            )
        } else {
            pick(
                second,
                &[
                    (45, Behaviour::NoAnswer),
                    (20, Behaviour::Busy),
                    (15, Behaviour::SwitchedOff),
                    (10, Behaviour::NotReachable),
                    (8, Behaviour::NotInUse),
                    (2, Behaviour::DoNotDisturb),
                ],
            )
        }
    }
}

/// The finaliser of SplitMix64.
fn scramble(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// One of the entries by its weight; the weights sum to 100.
fn pick(lot: u64, weighted: &[(u64, Behaviour)]) -> Behaviour {
    let mut left = lot % 100;
    for (weight, behaviour) in weighted {
        match left.checked_sub(*weight) {
            Some(rest) => left = rest,
            None => return *behaviour,
        }
    }
    weighted[0].1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_four_digits_decide() {
        assert_eq!(Behaviour::of_number("+919812340003"), Some(Behaviour::Busy));
        assert_eq!(Behaviour::of_number("0016"), Some(Behaviour::Tone(440)));
        assert_eq!(Behaviour::of_number("+919812349999"), None);
        assert_eq!(Behaviour::of_number("3"), None);
    }

    #[test]
    fn every_behaviour_has_a_code_and_a_name_that_lead_back_to_it() {
        for (code, name, behaviour) in Behaviour::all() {
            assert_eq!(code.parse(), Ok(behaviour));
            assert_eq!(name.parse(), Ok(behaviour));
            assert_eq!(behaviour.to_string(), name);
        }
        assert!("sings".parse::<Behaviour>().is_err());
    }

    #[test]
    fn the_mix_is_repeatable_and_keeps_its_answer_rate() {
        let mix = Mix { answer_rate: 0.4, seed: 7 };
        let answered = (0..2000)
            .filter(|n| {
                let number = format!("+9198123{n:05}");
                assert_eq!(mix.draw(&number, 0), mix.draw(&number, 0));
                matches!(
                    mix.draw(&number, 0),
                    Behaviour::Conversation
                        | Behaviour::Greeting
                        | Behaviour::ShortCall
                        | Behaviour::AnsweringMachine
                )
            })
            .count();
        assert!((700..900).contains(&answered), "{answered} of 2000");
        let other = Mix { seed: 8, ..mix };
        assert!((0..50).any(|n| mix.draw("+919812345678", n) != other.draw("+919812345678", n)));
    }
}
