//! After a crash: calls that never ended are ended, once, with what is known (H01).

use super::ledger::{Ledger, unix_ms};
use crate::{Store, StoreError};
use call::{
    CallEvent, CallEventKind, CallId, CallRecord, CauseKind, EVENT_VERSION, EndedBy, HangupCause,
    LegStatus, NodeId, RecordingId, RecordingStatus, TenantId,
};
use chrono::{DateTime, Utc};

/// A call that was closed after a crash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// Whose.
    pub tenant: TenantId,
    /// Which.
    pub call: CallId,
    /// When it must have ended.
    pub at: DateTime<Utc>,
}

/// Ends every call of a node that has no end yet. `salvaged` tells, for a call, how much audio
/// was found in the spool and when it was last written: the best guess of the call's end. Run
/// before the journal starts.
pub async fn close_interrupted_calls(
    store: &Store,
    node: NodeId,
    only: Option<NodeId>,
    salvaged: impl Fn(TenantId, CallId) -> Option<(u64, DateTime<Utc>)>,
) -> Result<Vec<Closed>, StoreError> {
    let mut closed = Vec::new();
    for (tenant, call) in store.platform_calls_open(only).await? {
        let events = store.call_events(tenant, call).await?;
        let Some(last_at) = events.iter().map(|(_, at, _)| *at).max() else { continue };
        let mut record = CallRecord::new(tenant, call);
        for (_, at, event) in &events {
            record.apply(event, unix_ms(*at));
        }
        let audio = salvaged(tenant, call);
        let at = audio.map_or(last_at, |(_, written)| written.max(last_at));
        let mut ledger = Ledger::new(node);
        let mut batch = Vec::new();
        for kind in closing_events(&record, audio.map(|(length, _)| length)) {
            let event = CallEvent { v: EVENT_VERSION, tenant, call, kind };
            batch.push(ledger.number(store, at, event).await.map_err(|(_, error)| error)?);
        }
        ledger.mark_recovered(call);
        ledger.write(store, &batch).await?;
        tracing::warn!(call.id = %call, "a call was open when the process stopped; it is closed now");
        closed.push(Closed { tenant, call, at });
    }
    Ok(closed)
}

/// What is missing to a record that broke off.
fn closing_events(record: &CallRecord, audio_ms: Option<u64>) -> Vec<CallEventKind> {
    let cause = HangupCause::new(EndedBy::System, CauseKind::Interrupted);
    let mut kinds = Vec::new();
    let recording_ran = record
        .recording
        .as_ref()
        .is_some_and(|r| matches!(r.status, RecordingStatus::Recording | RecordingStatus::Paused));
    if recording_ran || (record.recording.is_none() && audio_ms.is_some()) {
        let recording = RecordingId::of(record.id);
        kinds.push(match audio_ms {
            Some(duration_ms) => CallEventKind::RecordingStopped { recording, duration_ms },
            None => CallEventKind::RecordingFailed {
                recording,
                error: "no audio was found after the process stopped".into(),
            },
        });
    }
    for leg in record.legs.iter().filter(|leg| leg.status != LegStatus::Ended) {
        kinds.push(CallEventKind::LegEnded { leg: leg.leg, cause, quality: None });
    }
    kinds.push(CallEventKind::Ended {
        cause,
        suggested_disposition: cause.suggested_disposition().map(str::to_owned),
    });
    kinds
}
