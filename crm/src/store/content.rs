//! `scripts`, `objection_library` and `knowledge`.

use super::{Page, Row, Store, StoreError, args, cursor, leads::pattern};
use crate::{
    ArticleId, ObjectionId, ScriptId,
    content::{Article, ContentFilter, Objection, Script},
};
use call::TenantId;
use uuid::Uuid;

fn script(row: &Row) -> Result<Script, StoreError> {
    Ok(Script {
        id: row.id("id")?,
        name: row.col("name")?,
        language: row.col("language")?,
        body: row.col("body")?,
        source: row.col("source")?,
        active: row.col("active")?,
        updated_at: row.col("updated_at")?,
    })
}

fn objection(row: &Row) -> Result<Objection, StoreError> {
    Ok(Objection {
        id: row.id("id")?,
        category: row.col("category")?,
        language: row.col("language")?,
        objection: row.col("objection")?,
        response: row.col("response")?,
        updated_at: row.col("updated_at")?,
    })
}

fn article(row: &Row) -> Result<Article, StoreError> {
    Ok(Article {
        id: row.id("id")?,
        category: row.col("category")?,
        language: row.col("language")?,
        title: row.col("title")?,
        body: row.col("body")?,
        updated_at: row.col("updated_at")?,
    })
}

impl Store {
    /// Adds or replaces a script.
    pub async fn script_save(&self, tenant: TenantId, s: &Script) -> Result<bool, StoreError> {
        let rows = self
            .run(
                tenant,
                "INSERT INTO scripts AS t (id, tenant_id, name, language, body, source, active,
                                           created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
                 ON CONFLICT (id) DO UPDATE SET name = excluded.name,
                     language = excluded.language, body = excluded.body,
                     source = excluded.source, active = excluded.active,
                     updated_at = excluded.updated_at
                 WHERE t.tenant_id = excluded.tenant_id",
                args![
                    s.id,
                    tenant,
                    &s.name,
                    &s.language,
                    &s.body,
                    s.source.clone(),
                    s.active,
                    s.updated_at
                ],
            )
            .await?;
        Ok(rows == 1)
    }

    /// One script.
    pub async fn script_find(
        &self,
        tenant: TenantId,
        id: ScriptId,
    ) -> Result<Option<Script>, StoreError> {
        self.find(
            tenant,
            "SELECT * FROM scripts WHERE tenant_id = $1 AND id = $2",
            args![tenant, id],
            script,
        )
        .await
    }

    /// Every script by name.
    pub async fn script_list(&self, tenant: TenantId) -> Result<Vec<Script>, StoreError> {
        self.list(
            tenant,
            "SELECT * FROM scripts WHERE tenant_id = $1 ORDER BY name, id",
            args![tenant],
            script,
        )
        .await
    }

    /// The script for a lead: its source first, then its language, then any (HUD-06).
    pub async fn script_for(
        &self,
        tenant: TenantId,
        language: &str,
        source: &str,
    ) -> Result<Option<Script>, StoreError> {
        self.find(
            tenant,
            "SELECT * FROM scripts
             WHERE tenant_id = $1 AND active AND (source IS NULL OR source = $3)
             ORDER BY CASE WHEN language = $2 THEN 0 ELSE 1 END,
                      CASE WHEN source = $3 THEN 0 ELSE 1 END, name, id LIMIT 1",
            args![tenant, language, source],
            script,
        )
        .await
    }

    /// Removes a script.
    pub async fn script_delete(&self, tenant: TenantId, id: ScriptId) -> Result<bool, StoreError> {
        let rows = self
            .run(tenant, "DELETE FROM scripts WHERE tenant_id = $1 AND id = $2", args![tenant, id])
            .await?;
        Ok(rows == 1)
    }

    /// Adds or replaces an objection.
    pub async fn objection_save(
        &self,
        tenant: TenantId,
        o: &Objection,
    ) -> Result<bool, StoreError> {
        let search = format!("{}\n{}\n{}", o.category, o.objection, o.response).to_lowercase();
        let rows = self
            .run(
                tenant,
                "INSERT INTO objection_library AS t (id, tenant_id, category, language, objection,
                                                     response, search, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
                 ON CONFLICT (id) DO UPDATE SET category = excluded.category,
                     language = excluded.language, objection = excluded.objection,
                     response = excluded.response, search = excluded.search,
                     updated_at = excluded.updated_at
                 WHERE t.tenant_id = excluded.tenant_id",
                args![
                    o.id,
                    tenant,
                    &o.category,
                    &o.language,
                    &o.objection,
                    &o.response,
                    search,
                    o.updated_at
                ],
            )
            .await?;
        Ok(rows == 1)
    }

    /// Objections that hold every word looked for.
    pub async fn objection_list(
        &self,
        tenant: TenantId,
        filter: &ContentFilter,
    ) -> Result<Page<Objection>, StoreError> {
        let (limit, fetch) = cursor::limits(filter.limit);
        let after: Option<Uuid> = cursor::decode(filter.cursor.as_deref())?;
        let [a, b, c] = words(filter);
        let items = self
            .list(
                tenant,
                "SELECT * FROM objection_library WHERE tenant_id = $1
                   AND ($2 IS NULL OR search LIKE $2 ESCAPE '\\')
                   AND ($3 IS NULL OR search LIKE $3 ESCAPE '\\')
                   AND ($4 IS NULL OR search LIKE $4 ESCAPE '\\')
                   AND ($5 IS NULL OR lower(category) = lower($5))
                   AND ($6 IS NULL OR language = $6)
                   AND ($7 IS NULL OR id > $7)
                 ORDER BY id LIMIT $8",
                args![
                    tenant,
                    a,
                    b,
                    c,
                    filter.category.clone(),
                    filter.language.clone(),
                    after,
                    fetch
                ],
                objection,
            )
            .await?;
        Ok(cursor::page(items, limit, |o| o.id))
    }

    /// Removes an objection.
    pub async fn objection_delete(
        &self,
        tenant: TenantId,
        id: ObjectionId,
    ) -> Result<bool, StoreError> {
        let rows = self
            .run(
                tenant,
                "DELETE FROM objection_library WHERE tenant_id = $1 AND id = $2",
                args![tenant, id],
            )
            .await?;
        Ok(rows == 1)
    }

    /// Adds or replaces an article.
    pub async fn article_save(&self, tenant: TenantId, a: &Article) -> Result<bool, StoreError> {
        let search = format!("{}\n{}\n{}", a.category, a.title, a.body).to_lowercase();
        let rows = self
            .run(
                tenant,
                "INSERT INTO knowledge AS t (id, tenant_id, category, language, title, body,
                                             search, created_at, updated_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
                 ON CONFLICT (id) DO UPDATE SET category = excluded.category,
                     language = excluded.language, title = excluded.title,
                     body = excluded.body, search = excluded.search,
                     updated_at = excluded.updated_at
                 WHERE t.tenant_id = excluded.tenant_id",
                args![
                    a.id,
                    tenant,
                    &a.category,
                    &a.language,
                    &a.title,
                    &a.body,
                    search,
                    a.updated_at
                ],
            )
            .await?;
        Ok(rows == 1)
    }

    /// Articles that hold every word looked for; a word in the title counts more.
    pub async fn article_list(
        &self,
        tenant: TenantId,
        filter: &ContentFilter,
    ) -> Result<Page<Article>, StoreError> {
        let (limit, fetch) = cursor::limits(filter.limit);
        let after: Option<(i64, Uuid)> = cursor::decode(filter.cursor.as_deref())?;
        let [a, b, c] = words(filter);
        let items = self
            .list(
                tenant,
                "SELECT * FROM (
                     SELECT k.*, CAST(CASE WHEN $2 IS NOT NULL AND lower(title) LIKE $2 ESCAPE '\\'
                                           THEN 0 ELSE 1 END AS BIGINT) AS place
                     FROM knowledge k WHERE tenant_id = $1
                       AND ($2 IS NULL OR search LIKE $2 ESCAPE '\\')
                       AND ($3 IS NULL OR search LIKE $3 ESCAPE '\\')
                       AND ($4 IS NULL OR search LIKE $4 ESCAPE '\\')
                       AND ($5 IS NULL OR lower(category) = lower($5))
                       AND ($6 IS NULL OR language = $6)
                 ) q
                 WHERE $7 IS NULL OR (place, id) > ($7, $8)
                 ORDER BY place, id LIMIT $9",
                args![
                    tenant,
                    a,
                    b,
                    c,
                    filter.category.clone(),
                    filter.language.clone(),
                    after.map(|a| a.0),
                    after.map(|a| a.1),
                    fetch
                ],
                |row| Ok((article(row)?, row.col::<i64>("place")?)),
            )
            .await?;
        let page = cursor::page(items, limit, |(a, place)| (*place, a.id));
        Ok(Page {
            items: page.items.into_iter().map(|(a, _)| a).collect(),
            next_cursor: page.next_cursor,
        })
    }

    /// Removes an article.
    pub async fn article_delete(
        &self,
        tenant: TenantId,
        id: ArticleId,
    ) -> Result<bool, StoreError> {
        let rows = self
            .run(
                tenant,
                "DELETE FROM knowledge WHERE tenant_id = $1 AND id = $2",
                args![tenant, id],
            )
            .await?;
        Ok(rows == 1)
    }
}

/// The first three words looked for, as patterns.
fn words(filter: &ContentFilter) -> [Option<String>; 3] {
    let text = filter.search.clone().unwrap_or_default();
    let mut words = text.split_whitespace().map(pattern);
    [words.next(), words.next(), words.next()]
}
