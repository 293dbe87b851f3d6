//! Tells the binary which revision it was built from.
#![allow(clippy::print_stdout, reason = "build scripts speak to cargo on standard output")]

use std::{path::Path, process::Command};

fn main() {
    for file in ["build.rs", ".git/HEAD", ".git/logs/HEAD"] {
        if Path::new(file).exists() {
            println!("cargo:rerun-if-changed={file}");
        }
    }
    let revision = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| String::from_utf8(output.stdout).ok())
        .map_or_else(|| "unknown".to_owned(), |text| text.trim().to_owned());
    println!("cargo:rustc-env=TELEHUB_REVISION={revision}");
}
