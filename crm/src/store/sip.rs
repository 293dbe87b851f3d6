//! `sip_bindings` and `sip_bans`: what must survive a restart of the registrar.

use super::{Row, Scope, Store, StoreError, args};
use crate::extensions::{SipBan, SipBinding};
use call::TenantId;
use chrono::{DateTime, Utc};

fn binding(row: &Row) -> Result<SipBinding, StoreError> {
    Ok(SipBinding {
        tenant: row.id("tenant_id")?,
        aor: row.col("aor")?,
        contact: row.col("contact")?,
        node: row.id("node_id")?,
        body: row.col("body")?,
        expires_at: row.col("expires_at")?,
    })
}

impl Store {
    /// Keeps or refreshes a binding.
    pub async fn sip_binding_save(&self, binding: &SipBinding) -> Result<(), StoreError> {
        self.run(
            binding.tenant,
            "INSERT INTO sip_bindings (tenant_id, aor, contact, node_id, body, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant_id, aor, contact) DO UPDATE SET
                 node_id = excluded.node_id, body = excluded.body,
                 expires_at = excluded.expires_at",
            args![
                binding.tenant,
                &binding.aor,
                &binding.contact,
                binding.node,
                binding.body.clone(),
                binding.expires_at
            ],
        )
        .await?;
        Ok(())
    }

    /// Removes one binding, or all of an address.
    pub async fn sip_binding_remove(
        &self,
        tenant: TenantId,
        aor: &str,
        contact: Option<&str>,
    ) -> Result<u64, StoreError> {
        self.run(
            tenant,
            "DELETE FROM sip_bindings
             WHERE tenant_id = $1 AND aor = $2 AND ($3 IS NULL OR contact = $3)",
            args![tenant, aor, contact],
        )
        .await
    }

    /// The live bindings of a tenant, for the screens.
    pub async fn sip_binding_list(
        &self,
        tenant: TenantId,
        now: DateTime<Utc>,
    ) -> Result<Vec<SipBinding>, StoreError> {
        self.list(
            tenant,
            "SELECT * FROM sip_bindings WHERE tenant_id = $1 AND expires_at > $2
             ORDER BY aor, contact",
            args![tenant, now],
            binding,
        )
        .await
    }

    /// Every live binding, for the registrar at start; expired ones are removed.
    pub async fn platform_sip_bindings(
        &self,
        now: DateTime<Utc>,
    ) -> Result<Vec<SipBinding>, StoreError> {
        let mut tx = self.write(Scope::Platform).await?;
        tx.run("DELETE FROM sip_bindings WHERE expires_at <= $1", args![now]).await?;
        let live = tx
            .list("SELECT * FROM sip_bindings ORDER BY tenant_id, aor, contact", args![], binding)
            .await?;
        tx.commit().await?;
        Ok(live)
    }

    /// Keeps or extends a ban.
    pub async fn platform_sip_ban_save(
        &self,
        ban: &SipBan,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.run(
            Scope::Platform,
            "INSERT INTO sip_bans (address, aor, reason, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (address, aor) DO UPDATE SET
                 reason = excluded.reason, expires_at = excluded.expires_at",
            args![&ban.address, &ban.aor, &ban.reason, now, ban.expires_at],
        )
        .await?;
        Ok(())
    }

    /// Lifts a ban.
    pub async fn platform_sip_ban_remove(
        &self,
        address: &str,
        aor: &str,
    ) -> Result<bool, StoreError> {
        let rows = self
            .run(
                Scope::Platform,
                "DELETE FROM sip_bans WHERE address = $1 AND aor = $2",
                args![address, aor],
            )
            .await?;
        Ok(rows == 1)
    }

    /// Every ban in force.
    pub async fn platform_sip_bans(&self, now: DateTime<Utc>) -> Result<Vec<SipBan>, StoreError> {
        self.list(
            Scope::Platform,
            "SELECT * FROM sip_bans WHERE expires_at > $1 ORDER BY address, aor",
            args![now],
            |row| {
                Ok(SipBan {
                    address: row.col("address")?,
                    aor: row.col("aor")?,
                    reason: row.col("reason")?,
                    expires_at: row.col("expires_at")?,
                })
            },
        )
        .await
    }
}
