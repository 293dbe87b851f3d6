//! linphonec as a second desk phone: driven by its console, speaks and keeps WAV files.

use super::{stop, tail};
use crate::{
    ears::{Heard, write_tone},
    ports,
};
use std::{
    fs,
    io::Write,
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

/// A running linphonec.
pub struct Linphone {
    folder: tempfile::TempDir,
    child: Child,
    console: ChildStdin,
}

impl Linphone {
    /// Starts a phone that speaks a sine of `hz`; `auto_answer` takes every call.
    pub fn start(hz: f32, auto_answer: bool) -> Self {
        Self::start_with(hz, auto_answer, "")
    }

    /// The same with further lines of the `[sip]` section of its configuration.
    pub fn start_with(hz: f32, auto_answer: bool, extra: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path();
        fs::create_dir_all(dir.join(".local/share/linphone")).unwrap();
        write_tone(&dir.join("tone.wav"), hz, 90.0);
        let (sip, rtp) = (ports::one(), ports::block(20));
        fs::write(
            dir.join("linphonerc"),
            format!(
                "[sip]\nsip_port={sip}\nsip_tcp_port=-1\nsip_tls_port=0\nguess_hostname=1\n\
                 contact=sip:phone@unknown-host\n{extra}[rtp]\naudio_rtp_port={rtp}-{}\n\
                 [video]\nenabled=0\nautomatically_initiate=0\nautomatically_accept=0\n",
                rtp + 19
            ),
        )
        .unwrap();
        let log = fs::File::create(dir.join("log")).unwrap();
        let mut command = Command::new("linphonec");
        command.arg("-c").arg(dir.join("linphonerc")).env("HOME", dir);
        if auto_answer {
            command.arg("-a");
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("linphonec is installed by scripts/setup.sh test");
        let console = child.stdin.take().unwrap();
        let mut phone = Self { folder, child, console };
        phone.until_log("linphonec>", 10);
        phone.command("soundcard use files");
        let (tone, heard) = (phone.path("tone.wav"), phone.path("heard.wav"));
        phone.command(&format!("play {tone}"));
        phone.command(&format!("record {heard}"));
        phone
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A console command: `call …`, `answer`, `terminate`, `register …`, digits are sent as DTMF.
    pub fn command(&mut self, line: &str) {
        writeln!(self.console, "{line}").unwrap();
        self.console.flush().unwrap();
        std::thread::sleep(Duration::from_millis(150));
    }

    /// Asks for registration; whether it came about, the registrar knows.
    pub fn register(&mut self, user: &str, domain: &str, server: &str, secret: &str) {
        self.command(&format!("register sip:{user}@{domain} sip:{server} {secret}"));
    }

    /// Waits until the log holds the text.
    pub fn until_log(&mut self, text: &str, seconds: u64) {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while !self.full_log().contains(text) {
            assert!(
                Instant::now() < deadline,
                "linphone: no '{text}' in {seconds} s\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// What it heard.
    pub fn heard(&self) -> Heard {
        Heard::file(&self.folder.path().join("heard.wav"))
    }

    fn full_log(&self) -> String {
        let bytes = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        tail(&self.folder.path().join("log"), 60)
    }
}

impl Drop for Linphone {
    fn drop(&mut self) {
        let _ = writeln!(self.console, "quit");
        stop(&mut self.child);
    }
}
