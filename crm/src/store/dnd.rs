//! `dnd_list`: opt-outs by number.

use super::{Page, Row, Store, StoreError, Tx, args, cursor};
use crate::dnd::DndEntry;
use call::{E164, TenantId};
use chrono::{DateTime, Utc};

fn entry(row: &Row) -> Result<DndEntry, StoreError> {
    Ok(DndEntry {
        phone: row.e164("phone")?,
        source: row.word("source")?,
        reason: row.col("reason")?,
        added_by: row.id_opt("added_by")?,
        added_at: row.col("added_at")?,
    })
}

impl Store {
    /// Puts a number on the list; the lead with it, if any, is opted out at once.
    pub async fn dnd_add(&self, tenant: TenantId, entry: &DndEntry) -> Result<(), StoreError> {
        let mut tx = self.write(tenant).await?;
        dnd_add_in_tx(&mut tx, tenant, entry).await?;
        tx.commit().await
    }

    /// Takes a number off the list again; the lead may be called again.
    pub async fn dnd_remove(
        &self,
        tenant: TenantId,
        phone: &E164,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(tenant).await?;
        let removed = dnd_remove_in_tx(&mut tx, tenant, phone, now).await?;
        tx.commit().await?;
        Ok(removed)
    }

    /// Whether a number opted out.
    pub async fn dnd_listed(&self, tenant: TenantId, phone: &E164) -> Result<bool, StoreError> {
        let mut tx = self.read(tenant).await?;
        dnd_listed_in_tx(&mut tx, tenant, phone).await
    }

    /// The list, by number.
    pub async fn dnd_list(
        &self,
        tenant: TenantId,
        search: Option<&str>,
        limit: u32,
        after: Option<&str>,
    ) -> Result<Page<DndEntry>, StoreError> {
        let (limit, fetch) = cursor::limits(limit);
        let after: Option<String> = cursor::decode(after)?;
        let items = self
            .list(
                tenant,
                "SELECT * FROM dnd_list
                 WHERE tenant_id = $1 AND ($2 IS NULL OR phone LIKE $2 ESCAPE '\\')
                   AND ($3 IS NULL OR phone > $3)
                 ORDER BY phone LIMIT $4",
                args![tenant, search.map(super::leads::pattern), after, fetch],
                entry,
            )
            .await?;
        Ok(cursor::page(items, limit, |e| e.phone.as_str().to_owned()))
    }
}

pub(super) async fn dnd_listed_in_tx(
    tx: &mut Tx,
    tenant: TenantId,
    phone: &E164,
) -> Result<bool, StoreError> {
    let found = tx
        .find(
            "SELECT phone FROM dnd_list WHERE tenant_id = $1 AND phone = $2",
            args![tenant, phone],
            |row| row.col::<String>("phone"),
        )
        .await?;
    Ok(found.is_some())
}

pub(super) async fn dnd_add_in_tx(
    tx: &mut Tx,
    tenant: TenantId,
    entry: &DndEntry,
) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO dnd_list (tenant_id, phone, source, reason, added_by, added_at)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, phone) DO NOTHING",
        args![tenant, &entry.phone, entry.source, &entry.reason, entry.added_by, entry.added_at],
    )
    .await?;
    tx.run(
        "UPDATE leads SET dnd = TRUE, status = 'dnd', updated_at = $3
         WHERE tenant_id = $1 AND phone = $2",
        args![tenant, &entry.phone, entry.added_at],
    )
    .await?;
    tx.run(
        "UPDATE callbacks SET status = 'cancelled', updated_at = $3
         WHERE tenant_id = $1 AND status = 'pending' AND lead_id IN
             (SELECT id FROM leads WHERE tenant_id = $1 AND phone = $2)",
        args![tenant, &entry.phone, entry.added_at],
    )
    .await?;
    Ok(())
}

pub(super) async fn dnd_remove_in_tx(
    tx: &mut Tx,
    tenant: TenantId,
    phone: &E164,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let rows = tx
        .run("DELETE FROM dnd_list WHERE tenant_id = $1 AND phone = $2", args![tenant, phone])
        .await?;
    tx.run(
        "UPDATE leads SET dnd = FALSE, updated_at = $3,
                status = CASE WHEN status <> 'dnd' THEN status
                              WHEN attempts > 0 THEN 'contacted' ELSE 'new' END
         WHERE tenant_id = $1 AND phone = $2",
        args![tenant, phone, now],
    )
    .await?;
    Ok(rows == 1)
}
