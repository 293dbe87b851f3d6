//! `sip_bindings` and `sip_bans`: what must survive a restart of the registrar.

use super::{ManyRows, Row, Scope, Store, StoreError, args};
use crate::extensions::{SipBan, SipBinding, SipBindingChange};
use call::TenantId;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

static KEEP: ManyRows = ManyRows::new(
    "INSERT INTO sip_bindings (tenant_id, aor, contact, node_id, body, expires_at) VALUES",
    6,
    "ON CONFLICT (tenant_id, aor, contact) DO UPDATE SET
         node_id = excluded.node_id, body = excluded.body, expires_at = excluded.expires_at",
);
static REMOVE: ManyRows =
    ManyRows::new("DELETE FROM sip_bindings WHERE (tenant_id, aor, contact) IN (VALUES", 3, ")");

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
    /// Keeps, refreshes and removes bindings of any tenant, in this order, all or none.
    pub async fn platform_sip_bindings_change(
        &self,
        changes: Vec<SipBindingChange>,
    ) -> Result<(), StoreError> {
        // Each binding once, by the last word on it: the order among others does not matter.
        let mut seen = BTreeSet::new();
        let mut last: Vec<bool> =
            changes.iter().rev().map(|change| seen.insert(change.key())).collect();
        last.reverse();
        let (mut kept, mut removed) = (Vec::with_capacity(changes.len()), Vec::new());
        for (change, _) in changes.into_iter().zip(last).filter(|(_, last)| *last) {
            match change {
                SipBindingChange::Keep(b) => {
                    let SipBinding { tenant, aor, contact, node, body, expires_at } = *b;
                    kept.push(args![tenant, aor, contact, node, body, expires_at]);
                }
                SipBindingChange::Remove { tenant, aor, contact } => {
                    removed.push(args![tenant, aor, contact]);
                }
            }
        }
        let mut tx = self.write(Scope::Platform).await?;
        tx.run_many(&KEEP, kept).await?;
        tx.run_many(&REMOVE, removed).await?;
        tx.commit().await
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
