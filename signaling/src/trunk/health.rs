//! Whether a trunk answers, with hysteresis: one lost packet takes no trunk down.

use crate::status::TrunkHealth;

/// Failures in a row that take a trunk down.
const FAILURES_TO_DOWN: u8 = 3;

/// Answers in a row that bring it back.
const ANSWERS_TO_UP: u8 = 2;

/// A fold over the answers to OPTIONS.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Probe {
    down: Option<bool>,
    streak: u8,
}

impl Probe {
    /// An OPTIONS was answered (or not). True when the verdict changed.
    pub(crate) fn observe(&mut self, answered: bool) -> bool {
        let before = self.down;
        match (self.down, answered) {
            (None | Some(false), true) => {
                self.streak = 0;
                self.down = Some(false);
            }
            (None | Some(false), false) => {
                self.streak += 1;
                if self.streak >= FAILURES_TO_DOWN {
                    self.streak = 0;
                    self.down = Some(true);
                }
            }
            (Some(true), false) => self.streak = 0,
            (Some(true), true) => {
                self.streak += 1;
                if self.streak >= ANSWERS_TO_UP {
                    self.streak = 0;
                    self.down = Some(false);
                }
            }
        }
        before != self.down
    }

    /// The verdict.
    pub(crate) fn health(&self) -> TrunkHealth {
        match self.down {
            None => TrunkHealth::Unknown,
            Some(false) => TrunkHealth::Up,
            Some(true) => TrunkHealth::Down,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_failures_take_a_trunk_down_and_two_answers_bring_it_back() {
        let mut probe = Probe::default();
        probe.observe(true);
        for (answered, expected) in [
            (false, TrunkHealth::Up),
            (false, TrunkHealth::Up),
            (true, TrunkHealth::Up),
            (false, TrunkHealth::Up),
            (false, TrunkHealth::Up),
            (false, TrunkHealth::Down),
            (true, TrunkHealth::Down),
            (false, TrunkHealth::Down),
            (true, TrunkHealth::Down),
            (true, TrunkHealth::Up),
        ] {
            probe.observe(answered);
            assert_eq!(probe.health(), expected);
        }
    }
}
