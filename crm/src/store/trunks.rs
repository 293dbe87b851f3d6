//! `trunks`.

use super::{Row, Scope, Store, StoreError, args, tenants::document};
use crate::trunks::{NewTrunk, Trunk, TrunkPatch};
use call::{TenantId, TrunkId};
use chrono::{DateTime, Utc};

fn trunk(row: &Row) -> Result<Trunk, StoreError> {
    let priority: i64 = row.col("priority")?;
    let weight: i64 = row.col("weight")?;
    Ok(Trunk {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        name: row.col("name")?,
        enabled: row.col("enabled")?,
        preset: row.word("preset")?,
        priority: u32::try_from(priority).unwrap_or(u32::MAX),
        weight: u32::try_from(weight).unwrap_or(1),
        has_secret: row.col::<Option<Vec<u8>>>("secret")?.is_some(),
        settings: row.json("settings")?,
        created_at: row.col("created_at")?,
        updated_at: row.col("updated_at")?,
    })
}

fn secret_place(id: TrunkId) -> String {
    format!("trunk/{id}")
}

impl Store {
    /// Makes a trunk; `Conflict` where the name is taken.
    pub async fn trunk_create(
        &self,
        tenant: TenantId,
        new: &NewTrunk,
        now: DateTime<Utc>,
    ) -> Result<Trunk, StoreError> {
        let key = self.tenant_key(tenant).await?;
        let secret = new.secret.as_ref().map(|s| key.seal(&secret_place(new.id), s.as_bytes()));
        self.run_returning(
            tenant,
            "INSERT INTO trunks (id, tenant_id, name, enabled, preset, priority, weight, secret,
                                 settings, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) RETURNING *",
            args![
                new.id,
                tenant,
                &new.name,
                new.enabled,
                new.preset,
                new.priority,
                new.weight,
                secret,
                document(&new.settings)?,
                now
            ],
            trunk,
        )
        .await?
        .ok_or(StoreError::Conflict)
    }

    /// One trunk.
    pub async fn trunk_find(
        &self,
        tenant: TenantId,
        id: TrunkId,
    ) -> Result<Option<Trunk>, StoreError> {
        self.find(
            tenant,
            "SELECT * FROM trunks WHERE tenant_id = $1 AND id = $2",
            args![tenant, id],
            trunk,
        )
        .await
    }

    /// Every trunk in the order it is tried.
    pub async fn trunk_list(&self, tenant: TenantId) -> Result<Vec<Trunk>, StoreError> {
        self.list(
            tenant,
            "SELECT * FROM trunks WHERE tenant_id = $1 ORDER BY priority, name",
            args![tenant],
            trunk,
        )
        .await
    }

    /// Every trunk of every active tenant, for the switch.
    pub async fn platform_trunks(&self) -> Result<Vec<Trunk>, StoreError> {
        self.list(
            Scope::Platform,
            "SELECT t.* FROM trunks t JOIN tenants n ON n.id = t.tenant_id
             WHERE n.active ORDER BY t.tenant_id, t.priority, t.name",
            args![],
            trunk,
        )
        .await
    }

    /// Changes a trunk; `None` where there is no such.
    pub async fn trunk_update(
        &self,
        tenant: TenantId,
        id: TrunkId,
        patch: &TrunkPatch,
        now: DateTime<Utc>,
    ) -> Result<Option<Trunk>, StoreError> {
        let key = self.tenant_key(tenant).await?;
        let mut tx = self.write(tenant).await?;
        let Some((old, old_secret)) = tx
            .find(
                "SELECT * FROM trunks WHERE tenant_id = $1 AND id = $2",
                args![tenant, id],
                |row| Ok((trunk(row)?, row.col::<Option<Vec<u8>>>("secret")?)),
            )
            .await?
        else {
            return Ok(None);
        };
        let secret = match &patch.secret {
            None => old_secret,
            Some(secret) => secret.as_ref().map(|s| key.seal(&secret_place(id), s.as_bytes())),
        };
        let made = tx
            .find(
                "UPDATE trunks SET name = $3, enabled = $4, priority = $5, weight = $6,
                        secret = $7, settings = $8, updated_at = $9
                 WHERE tenant_id = $1 AND id = $2 RETURNING *",
                args![
                    tenant,
                    id,
                    patch.name.clone().unwrap_or(old.name),
                    patch.enabled.unwrap_or(old.enabled),
                    patch.priority.unwrap_or(old.priority),
                    patch.weight.unwrap_or(old.weight),
                    secret,
                    document(patch.settings.as_ref().unwrap_or(&old.settings))?,
                    now
                ],
                trunk,
            )
            .await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Deletes a trunk; `MissingReference` while numbers come in through it.
    pub async fn trunk_delete(&self, tenant: TenantId, id: TrunkId) -> Result<bool, StoreError> {
        let rows = self
            .run(tenant, "DELETE FROM trunks WHERE tenant_id = $1 AND id = $2", args![tenant, id])
            .await?;
        Ok(rows == 1)
    }

    /// The password in clear, for the switch only.
    pub async fn trunk_secret(
        &self,
        tenant: TenantId,
        id: TrunkId,
    ) -> Result<Option<String>, StoreError> {
        let sealed = self
            .find(
                tenant,
                "SELECT secret FROM trunks WHERE tenant_id = $1 AND id = $2",
                args![tenant, id],
                |row| row.col::<Option<Vec<u8>>>("secret"),
            )
            .await?
            .flatten();
        match sealed {
            None => Ok(None),
            Some(sealed) => {
                let plain = self.tenant_key(tenant).await?.unseal(&secret_place(id), &sealed)?;
                Ok(Some(String::from_utf8_lossy(&plain).into_owned()))
            }
        }
    }
}
