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
use std::time::Duration;

/// Loads of a whole measurement, and of a trial.
struct Loads {
    extensions: usize,
    runs: usize,
    seconds: u32,
    registers_per_s: &'static [u32],
    calls_per_s: &'static [u32],
    /// Calls that a fresh server's memory is divided by.
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
    remembered: 200,
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
    window: Duration::from_secs(4),
    events: 20_000,
};

const QUICK: Loads = Loads {
    extensions: 6,
    runs: 1,
    seconds: 2,
    registers_per_s: &[50],
    calls_per_s: &[10],
    remembered: 10,
    relayed: &[(Work::Relay, 5), (Work::Record, 5), (Work::Translate, 5)],
    windows: 1,
    window: Duration::from_secs(1),
    events: 800,
};

fn main() {
    let quick = std::env::args().any(|a| a == "quick");
    let loads = if quick { QUICK } else { WHOLE };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    say("| work | load | each: median (least to most of the runs) | beside it |");
    say("|---|---|---|---|");
    let parsed = parse::invite_us();
    row("SIP parse, INVITE of 1 KB", "one thread", of(&parsed, "us", 2), "");
    let appended: Vec<_> =
        (0..loads.runs).map(|_| runtime.block_on(journal::append(loads.events))).collect();
    let each: Vec<f64> = appended.iter().map(|a| a.us_each).collect();
    let lone = median(appended.iter().map(|a| a.lone_ms).collect());
    row(
        "journal append, durable",
        "as fast as it goes",
        of(&each, "us per event", 1),
        &format!("a lone event is on disk after {lone:.1} ms"),
    );
    for work in [Work::Relay, Work::Record] {
        let kib: Vec<f64> = (0..loads.runs)
            .map(|_| {
                let floor = runtime.block_on(Floor::open(1));
                runtime.block_on(floor.record(work == Work::Record));
                media::relay(&floor, work, loads.remembered, 1, Duration::from_secs(1)).kib_per_call
            })
            .collect();
        let load = format!("{} at once, fresh server", loads.remembered);
        row(&format!("memory (PSS) of a {}", name(work)), &load, of(&kib, "KiB", 0), "");
    }
    let floor = runtime.block_on(Floor::open(loads.extensions));
    for (work, calls) in loads.relayed {
        runtime.block_on(floor.record(*work == Work::Record));
        let measured = media::relay(&floor, *work, *calls, loads.windows, loads.window);
        relayed(*work, *calls, &measured);
    }
    runtime.block_on(floor.record(false));
    signalled(&floor, &loads);
}

fn name(work: Work) -> &'static str {
    match work {
        Work::Relay => "G.711 call relayed",
        Work::Record => "G.711 call relayed and recorded",
        Work::Translate => "call between \u{b5}-law and A-law",
    }
}

fn relayed(work: Work, calls: usize, measured: &Relayed) {
    let name = name(work);
    // A window that was starved or lost something looks cheap and is not counted.
    let sound: Vec<&Window> = measured.windows.iter().filter(|w| w.fault().is_none()).collect();
    let load = format!("{calls} at once");
    if sound.is_empty() {
        let faults: Vec<String> = measured.windows.iter().filter_map(Window::fault).collect();
        let beside = format!("every run failed: {}", faults.join("; "));
        return row(name, &load, "none".to_owned(), &beside);
    }
    let cpu: Vec<f64> = sound.iter().map(|w| w.cpu_percent(calls)).collect();
    let at = |share: f64| median(sound.iter().map(|w| w.round_trip_ms(share)).collect());
    // There and back are two passes. What the machine itself adds is taken off the median only:
    // far out the two do not add up.
    let added = (at(0.5) - measured.direct.round_trip_ms(0.5)).max(0.0) / 2.0;
    let left_out = measured.windows.len() - sound.len();
    let left_out = match measured.windows.iter().find_map(Window::fault) {
        Some(fault) => {
            format!("; {left_out} of {} runs left out ({fault})", measured.windows.len())
        }
        None => String::new(),
    };
    let ending = match work {
        Work::Record => format!("; ended and put away for {:.1} ms of CPU", measured.ending_ms),
        Work::Relay | Work::Translate => String::new(),
    };
    let packet = median(cpu.clone()) * 1e6 / 100.0 / PACKETS_PER_S;
    row(
        name,
        &load,
        of(&cpu, "% of a core", 4),
        &format!(
            "{packet:.1} us a packet; loss 0; added by a pass p50 {added:.2} ms, p99 {:.2} ms or less; \
             round trip p95 {:.2} ms{ending}{left_out}",
            at(0.99) / 2.0,
            at(0.95),
        ),
    );
}

/// Of one call, both ways, each taken in and sent out.
const PACKETS_PER_S: f64 = 100.0;

fn signalled(floor: &Floor, loads: &Loads) {
    let phones = Phones::start(floor);
    for rate in loads.registers_per_s {
        let runs = || phones.register(*rate, loads.seconds);
        let runs: Vec<Run> = (0..loads.runs).map(|_| runs()).collect();
        done("registration with digest", *rate, &runs, "us", 1.0);
    }
    for rate in loads.calls_per_s {
        let runs = || phones.call(*rate, loads.seconds);
        let runs: Vec<Run> = (0..loads.runs).map(|_| runs()).collect();
        done("call set up and torn down, phone to phone", *rate, &runs, "ms", 1000.0);
    }
}

fn done(work: &str, rate: u32, runs: &[Run], unit: &str, us_per_unit: f64) {
    let load = format!("{rate}/s");
    let sound: Vec<&Run> = runs.iter().filter(|r| r.fault().is_none()).collect();
    let each: Vec<f64> = sound.iter().map(|r| r.us_each() / us_per_unit).collect();
    let faults: Vec<String> = runs.iter().filter_map(Run::fault).collect();
    let (all, repeated) =
        (sound.iter().map(|r| r.done).sum::<u64>(), sound.iter().map(|r| r.repeated).sum::<u64>());
    let mut beside = format!("{all} done, none failed, {repeated} messages sent again");
    if !faults.is_empty() {
        let (left_out, runs) = (faults.len(), runs.len());
        beside = format!("{beside}; {left_out} of {runs} runs left out: {}", faults.join("; "));
    }
    let figure = if each.is_empty() { "none".to_owned() } else { of(&each, unit, 2) };
    row(work, &load, figure, &beside);
}

/// Median, least and most.
fn of(runs: &[f64], unit: &str, digits: usize) -> String {
    let (least, middle, most) = spread(runs);
    format!("{middle:.digits$} {unit} ({least:.digits$} to {most:.digits$})")
}

fn row(work: &str, load: &str, figure: String, beside: &str) {
    say(&format!("| {work} | {load} | {figure} | {beside} |"));
}

#[allow(clippy::print_stdout, reason = "a bench prints its table")]
fn say(line: &str) {
    println!("{line}");
}
