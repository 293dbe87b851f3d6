//! Where log lines go: standard error, as text for people or JSON for machines.

use tracing_subscriber::{EnvFilter, fmt::format::FmtSpan};

/// Starts logging. A bad filter is told as text, so that the caller can exit with 2.
pub(crate) fn start(format: &str, filter: &str) -> Result<(), String> {
    let filter = EnvFilter::try_new(filter).map_err(|e| format!("[log] filter: {e}"))?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_span_events(FmtSpan::NONE);
    let started = match format {
        "json" => builder.json().flatten_event(true).try_init(),
        _ => builder.compact().try_init(),
    };
    started.map_err(|e| e.to_string())
}
