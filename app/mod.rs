//! The root package's own modules: the only code that knows every crate.

pub(crate) mod backup;
pub(crate) mod check;
pub(crate) mod cli;
pub(crate) mod config;
pub(crate) mod demo;
pub(crate) mod directory;
pub(crate) mod facts;
pub(crate) mod http;
pub(crate) mod limits;
pub(crate) mod logging;
pub(crate) mod open;
pub(crate) mod pem;
pub(crate) mod security;
pub(crate) mod serve;
pub(crate) mod settings;
pub(crate) mod signals;
pub(crate) mod sounds;
pub(crate) mod trunk_settings;
pub(crate) mod user;
pub(crate) mod version;

use std::io::Write;

/// A line for the person or script at the terminal, as opposed to the log. A closed pipe is no
/// reason to stop serving.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}");
    let _ = out.flush();
}
