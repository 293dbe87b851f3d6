//! `audit_logs`: appended in a chain per tenant, never changed.

use super::{Page, Row, Scope, Store, StoreError, Tx, args, cursor};
use crate::audit::{AuditEntry, AuditFilter, AuditRecord, hash_of, link};
use call::TenantId;
use chrono::{DateTime, Utc};

pub(super) fn entry(row: &Row) -> Result<AuditEntry, StoreError> {
    let detail: String = row.col("detail")?;
    Ok(AuditEntry {
        id: row.id("id")?,
        position: row.col("position")?,
        at: row.col("at")?,
        record: AuditRecord {
            actor: row.id_opt("actor_id")?,
            action: row.col("action")?,
            entity: row.col("entity")?,
            entity_id: row.col("entity_id")?,
            detail: serde_json::from_str(&detail)
                .map_err(|e| StoreError::Corrupt(format!("column detail: {e}")))?,
            address: row.col("address")?,
        },
        previous_hash: row.col("previous_hash")?,
        hash: row.col("hash")?,
    })
}

pub(super) const OF_LEAD_BEFORE: &str = "SELECT * FROM audit_logs
     WHERE tenant_id = $1 AND entity = 'lead' AND entity_id = $2 AND action <> 'lead.viewed'
       AND ($3 IS NULL OR at < $3 OR (at = $3 AND id < $4))
     ORDER BY at DESC, id DESC LIMIT $5";

impl Store {
    /// Appends a row.
    pub async fn audit_append(
        &self,
        tenant: TenantId,
        record: &AuditRecord,
        now: DateTime<Utc>,
    ) -> Result<AuditEntry, StoreError> {
        let mut tx = self.write(tenant).await?;
        let entry = audit_append_in_tx(&mut tx, tenant, record, now).await?;
        tx.commit().await?;
        Ok(entry)
    }

    /// Rows, newest first.
    pub async fn audit_list(
        &self,
        tenant: TenantId,
        filter: &AuditFilter,
    ) -> Result<Page<AuditEntry>, StoreError> {
        let (limit, fetch) = cursor::limits(filter.limit);
        let after: Option<i64> = cursor::decode(filter.cursor.as_deref())?;
        let action = filter.action.as_ref().map(|a| {
            let escaped = a.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
            escaped.strip_suffix('*').map(|p| format!("{p}%")).unwrap_or(escaped)
        });
        let items = self
            .list(
                tenant,
                "SELECT * FROM audit_logs WHERE tenant_id = $1
                   AND ($2 IS NULL OR actor_id = $2)
                   AND ($3 IS NULL OR action LIKE $3 ESCAPE '\\')
                   AND ($4 IS NULL OR entity_id = $4)
                   AND ($5 IS NULL OR at >= $5)
                   AND ($6 IS NULL OR at < $6)
                   AND ($7 IS NULL OR position < $7)
                 ORDER BY position DESC LIMIT $8",
                args![
                    tenant,
                    filter.actor,
                    action,
                    filter.entity_id.clone(),
                    filter.from,
                    filter.to,
                    after,
                    fetch
                ],
                entry,
            )
            .await?;
        Ok(cursor::page(items, limit, |e| e.position))
    }

    /// Walks the whole chain; the first position that does not follow from the one before.
    pub async fn audit_verify(&self, tenant: TenantId) -> Result<Option<i64>, StoreError> {
        let mut previous = String::new();
        let mut expected = 1;
        loop {
            let rows = self
                .list(
                    tenant,
                    "SELECT * FROM audit_logs WHERE tenant_id = $1 AND position >= $2
                     ORDER BY position LIMIT 500",
                    args![tenant, expected],
                    entry,
                )
                .await?;
            if rows.is_empty() {
                return Ok(None);
            }
            for row in rows {
                let fits = row.position == expected
                    && row.previous_hash == previous
                    && row.hash == hash_of(&row);
                if !fits {
                    return Ok(Some(row.position));
                }
                previous = row.hash;
                expected += 1;
            }
        }
    }

    /// A security fact that names no tenant goes to the oldest one's log.
    pub async fn platform_audit(
        &self,
        record: &AuditRecord,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let Some(tenant) = self.platform_default_tenant().await? else { return Ok(()) };
        let mut tx = self.write(Scope::Tenant(tenant.id)).await?;
        audit_append_in_tx(&mut tx, tenant.id, record, now).await?;
        tx.commit().await
    }
}

pub(super) async fn audit_append_in_tx(
    tx: &mut Tx,
    tenant: TenantId,
    record: &AuditRecord,
    now: DateTime<Utc>,
) -> Result<AuditEntry, StoreError> {
    if tx.is_postgres() {
        // One appender per tenant at a time, or two rows would claim the same place.
        tx.run("SELECT pg_advisory_xact_lock(hashtext($1))", args![format!("audit/{tenant}")])
            .await?;
    }
    let last = tx
        .find(
            "SELECT position, hash FROM audit_logs WHERE tenant_id = $1
             ORDER BY position DESC LIMIT 1",
            args![tenant],
            |row| Ok((row.col::<i64>("position")?, row.col::<String>("hash")?)),
        )
        .await?;
    let (position, previous) = last.unwrap_or_default();
    let entry = link(record, position + 1, &previous, now);
    tx.run(
        "INSERT INTO audit_logs (id, tenant_id, position, at, actor_id, action, entity, entity_id,
                                 detail, address, previous_hash, hash)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        args![
            entry.id,
            tenant,
            entry.position,
            entry.at,
            record.actor,
            &record.action,
            &record.entity,
            &record.entity_id,
            record.detail.to_string(),
            &record.address,
            &entry.previous_hash,
            &entry.hash
        ],
    )
    .await?;
    Ok(entry)
}
