//! `views` and `preferences`: how somebody likes to see the desk.

use super::{Row, Store, StoreError, args};
use crate::{
    SavedViewId,
    saved_views::{SavedView, VIEWS_MOST, ViewList},
};
use call::{TenantId, UserId};
use chrono::{DateTime, Utc};

fn view(row: &Row) -> Result<SavedView, StoreError> {
    Ok(SavedView {
        id: row.id("id")?,
        owner: row.id("owner_id")?,
        list: row.word("list")?,
        name: row.col("name")?,
        shared: row.col("shared")?,
        query: row.col("query")?,
        position: row.col("position")?,
        created_at: row.col("created_at")?,
        updated_at: row.col("updated_at")?,
    })
}

impl Store {
    /// The views somebody sees: their own and those shared, in their order.
    pub async fn view_list(
        &self,
        tenant: TenantId,
        user: UserId,
        list: Option<ViewList>,
    ) -> Result<Vec<SavedView>, StoreError> {
        self.list(
            tenant,
            "SELECT * FROM views
             WHERE tenant_id = $1 AND (owner_id = $2 OR shared) AND ($3 IS NULL OR list = $3)
             ORDER BY list, position, created_at, id",
            args![tenant, user, list],
            view,
        )
        .await
    }

    /// One view that somebody sees.
    pub async fn view_find(
        &self,
        tenant: TenantId,
        user: UserId,
        id: SavedViewId,
    ) -> Result<Option<SavedView>, StoreError> {
        self.find(
            tenant,
            "SELECT * FROM views WHERE tenant_id = $1 AND id = $3 AND (owner_id = $2 OR shared)",
            args![tenant, user, id],
            view,
        )
        .await
    }

    /// Adds a view, last in the order; false where as many as may be are there.
    pub async fn view_create(&self, tenant: TenantId, v: &SavedView) -> Result<bool, StoreError> {
        let rows = self
            .run(
                tenant,
                "INSERT INTO views (id, tenant_id, owner_id, list, name, shared, query, position,
                                    created_at, updated_at)
                 SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $9
                 WHERE (SELECT COUNT(*) FROM views
                        WHERE tenant_id = $2 AND list = $4
                          AND ((shared AND $6) OR (NOT shared AND NOT $6 AND owner_id = $3)))
                       < $10",
                args![
                    v.id,
                    tenant,
                    v.owner,
                    v.list,
                    &v.name,
                    v.shared,
                    v.query.clone(),
                    v.position,
                    v.created_at,
                    VIEWS_MOST
                ],
            )
            .await?;
        Ok(rows == 1)
    }

    /// Keeps a changed view; false where it is gone, or has no room where it is to go.
    pub async fn view_save(&self, tenant: TenantId, v: &SavedView) -> Result<bool, StoreError> {
        let rows = self
            .run(
                tenant,
                "UPDATE views SET name = $5, shared = $6, query = $7, position = $8,
                                  updated_at = $9
                 WHERE tenant_id = $2 AND id = $1
                   AND (shared = $6
                        OR (SELECT COUNT(*) FROM views o
                            WHERE o.tenant_id = $2 AND o.list = $4
                              AND ((o.shared AND $6)
                                   OR (NOT o.shared AND NOT $6 AND o.owner_id = $3))) < $10)",
                args![
                    v.id,
                    tenant,
                    v.owner,
                    v.list,
                    &v.name,
                    v.shared,
                    v.query.clone(),
                    v.position,
                    v.updated_at,
                    VIEWS_MOST
                ],
            )
            .await?;
        Ok(rows == 1)
    }

    /// Removes a view.
    pub async fn view_delete(&self, tenant: TenantId, id: SavedViewId) -> Result<bool, StoreError> {
        let rows = self
            .run(tenant, "DELETE FROM views WHERE tenant_id = $1 AND id = $2", args![tenant, id])
            .await?;
        Ok(rows == 1)
    }

    /// What somebody set for themselves at the desk.
    pub async fn preferences_find(
        &self,
        tenant: TenantId,
        user: UserId,
    ) -> Result<Option<serde_json::Value>, StoreError> {
        self.find(
            tenant,
            "SELECT body FROM preferences WHERE tenant_id = $1 AND user_id = $2",
            args![tenant, user],
            |row| row.col("body"),
        )
        .await
    }

    /// Keeps what somebody set for themselves.
    pub async fn preferences_save(
        &self,
        tenant: TenantId,
        user: UserId,
        body: serde_json::Value,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.run(
            tenant,
            "INSERT INTO preferences (tenant_id, user_id, body, updated_at)
             VALUES ($1, $2, $3, $4)
             ON CONFLICT (tenant_id, user_id) DO UPDATE SET body = excluded.body,
                 updated_at = excluded.updated_at",
            args![tenant, user, body, now],
        )
        .await?;
        Ok(())
    }
}
