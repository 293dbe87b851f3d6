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
mod stamp;

use floor::Floor;
use media::{Relayed, Window, Work};
use process::{median, spread};
use signalling::{Phones, Run};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use tokio::runtime::Runtime;

/// As in the binary.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Loads of a whole measurement, and of a trial.
struct Loads {
    extensions: usize,
    runs: usize,
    seconds: u32,
    registers_per_s: &'static [u32],
    calls_per_s: &'static [u32],
    /// Calls whose memory is measured, and a quarter of them.
    remembered: usize,
    relayed: &'static [(Work, usize)],
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
    remembered: 400,
    relayed: &[
        (Work::Relay, 100),
        (Work::Relay, 200),
        (Work::Record, 100),
        (Work::Record, 200),
        (Work::Translate, 100),
        (Work::Translate, 200),
        (Work::Relay, 600),
    ],
    windows: 5,
    window: Duration::from_secs(6),
    events: 20_000,
};

const QUICK: Loads = Loads {
    extensions: 6,
    runs: 1,
    seconds: 2,
    registers_per_s: &[50],
    calls_per_s: &[10],
    remembered: 20,
    relayed: &[(Work::Relay, 5), (Work::Record, 5), (Work::Translate, 5)],
    windows: 1,
    window: Duration::from_secs(1),
    events: 800,
};

fn main() {
    let quick = std::env::args().any(|a| a == "quick");
    let loads = if quick { QUICK } else { WHOLE };
    let runtime = Runtime::new().expect("a runtime");
    say("| work | load | each: median (least to most of the runs) | beside it |");
    say("|---|---|---|---|");
    attempt("SIP parse, INVITE of 1 KB", "one thread", parsed);
    attempt("journal append, durable", "as fast as it goes", || appended(&runtime, &loads));
    for work in [Work::Relay, Work::Record] {
        let load = format!("{} at once and a quarter", loads.remembered);
        let name = format!("memory (PSS) of a {}", name(work));
        attempt(&name, &load, || (remembered(&runtime, work, &loads), String::new()));
    }
    let mut floor = None;
    for (work, calls) in loads.relayed {
        let sound = attempt(name(*work), &format!("{calls} at once"), || {
            let floor =
                floor.get_or_insert_with(|| runtime.block_on(Floor::open(loads.extensions)));
            runtime.block_on(floor.record(*work == Work::Record));
            let measured = media::relay(floor, *work, *calls, loads.windows, loads.window);
            relayed(*work, *calls, &measured)
        });
        // Whatever went wrong left calls behind.
        floor = floor.filter(|_| sound);
    }
    let floor = floor.unwrap_or_else(|| runtime.block_on(Floor::open(loads.extensions)));
    runtime.block_on(floor.record(false));
    let phones = Phones::start(&floor);
    for rate in loads.registers_per_s {
        attempt("registration with digest", &format!("{rate}/s"), || {
            done(&loads, || phones.register(*rate, loads.seconds), "us", 1.0)
        });
    }
    for rate in loads.calls_per_s {
        attempt("call set up and torn down, phone to phone", &format!("{rate}/s"), || {
            done(&loads, || phones.call(*rate, loads.seconds), "ms", 1000.0)
        });
    }
}

/// Measures one row and prints it; one that cannot be measured says so, and the next follows.
fn attempt(work: &str, load: &str, measure: impl FnOnce() -> (String, String)) -> bool {
    let measured = catch_unwind(AssertUnwindSafe(measure));
    let (figure, beside) = measured.as_ref().map_or_else(
        |panic| {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied());
            let line = text.and_then(|t| t.lines().next()).unwrap_or("no reason given");
            ("none".to_owned(), format!("not measured: {line}"))
        },
        Clone::clone,
    );
    say(&format!("| {work} | {load} | {figure} | {beside} |"));
    measured.is_ok()
}

fn parsed() -> (String, String) {
    (of(&parse::invite_us(), "us", 2), String::new())
}

fn appended(runtime: &Runtime, loads: &Loads) -> (String, String) {
    let runs: Vec<_> =
        (0..loads.runs).map(|_| runtime.block_on(journal::append(loads.events))).collect();
    let each: Vec<f64> = runs.iter().map(|a| a.us_each).collect();
    let lone = median(runs.iter().map(|a| a.lone_ms).collect());
    (of(&each, "us per event", 1), format!("a lone event is on disk after {lone:.1} ms"))
}

/// What many calls take more than a quarter of them, each on a server just started. What a server frees after its start
/// is used again by the first calls, which would seem to cost nothing.
fn remembered(runtime: &Runtime, work: Work, loads: &Loads) -> String {
    let memory = |count: usize| {
        let floor = runtime.block_on(Floor::open(1));
        runtime.block_on(floor.record(work == Work::Record));
        media::relay(&floor, work, count, 1, Duration::from_secs(1)).memory_kib as f64
    };
    let (few, many) = (loads.remembered / 4, loads.remembered);
    let run = |_| (memory(many) - memory(few)) / (many - few) as f64;
    of(&(0..loads.runs).map(run).collect::<Vec<f64>>(), "KiB", 0)
}

fn name(work: Work) -> &'static str {
    match work {
        Work::Relay => "G.711 call relayed",
        Work::Record => "G.711 call relayed and recorded",
        Work::Translate => "call between \u{b5}-law and A-law",
    }
}

fn relayed(work: Work, calls: usize, measured: &Relayed) -> (String, String) {
    // A window that was starved or lost something looks cheap and is not counted.
    let sound: Vec<&Window> = measured.windows.iter().filter(|w| w.fault().is_none()).collect();
    let faults: Vec<String> = measured.windows.iter().filter_map(Window::fault).collect();
    if sound.is_empty() {
        return ("none".to_owned(), format!("every run failed: {}", faults.join("; ")));
    }
    let cpu: Vec<f64> = sound.iter().map(|w| w.cpu_percent(calls)).collect();
    let at = |share: f64| median(sound.iter().map(|w| w.round_trip_ms(share)).collect());
    // There and back are two passes. What the machine itself adds is taken off the median only:
    // far out the two do not add up.
    let added = (at(0.5) - measured.direct.round_trip_ms(0.5)).max(0.0) / 2.0;
    let packet = median(cpu.clone()) * 1e6 / 100.0 / PACKETS_PER_S;
    let mut beside = format!(
        "{packet:.1} us a packet; loss 0; added by a pass p50 {added:.2} ms, p99 {:.2} ms or less; \
         round trip p95 {:.2} ms",
        at(0.99) / 2.0,
        at(0.95),
    );
    if work == Work::Record {
        beside += &format!("; ended and put away for {:.1} ms of CPU", measured.ending_ms);
    }
    (of(&cpu, "% of a core", 4), beside + &left_out(&faults, measured.windows.len()))
}

/// Of one call, both ways, each taken in and sent out.
const PACKETS_PER_S: f64 = 100.0;

/// Runs of SIPp.
fn done(loads: &Loads, run: impl Fn() -> Run, unit: &str, us_per_unit: f64) -> (String, String) {
    let runs: Vec<Run> = (0..loads.runs).map(|_| run()).collect();
    let sound: Vec<&Run> = runs.iter().filter(|r| r.fault().is_none()).collect();
    let faults: Vec<String> = runs.iter().filter_map(Run::fault).collect();
    if sound.is_empty() {
        return ("none".to_owned(), format!("every run failed: {}", faults.join("; ")));
    }
    let each: Vec<f64> = sound.iter().map(|r| r.us_each() / us_per_unit).collect();
    let sum = |of: fn(&Run) -> u64| sound.iter().map(|r| of(r)).sum::<u64>();
    let (all, repeated) = (sum(|r| r.done), sum(|r| r.repeated));
    let beside = format!("{all} done, none failed, {repeated} messages sent again");
    (of(&each, unit, 2), beside + &left_out(&faults, runs.len()))
}

fn left_out(faults: &[String], runs: usize) -> String {
    match faults {
        [] => String::new(),
        _ => format!("; {} of {runs} runs left out: {}", faults.len(), faults.join("; ")),
    }
}

/// Median, least and most.
fn of(runs: &[f64], unit: &str, digits: usize) -> String {
    let (least, middle, most) = spread(runs);
    format!("{middle:.digits$} {unit} ({least:.digits$} to {most:.digits$})")
}

#[allow(clippy::print_stdout, reason = "a bench prints its table")]
fn say(line: &str) {
    println!("{line}");
}
