//! What TeleHub costs, in one table: the real binary under load by SIPp and by our own RTP, its
//! own account of CPU per unit of work. See README.md beside this folder.
//!
//! `cargo bench --bench switch_load [-- quick]`; `quick` is a trial with small loads.

mod floor;
mod journal;
mod media;
mod parse;
mod process;
mod signalling;
mod sip;

use floor::Floor;
use process::median;
use signalling::{Phones, Run};
use std::time::Duration;

/// Loads of a whole measurement, and of a trial.
struct Loads {
    extensions: usize,
    runs: usize,
    seconds: u32,
    registers_per_s: &'static [u32],
    calls_per_s: &'static [u32],
    relayed: &'static [(usize, bool)],
    windows: usize,
    window: Duration,
    events: usize,
}

const WHOLE: Loads = Loads {
    extensions: 60,
    runs: 3,
    seconds: 4,
    registers_per_s: &[300, 1600],
    calls_per_s: &[50, 200],
    relayed: &[(200, false), (200, true), (50, false), (600, false)],
    windows: 3,
    window: Duration::from_secs(4),
    events: 40_000,
};

const QUICK: Loads = Loads {
    extensions: 6,
    runs: 1,
    seconds: 2,
    registers_per_s: &[50],
    calls_per_s: &[10],
    relayed: &[(5, false), (5, true)],
    windows: 1,
    window: Duration::from_secs(1),
    events: 800,
};

fn main() {
    let quick = std::env::args().any(|a| a == "quick");
    let loads = if quick { QUICK } else { WHOLE };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    say("| work | load | CPU | beside it |");
    say("|---|---|---|---|");
    row("SIP parse, INVITE of 1 KB", "one thread", format!("{:.2} us", parse::invite_us()), "");
    let appended = runtime.block_on(journal::append(loads.events));
    row(
        "journal append, durable",
        "as fast as it goes",
        format!("{:.1} us per event", appended.us_each),
        &format!("a lone event is on disk after {:.1} ms", appended.lone_ms),
    );
    // Memory per call is read on a fresh server: the media loads come first.
    let floor = runtime.block_on(Floor::open(loads.extensions));
    for (calls, record) in loads.relayed {
        runtime.block_on(floor.record(*record));
        relayed(&floor, *calls, *record, &loads);
    }
    runtime.block_on(floor.record(false));
    let phones = Phones::start(&floor);
    for rate in loads.registers_per_s {
        let runs: Vec<Run> =
            (0..loads.runs).map(|_| phones.register(*rate, loads.seconds)).collect();
        let each = median(runs.iter().map(Run::us_each).collect());
        row(
            "registration with digest",
            &format!("{rate}/s"),
            format!("{each:.0} us"),
            &ends(&runs),
        );
    }
    for rate in loads.calls_per_s {
        let runs: Vec<Run> = (0..loads.runs).map(|_| phones.call(*rate, loads.seconds)).collect();
        let each = median(runs.iter().map(Run::us_each).collect()) / 1000.0;
        let work = "call set up and torn down, phone to phone";
        row(work, &format!("{rate}/s"), format!("{each:.2} ms"), &ends(&runs));
    }
}

fn relayed(floor: &Floor, calls: usize, record: bool, loads: &Loads) {
    let work = if record { "G.711 call relayed and recorded" } else { "G.711 call relayed" };
    let m = media::relay(floor, calls, loads.windows, loads.window);
    row(
        work,
        &format!("{calls} at once"),
        format!("{:.3} % of a core ({:.1} us/packet)", m.cpu_percent, m.us_per_packet),
        &format!(
            "loss {:.3} %, {:.2} ms added, p99 {:.1} ms, {:.0} KiB per call",
            m.loss_percent, m.added_ms, m.p99_ms, m.kib_per_call
        ),
    );
}

/// How the runs ended.
fn ends(runs: &[Run]) -> String {
    let sum = |of: fn(&Run) -> u64| runs.iter().map(of).sum::<u64>();
    let (done, failed, repeated) = (sum(|r| r.done), sum(|r| r.failed), sum(|r| r.repeated));
    format!("{done} done, {failed} failed, {repeated} messages sent again")
}

fn row(work: &str, load: &str, cpu: String, beside: &str) {
    say(&format!("| {work} | {load} | {cpu} | {beside} |"));
}

#[allow(clippy::print_stdout, reason = "a bench prints its table")]
fn say(line: &str) {
    println!("{line}");
}
