//! `tenants` and `tenant_keys`.

use super::{Row, Scope, Store, StoreError, Tx, args};
use crate::{
    tenants::{NewTenant, Tenant, TenantSettings},
    vault::TenantKey,
};
use call::TenantId;
use chrono::{DateTime, Utc};
use std::sync::atomic::Ordering;

const ONE: &str = "SELECT * FROM tenants WHERE id = $1";

fn tenant(row: &Row) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: row.id("id")?,
        slug: row.col("slug")?,
        name: row.col("name")?,
        sip_domain: row.col("sip_domain")?,
        timezone: row.col("timezone")?,
        active: row.col("active")?,
        settings: row.json("settings")?,
        created_at: row.col("created_at")?,
        updated_at: row.col("updated_at")?,
    })
}

impl Store {
    /// Makes a tenant with its first key.
    pub async fn platform_tenant_create(
        &self,
        new: &NewTenant,
        now: DateTime<Utc>,
    ) -> Result<Tenant, StoreError> {
        let settings = document(&new.settings)?;
        let key = TenantKey::generate();
        let wrapped = self.master().key().seal(&key_place(new.id, 1), key.as_bytes());
        let mut tx = self.write(Scope::Platform).await?;
        let made = tx
            .find(
                "INSERT INTO tenants (id, slug, name, sip_domain, timezone, settings, created_at,
                                      updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
                 RETURNING *",
                args![
                    new.id,
                    &new.slug,
                    &new.name,
                    new.sip_domain.to_lowercase(),
                    &new.timezone,
                    settings,
                    now
                ],
                tenant,
            )
            .await?;
        tx.run(
            "INSERT INTO tenant_keys (tenant_id, version, wrapped, created_at)
             VALUES ($1, 1, $2, $3)",
            args![new.id, wrapped, now],
        )
        .await?;
        tx.commit().await?;
        made.ok_or(StoreError::Conflict)
    }

    /// Every tenant, oldest first.
    pub async fn platform_tenants(&self) -> Result<Vec<Tenant>, StoreError> {
        self.list(
            Scope::Platform,
            "SELECT *
             FROM tenants ORDER BY created_at, id",
            args![],
            tenant,
        )
        .await
    }

    /// The oldest tenant: phones that name no domain of ours belong to it.
    pub async fn platform_default_tenant(&self) -> Result<Option<Tenant>, StoreError> {
        Ok(self.platform_tenants().await?.into_iter().next())
    }

    /// The tenant of a SIP domain.
    pub async fn platform_tenant_by_domain(
        &self,
        domain: &str,
    ) -> Result<Option<Tenant>, StoreError> {
        self.find(
            Scope::Platform,
            "SELECT *
             FROM tenants WHERE sip_domain = $1",
            args![domain.to_lowercase()],
            tenant,
        )
        .await
    }

    /// One's own tenant.
    pub async fn tenant_find(&self, id: TenantId) -> Result<Option<Tenant>, StoreError> {
        self.find(id, ONE, args![id], tenant).await
    }

    /// How often this process changed a tenant: whoever remembers one asks whether that is still true.
    pub(crate) fn tenant_changes(&self) -> u64 {
        self.tenant_changes.load(Ordering::Acquire)
    }

    /// Replaces what the tenant may set for itself.
    pub async fn tenant_set_settings(
        &self,
        id: TenantId,
        settings: &TenantSettings,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let rows = self
            .run(
                id,
                "UPDATE tenants SET settings = $2, updated_at = $3 WHERE id = $1",
                args![id, document(settings)?, now],
            )
            .await?;
        self.tenant_changes.fetch_add(1, Ordering::Release);
        Ok(rows == 1)
    }

    /// Renames; changes the time zone.
    pub async fn tenant_rename(
        &self,
        id: TenantId,
        name: &str,
        timezone: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let rows = self
            .run(
                id,
                "UPDATE tenants SET name = $2, timezone = $3, updated_at = $4 WHERE id = $1",
                args![id, name, timezone, now],
            )
            .await?;
        self.tenant_changes.fetch_add(1, Ordering::Release);
        Ok(rows == 1)
    }

    /// Suspends or wakes a tenant (G10).
    pub async fn platform_tenant_set_active(
        &self,
        id: TenantId,
        active: bool,
    ) -> Result<bool, StoreError> {
        let rows = self
            .run(Scope::Platform, "UPDATE tenants SET active = $2 WHERE id = $1", args![id, active])
            .await?;
        self.tenant_changes.fetch_add(1, Ordering::Release);
        Ok(rows == 1)
    }

    /// The key of a tenant's secrets; kept unwrapped in memory once asked for.
    pub(crate) async fn tenant_key(&self, tenant: TenantId) -> Result<TenantKey, StoreError> {
        if let Some(key) = self.keys.read().expect("no panic under this lock").get(&tenant) {
            return Ok(key.clone());
        }
        let wrapped = self
            .find(
                tenant,
                "SELECT version, wrapped FROM tenant_keys WHERE tenant_id = $1
                 ORDER BY version DESC LIMIT 1",
                args![tenant],
                |row| Ok((row.col::<i64>("version")?, row.col::<Vec<u8>>("wrapped")?)),
            )
            .await?
            .ok_or(StoreError::MissingReference)?;
        let (version, wrapped) = wrapped;
        let bytes = self.master().key().unseal(&key_place(tenant, version), &wrapped)?;
        let key = TenantKey::from_slice(&bytes)?;
        self.keys.write().expect("no panic under this lock").insert(tenant, key.clone());
        Ok(key)
    }
}

fn key_place(tenant: TenantId, version: i64) -> String {
    format!("tenant-key/{tenant}/{version}")
}

/// A value as stored JSON.
pub(super) fn document<T: serde::Serialize>(value: &T) -> Result<serde_json::Value, StoreError> {
    serde_json::to_value(value).map_err(|e| StoreError::Corrupt(e.to_string()))
}

/// One's own tenant, within a transaction.
pub(super) async fn tenant_in_tx(tx: &mut Tx, id: TenantId) -> Result<Option<Tenant>, StoreError> {
    tx.find(ONE, args![id], tenant).await
}
