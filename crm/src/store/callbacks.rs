//! `callbacks`.

use super::{Page, Row, Store, StoreError, Tx, args, cursor, teams::team_of};
use crate::{
    CallbackId,
    callbacks::{Callback, CallbackFilter, CallbackStatus, NewCallback},
};
use call::{LeadId, TenantId};
use chrono::{DateTime, Utc};
use uuid::Uuid;

pub(super) fn callback(row: &Row) -> Result<Callback, StoreError> {
    Ok(Callback {
        id: row.id("id")?,
        lead: row.id("lead_id")?,
        lead_name: row.col("lead_name")?,
        call: row.id_opt("call_id")?,
        agent: row.id_opt("agent_id")?,
        due_at: row.col("due_at")?,
        note: row.col("note")?,
        status: row.word("status")?,
        created_at: row.col("created_at")?,
        updated_at: row.col("updated_at")?,
    })
}

const FIND: &str = "SELECT c.*, l.name AS lead_name FROM callbacks c
     LEFT JOIN leads l ON l.tenant_id = c.tenant_id AND l.id = c.lead_id
     WHERE c.tenant_id = $1 AND c.id = $2";

const LIST: &str = concat!(
    "SELECT c.*, l.name AS lead_name FROM callbacks c
     LEFT JOIN leads l ON l.tenant_id = c.tenant_id AND l.id = c.lead_id
     WHERE c.tenant_id = $1
       AND ($2 IS NULL OR c.status = $2)
       AND ($3 IS NULL OR c.agent_id = $3)
       AND ($4 IS NULL OR c.lead_id = $4)
       AND ($5 IS NULL OR c.due_at >= $5)
       AND ($6 IS NULL OR c.due_at < $6)
       AND ($7 IS NULL OR c.due_at > $7 OR (c.due_at = $7 AND c.id > $8))
       AND ($10 IS NULL OR c.agent_id IS NULL OR c.agent_id IN ",
    team_of!("$10"),
    ") ORDER BY c.due_at, c.id LIMIT $9"
);

pub(super) const OF_LEAD_BEFORE: &str = "SELECT c.*, l.name AS lead_name FROM callbacks c
     LEFT JOIN leads l ON l.tenant_id = c.tenant_id AND l.id = c.lead_id
     WHERE c.tenant_id = $1 AND c.lead_id = $2
       AND ($3 IS NULL OR c.created_at < $3 OR (c.created_at = $3 AND c.id < $4))
     ORDER BY c.created_at DESC, c.id DESC LIMIT $5";

impl Store {
    /// Makes a promise; the lead moves to the callback tab. `None` where there is no such lead.
    pub async fn callback_create(
        &self,
        tenant: TenantId,
        new: &NewCallback,
        now: DateTime<Utc>,
    ) -> Result<Option<Callback>, StoreError> {
        let mut tx = self.write(tenant).await?;
        let Some(mut lead) = super::leads::lead_lock_in_tx(&mut tx, tenant, new.lead).await? else {
            return Ok(None);
        };
        callback_insert_in_tx(&mut tx, tenant, new, now).await?;
        lead.category = crate::leads::Category::Callback;
        lead.next_call_at = Some(new.due_at);
        super::leads::lead_save_in_tx(&mut tx, &lead, now).await?;
        let made = tx.find(FIND, args![tenant, new.id], callback).await?;
        tx.commit().await?;
        Ok(made)
    }

    /// One promise.
    pub async fn callback_find(
        &self,
        tenant: TenantId,
        id: CallbackId,
    ) -> Result<Option<Callback>, StoreError> {
        self.find(tenant, FIND, args![tenant, id], callback).await
    }

    /// Promises by time.
    pub async fn callback_list(
        &self,
        tenant: TenantId,
        filter: &CallbackFilter,
    ) -> Result<Page<Callback>, StoreError> {
        let (limit, fetch) = cursor::limits(filter.limit);
        let after: Option<(DateTime<Utc>, Uuid)> = cursor::decode(filter.cursor.as_deref())?;
        let items = self
            .list(
                tenant,
                LIST,
                args![
                    tenant,
                    filter.status,
                    filter.agent,
                    filter.lead,
                    filter.from,
                    filter.to,
                    after.map(|a| a.0),
                    after.map(|a| a.1),
                    fetch,
                    filter.team_of
                ],
                callback,
            )
            .await?;
        Ok(cursor::page(items, limit, |c| (c.due_at, c.id)))
    }

    /// Moves or closes a promise; the lead's next call follows. `None` where there is no such.
    pub async fn callback_update(
        &self,
        tenant: TenantId,
        id: CallbackId,
        due_at: Option<DateTime<Utc>>,
        status: Option<CallbackStatus>,
        now: DateTime<Utc>,
    ) -> Result<Option<Callback>, StoreError> {
        let mut tx = self.write(tenant).await?;
        let Some(old) = tx.find(FIND, args![tenant, id], callback).await? else {
            return Ok(None);
        };
        tx.run(
            "UPDATE callbacks SET due_at = $3, status = $4, updated_at = $5
             WHERE tenant_id = $1 AND id = $2",
            args![tenant, id, due_at.unwrap_or(old.due_at), status.unwrap_or(old.status), now],
        )
        .await?;
        next_promise_in_tx(&mut tx, tenant, old.lead, now).await?;
        let made = tx.find(FIND, args![tenant, id], callback).await?;
        tx.commit().await?;
        Ok(made)
    }
}

/// The lead's next call is its earliest open promise; without one it goes back to follow-up.
async fn next_promise_in_tx(
    tx: &mut Tx,
    tenant: TenantId,
    lead: LeadId,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    let next = tx
        .find(
            "SELECT due_at FROM callbacks
             WHERE tenant_id = $1 AND lead_id = $2 AND status = 'pending'
             ORDER BY due_at LIMIT 1",
            args![tenant, lead],
            |row| row.col::<DateTime<Utc>>("due_at"),
        )
        .await?;
    tx.run(
        "UPDATE leads SET next_call_at = $3, updated_at = $4,
                category = CASE WHEN $3 IS NOT NULL THEN 'callback'
                                WHEN attempts = 0 THEN 'fresh' ELSE 'follow_up' END
         WHERE tenant_id = $1 AND id = $2
           AND ($3 IS NOT NULL OR category = 'callback')",
        args![tenant, lead, next, now],
    )
    .await?;
    Ok(())
}

pub(super) async fn callback_insert_in_tx(
    tx: &mut Tx,
    tenant: TenantId,
    new: &NewCallback,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    tx.run(
        "INSERT INTO callbacks (id, tenant_id, lead_id, call_id, agent_id, due_at, note, status,
                                created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', $8, $8)",
        args![new.id, tenant, new.lead, new.call, new.agent, new.due_at, new.note.clone(), now],
    )
    .await?;
    Ok(())
}

/// Closes every open promise to a lead.
pub(super) async fn callbacks_close_in_tx(
    tx: &mut Tx,
    tenant: TenantId,
    lead: LeadId,
    status: CallbackStatus,
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    tx.run(
        "UPDATE callbacks SET status = $3, updated_at = $4
         WHERE tenant_id = $1 AND lead_id = $2 AND status = 'pending'",
        args![tenant, lead, status, now],
    )
    .await?;
    Ok(())
}
