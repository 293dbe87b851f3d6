//! What `--version` says.

use super::say;

/// Version, git revision, and the versions of the C libraries inside.
pub(crate) async fn print() -> anyhow::Result<()> {
    say(&format!("telehub {} ({})", env!("CARGO_PKG_VERSION"), env!("TELEHUB_REVISION")));
    say(&format!("SQLite {}", crm::store::sqlite_version().await?));
    say("whisper.cpp not built in");
    Ok(())
}
