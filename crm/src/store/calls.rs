//! `calls`: the fold of the journal, read with outcome, recording and names.

use super::{
    ManyRows, Page, Row, Scope, Store, StoreError, Tx, Val, args, cursor, teams::team_of,
    tenants::document,
};
use crate::{
    calls::{
        Call, CallFilter, CallQuality, Recording, direction_of, direction_word, status_of,
        status_word,
    },
    dispositions::CallDisposition,
};
use call::{CallId, CallRecord, Direction, NodeId, TenantId, UserId};
use chrono::{DateTime, Utc};
use uuid::Uuid;

macro_rules! call_query {
    ($($rest:expr),+) => {
        concat!(
            "SELECT c.*, l.name AS lead_name, u.name AS agent_name, e.number AS extension_number,
                    n.body AS note,
                    d.id AS d_id, d.agent_id AS d_agent, d.lead_id AS d_lead,
                    d.disposition_code AS d_code, d.sub_disposition AS d_sub, d.notes AS d_notes,
                    d.callback_scheduled_at AS d_callback, d.next_action AS d_action,
                    d.edited_by AS d_edited, d.created_at AS d_created, d.updated_at AS d_updated,
                    r.id AS r_id, r.state AS r_state, r.recovered AS r_recovered,
                    r.duration_ms AS r_duration, r.bytes AS r_bytes, r.sha256 AS r_sha256,
                    r.object_key AS r_key, r.error AS r_error, r.started_at AS r_started,
                    r.stopped_at AS r_stopped, r.stored_at AS r_stored
             FROM calls c
             LEFT JOIN leads l ON l.tenant_id = c.tenant_id AND l.id = c.lead_id
             LEFT JOIN users u ON u.tenant_id = c.tenant_id AND u.id = c.telecaller_id
             LEFT JOIN extensions e ON e.tenant_id = c.tenant_id AND e.id = c.extension_id
             LEFT JOIN notes n ON n.tenant_id = c.tenant_id AND n.call_id = c.id
                              AND n.id = c.note_id
             LEFT JOIN call_dispositions d ON d.tenant_id = c.tenant_id AND d.call_id = c.id
             LEFT JOIN recordings r ON r.tenant_id = c.tenant_id AND r.call_id = c.id ",
            $($rest),+
        )
    };
}

pub(super) const OF_LEAD_BEFORE: &str = call_query!(
    "WHERE c.tenant_id = $1 AND c.lead_id = $2
       AND ($3 IS NULL OR c.started_at < $3 OR (c.started_at = $3 AND c.id < $4))
     ORDER BY c.started_at DESC, c.id DESC LIMIT $5"
);
const FIND: &str = call_query!("WHERE c.tenant_id = $1 AND c.id = $2");
macro_rules! call_filter {
    ($before:expr, $after:literal) => {
        concat!(
            $before,
            "WHERE c.tenant_id = $1
               AND ($2 IS NULL OR c.direction = $2)
               AND ($3 IS NULL OR c.status = $3)
               AND ($4 IS NULL OR c.telecaller_id = $4
                    OR (c.telecaller_id IS NULL AND c.status = 'missed'
                        AND (l.assigned_to = $4
                             OR EXISTS (SELECT 1 FROM numbers m
                                        JOIN extensions o ON o.tenant_id = m.tenant_id
                                                         AND o.id = m.destination_id
                                        WHERE m.tenant_id = c.tenant_id AND m.id = c.number_id
                                          AND o.user_id = $4))))
               AND ($5 IS NULL OR c.lead_id = $5)
               AND ($6 IS NULL OR d.disposition_code = $6)
               AND ($7 IS NULL OR $7 = (c.ended_at IS NOT NULL AND c.telecaller_id IS NOT NULL
                                        AND d.id IS NULL AND c.direction <> 'internal'))
               AND (NOT $8 OR c.ended_at IS NULL)
               AND ($9 IS NULL OR c.started_at >= $9)
               AND ($10 IS NULL OR c.started_at < $10)
               AND ($11 IS NULL OR c.telecaller_id IS NULL OR c.telecaller_id IN ",
            team_of!("$11"),
            ") ",
            $after
        )
    };
}

const LIST: &str = call_filter!(
    call_query!(""),
    "AND ($12 IS NULL OR c.started_at < $12 OR (c.started_at = $12 AND c.id < $13))
     ORDER BY c.started_at DESC, c.id DESC LIMIT $14"
);
const COUNTED: &str = call_filter!(
    "SELECT COUNT(*) AS n FROM (SELECT c.id FROM calls c
     LEFT JOIN leads l ON l.tenant_id = c.tenant_id AND l.id = c.lead_id
     LEFT JOIN call_dispositions d ON d.tenant_id = c.tenant_id AND d.call_id = c.id ",
    "LIMIT $12) counted"
);

fn filter_args(tenant: TenantId, filter: &CallFilter) -> Vec<Val> {
    args![
        tenant,
        filter.direction.map(direction_word),
        filter.status.map(status_word),
        filter.agent,
        filter.lead,
        filter.disposition.clone(),
        filter.pending_outcome,
        filter.live,
        filter.from,
        filter.to,
        filter.team_of
    ]
}

pub(super) fn call(row: &Row) -> Result<Call, StoreError> {
    let direction: String = row.col("direction")?;
    let status: String = row.col("status")?;
    let id: CallId = row.id("id")?;
    Ok(Call {
        id,
        tenant: row.id("tenant_id")?,
        direction: direction_of(&direction).ok_or(StoreError::Corrupt(direction))?,
        status: status_of(&status).ok_or(StoreError::Corrupt(status))?,
        from: row.col("from_number")?,
        to: row.col("to_number")?,
        lead: row.id_opt("lead_id")?,
        lead_name: row.col("lead_name")?,
        agent: row.id_opt("telecaller_id")?,
        agent_name: row.col("agent_name")?,
        extension: row.id_opt("extension_id")?,
        extension_number: row.col("extension_number")?,
        trunk: row.id_opt("trunk_id")?,
        number: row.id_opt("number_id")?,
        campaign: row.id_opt("campaign_id")?,
        started_at: row.col("started_at")?,
        answered_at: row.col("answered_at")?,
        ended_at: row.col("ended_at")?,
        duration_ms: natural(row.col("duration_ms")?),
        hangup_cause: row.json_opt("hangup_cause")?,
        suggested_disposition: row.col("suggested_disposition")?,
        quality: row.json("quality")?,
        carrier_refs: row.json("carrier_refs")?,
        recovered: row.col("recovered")?,
        disposition: joined_disposition(row, id)?,
        recording: joined_recording(row, id)?,
        note: row.col("note")?,
    })
}

fn natural(n: i64) -> u64 {
    u64::try_from(n).unwrap_or(0)
}

fn joined_disposition(row: &Row, call: CallId) -> Result<Option<CallDisposition>, StoreError> {
    let Some(id) = row.id_opt("d_id")? else { return Ok(None) };
    Ok(Some(CallDisposition {
        id,
        call,
        lead: row.id_opt("d_lead")?,
        agent: row.id("d_agent")?,
        code: row.col("d_code")?,
        sub_code: row.col("d_sub")?,
        notes: row.col("d_notes")?,
        callback_at: row.col("d_callback")?,
        next_action: row.word("d_action")?,
        edited_by: row.id_opt("d_edited")?,
        created_at: row.col("d_created")?,
        updated_at: row.col("d_updated")?,
    }))
}

fn joined_recording(row: &Row, call: CallId) -> Result<Option<Recording>, StoreError> {
    let Some(id) = row.id_opt("r_id")? else { return Ok(None) };
    Ok(Some(Recording {
        id,
        call,
        state: row.word("r_state")?,
        recovered: row.col("r_recovered")?,
        duration_ms: natural(row.col("r_duration")?),
        bytes: natural(row.col("r_bytes")?),
        sha256: row.col("r_sha256")?,
        object_key: row.col("r_key")?,
        error: row.col("r_error")?,
        started_at: row.col("r_started")?,
        stopped_at: row.col("r_stopped")?,
        stored_at: row.col("r_stored")?,
    }))
}

impl Store {
    /// One call.
    pub async fn call_find(
        &self,
        tenant: TenantId,
        id: CallId,
    ) -> Result<Option<Call>, StoreError> {
        self.find(tenant, FIND, args![tenant, id], call).await
    }

    /// A call nobody took that was this user's to take: it rang at their number, or it is their
    /// lead who called.
    pub async fn call_missed_by(
        &self,
        tenant: TenantId,
        id: CallId,
        user: UserId,
    ) -> Result<bool, StoreError> {
        let found = self
            .find(
                tenant,
                "SELECT c.id FROM calls c
                 LEFT JOIN leads l ON l.tenant_id = c.tenant_id AND l.id = c.lead_id
                 LEFT JOIN numbers m ON m.tenant_id = c.tenant_id AND m.id = c.number_id
                 LEFT JOIN extensions o ON o.tenant_id = m.tenant_id AND o.id = m.destination_id
                 WHERE c.tenant_id = $1 AND c.id = $2 AND c.telecaller_id IS NULL
                   AND c.status = 'missed' AND (l.assigned_to = $3 OR o.user_id = $3)",
                args![tenant, id, user],
                |row| row.id::<CallId>("id"),
            )
            .await?;
        Ok(found.is_some())
    }

    /// Calls, newest first. An agent's are those they had and those they missed.
    pub async fn call_list(
        &self,
        tenant: TenantId,
        filter: &CallFilter,
    ) -> Result<Page<Call>, StoreError> {
        let (limit, fetch) = cursor::limits(filter.limit);
        let after: Option<(DateTime<Utc>, Uuid)> = cursor::decode(filter.cursor.as_deref())?;
        let mut args = filter_args(tenant, filter);
        args.extend(args![after.map(|a| a.0), after.map(|a| a.1), fetch]);
        let items = self.list(tenant, LIST, args, call).await?;
        Ok(cursor::page(items, limit, |c| (c.started_at, c.id)))
    }

    /// How many calls a filter finds, counting no further than `most`.
    pub async fn call_count(
        &self,
        tenant: TenantId,
        filter: &CallFilter,
        most: u32,
    ) -> Result<u32, StoreError> {
        let mut args = filter_args(tenant, filter);
        args.extend(args![most]);
        let found = self.find(tenant, COUNTED, args, |row| row.col::<i64>("n")).await?;
        Ok(found.and_then(|n| u32::try_from(n).ok()).unwrap_or(0))
    }

    /// Calls of an agent that are over and still want an outcome, oldest first.
    pub async fn call_pending_outcomes(
        &self,
        tenant: TenantId,
        agent: UserId,
    ) -> Result<Vec<CallId>, StoreError> {
        self.list(
            tenant,
            "SELECT c.id FROM calls c
             LEFT JOIN call_dispositions d ON d.tenant_id = c.tenant_id AND d.call_id = c.id
             WHERE c.tenant_id = $1 AND c.telecaller_id = $2 AND c.ended_at IS NOT NULL
               AND c.direction <> 'internal' AND d.id IS NULL
             ORDER BY c.started_at LIMIT 100",
            args![tenant, agent],
            |row| row.id("id"),
        )
        .await
    }

    /// Whether anybody has a call of this id: who asks for a call may choose it.
    pub async fn platform_call_id_taken(&self, id: CallId) -> Result<bool, StoreError> {
        let found =
            self.find(Scope::Platform, "SELECT id FROM calls WHERE id = $1", args![id], |row| {
                row.id::<CallId>("id")
            });
        Ok(found.await?.is_some())
    }

    /// Calls of a node that never ended: left over from a crash.
    pub async fn platform_calls_open(
        &self,
        node: Option<NodeId>,
    ) -> Result<Vec<(TenantId, CallId)>, StoreError> {
        self.list(
            Scope::Platform,
            "SELECT tenant_id, id FROM calls
             WHERE ended_at IS NULL AND ($1 IS NULL OR node_id = $1) ORDER BY started_at",
            args![node],
            |row| Ok((row.id("tenant_id")?, row.id("id")?)),
        )
        .await
    }
}

static FOLD: ManyRows = ManyRows::new(
    "INSERT INTO calls AS c (id, tenant_id, node_id, note_id, direction, status,
         from_number, to_number, lead_id, telecaller_id, extension_id, trunk_id, number_id,
         campaign_id, started_at, answered_at, ended_at, duration_ms, hangup_cause, suggested_disposition,
         quality, carrier_refs, recovered)
     VALUES",
    23,
    "ON CONFLICT (id) DO UPDATE SET status = excluded.status, direction = excluded.direction,
         from_number = excluded.from_number, to_number = excluded.to_number,
         lead_id = excluded.lead_id, telecaller_id = excluded.telecaller_id,
         extension_id = excluded.extension_id, trunk_id = excluded.trunk_id,
         number_id = excluded.number_id, campaign_id = excluded.campaign_id,
         answered_at = excluded.answered_at, ended_at = excluded.ended_at,
         duration_ms = excluded.duration_ms, hangup_cause = excluded.hangup_cause,
         suggested_disposition = excluded.suggested_disposition, quality = excluded.quality,
         carrier_refs = excluded.carrier_refs, recovered = excluded.recovered
     WHERE c.tenant_id = excluded.tenant_id",
);

/// The values of a call's row; equal ones need not be written again.
pub(crate) type CallRow = Vec<Val>;

fn moment(ms: Option<u64>) -> Option<DateTime<Utc>> {
    ms.and_then(|ms| i64::try_from(ms).ok()).and_then(DateTime::from_timestamp_millis)
}

/// The row that a fold amounts to.
pub(crate) fn call_row(
    node: NodeId,
    record: &CallRecord,
    first_event_at: DateTime<Utc>,
    recovered: bool,
) -> Result<CallRow, StoreError> {
    let quality: Vec<CallQuality> = record
        .legs
        .iter()
        .filter_map(|leg| Some(CallQuality { role: leg.role, quality: leg.quality.clone()? }))
        .collect();
    let duration_ms = match (record.answered_at_ms, record.ended_at_ms) {
        (Some(answered), Some(ended)) => ended.saturating_sub(answered),
        (None, _) | (_, None) => 0,
    };
    let cause = record.hangup_cause.as_ref().map(document).transpose()?;
    Ok(args![
        record.id,
        record.tenant_id,
        node,
        crate::NoteId::of(record.id),
        direction_word(record.direction.unwrap_or(Direction::Outbound)),
        status_word(record.status),
        &record.from,
        &record.to,
        record.lead_id,
        record.agent_id,
        record.extension_id,
        record.trunk_id,
        record.number_id,
        record.campaign_id,
        moment(record.started_at_ms).unwrap_or(first_event_at),
        moment(record.answered_at_ms),
        moment(record.ended_at_ms),
        i64::try_from(duration_ms).unwrap_or(i64::MAX),
        cause,
        record.suggested_disposition.clone(),
        document(&quality)?,
        document(&record.carrier_refs)?,
        recovered
    ])
}

/// Writes the folds of calls.
pub(crate) async fn calls_fold_in_tx(tx: &mut Tx, rows: Vec<CallRow>) -> Result<(), StoreError> {
    tx.run_many(&FOLD, rows).await?;
    Ok(())
}
