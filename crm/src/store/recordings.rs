//! `recordings`.

use super::{ManyRows, Row, Scope, Store, StoreError, Tx, Val, args, events::AppendedEvent};
use crate::calls::{Recording, RecordingState};
use call::{CallEventKind, CallId, Direction, RecordingId, TenantId};
use chrono::{DateTime, TimeDelta, Utc};
use std::collections::BTreeMap;

fn recording(row: &Row) -> Result<Recording, StoreError> {
    let natural = |name| row.col::<i64>(name).map(|n| u64::try_from(n).unwrap_or(0));
    Ok(Recording {
        id: row.id("id")?,
        call: row.id("call_id")?,
        state: row.word("state")?,
        recovered: row.col("recovered")?,
        duration_ms: natural("duration_ms")?,
        bytes: natural("bytes")?,
        sha256: row.col("sha256")?,
        object_key: row.col("object_key")?,
        error: row.col("error")?,
        started_at: row.col("started_at")?,
        stopped_at: row.col("stopped_at")?,
        stored_at: row.col("stored_at")?,
    })
}

/// What is known once the audio lies encrypted and verified in the store.
#[derive(Clone, Debug)]
pub(crate) struct StoredAudio {
    pub(crate) key: String,
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
    pub(crate) duration_ms: u64,
    pub(crate) peaks: serde_json::Value,
}

impl Store {
    /// The recording of a call.
    pub async fn recording_find(
        &self,
        tenant: TenantId,
        call: CallId,
    ) -> Result<Option<Recording>, StoreError> {
        self.find(
            tenant,
            "SELECT * FROM recordings WHERE tenant_id = $1 AND call_id = $2",
            args![tenant, call],
            recording,
        )
        .await
    }

    /// The waveform computed when the recording was stored.
    pub async fn recording_peaks(
        &self,
        tenant: TenantId,
        call: CallId,
    ) -> Result<Option<serde_json::Value>, StoreError> {
        let peaks = self
            .find(
                tenant,
                "SELECT peaks FROM recordings WHERE tenant_id = $1 AND call_id = $2",
                args![tenant, call],
                |row| row.col::<Option<serde_json::Value>>("peaks"),
            )
            .await?;
        Ok(peaks.flatten())
    }

    /// Recordings that are not in the store yet, of every tenant; for the keeper.
    pub async fn platform_recordings_unstored(
        &self,
    ) -> Result<Vec<(TenantId, Recording)>, StoreError> {
        self.list(
            Scope::Platform,
            "SELECT * FROM recordings
             WHERE state IN ('expected', 'recording', 'paused', 'storing') ORDER BY started_at",
            args![],
            |row| Ok((row.id("tenant_id")?, recording(row)?)),
        )
        .await
    }

    /// The objects of every stored recording, for backups: tenant, call, key, hash.
    pub async fn platform_recording_objects(
        &self,
    ) -> Result<Vec<(TenantId, CallId, String, String)>, StoreError> {
        self.list(
            Scope::Platform,
            "SELECT tenant_id, call_id, object_key, COALESCE(sha256, '') AS sha256
             FROM recordings WHERE object_key IS NOT NULL ORDER BY started_at, id",
            args![],
            |row| {
                Ok((
                    row.id("tenant_id")?,
                    row.id("call_id")?,
                    row.col("object_key")?,
                    row.col("sha256")?,
                ))
            },
        )
        .await
    }

    /// Calls whose recording is complete and began before a moment, oldest first.
    pub(crate) async fn recordings_older(
        &self,
        tenant: TenantId,
        before: DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<CallId>, StoreError> {
        self.list(
            tenant,
            "SELECT call_id FROM recordings
             WHERE tenant_id = $1 AND state IN ('ready', 'failed') AND started_at < $2
             ORDER BY started_at LIMIT $3",
            args![tenant, before, limit],
            |row| row.id("call_id"),
        )
        .await
    }

    pub(crate) async fn recording_stored(
        &self,
        tenant: TenantId,
        call: CallId,
        audio: &StoredAudio,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.run(
            tenant,
            "UPDATE recordings SET state = 'ready', object_key = $3, bytes = $4, sha256 = $5,
                    duration_ms = $6, peaks = $7, stored_at = $8,
                    stopped_at = COALESCE(stopped_at, $8), error = NULL
             WHERE tenant_id = $1 AND call_id = $2",
            args![
                tenant,
                call,
                &audio.key,
                i64::try_from(audio.bytes).unwrap_or(i64::MAX),
                &audio.sha256,
                i64::try_from(audio.duration_ms).unwrap_or(i64::MAX),
                audio.peaks.clone(),
                now
            ],
        )
        .await?;
        Ok(())
    }

    pub(crate) async fn recording_failed(
        &self,
        tenant: TenantId,
        call: CallId,
        error: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.run(
            tenant,
            "UPDATE recordings SET state = 'failed', error = $3,
                    stopped_at = COALESCE(stopped_at, $4)
             WHERE tenant_id = $1 AND call_id = $2 AND state <> 'ready'",
            args![tenant, call, error, now],
        )
        .await?;
        Ok(())
    }

    /// The file was repaired after a crash, or its call closed by us.
    pub(crate) async fn recording_mark_recovered(
        &self,
        tenant: TenantId,
        call: CallId,
    ) -> Result<(), StoreError> {
        self.run(
            tenant,
            "UPDATE recordings SET recovered = TRUE,
                    state = CASE WHEN state IN ('expected', 'recording', 'paused')
                                 THEN 'storing' ELSE state END
             WHERE tenant_id = $1 AND call_id = $2",
            args![tenant, call],
        )
        .await?;
        Ok(())
    }

    /// The audio is gone on purpose; the call stays.
    pub(crate) async fn recording_deleted(
        &self,
        tenant: TenantId,
        call: CallId,
    ) -> Result<(), StoreError> {
        self.run(
            tenant,
            "DELETE FROM recordings WHERE tenant_id = $1 AND call_id = $2",
            args![tenant, call],
        )
        .await?;
        Ok(())
    }
}

static FOLD: ManyRows = ManyRows::new(
    "INSERT INTO recordings AS r (id, tenant_id, call_id, state, duration_ms, error, started_at,
                                  stopped_at) VALUES",
    8,
    "ON CONFLICT (call_id) DO UPDATE SET state = excluded.state,
         duration_ms = excluded.duration_ms, error = excluded.error,
         started_at = CASE WHEN r.state = 'expected' THEN excluded.started_at
                           ELSE r.started_at END,
         stopped_at = excluded.stopped_at
     WHERE r.tenant_id = excluded.tenant_id AND r.state <> 'ready'",
);
static UNEXPECT: ManyRows = ManyRows::new(
    "DELETE FROM recordings WHERE state = 'expected' AND (tenant_id, call_id) IN (VALUES",
    2,
    ")",
);

/// What some events of one call, in order, say about its recording.
struct Move {
    tenant: TenantId,
    state: RecordingState,
    duration_ms: u64,
    error: Option<String>,
    /// Since when it is in a state other than expected, or expected.
    since: DateTime<Utc>,
    stopped: Option<DateTime<Utc>>,
}

/// What an event says about the recording.
fn told(kind: &CallEventKind) -> Option<(RecordingState, u64, Option<String>)> {
    match kind {
        // Calls between colleagues are not recorded, so nothing is expected of them.
        CallEventKind::Started { direction: Direction::Internal, .. } => None,
        CallEventKind::Started { .. } => Some((RecordingState::Expected, 0, None)),
        CallEventKind::RecordingStarted { .. } => Some((RecordingState::Recording, 0, None)),
        CallEventKind::RecordingPaused { paused: true, .. } => {
            Some((RecordingState::Paused, 0, None))
        }
        CallEventKind::RecordingPaused { paused: false, .. } => {
            Some((RecordingState::Recording, 0, None))
        }
        CallEventKind::RecordingStopped { duration_ms, .. } => {
            Some((RecordingState::Storing, *duration_ms, None))
        }
        CallEventKind::RecordingFailed { error, .. } => {
            Some((RecordingState::Failed, 0, Some(error.clone())))
        }
        CallEventKind::LegStarted { .. }
        | CallEventKind::LegRinging { .. }
        | CallEventKind::LegAnswered { .. }
        | CallEventKind::Answered { .. }
        | CallEventKind::Bridged { .. }
        | CallEventKind::Transferred { .. }
        | CallEventKind::Held { .. }
        | CallEventKind::Resumed { .. }
        | CallEventKind::Muted { .. }
        | CallEventKind::DtmfReceived { .. }
        | CallEventKind::Announced { .. }
        | CallEventKind::ConsentDecided { .. }
        | CallEventKind::TrunkFailed { .. }
        | CallEventKind::LegEnded { .. }
        | CallEventKind::Ended { .. }
        | CallEventKind::LeadFound { .. }
        | CallEventKind::Gap { .. } => None,
    }
}

/// Since when a recording is: the file begins with the silence since the answer.
fn began_at(at: DateTime<Utc>, kind: &CallEventKind) -> DateTime<Utc> {
    if let CallEventKind::RecordingStarted { silence_ms, .. } = kind {
        at - TimeDelta::milliseconds(i64::from(*silence_ms))
    } else {
        at
    }
}

/// The row is there before the first packet; later events move its state on, never back from
/// the store. Several moves of one recording are one.
pub(crate) async fn recordings_fold_in_tx(
    tx: &mut Tx,
    events: &[&AppendedEvent],
) -> Result<(), StoreError> {
    let mut moves: BTreeMap<CallId, Move> = BTreeMap::new();
    for AppendedEvent { at, event, .. } in events {
        let Some((state, duration_ms, error)) = told(&event.kind) else { continue };
        let stopped =
            matches!(state, RecordingState::Storing | RecordingState::Failed).then_some(*at);
        let before = moves.get(&event.call);
        let began = before.filter(|before| before.state != RecordingState::Expected);
        let since = began.map_or_else(|| began_at(*at, &event.kind), |before| before.since);
        let next = Move { tenant: event.tenant, state, duration_ms, error, since, stopped };
        moves.insert(event.call, next);
    }
    let row = |(call, to): (CallId, Move)| {
        args![
            RecordingId::of(call),
            to.tenant,
            call,
            to.state,
            i64::try_from(to.duration_ms).unwrap_or(i64::MAX),
            to.error,
            to.since,
            to.stopped
        ]
    };
    tx.run_many(&FOLD, moves.into_iter().map(row).collect()).await?;
    Ok(())
}

/// The call was closed by us after a crash, and so was its recording.
pub(crate) async fn recording_recovered_in_tx(
    tx: &mut Tx,
    tenant: TenantId,
    call: CallId,
) -> Result<(), StoreError> {
    tx.run(
        "UPDATE recordings SET recovered = TRUE WHERE tenant_id = $1 AND call_id = $2",
        args![tenant, call],
    )
    .await?;
    Ok(())
}

/// These calls (tenant, call) ended without a recording having begun: there is nothing to
/// expect any more.
pub(crate) async fn recordings_unexpect_in_tx(
    tx: &mut Tx,
    calls: Vec<Vec<Val>>,
) -> Result<(), StoreError> {
    tx.run_many(&UNEXPECT, calls).await?;
    Ok(())
}
