//! `extensions`.

use super::{Row, Scope, Store, StoreError, args};
use crate::extensions::{Extension, ExtensionPatch, NewExtension, generate_secret};
use call::{ExtensionId, TenantId, UserId};
use chrono::{DateTime, Utc};

fn extension(row: &Row) -> Result<Extension, StoreError> {
    let ring: i64 = row.col("ring_timeout_s")?;
    Ok(Extension {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        number: row.col("number")?,
        kind: row.word("kind")?,
        name: row.col("name")?,
        user: row.id_opt("user_id")?,
        nat: row.col("nat")?,
        dnd: row.col("dnd")?,
        voicemail: row.col("voicemail")?,
        forward_to: row.col("forward_to")?,
        ring_timeout_s: u32::try_from(ring).unwrap_or(u32::MAX),
        active: row.col("active")?,
        created_at: row.col("created_at")?,
        updated_at: row.col("updated_at")?,
    })
}

fn secret_place(id: ExtensionId) -> String {
    format!("extension/{id}")
}

impl Store {
    /// Makes an extension with a generated secret.
    pub async fn extension_create(
        &self,
        tenant: TenantId,
        new: &NewExtension,
        now: DateTime<Utc>,
    ) -> Result<Extension, StoreError> {
        let key = self.tenant_key(tenant).await?;
        let secret = key.seal(&secret_place(new.id), generate_secret().as_bytes());
        self.run_returning(
            tenant,
            "INSERT INTO extensions (id, tenant_id, number, kind, name, user_id, secret, nat,
                                     ring_timeout_s, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) RETURNING *",
            args![
                new.id,
                tenant,
                &new.number,
                new.kind,
                &new.name,
                new.user,
                secret,
                new.nat,
                new.ring_timeout_s,
                now
            ],
            extension,
        )
        .await?
        .ok_or(StoreError::Conflict)
    }

    /// One extension.
    pub async fn extension_find(
        &self,
        tenant: TenantId,
        id: ExtensionId,
    ) -> Result<Option<Extension>, StoreError> {
        self.find(
            tenant,
            "SELECT * FROM extensions WHERE tenant_id = $1 AND id = $2",
            args![tenant, id],
            extension,
        )
        .await
    }

    /// The extension with a number.
    pub async fn extension_by_number(
        &self,
        tenant: TenantId,
        number: &str,
    ) -> Result<Option<Extension>, StoreError> {
        self.find(
            tenant,
            "SELECT * FROM extensions WHERE tenant_id = $1 AND number = $2",
            args![tenant, number],
            extension,
        )
        .await
    }

    /// The extension with a number, if its phones may be used: it is active, and nobody's or an
    /// active user's (F02).
    pub async fn extension_usable(
        &self,
        tenant: TenantId,
        number: &str,
    ) -> Result<Option<Extension>, StoreError> {
        self.find(
            tenant,
            "SELECT * FROM extensions e WHERE tenant_id = $1 AND number = $2 AND active
                 AND NOT EXISTS (SELECT id FROM users u WHERE u.tenant_id = e.tenant_id
                                 AND u.id = e.user_id AND NOT u.active)",
            args![tenant, number],
            extension,
        )
        .await
    }

    /// The first active phone of a user.
    pub async fn extension_of_user(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Option<Extension>, StoreError> {
        self.find(
            tenant,
            "SELECT * FROM extensions
             WHERE tenant_id = $1 AND user_id = $2 AND active ORDER BY number LIMIT 1",
            args![tenant, user],
            extension,
        )
        .await
    }

    /// Every extension by number.
    pub async fn extension_list(&self, tenant: TenantId) -> Result<Vec<Extension>, StoreError> {
        self.list(
            tenant,
            "SELECT * FROM extensions WHERE tenant_id = $1 ORDER BY length(number), number",
            args![tenant],
            extension,
        )
        .await
    }

    /// Changes an extension; `None` where there is no such.
    pub async fn extension_update(
        &self,
        tenant: TenantId,
        id: ExtensionId,
        patch: &ExtensionPatch,
        now: DateTime<Utc>,
    ) -> Result<Option<Extension>, StoreError> {
        let mut tx = self.write(tenant).await?;
        let Some(old) = tx
            .find(
                "SELECT * FROM extensions WHERE tenant_id = $1 AND id = $2",
                args![tenant, id],
                extension,
            )
            .await?
        else {
            return Ok(None);
        };
        let made = tx
            .find(
                "UPDATE extensions SET number = $3, name = $4, user_id = $5, nat = $6, dnd = $7,
                        voicemail = $8, forward_to = $9, ring_timeout_s = $10, active = $11,
                        updated_at = $12
                 WHERE tenant_id = $1 AND id = $2 RETURNING *",
                args![
                    tenant,
                    id,
                    patch.number.clone().unwrap_or(old.number),
                    patch.name.clone().unwrap_or(old.name),
                    patch.user.unwrap_or(old.user),
                    patch.nat.unwrap_or(old.nat),
                    patch.dnd.unwrap_or(old.dnd),
                    patch.voicemail.unwrap_or(old.voicemail),
                    patch.forward_to.clone().unwrap_or(old.forward_to),
                    patch.ring_timeout_s.unwrap_or(old.ring_timeout_s),
                    patch.active.unwrap_or(old.active),
                    now
                ],
                extension,
            )
            .await?;
        tx.commit().await?;
        Ok(made)
    }

    /// Deletes an extension; `MissingReference` while a number leads to it.
    pub async fn extension_delete(
        &self,
        tenant: TenantId,
        id: ExtensionId,
    ) -> Result<bool, StoreError> {
        let rows = self
            .run(
                tenant,
                "DELETE FROM extensions WHERE tenant_id = $1 AND id = $2",
                args![tenant, id],
            )
            .await?;
        Ok(rows == 1)
    }

    /// The SIP secret in clear: for digest checks and the one audited endpoint.
    pub async fn extension_secret(
        &self,
        tenant: TenantId,
        id: ExtensionId,
    ) -> Result<Option<String>, StoreError> {
        let sealed = self
            .find(
                tenant,
                "SELECT secret FROM extensions WHERE tenant_id = $1 AND id = $2",
                args![tenant, id],
                |row| row.col::<Vec<u8>>("secret"),
            )
            .await?;
        match sealed {
            None => Ok(None),
            Some(sealed) => {
                let plain = self.tenant_key(tenant).await?.unseal(&secret_place(id), &sealed)?;
                Ok(Some(String::from_utf8_lossy(&plain).into_owned()))
            }
        }
    }

    /// Replaces the SIP secret by a new generated one.
    pub async fn extension_rotate_secret(
        &self,
        tenant: TenantId,
        id: ExtensionId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let key = self.tenant_key(tenant).await?;
        let secret = key.seal(&secret_place(id), generate_secret().as_bytes());
        let rows = self
            .run(
                tenant,
                "UPDATE extensions SET secret = $3, updated_at = $4
                 WHERE tenant_id = $1 AND id = $2",
                args![tenant, id, secret, now],
            )
            .await?;
        Ok(rows == 1)
    }

    /// Extensions of the whole installation whose phones may be used: active ones that are
    /// nobody's, or an active user's.
    pub async fn platform_extensions(&self) -> Result<Vec<Extension>, StoreError> {
        self.list(
            Scope::Platform,
            "SELECT * FROM extensions e WHERE active AND NOT EXISTS (
                 SELECT id FROM users u
                 WHERE u.tenant_id = e.tenant_id AND u.id = e.user_id AND NOT u.active)
             ORDER BY tenant_id, number",
            args![],
            extension,
        )
        .await
    }
}
