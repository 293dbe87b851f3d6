//! `call_events`: the journal's table, and what an ended call changes elsewhere.

use super::{Page, Row, Scope, Store, StoreError, Tx, args, cursor, tenants::document};
use call::{CallEvent, CallId, TenantId};
use chrono::{DateTime, Utc};

/// An event with its place in the journal.
pub(crate) fn stored_event(row: &Row) -> Result<(i64, DateTime<Utc>, CallEvent), StoreError> {
    Ok((row.col("seq")?, row.col("at")?, row.json("body")?))
}

/// The word an event's kind is stored under: serde's own tag.
fn kind_word(body: &serde_json::Value) -> String {
    body.get("kind").and_then(|k| k.as_str()).unwrap_or("unknown").to_owned()
}

/// Takes the order of the journal: on PostgreSQL several processes append, and a reader must
/// never see a later `seq` before an earlier one.
pub(crate) async fn journal_order_in_tx(tx: &mut Tx) -> Result<(), StoreError> {
    if tx.is_postgres() {
        tx.run("SELECT pg_advisory_xact_lock(hashtext('telehub/journal'))", args![]).await?;
    }
    Ok(())
}

/// Appends one event; `None` where this very event is there already (a replay).
pub(crate) async fn call_event_append_in_tx(
    tx: &mut Tx,
    n: i64,
    at: DateTime<Utc>,
    event: &CallEvent,
) -> Result<Option<i64>, StoreError> {
    let body = document(event)?;
    let kind = kind_word(&body);
    tx.find(
        "INSERT INTO call_events (tenant_id, call_id, n, at, kind, body)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (call_id, n) DO NOTHING RETURNING seq",
        args![event.tenant, event.call, n, at, kind, body],
        |row| row.col("seq"),
    )
    .await
}

/// Where an event is that was there already.
pub(crate) async fn call_event_place_in_tx(
    tx: &mut Tx,
    call: CallId,
    n: i64,
) -> Result<i64, StoreError> {
    tx.find("SELECT seq FROM call_events WHERE call_id = $1 AND n = $2", args![call, n], |row| {
        row.col("seq")
    })
    .await?
    .ok_or_else(|| StoreError::Corrupt("an event is neither new nor there".into()))
}

/// What an ended call changes beside its own row: the person's attempts, the claim on them.
pub(crate) async fn call_ended_in_tx(
    tx: &mut Tx,
    record: &call::CallRecord,
    at: DateTime<Utc>,
) -> Result<(), StoreError> {
    let tenant = record.tenant_id;
    tx.run(
        "DELETE FROM dial_claims WHERE tenant_id = $1 AND call_id = $2",
        args![tenant, record.id],
    )
    .await?;
    let Some(lead) = record.lead_id else { return Ok(()) };
    let outbound = record.direction == Some(call::Direction::Outbound);
    let spoken = record.answered_at_ms.is_some();
    tx.run(
        "UPDATE leads SET attempts = attempts + $3,
                last_contact_at = CASE WHEN $4 THEN $5 ELSE last_contact_at END,
                category = CASE WHEN category = 'fresh' AND $6
                                THEN CASE WHEN $4 THEN 'follow_up' ELSE 'retry' END
                                ELSE category END,
                updated_at = $5
         WHERE tenant_id = $1 AND id = $2",
        args![tenant, lead, i64::from(outbound), spoken, at, outbound],
    )
    .await?;
    Ok(())
}

impl Store {
    /// Events of a call in order.
    pub async fn call_events(
        &self,
        tenant: TenantId,
        call: CallId,
    ) -> Result<Vec<(i64, DateTime<Utc>, CallEvent)>, StoreError> {
        self.list(
            tenant,
            "SELECT seq, at, body FROM call_events WHERE tenant_id = $1 AND call_id = $2
             ORDER BY n",
            args![tenant, call],
            stored_event,
        )
        .await
    }

    /// Events of a call after a place in the journal, a page at a time.
    pub async fn call_events_page(
        &self,
        tenant: TenantId,
        call: CallId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<(i64, DateTime<Utc>, CallEvent)>, StoreError> {
        let after = cursor::decode::<i64>(cursor)?.unwrap_or(0);
        let (keep, fetch) = cursor::limits(limit);
        let items = self
            .list(
                tenant,
                "SELECT seq, at, body FROM call_events
                 WHERE tenant_id = $1 AND call_id = $2 AND seq > $3 ORDER BY seq LIMIT $4",
                args![tenant, call, after, fetch],
                stored_event,
            )
            .await?;
        Ok(cursor::page(items, keep, |(seq, ..)| *seq))
    }

    /// Events of every tenant after a place in the journal.
    pub async fn platform_events_after(
        &self,
        seq: i64,
        limit: u32,
    ) -> Result<Vec<(i64, DateTime<Utc>, CallEvent)>, StoreError> {
        self.list(
            Scope::Platform,
            "SELECT seq, at, body FROM call_events WHERE seq > $1 ORDER BY seq LIMIT $2",
            args![seq, limit],
            stored_event,
        )
        .await
    }

    /// The last place in the journal; 0 while it is empty.
    pub async fn platform_last_seq(&self) -> Result<i64, StoreError> {
        let last = self
            .find(
                Scope::Platform,
                "SELECT COALESCE(MAX(seq), 0) AS seq FROM call_events",
                args![],
                |row| row.col("seq"),
            )
            .await?;
        Ok(last.unwrap_or(0))
    }
}
