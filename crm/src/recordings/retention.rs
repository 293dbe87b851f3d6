//! Recordings are kept as long as their tenant says, and no longer (PBX-19, SEC-06).

use super::{RecordingError, Recordings};
use crate::{audit::AuditRecord, tenants::Tenant};
use call::TenantId;
use chrono::{DateTime, NaiveDate, TimeDelta, Timelike, Utc};
use serde_json::json;
use std::collections::HashMap;

/// Hour of the tenant's day from which on the night's work is done.
const HOUR: u32 = 2;
/// Rows read at once.
const BATCH: i64 = 500;

/// The nightly deletion. A machine that was off at night does it when it is on again.
pub struct Retention {
    recordings: Recordings,
    done: HashMap<TenantId, NaiveDate>,
}

impl Retention {
    /// Nothing is done yet.
    pub fn new(recordings: Recordings) -> Self {
        Self { recordings, done: HashMap::new() }
    }

    /// Looks after every tenant whose day has come to [`HOUR`] and was not looked after yet.
    /// Call it every few minutes. How many recordings were deleted.
    pub async fn run(&mut self, now: DateTime<Utc>) -> Result<u64, RecordingError> {
        let mut deleted = 0;
        for tenant in self.recordings.store.platform_tenants().await? {
            let local = now.with_timezone(&tenant.zone());
            let today = local.date_naive();
            if local.hour() < HOUR || self.done.get(&tenant.id) == Some(&today) {
                continue;
            }
            deleted += self.recordings.expire(&tenant, now).await?;
            self.done.insert(tenant.id, today);
        }
        Ok(deleted)
    }
}

impl Recordings {
    /// Deletes what a tenant does not keep any more, each with an audit row; 0 days is for ever.
    async fn expire(&self, tenant: &Tenant, now: DateTime<Utc>) -> Result<u64, RecordingError> {
        let days = tenant.settings.recording.retention_days;
        let kept = TimeDelta::try_days(i64::from(days)).and_then(|d| now.checked_sub_signed(d));
        let Some(before) = kept.filter(|_| days > 0) else { return Ok(0) };
        let mut deleted = 0;
        loop {
            let old = self.store.recordings_older(tenant.id, before, BATCH).await?;
            if old.is_empty() {
                break;
            }
            for call in old {
                self.delete(tenant.id, call).await?;
                let record = AuditRecord::new(None, "recording.deleted", "recording", call)
                    .with(json!({ "reason": "retention", "days": days }));
                self.store.audit_append(tenant.id, &record, now).await?;
                deleted += 1;
            }
        }
        if deleted > 0 {
            metrics::counter!("recordings_expired_total").increment(deleted);
            tracing::info!(tenant.id = %tenant.id, deleted, days, "recordings past their time");
        }
        Ok(deleted)
    }
}
