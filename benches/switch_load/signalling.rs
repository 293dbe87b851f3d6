//! Registrations and calls by SIPp: CPU of the server for each, failures, what was sent again.

use crate::{
    floor::{Account, Floor},
    process::Process,
};
use std::{
    fs,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use testkit::ports;

const SCENARIOS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/switch_load");

/// How a run went.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Run {
    pub(crate) done: u64,
    pub(crate) failed: u64,
    pub(crate) repeated: u64,
    pub(crate) cpu: Duration,
    /// How many were asked for.
    asked: u64,
}

impl Run {
    /// Why its CPU figure is worth nothing.
    pub(crate) fn fault(&self) -> Option<String> {
        let Self { done, failed, asked, .. } = self;
        (*failed > 0 || done < asked).then(|| format!("{done} of {asked} done, {failed} failed"))
    }

    pub(crate) fn us_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1e6 / self.done.max(1) as f64
    }
}

/// The scripted phones around one server.
pub(crate) struct Phones<'a> {
    floor: &'a Floor,
    folder: tempfile::TempDir,
    /// Takes calls while this lives.
    callee: Option<Child>,
    /// Who is called.
    called: &'a Account,
}

impl<'a> Phones<'a> {
    /// Registers everybody once, the last extension as the phone that is called, and starts it.
    pub(crate) fn start(floor: &'a Floor) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (called, callers) = floor.accounts.split_last().expect("extensions");
        let fields = |accounts: &[Account]| {
            let line = |a: &Account| {
                let Account { user, secret, domain } = a;
                format!("{user};[authentication username={user} password={secret}];{domain}\n")
            };
            format!("SEQUENTIAL\n{}", accounts.iter().map(line).collect::<String>())
        };
        fs::write(folder.path().join("callers.csv"), fields(callers)).expect("written");
        fs::write(folder.path().join("called.csv"), fields(std::slice::from_ref(called)))
            .expect("written");
        let mut phones = Self { floor, folder, callee: None, called };
        let port = ports::one();
        let known = phones.load("register", port, "called.csv", 10, 1);
        assert_eq!((known.done, known.failed), (1, 0), "the phone that is called registers");
        let known = phones.load("register", ports::one(), "callers.csv", 40, callers.len() as u64);
        assert_eq!(known.failed, 0, "every phone registers: {known:?}");
        phones.callee = Some(phones.sipp("callee", port, None, &[]));
        phones
    }

    /// Registrations at this rate for so long.
    pub(crate) fn register(&self, rate: u32, seconds: u32) -> Run {
        self.load("register", ports::one(), "callers.csv", rate, u64::from(rate * seconds))
    }

    /// Calls at this rate for so long, from `INVITE` to the answer to `BYE`.
    pub(crate) fn call(&self, rate: u32, seconds: u32) -> Run {
        self.load("caller", ports::one(), "callers.csv", rate, u64::from(rate * seconds))
    }

    fn load(&self, scenario: &str, port: u16, fields: &str, rate: u32, count: u64) -> Run {
        let statistics = self.folder.path().join("statistics.csv");
        // Whatever ended before this run is not of this run.
        let _ = fs::remove_file(&statistics);
        let server = Process(self.floor.server.pid());
        let before = server.cpu();
        let limit = Duration::from_secs(30) + Duration::from_secs(1) * (count as u32 / rate);
        // SIPp's credentials are for the request-URI of the scenario, or the server refuses them.
        let sip = self.floor.server.sip;
        let uri = match scenario {
            "caller" => format!("{}@{sip}", self.called.user),
            _ => sip.to_string(),
        };
        let (asked, rate) = (count, rate.to_string());
        let (count, seconds) = (count.to_string(), limit.as_secs());
        let mut child = self.sipp(
            scenario,
            port,
            Some(sip.to_string()),
            &[
                "-auth_uri",
                &uri,
                "-inf",
                fields,
                "-r",
                &rate,
                "-m",
                &count,
                "-l",
                "4000",
                "-s",
                &self.called.user,
                "-trace_stat",
                "-stf",
                "statistics.csv",
                "-fd",
                "1",
                "-recv_timeout",
                "10000",
                "-timeout",
                &seconds.to_string(),
            ],
        );
        wait(&mut child, limit + Duration::from_secs(5));
        let cpu = server.cpu() - before;
        Run { cpu, asked, ..read(&statistics) }
    }

    fn sipp(&self, scenario: &str, port: u16, target: Option<String>, more: &[&str]) -> Child {
        let file = Path::new(SCENARIOS).join(format!("{scenario}.xml"));
        Command::new("sipp")
            .args(target)
            .arg("-sf")
            .arg(file)
            .args(["-i", "127.0.0.1", "-mi", "127.0.0.1", "-p", &port.to_string(), "-nostdin"])
            .args(["-buff_size", "4194304", "-default_behaviors", "all,-bye"])
            .args(more)
            .current_dir(self.folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sipp is installed by scripts/setup.sh test")
    }
}

impl Drop for Phones<'_> {
    fn drop(&mut self) {
        if let Some(mut callee) = self.callee.take() {
            // It may have ended by itself.
            let _ = callee.kill();
            let _ = callee.wait();
        }
    }
}

fn wait(child: &mut Child, limit: Duration) {
    let deadline = Instant::now() + limit;
    while child.try_wait().expect("our child").is_none() {
        if Instant::now() > deadline {
            let _ = child.kill();
            let _ = child.wait();
            return;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The last line of SIPp's statistics.
fn read(statistics: &Path) -> Run {
    let text = fs::read_to_string(statistics).unwrap_or_default();
    let (Some(names), Some(values)) = (text.lines().next(), text.lines().last()) else {
        return Run::default();
    };
    let value = |name: &str| {
        let at = names.split(';').position(|n| n == name);
        at.and_then(|at| values.split(';').nth(at)?.parse().ok()).unwrap_or(0)
    };
    Run {
        done: value("SuccessfulCall(C)"),
        failed: value("FailedCall(C)"),
        repeated: value("Retransmissions(C)"),
        ..Run::default()
    }
}
