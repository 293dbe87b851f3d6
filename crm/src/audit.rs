//! Who did what: rows written once, chained by hash (SEC-13, I12).

use crate::{AuditId, fresh};
use call::UserId;
use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest, Sha256};

/// Something worth remembering.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    /// Who did it; `None` is the system.
    pub actor: Option<UserId>,
    /// `lead.updated`, `call.refused`, `recording.played` …
    pub action: String,
    /// Kind of thing: `lead`, `call`, `extension` …
    pub entity: String,
    /// Which one.
    pub entity_id: String,
    /// What exactly; never secrets.
    pub detail: serde_json::Value,
    /// From which address.
    pub address: String,
}

impl AuditRecord {
    /// Who did what to which.
    pub fn new(
        actor: Option<UserId>,
        action: impl Into<String>,
        entity: impl Into<String>,
        entity_id: impl ToString,
    ) -> Self {
        Self {
            actor,
            action: action.into(),
            entity: entity.into(),
            entity_id: entity_id.to_string(),
            detail: serde_json::json!({}),
            address: String::new(),
        }
    }

    /// With details.
    pub fn with(mut self, detail: serde_json::Value) -> Self {
        self.detail = detail;
        self
    }

    /// From an address.
    pub fn from_address(mut self, address: impl Into<String>) -> Self {
        self.address = address.into();
        self
    }
}

/// A row of the audit log.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditEntry {
    /// Its id.
    pub id: AuditId,
    /// Its place in the tenant's chain, from 1.
    pub position: i64,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub record: AuditRecord,
    /// Hash of the row before.
    pub previous_hash: String,
    /// Hash over this row and the one before.
    pub hash: String,
}

/// Which rows to list, newest first.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    /// By whom.
    pub actor: Option<UserId>,
    /// What; a trailing `*` matches a prefix.
    pub action: Option<String>,
    /// To which thing.
    pub entity_id: Option<String>,
    /// At or after.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub to: Option<DateTime<Utc>>,
    /// At most this many (1 to 500).
    pub limit: u32,
    /// From an earlier page.
    pub cursor: Option<String>,
}

/// The next link of the chain.
pub(crate) fn link(
    record: &AuditRecord,
    position: i64,
    previous_hash: &str,
    at: DateTime<Utc>,
) -> AuditEntry {
    let at = crate::store::micros(at);
    let mut entry = AuditEntry {
        id: fresh(),
        position,
        at,
        record: record.clone(),
        previous_hash: previous_hash.to_owned(),
        hash: String::new(),
    };
    entry.hash = hash_of(&entry);
    entry
}

/// What the hash of a row must be.
pub(crate) fn hash_of(entry: &AuditEntry) -> String {
    let record = &entry.record;
    let text = serde_json::json!([
        entry.previous_hash,
        entry.position,
        entry.id,
        entry.at.to_rfc3339_opts(SecondsFormat::Micros, true),
        record.actor,
        record.action,
        record.entity,
        record.entity_id,
        record.detail,
        record.address,
    ])
    .to_string();
    hex::encode(Sha256::digest(text.as_bytes()))
}
