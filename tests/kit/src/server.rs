//! The real executable on free loopback ports with a fresh data folder.

use crate::{api::Api, ports};
use serde_json::Value;
use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

/// Password of every demo login in tests.
pub const PASSWORD: &str = "correct-horse-battery-7";

/// A running `telehub demo`.
pub struct Telehub {
    binary: PathBuf,
    folder: tempfile::TempDir,
    child: Option<Child>,
    environment: Vec<(String, String)>,
    /// `http://127.0.0.1:port`.
    pub base: String,
    /// Where phones and carriers find it by UDP and TCP.
    pub sip: SocketAddr,
}

impl Telehub {
    /// Starts the demo floor and waits until it says it is ready.
    pub fn demo(binary: &str) -> Self {
        Self::demo_with(binary, &[])
    }

    /// The same with further environment variables.
    pub fn demo_with(binary: &str, extra: &[(&str, &str)]) -> Self {
        let mut server = Self::prepared(binary, extra);
        server.boot();
        server
    }

    /// Ports and an empty folder, and nothing started yet.
    pub fn prepared(binary: &str, extra: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (http, sip, rtp) = (ports::one(), ports::one(), ports::block(80));
        let mut environment: Vec<(String, String)> = [
            ("TELEHUB_HTTP_LISTEN", format!("127.0.0.1:{http}")),
            ("TELEHUB_SIP_UDP", format!("127.0.0.1:{sip}")),
            ("TELEHUB_SIP_TCP", format!("127.0.0.1:{sip}")),
            ("TELEHUB_RTP_LISTEN", "127.0.0.1".to_owned()),
            ("TELEHUB_RTP_PORT_MIN", rtp.to_string()),
            ("TELEHUB_RTP_PORT_MAX", (rtp + 79).to_string()),
            ("TELEHUB_DEMO_PASSWORD", PASSWORD.to_owned()),
            ("TELEHUB_CALLS_DRAIN_TIMEOUT_S", "20".to_owned()),
        ]
        .into_iter()
        .map(|(k, v)| (k.to_owned(), v))
        .collect();
        for (key, value) in extra {
            environment.retain(|(k, _)| k != key);
            environment.push(((*key).to_owned(), (*value).to_owned()));
        }
        Self {
            binary: binary.into(),
            folder,
            child: None,
            environment,
            base: format!("http://127.0.0.1:{http}"),
            sip: SocketAddr::from(([127, 0, 0, 1], sip)),
        }
    }

    /// Starts the process on the present data folder and waits until it is ready.
    pub fn boot(&mut self) {
        let before = self.times_ready();
        self.spawn();
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.times_ready() == before {
            let ended = self.child.as_mut().and_then(|c| c.try_wait().unwrap());
            assert!(ended.is_none(), "telehub ended: {ended:?}\n{}", self.log());
            assert!(Instant::now() < deadline, "telehub is not ready\n{}", self.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn times_ready(&self) -> usize {
        self.log().matches(&format!("TeleHub ready: {}", self.base)).count()
    }

    /// Starts the process and does not wait for it.
    pub fn spawn(&mut self) {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(self.folder.path().join("log"))
            .unwrap();
        let child = Command::new(&self.binary)
            .arg("demo")
            .arg("--data")
            .arg(self.data())
            .envs(self.environment.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    /// Runs another command of the binary on this server's database and storage.
    pub fn run(&self, arguments: &[&str]) -> Output {
        let data = self.data();
        let url = |scheme: &str, name: &str| format!("{scheme}://{}", data.join(name).display());
        Command::new(&self.binary)
            .args(arguments)
            .env("TELEHUB_DATABASE_URL", url("sqlite", "telehub.db"))
            .env("TELEHUB_STORAGE_URL", url("file", "objects"))
            .envs(self.environment.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    /// The data folder.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("running").id()
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// SIGTERM; returns at once.
    pub fn terminate(&self) {
        let _ = Command::new("kill").args(["-TERM", &self.pid().to_string()]).status();
    }

    /// Waits for the end and returns the exit code.
    pub fn wait(&mut self, seconds: u64) -> Option<i32> {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        let child = self.child.as_mut().expect("running");
        while Instant::now() < deadline {
            if let Some(status) = child.try_wait().unwrap() {
                self.child = None;
                return status.code();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("telehub did not end within {seconds} s\n{}", self.log());
    }

    /// Signs a demo user in: `admin`, `manager`, `asha` …
    pub async fn api(&self, user: &str) -> Api {
        Api::sign_in(&self.base, &format!("{user}@demo.local"), PASSWORD).await
    }

    /// SIP user, secret and domain of an extension by its number, as an administrator sees them.
    pub async fn sip_secret(&self, number: &str) -> (String, String, String) {
        let admin = self.api("admin").await;
        let extensions = admin.get("/extensions?limit=200").await;
        let id = extensions["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|e| e["number"] == number)
            .unwrap_or_else(|| panic!("no extension {number}: {extensions}"))["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let secret = admin.get(&format!("/extensions/{id}/secret")).await;
        let text = |v: &Value| v.as_str().unwrap().to_owned();
        (text(&secret["username"]), text(&secret["secret"]), text(&secret["domain"]))
    }

    /// Everything it wrote.
    pub fn log(&self) -> String {
        read(&self.folder.path().join("log"))
    }
}

fn read(path: &Path) -> String {
    fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned()).unwrap_or_default()
}

impl Drop for Telehub {
    fn drop(&mut self) {
        if std::thread::panicking() {
            use std::io::Write;
            let log = self.log();
            let from = log.len().saturating_sub(6000);
            let from = (from..log.len()).find(|i| log.is_char_boundary(*i)).unwrap_or(log.len());
            let _ = writeln!(std::io::stderr(), "--- telehub's log ---\n{}", &log[from..]);
        }
        self.kill();
    }
}
