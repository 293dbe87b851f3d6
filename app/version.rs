//! What `--version` says.

/// Version, git revision, and the versions of the C libraries inside.
pub(crate) fn long() -> String {
    format!(
        "{} ({})\nSQLite {}\nwhisper.cpp not built in",
        env!("CARGO_PKG_VERSION"),
        env!("TELEHUB_REVISION"),
        crm::sqlite_version(),
    )
}
