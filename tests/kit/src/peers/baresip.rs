//! baresip as a desk phone: speaks a WAV file, keeps what it hears, obeys over ctrl_tcp.

use super::{stop, tail};
use crate::{
    ears::{Heard, write_tone},
    ports,
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{Read, Write},
    net::TcpStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// How the phone presents itself.
#[derive(Clone, Debug)]
pub struct BaresipAccount {
    /// User part.
    pub user: String,
    /// Domain of the address of record.
    pub domain: String,
    /// SIP secret; empty: no registration, no authentication.
    pub secret: String,
    /// `udp`, `tcp` or `tls`.
    pub transport: &'static str,
    /// Server, `host:port`.
    pub server: String,
    /// Answers by itself.
    pub auto_answer: bool,
    /// In order of preference, such as `PCMA,PCMU`.
    pub codecs: &'static str,
}

/// A running baresip.
pub struct Baresip {
    folder: tempfile::TempDir,
    child: Child,
    control: TcpStream,
    pending: Vec<u8>,
    /// Events and responses received so far.
    pub seen: Vec<Value>,
    /// Where it listens for SIP.
    pub sip_port: u16,
}

impl Baresip {
    /// Starts a phone that speaks a sine of `hz`.
    pub fn start(account: &BaresipAccount, hz: f32) -> Self {
        Self::start_with(account, hz, "")
    }

    /// The same with further lines of its configuration, such as `sip_cafile …`.
    pub fn start_with(account: &BaresipAccount, hz: f32, extra: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let tone = folder.path().join("tone.wav");
        write_tone(&tone, hz, 90.0);
        let sip_port = ports::block(2);
        let control_port = ports::one();
        let rtp = ports::block(20);
        let dir = folder.path().display();
        let config = format!(
            "poll_method epoll\nsip_listen 127.0.0.1:{sip_port}\nnet_interface 127.0.0.1\n\
             call_local_timeout 120\ncall_max_calls 4\naudio_source aufile,{}\n\
             audio_player aubridge,x\naudio_alert aubridge,y\naudio_channels 1-1\n\
             ausrc_srate 8000\nauplay_srate 8000\nrtp_ports {}-{}\nrtcp_mux no\n\
             jitter_buffer_delay 1-5\nmodule_path /usr/lib/baresip/modules\n\
             module g711.so\nmodule aufile.so\nmodule aubridge.so\nmodule sndfile.so\n\
             module_tmp uuid.so\nmodule_tmp account.so\nmodule_app menu.so\nmodule_app ctrl_tcp.so\n\
             ctrl_tcp_listen 127.0.0.1:{control_port}\nsnd_path {dir}\n{extra}",
            tone.display(),
            rtp,
            rtp + 19,
        );
        fs::write(folder.path().join("config"), config).unwrap();
        let registers = if account.secret.is_empty() { 0 } else { 60 };
        let line = format!(
            "<sip:{}@{}>;auth_user={};auth_pass={};regint={registers};answermode={};\
             audio_codecs={};outbound=\"sip:{};transport={}\"\n",
            account.user,
            account.domain,
            account.user,
            account.secret,
            if account.auto_answer { "auto" } else { "manual" },
            account.codecs,
            account.server,
            account.transport,
        );
        fs::write(folder.path().join("accounts"), line).unwrap();
        fs::write(folder.path().join("contacts"), "").unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut child = Command::new("baresip")
            .args(["-f", &dir.to_string(), "-s"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .expect("baresip is installed by scripts/setup.sh test");
        let control = connect(control_port, &mut child, &folder.path().join("log"));
        Self { folder, child, control, pending: Vec::new(), seen: Vec::new(), sip_port }
    }

    /// Waits until the account is registered.
    pub fn registered(self) -> Self {
        // It may register before anybody listens to its events: its log tells for sure.
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.log().contains("[1 binding]") {
            assert!(Instant::now() < deadline, "baresip is not registered\n{}", self.log());
            std::thread::sleep(Duration::from_millis(40));
        }
        self
    }

    /// Waits for an event type such as `CALL_INCOMING`, `CALL_ESTABLISHED`, `CALL_CLOSED`.
    pub fn until(&mut self, kind: &str, seconds: u64) -> Value {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        loop {
            if let Some(found) = self.seen.iter().position(|v| v["type"] == kind) {
                return self.seen.remove(found);
            }
            assert!(Instant::now() < deadline, "baresip: no {kind} in {seconds} s\n{}", self.log());
            self.read();
        }
    }

    /// True if the event came within the time.
    pub fn saw(&mut self, kind: &str, within: Duration) -> bool {
        let deadline = Instant::now() + within;
        loop {
            if self.seen.iter().any(|v| v["type"] == kind) {
                return true;
            }
            if Instant::now() >= deadline {
                return false;
            }
            self.read();
        }
    }

    /// A menu command: `dial`, `accept`, `hangup`, `hold`, `resume`, `mute`, `sndcode`.
    pub fn command(&mut self, command: &str, params: &str) {
        let body = json!({ "command": command, "params": params, "token": "t" }).to_string();
        write!(self.control, "{}:{body},", body.len()).unwrap();
        self.control.flush().unwrap();
    }

    fn read(&mut self) {
        let mut buffer = [0_u8; 8192];
        match self.control.read(&mut buffer) {
            Ok(0) => panic!("baresip ended\n{}", self.log()),
            Ok(count) => self.pending.extend_from_slice(&buffer[..count]),
            Err(_) => return,
        }
        while let Some(colon) = self.pending.iter().position(|b| *b == b':') {
            let length: usize =
                std::str::from_utf8(&self.pending[..colon]).unwrap().parse().unwrap();
            if self.pending.len() < colon + length + 2 {
                return;
            }
            let text = &self.pending[colon + 1..=colon + length];
            if let Ok(value) = serde_json::from_slice(text) {
                self.seen.push(value);
            }
            self.pending.drain(..colon + length + 2);
        }
    }

    /// What the phone heard in its calls, oldest first. Read it after the call.
    pub fn heard(&self) -> Vec<Heard> {
        let mut files: Vec<PathBuf> = fs::read_dir(self.folder.path())
            .unwrap()
            .flatten()
            .map(|e| e.path())
            .filter(|p| p.to_string_lossy().ends_with("-dec.wav"))
            .collect();
        files.sort();
        files.iter().map(|p| Heard::file(p)).collect()
    }

    /// Waits until its log, which holds every SIP message, contains the text.
    pub fn until_log(&self, text: &str, seconds: u64) {
        let deadline = Instant::now() + Duration::from_secs(seconds);
        while !self.full_log().contains(text) {
            assert!(
                Instant::now() < deadline,
                "baresip: no '{text}' in {seconds} s\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(40));
        }
    }

    /// Everything it wrote.
    pub fn full_log(&self) -> String {
        let bytes = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The end of its log.
    pub fn log(&self) -> String {
        tail(&self.folder.path().join("log"), 80)
    }
}

impl Drop for Baresip {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}

fn connect(port: u16, child: &mut Child, log: &std::path::Path) -> TcpStream {
    for _ in 0..200 {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)) {
            stream.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
            return stream;
        }
        assert!(matches!(child.try_wait(), Ok(None)), "baresip ended\n{}", tail(log, 40));
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("baresip does not listen\n{}", tail(log, 40));
}
