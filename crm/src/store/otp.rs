//! `second_factors` and `recovery_codes` (AUT-05).

use super::{ManyRows, Row, Store, StoreError, Tx, args};
use crate::{
    otp::SecondFactor,
    vault::{TenantKey, VaultError},
};
use call::{TenantId, UserId};
use chrono::{DateTime, Utc};

static CODES: ManyRows =
    ManyRows::new("INSERT INTO recovery_codes (hash, tenant_id, user_id) VALUES", 3, "");

fn secret_place(user: UserId) -> String {
    format!("second_factor/{user}")
}

/// A row whose secret is still sealed.
struct Sealed {
    secret: Vec<u8>,
    confirmed_at: Option<DateTime<Utc>>,
}

fn sealed(row: &Row) -> Result<Sealed, StoreError> {
    Ok(Sealed { secret: row.col("secret")?, confirmed_at: row.col("confirmed_at")? })
}

fn opened(key: &TenantKey, user: UserId, row: &Sealed) -> Result<SecondFactor, VaultError> {
    let secret = key.unseal(&secret_place(user), &row.secret)?;
    Ok(SecondFactor { secret, confirmed_at: row.confirmed_at })
}

impl Store {
    /// Keeps a secret that is not confirmed yet, in place of an earlier unconfirmed one; false
    /// where a confirmed one is there.
    pub async fn otp_begin(
        &self,
        tenant: TenantId,
        user: UserId,
        secret: &[u8],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let key = self.tenant_key(tenant).await?;
        let secret = key.seal(&secret_place(user), secret);
        let rows = self
            .run(
                tenant,
                "INSERT INTO second_factors AS f (tenant_id, user_id, secret, last_step, created_at)
                 VALUES ($1, $2, $3, 0, $4)
                 ON CONFLICT (tenant_id, user_id) DO UPDATE
                     SET secret = excluded.secret, created_at = excluded.created_at
                     WHERE f.confirmed_at IS NULL",
                args![tenant, user, secret, now],
            )
            .await?;
        Ok(rows == 1)
    }

    /// The second factor of a user, confirmed or not.
    pub async fn otp_find(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Option<SecondFactor>, StoreError> {
        let row = self
            .find(
                tenant,
                "SELECT secret, confirmed_at FROM second_factors
                 WHERE tenant_id = $1 AND user_id = $2",
                args![tenant, user],
                sealed,
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let key = self.tenant_key(tenant).await?;
        Ok(Some(opened(&key, user, &row)?))
    }

    /// Who of a tenant signs in with a second factor.
    pub async fn otp_users(&self, tenant: TenantId) -> Result<Vec<UserId>, StoreError> {
        self.list(
            tenant,
            "SELECT user_id FROM second_factors
             WHERE tenant_id = $1 AND confirmed_at IS NOT NULL",
            args![tenant],
            |row| row.id("user_id"),
        )
        .await
    }

    /// Confirms what [`Store::otp_begin`] kept, with its recovery codes; false where nothing
    /// waits to be confirmed. `step` is that of the code that proved it, and is used up.
    pub async fn otp_confirm(
        &self,
        tenant: TenantId,
        user: UserId,
        step: i64,
        codes: &[Vec<u8>],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(tenant).await?;
        let rows = tx
            .run(
                "UPDATE second_factors SET confirmed_at = $3, last_step = $4
                 WHERE tenant_id = $1 AND user_id = $2 AND confirmed_at IS NULL",
                args![tenant, user, now, step],
            )
            .await?;
        if rows == 1 {
            codes_replace_in_tx(&mut tx, tenant, user, codes).await?;
        }
        tx.commit().await?;
        Ok(rows == 1)
    }

    /// Uses a step up: of two that bring the same code, or an older one, one wins.
    pub async fn otp_use_step(
        &self,
        tenant: TenantId,
        user: UserId,
        step: i64,
    ) -> Result<bool, StoreError> {
        let rows = self
            .run(
                tenant,
                "UPDATE second_factors SET last_step = $3
                 WHERE tenant_id = $1 AND user_id = $2 AND last_step < $3
                   AND confirmed_at IS NOT NULL",
                args![tenant, user, step],
            )
            .await?;
        Ok(rows == 1)
    }

    /// Takes the second factor away with its recovery codes; whether there was a confirmed one.
    pub async fn otp_remove(&self, tenant: TenantId, user: UserId) -> Result<bool, StoreError> {
        let mut tx = self.write(tenant).await?;
        codes_replace_in_tx(&mut tx, tenant, user, &[]).await?;
        let was = tx
            .find(
                "DELETE FROM second_factors WHERE tenant_id = $1 AND user_id = $2
                 RETURNING confirmed_at",
                args![tenant, user],
                |row| row.col::<Option<DateTime<Utc>>>("confirmed_at"),
            )
            .await?;
        tx.commit().await?;
        Ok(was.flatten().is_some())
    }

    /// New recovery codes in place of all earlier ones.
    pub async fn recovery_codes_replace(
        &self,
        tenant: TenantId,
        user: UserId,
        codes: &[Vec<u8>],
    ) -> Result<(), StoreError> {
        let mut tx = self.write(tenant).await?;
        codes_replace_in_tx(&mut tx, tenant, user, codes).await?;
        tx.commit().await
    }

    /// Uses a recovery code up; false where it is none, or was used.
    pub async fn recovery_code_use(
        &self,
        tenant: TenantId,
        user: UserId,
        hash: &[u8],
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let rows = self
            .run(
                tenant,
                "UPDATE recovery_codes SET used_at = $4
                 WHERE tenant_id = $1 AND user_id = $2 AND hash = $3 AND used_at IS NULL",
                args![tenant, user, hash, now],
            )
            .await?;
        Ok(rows == 1)
    }

    /// How many recovery codes are left.
    pub async fn recovery_codes_left(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<u32, StoreError> {
        let left = self
            .find(
                tenant,
                "SELECT COUNT(*) AS n FROM recovery_codes
                 WHERE tenant_id = $1 AND user_id = $2 AND used_at IS NULL",
                args![tenant, user],
                |row| row.col::<i64>("n"),
            )
            .await?;
        Ok(left.and_then(|n| u32::try_from(n).ok()).unwrap_or(0))
    }
}

async fn codes_replace_in_tx(
    tx: &mut Tx,
    tenant: TenantId,
    user: UserId,
    codes: &[Vec<u8>],
) -> Result<(), StoreError> {
    tx.run("DELETE FROM recovery_codes WHERE tenant_id = $1 AND user_id = $2", args![tenant, user])
        .await?;
    let rows = codes.iter().map(|hash| args![hash.as_slice(), tenant, user]).collect();
    tx.run_many(&CODES, rows).await?;
    Ok(())
}
