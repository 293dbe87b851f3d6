//! Words for the audit about what the switch saw.

use serde_json::{Value, json};
use signaling::directory::SecurityEventKind;

/// Action, kind of thing, which one, and details of an audit record.
pub(crate) fn describe(kind: &SecurityEventKind) -> (&'static str, &'static str, String, Value) {
    match kind {
        SecurityEventKind::AorTheft { extension, claimed } => {
            ("sip.aor_theft", "extension", extension.to_string(), json!({ "claimed": claimed }))
        }
        SecurityEventKind::Banned { aor, until } => {
            let until = chrono::DateTime::<chrono::Utc>::from(*until);
            ("sip.banned", "aor", aor.clone(), json!({ "until": until }))
        }
        SecurityEventKind::ForeignIdentity { extension, claimed } => (
            "sip.foreign_identity",
            "extension",
            extension.to_string(),
            json!({ "claimed": claimed }),
        ),
        SecurityEventKind::TakeoverRefused { extension, call } => (
            "sip.takeover_refused",
            "call",
            call.to_string(),
            json!({ "extension": extension.to_string() }),
        ),
        SecurityEventKind::DialogIntruder { method } => {
            ("sip.dialog_intruder", "dialog", String::new(), json!({ "method": method }))
        }
        SecurityEventKind::TrunkCredentialsRefused { trunk, status } => {
            ("trunk.credentials_refused", "trunk", trunk.to_string(), json!({ "status": status }))
        }
    }
}
