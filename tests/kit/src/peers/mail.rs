//! aiosmtpd as the mail server of the house: takes every letter and keeps it in a folder.

use super::stop;
use crate::ports;
use serde_json::Value;
use std::{
    net::TcpStream,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Prints every letter of a Maildir as JSON, decoded by Python's own reader of mail.
const READ: &str = "
import email, email.policy, json, mailbox, sys
box = mailbox.Maildir(sys.argv[1], create=False)
letters = []
for key in box.keys():
    letter = email.message_from_bytes(box.get_bytes(key), policy=email.policy.default)
    letters.append({name: str(letter[name]) for name in ('from', 'to', 'subject', 'content-type')}
                   | {'body': letter.get_content()})
print(json.dumps(letters))
";

/// A running mail server.
pub struct MailServer {
    folder: tempfile::TempDir,
    child: Child,
    port: u16,
}

impl Default for MailServer {
    fn default() -> Self {
        Self::start()
    }
}

impl MailServer {
    /// Starts it and waits until it listens.
    pub fn start() -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), ports::one());
        let child = Command::new("aiosmtpd")
            .args(["-n", "-l", &format!("127.0.0.1:{port}"), "-c", "aiosmtpd.handlers.Mailbox"])
            .arg(folder.path().join("mail"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("aiosmtpd is installed by scripts/setup.sh test");
        let server = Self { folder, child, port };
        let deadline = Instant::now() + Duration::from_secs(30);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < deadline, "aiosmtpd does not listen");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }

    /// For `TELEHUB_MAIL_URL`.
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}", self.port)
    }

    /// Every letter so far: `from`, `to`, `subject`, `content-type`, `body`.
    pub fn letters(&self) -> Vec<Value> {
        let out = Command::new("python3")
            .args(["-c", READ])
            .arg(self.folder.path().join("mail"))
            .output()
            .unwrap();
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        assert!(out.status.success(), "{error}");
        serde_json::from_slice(&out.stdout).unwrap()
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        stop(&mut self.child);
    }
}
