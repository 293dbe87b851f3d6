//! SIPp: scripted carriers and phones, from scenario files in `tests/data/sipp`.

use super::{stop, tail};
use crate::ports;
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// What to run.
#[derive(Clone, Debug)]
pub struct Sipp {
    /// Scenario file.
    pub scenario: PathBuf,
    /// Where to send to; `None` for a server scenario.
    pub target: Option<String>,
    /// Calls to make or take before it ends.
    pub calls: u32,
    /// `u1` (UDP), `t1` (TCP), `l1` (TLS).
    pub transport: &'static str,
    /// Further arguments, such as `-s NUMBER`.
    pub args: Vec<String>,
    /// Values for the `@name@` marks of the scenario.
    pub marks: Vec<(&'static str, String)>,
    /// Limit on the whole run.
    pub seconds: u64,
}

/// A running SIPp.
pub struct SippRun {
    folder: tempfile::TempDir,
    child: Child,
    /// Its SIP port.
    pub port: u16,
    seconds: u64,
}

impl Sipp {
    /// A scenario of `tests/data/sipp` by name.
    pub fn named(root: &str, name: &str) -> Self {
        Self {
            scenario: Path::new(root).join("tests/data/sipp").join(format!("{name}.xml")),
            target: None,
            calls: 1,
            transport: "u1",
            args: Vec::new(),
            marks: Vec::new(),
            seconds: 40,
        }
    }

    /// Starts it on 127.0.0.1 at a free port.
    pub fn start(self) -> SippRun {
        let port = ports::one();
        self.start_at(port)
    }

    /// Starts it on a given port.
    pub fn start_at(self, port: u16) -> SippRun {
        let folder = tempfile::tempdir().unwrap();
        let media = ports::block(4);
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut scenario = fs::read_to_string(&self.scenario).unwrap();
        for (mark, value) in &self.marks {
            scenario = scenario.replace(&format!("@{mark}@"), value);
        }
        let file = folder.path().join("scenario.xml");
        fs::write(&file, scenario).unwrap();
        let mut command = Command::new("sipp");
        if let Some(target) = &self.target {
            command.arg(target);
        }
        command
            .arg("-sf")
            .arg(&file)
            .args(["-i", "127.0.0.1", "-p", &port.to_string()])
            .args(["-mi", "127.0.0.1", "-mp", &media.to_string()])
            .args(["-m", &self.calls.to_string(), "-t", self.transport])
            .args(["-timeout", &self.seconds.to_string(), "-timeout_error", "-nostdin"])
            .args(["-trace_err", "-trace_msg"])
            .args(&self.args)
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log);
        let child = command.spawn().expect("sipp is installed by scripts/setup.sh test");
        SippRun { folder, child, port, seconds: self.seconds }
    }
}

impl SippRun {
    /// Waits for the end; every call must have gone as the scenario says.
    pub fn success(mut self) {
        let deadline = Instant::now() + Duration::from_secs(self.seconds + 5);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                assert!(status.success(), "sipp failed: {status}\n{}", self.messages());
                return;
            }
            assert!(Instant::now() < deadline, "sipp hangs\n{}", self.messages());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits for the end like [`SippRun::success`], and gives the messages it saw.
    pub fn finished(mut self) -> Vec<Seen> {
        let deadline = Instant::now() + Duration::from_secs(self.seconds + 5);
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "sipp hangs\n{}", self.messages());
            std::thread::sleep(Duration::from_millis(50));
        };
        assert!(status.success(), "sipp failed: {status}\n{}", self.messages());
        self.seen()
    }

    /// The messages it received and sent so far, in order.
    pub fn seen(&self) -> Vec<Seen> {
        let entries = fs::read_dir(self.folder.path()).unwrap().flatten();
        let name = |path: &PathBuf| path.to_string_lossy().ends_with("_messages.log");
        let Some(path) = entries.map(|e| e.path()).find(name) else { return Vec::new() };
        let bytes = fs::read(path).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).replace('\r', "");
        let parts = text.split("-----------------------------------------------");
        parts.filter_map(Seen::read).collect()
    }

    /// Waits until it has received a request with this method, and gives it.
    pub fn received(&self, method: &str, seconds: u64) -> Seen {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        loop {
            let found = self.seen().into_iter().find(|m| m.received && m.is(method));
            if let Some(found) = found {
                return found;
            }
            assert!(Instant::now() < deadline, "sipp got no {method}\n{}", self.messages());
            std::thread::sleep(Duration::from_millis(40));
        }
    }

    /// Its message trace and errors so far.
    pub fn messages(&self) -> String {
        let mut text = String::new();
        for entry in fs::read_dir(self.folder.path()).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with("_messages.log") || name.ends_with("_errors.log") {
                text.push_str(&format!("--- {name}\n{}\n", tail(&entry.path(), 400)));
            }
        }
        text + &tail(&self.folder.path().join("log"), 5)
    }
}

/// One message of SIPp's trace.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Received, not sent.
    pub received: bool,
    /// Head and body.
    pub text: String,
}

impl Seen {
    fn read(part: &str) -> Option<Self> {
        let (about, text) = part.split_once("\n\n")?;
        let received = about.contains("message received");
        (received || about.contains("message sent"))
            .then(|| Self { received, text: text.trim_start().to_owned() })
    }

    /// A request with this method, or a response with this status.
    pub fn is(&self, method: &str) -> bool {
        let start = self.text.lines().next().unwrap_or_default();
        let start = start.strip_prefix("SIP/2.0 ").unwrap_or(start);
        start.split(' ').next() == Some(method)
    }

    /// The first line.
    pub fn start(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// The value of its first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let head = self.text.split("\n\n").next().unwrap_or_default();
        head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.trim().eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl Drop for SippRun {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}
