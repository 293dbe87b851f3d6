//! `users` and `login_throttle`.

use super::{Page, Row, Scope, Store, StoreError, args, teams::team_of};
use crate::users::{NewUser, User, UserFilter, UserPatch};
use call::{E164, TenantId, UserId};
use chrono::{DateTime, Utc};

fn user(row: &Row) -> Result<User, StoreError> {
    let caller_id: Option<String> = row.col("caller_id")?;
    Ok(User {
        id: row.id("id")?,
        tenant: row.id("tenant_id")?,
        email: row.col("email")?,
        name: row.col("name")?,
        role: row.word("role")?,
        locale: row.col("locale")?,
        team: row.col("team")?,
        reports_to: row.id_opt("reports_to")?,
        caller_id: caller_id.and_then(|text| E164::parse(&text).ok()),
        active: row.col("active")?,
        last_login_at: row.col("last_login_at")?,
        created_at: row.col("created_at")?,
        updated_at: row.col("updated_at")?,
    })
}

impl Store {
    /// Makes a user; `Conflict` where the e-mail is taken.
    pub async fn user_create(
        &self,
        tenant: TenantId,
        new: &NewUser,
        now: DateTime<Utc>,
    ) -> Result<User, StoreError> {
        self.run_returning(
            tenant,
            "INSERT INTO users (id, tenant_id, email, name, role, locale, team, reports_to,
                                caller_id, password_hash, created_at, updated_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11)
             RETURNING *",
            args![
                new.id,
                tenant,
                new.email.trim().to_lowercase(),
                &new.name,
                new.role,
                &new.locale,
                new.team.clone().and_then(named),
                new.reports_to,
                new.caller_id.clone(),
                &new.password_hash,
                now
            ],
            user,
        )
        .await?
        .ok_or(StoreError::Conflict)
    }

    /// One user.
    pub async fn user_find(
        &self,
        tenant: TenantId,
        id: UserId,
    ) -> Result<Option<User>, StoreError> {
        self.find(
            tenant,
            "SELECT * FROM users WHERE tenant_id = $1 AND id = $2",
            args![tenant, id],
            user,
        )
        .await
    }

    /// Users by name, a page at a time.
    pub async fn user_list(
        &self,
        tenant: TenantId,
        filter: &UserFilter,
    ) -> Result<Page<User>, StoreError> {
        let limit = i64::from(filter.limit.clamp(1, 500));
        let (after_name, after_id) = match filter.cursor.as_deref().map(cursor).transpose()? {
            Some((name, id)) => (Some(name), Some(id)),
            None => (None, None),
        };
        let search = filter.search.as_ref().map(|s| format!("%{}%", s.to_lowercase()));
        let mut items = self
            .list(
                tenant,
                LIST,
                args![
                    tenant,
                    filter.role,
                    filter.active,
                    filter.reports_to,
                    search,
                    after_name,
                    after_id,
                    limit + 1,
                    filter.team_of
                ],
                user,
            )
            .await?;
        let more = items.len() > limit as usize;
        items.truncate(limit as usize);
        let next_cursor =
            items.last().filter(|_| more).map(|last| format!("{}/{}", last.id, last.name));
        Ok(Page { items, next_cursor })
    }

    /// Changes a user; `None` where there is no such.
    pub async fn user_update(
        &self,
        tenant: TenantId,
        id: UserId,
        patch: &UserPatch,
        now: DateTime<Utc>,
    ) -> Result<Option<User>, StoreError> {
        let mut tx = self.write(tenant).await?;
        let Some(old) = tx
            .find("SELECT * FROM users WHERE tenant_id = $1 AND id = $2", args![tenant, id], user)
            .await?
        else {
            return Ok(None);
        };
        let email = patch.email.as_ref().map_or(old.email, |e| e.trim().to_lowercase());
        let made = tx
            .find(
                "UPDATE users SET email = $3, name = $4, role = $5, locale = $6, team = $7,
                        reports_to = $8, caller_id = $9, active = $10, updated_at = $11
                 WHERE tenant_id = $1 AND id = $2 RETURNING *",
                args![
                    tenant,
                    id,
                    email,
                    patch.name.clone().unwrap_or(old.name),
                    patch.role.unwrap_or(old.role),
                    patch.locale.clone().unwrap_or(old.locale),
                    patch.team.clone().map_or(old.team, |team| team.and_then(named)),
                    patch.reports_to.unwrap_or(old.reports_to),
                    patch.caller_id.clone().unwrap_or(old.caller_id),
                    patch.active.unwrap_or(old.active),
                    now
                ],
                user,
            )
            .await?;
        if patch.active == Some(false) {
            super::sessions::revoke_all_in_tx(&mut tx, tenant, id, now).await?;
        }
        tx.commit().await?;
        Ok(made)
    }

    /// Sets a new password hash and ends every session and every reset link of the user.
    pub async fn user_set_password(
        &self,
        tenant: TenantId,
        id: UserId,
        hash: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let mut tx = self.write(tenant).await?;
        let rows = tx
            .run(
                "UPDATE users SET password_hash = $3, updated_at = $4
                 WHERE tenant_id = $1 AND id = $2",
                args![tenant, id, hash, now],
            )
            .await?;
        super::sessions::revoke_all_in_tx(&mut tx, tenant, id, now).await?;
        super::sessions::resets_end_in_tx(&mut tx, tenant, id, now).await?;
        tx.commit().await?;
        Ok(rows == 1)
    }

    /// Puts a newer hash of the same password in place of `old`; nothing else changes, and
    /// nothing at all where the password was changed meanwhile.
    pub async fn user_rehash(
        &self,
        tenant: TenantId,
        id: UserId,
        old: &str,
        new: &str,
    ) -> Result<(), StoreError> {
        self.run(
            tenant,
            "UPDATE users SET password_hash = $4
             WHERE tenant_id = $1 AND id = $2 AND password_hash = $3",
            args![tenant, id, old, new],
        )
        .await?;
        Ok(())
    }

    /// Remembers a successful sign-in.
    pub async fn user_logged_in(
        &self,
        tenant: TenantId,
        id: UserId,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.run(
            tenant,
            "UPDATE users SET last_login_at = $3 WHERE tenant_id = $1 AND id = $2",
            args![tenant, id, now],
        )
        .await?;
        Ok(())
    }

    /// Who signs in with an e-mail address, with the password hash.
    pub async fn platform_user_by_email(
        &self,
        email: &str,
    ) -> Result<Option<(User, String)>, StoreError> {
        self.find(
            Scope::Platform,
            "SELECT * FROM users WHERE email = $1",
            args![email.trim().to_lowercase()],
            |row| Ok((user(row)?, row.col("password_hash")?)),
        )
        .await
    }

    /// Whether sign-in is closed for this address or pair, and until when.
    pub async fn login_blocked_until(
        &self,
        subject: &str,
        now: DateTime<Utc>,
    ) -> Result<Option<DateTime<Utc>>, StoreError> {
        self.find(
            Scope::Platform,
            "SELECT blocked_until FROM login_throttle
             WHERE subject = $1 AND blocked_until > $2",
            args![subject, now],
            |row| row.col("blocked_until"),
        )
        .await
    }

    /// Counts a failure; those from before `window_start` are forgotten.
    pub async fn login_failed(
        &self,
        subject: &str,
        now: DateTime<Utc>,
        window_start: DateTime<Utc>,
    ) -> Result<i64, StoreError> {
        let failures = self
            .run_returning(
                Scope::Platform,
                "INSERT INTO login_throttle AS t (subject, failures, first_failed_at)
                 VALUES ($1, 1, $2)
                 ON CONFLICT (subject) DO UPDATE SET
                     failures = CASE WHEN t.first_failed_at < $3 THEN 1 ELSE t.failures + 1 END,
                     first_failed_at =
                         CASE WHEN t.first_failed_at < $3 THEN $2 ELSE t.first_failed_at END
                 RETURNING failures",
                args![subject, now, window_start],
                |row| row.col::<i64>("failures"),
            )
            .await?;
        Ok(failures.unwrap_or(0))
    }

    /// Closes sign-in for this address or pair.
    pub async fn login_block(&self, subject: &str, until: DateTime<Utc>) -> Result<(), StoreError> {
        self.run(
            Scope::Platform,
            "UPDATE login_throttle SET blocked_until = $2 WHERE subject = $1",
            args![subject, until],
        )
        .await?;
        Ok(())
    }

    /// Forgets failures after a success.
    pub async fn login_failures_clear(&self, subject: &str) -> Result<(), StoreError> {
        self.run(Scope::Platform, "DELETE FROM login_throttle WHERE subject = $1", args![subject])
            .await?;
        Ok(())
    }
}

const LIST: &str = concat!(
    "SELECT * FROM users
     WHERE tenant_id = $1
       AND ($2 IS NULL OR role = $2)
       AND ($3 IS NULL OR active = $3)
       AND ($4 IS NULL OR reports_to = $4)
       AND ($5 IS NULL OR lower(name) LIKE $5 OR email LIKE $5)
       AND ($6 IS NULL OR name > $6 OR (name = $6 AND id > $7))
       AND ($9 IS NULL OR id IN ",
    team_of!("$9"),
    ") ORDER BY name, id LIMIT $8"
);

/// A team's name without the blanks around it; one of blanks only is none.
fn named(team: String) -> Option<String> {
    Some(team.trim().to_owned()).filter(|team| !team.is_empty())
}

fn cursor(text: &str) -> Result<(String, UserId), StoreError> {
    let bad = || StoreError::BadCursor;
    let (id, name) = text.split_once('/').ok_or_else(bad)?;
    Ok((name.to_owned(), id.parse().map_err(|_| bad())?))
}
