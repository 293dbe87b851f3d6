//! A process's own account of its time and memory.

use std::{
    fs,
    time::{Duration, Instant},
};

/// Ticks a second in `/proc`, fixed by the kernel's interface.
const TICKS_PER_S: u64 = 100;

/// A process that takes less than this share of a core for this time has nothing to do.
const QUIET: Duration = Duration::from_millis(500);
const QUIET_SHARE: f64 = 0.05;

/// The account of one process.
#[derive(Clone, Copy)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// This very process.
    pub(crate) fn own() -> Self {
        Self(std::process::id())
    }

    /// User and system time of all its threads so far.
    pub(crate) fn cpu(self) -> Duration {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0)).expect("it runs");
        // The name may hold anything, so fields are counted from its closing bracket.
        let fields = stat.rsplit(')').next().expect("a name in brackets");
        let ticks: u64 = fields.split_whitespace().skip(11).take(2).map(number).sum();
        Duration::from_millis(ticks * 1000 / TICKS_PER_S)
    }

    /// Waits until it has nothing to do any more, or for so long: what a load leaves behind
    /// (recordings to encrypt) is not to be paid for by the next.
    pub(crate) fn settle(self, patience: Duration) {
        let begun = Instant::now();
        while begun.elapsed() < patience {
            let before = self.cpu();
            std::thread::sleep(QUIET);
            if (self.cpu() - before).as_secs_f64() < QUIET.as_secs_f64() * QUIET_SHARE {
                return;
            }
        }
    }

    /// Its share of memory, KiB.
    pub(crate) fn memory_kib(self) -> u64 {
        let rollup = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.0)).expect("Linux");
        let line = rollup.lines().find(|l| l.starts_with("Pss:")).expect("a share");
        line.split_whitespace().nth(1).map(number).expect("a number")
    }
}

fn number(text: &str) -> u64 {
    text.parse().expect("a number")
}

/// Least, middle and greatest of several runs.
pub(crate) fn spread(runs: &[f64]) -> (f64, f64, f64) {
    let least = runs.iter().copied().fold(f64::INFINITY, f64::min);
    let greatest = runs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    (least, median(runs.to_vec()), greatest)
}

/// The middle of several runs.
pub(crate) fn median(mut runs: Vec<f64>) -> f64 {
    runs.sort_by(f64::total_cmp);
    runs[runs.len() / 2]
}
