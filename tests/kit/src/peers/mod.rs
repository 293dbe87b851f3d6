//! Phones and carriers that we did not write.

mod baresip;
mod linphone;
mod mail;
mod sipp;

pub use baresip::{Baresip, BaresipAccount};
pub use linphone::Linphone;
pub use mail::MailServer;
pub use sipp::{Seen, Sipp, SippRun};

use std::{path::Path, process::Command, time::Duration};

/// The part of a log that helps when a test fails.
pub(crate) fn tail(path: &Path, lines: usize) -> String {
    let text = std::fs::read(path).map(|b| String::from_utf8_lossy(&b).into_owned());
    let text = text.unwrap_or_default();
    let all: Vec<&str> = text.split(['\n', '\r']).filter(|l| !l.contains("(bit/s)")).collect();
    all[all.len().saturating_sub(lines)..].join("\n")
}

/// Ends a process in the ordinary way, then for sure.
pub(crate) fn stop(child: &mut std::process::Child) {
    let _ = Command::new("kill")
        .arg(child.id().to_string())
        .stderr(std::process::Stdio::null())
        .status();
    for _ in 0..40 {
        if matches!(child.try_wait(), Ok(Some(_))) {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    let _ = child.kill();
    let _ = child.wait();
}
