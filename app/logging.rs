//! Where log lines go: standard error, as text for people or JSON for machines.

use tracing_subscriber::{EnvFilter, fmt::format::FmtSpan};

/// Libraries that write what passes through them when told to log everything: tokens and passwords
/// among it. They are held to what went wrong, whatever the filter says (B13).
const TOO_TALKATIVE: [&str; 4] = ["tungstenite", "hyper", "h2", "rustls"];

/// What is logged, as the configuration says it.
pub(crate) fn filter(text: &str) -> Result<EnvFilter, String> {
    let mut filter = EnvFilter::try_new(text).map_err(|e| e.to_string())?;
    for library in TOO_TALKATIVE {
        let held = format!("{library}=info").parse().map_err(|e| format!("{library}: {e}"))?;
        filter = filter.add_directive(held);
    }
    Ok(filter)
}

/// Starts logging.
pub(crate) fn start(format: &str, filter: EnvFilter) -> Result<(), String> {
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
