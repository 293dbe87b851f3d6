//! `sessions`, `refresh_tokens` and `password_resets`.

use super::{Row, Store, StoreError, Tx, args};
use crate::{
    SessionId,
    sessions::{Exchange, Session},
};
use call::{TenantId, UserId};
use chrono::{DateTime, Utc};

fn session(row: &Row) -> Result<Session, StoreError> {
    Ok(Session {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        user: row.id("user_id")?,
        address: row.col("address")?,
        user_agent: row.col("user_agent")?,
        created_at: row.col("created_at")?,
        last_used_at: row.col("last_used_at")?,
        expires_at: row.col("expires_at")?,
        revoked_at: row.col("revoked_at")?,
    })
}

impl Store {
    /// Keeps a new session with the hash of its first refresh token.
    pub async fn session_create(
        &self,
        session: &Session,
        hash: &[u8],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let mut tx = self.write(session.tenant).await?;
        tx.run(
            "INSERT INTO sessions (id, tenant_id, user_id, address, user_agent, created_at,
                                   last_used_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            args![
                session.id,
                session.tenant,
                session.user,
                &session.address,
                &session.user_agent,
                session.created_at,
                session.last_used_at,
                session.expires_at
            ],
        )
        .await?;
        token_insert_in_tx(&mut tx, session.tenant, session.id, hash, now).await?;
        tx.commit().await
    }

    /// One session, whatever its state.
    pub async fn session_find(
        &self,
        tenant: TenantId,
        id: SessionId,
    ) -> Result<Option<Session>, StoreError> {
        self.find(
            tenant,
            "SELECT * FROM sessions WHERE tenant_id = $1 AND id = $2",
            args![tenant, id],
            session,
        )
        .await
    }

    /// The live sessions of a user, latest first.
    pub async fn session_list(
        &self,
        tenant: TenantId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<Vec<Session>, StoreError> {
        self.list(
            tenant,
            "SELECT * FROM sessions
             WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3
             ORDER BY last_used_at DESC",
            args![tenant, user, now],
            session,
        )
        .await
    }

    /// The session a refresh token belongs to.
    pub async fn session_by_token(
        &self,
        tenant: TenantId,
        hash: &[u8],
    ) -> Result<Option<Session>, StoreError> {
        self.find(tenant, TOKEN_SESSION, args![tenant, hash], session).await
    }

    /// Exchanges a refresh token for its successor in one step, so that of two tabs that
    /// present the same token one wins.
    pub async fn refresh_token_exchange(
        &self,
        tenant: TenantId,
        hash: &[u8],
        successor: &[u8],
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    ) -> Result<Exchange, StoreError> {
        let mut tx = self.write(tenant).await?;
        let used = tx
            .run(
                "UPDATE refresh_tokens SET used_at = $3
                 WHERE tenant_id = $1 AND hash = $2 AND used_at IS NULL",
                args![tenant, hash, now],
            )
            .await?;
        let Some(found) = tx.find(TOKEN_SESSION, args![tenant, hash], session).await? else {
            return Ok(Exchange::Unknown);
        };
        if found.revoked_at.is_some() || found.expires_at <= now {
            return Ok(Exchange::Unknown);
        }
        if used == 0 {
            let used_at = tx
                .find(
                    "SELECT used_at FROM refresh_tokens WHERE tenant_id = $1 AND hash = $2",
                    args![tenant, hash],
                    |row| row.col::<Option<DateTime<Utc>>>("used_at"),
                )
                .await?
                .flatten();
            return Ok(Exchange::Used { session: found, used_at: used_at.unwrap_or(now) });
        }
        token_insert_in_tx(&mut tx, tenant, found.id, successor, now).await?;
        let rotated = tx
            .find(
                "UPDATE sessions SET last_used_at = $3, expires_at = $4
                 WHERE tenant_id = $1 AND id = $2 RETURNING *",
                args![tenant, found.id, now, expires_at],
                session,
            )
            .await?;
        tx.commit().await?;
        Ok(rotated.map_or(Exchange::Unknown, Exchange::Rotated))
    }

    /// Ends one session.
    pub async fn session_revoke(
        &self,
        tenant: TenantId,
        id: SessionId,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let rows = self
            .run(
                tenant,
                "UPDATE sessions SET revoked_at = $3
                 WHERE tenant_id = $1 AND id = $2 AND revoked_at IS NULL",
                args![tenant, id, now],
            )
            .await?;
        Ok(rows == 1)
    }

    /// Ends every session of a user.
    pub async fn session_revoke_all(
        &self,
        tenant: TenantId,
        user: UserId,
        now: DateTime<Utc>,
    ) -> Result<u64, StoreError> {
        let mut tx = self.write(tenant).await?;
        let rows = revoke_all_in_tx(&mut tx, tenant, user, now).await?;
        tx.commit().await?;
        Ok(rows)
    }

    /// Whether a user had a session from an address since then.
    pub async fn session_from(
        &self,
        tenant: TenantId,
        user: UserId,
        address: &str,
        since: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let found = self
            .find(
                tenant,
                "SELECT id FROM sessions
                 WHERE tenant_id = $1 AND user_id = $2 AND address = $3 AND last_used_at >= $4
                 LIMIT 1",
                args![tenant, user, address, since],
                |row| row.id::<SessionId>("id"),
            )
            .await?;
        Ok(found.is_some())
    }

    /// Keeps the hash of a password-reset token (AUT-04); false where the user has `most` already
    /// that are still good. What is over is forgotten.
    pub async fn password_reset_create(
        &self,
        tenant: TenantId,
        user: UserId,
        hash: &[u8],
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
        most: i64,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(tenant).await?;
        tx.run(
            "DELETE FROM password_resets WHERE tenant_id = $1 AND user_id = $2 AND expires_at <= $3",
            args![tenant, user, now],
        )
        .await?;
        let rows = tx
            .run(
                "INSERT INTO password_resets (hash, tenant_id, user_id, expires_at)
                 SELECT $3, $1, $2, $4 WHERE
                     (SELECT COUNT(*) FROM password_resets
                      WHERE tenant_id = $1 AND user_id = $2) < $5",
                args![tenant, user, hash, expires_at, most],
            )
            .await?;
        tx.commit().await?;
        Ok(rows == 1)
    }

    /// Whose a password-reset token is, while it is good.
    pub async fn password_reset_user(
        &self,
        tenant: TenantId,
        hash: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Option<UserId>, StoreError> {
        self.find(
            tenant,
            "SELECT user_id FROM password_resets
             WHERE tenant_id = $1 AND hash = $2 AND used_at IS NULL AND expires_at > $3",
            args![tenant, hash, now],
            |row| row.id("user_id"),
        )
        .await
    }

    /// Uses up a password-reset token and sets the password, all or nothing; every session and
    /// every other link of the user ends. False where the token is not good any more.
    pub async fn password_reset_redeem(
        &self,
        tenant: TenantId,
        user: UserId,
        hash: &[u8],
        password_hash: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(tenant).await?;
        let used = tx
            .run(
                "UPDATE password_resets SET used_at = $4
                 WHERE tenant_id = $1 AND user_id = $2 AND hash = $3 AND used_at IS NULL
                   AND expires_at > $4",
                args![tenant, user, hash, now],
            )
            .await?;
        if used == 0 {
            return Ok(false);
        }
        tx.run(
            "UPDATE users SET password_hash = $3, updated_at = $4
             WHERE tenant_id = $1 AND id = $2",
            args![tenant, user, password_hash, now],
        )
        .await?;
        resets_end_in_tx(&mut tx, tenant, user, now).await?;
        revoke_all_in_tx(&mut tx, tenant, user, now).await?;
        tx.commit().await?;
        Ok(true)
    }
}

const TOKEN_SESSION: &str = "SELECT s.* FROM sessions s
     JOIN refresh_tokens t ON t.tenant_id = s.tenant_id AND t.session_id = s.id
     WHERE t.tenant_id = $1 AND t.hash = $2";

async fn token_insert_in_tx(
    tx: &mut Tx,
    tenant: TenantId,
    session: SessionId,
    hash: &[u8],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO refresh_tokens (hash, tenant_id, session_id, issued_at)
         VALUES ($1, $2, $3, $4)",
        args![hash, tenant, session, now],
    )
    .await?;
    Ok(())
}

pub(super) async fn revoke_all_in_tx(
    tx: &mut Tx,
    tenant: TenantId,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    tx.run(
        "UPDATE sessions SET revoked_at = $3
         WHERE tenant_id = $1 AND user_id = $2 AND revoked_at IS NULL",
        args![tenant, user, now],
    )
    .await
}

/// The password was changed: links that would change it again are good no more.
pub(super) async fn resets_end_in_tx(
    tx: &mut Tx,
    tenant: TenantId,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<u64, StoreError> {
    tx.run(
        "UPDATE password_resets SET used_at = $3
         WHERE tenant_id = $1 AND user_id = $2 AND used_at IS NULL",
        args![tenant, user, now],
    )
    .await
}
