//! After a crash: calls that never ended are ended, once, with what is known (H01).

use super::{
    ledger::{Ledger, Numbered, unix_ms},
    writer::write_or_drop,
};
use crate::{Store, StoreError};
use call::{
    CallEvent, CallEventKind, CallId, CallRecord, CauseKind, Direction, EVENT_VERSION, EndedBy,
    HangupCause, LegEndpoint, LegRole, LegStatus, NodeId, RecordingId, RecordingStatus, TenantId,
};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::Arc;

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
        let mut kinds = Vec::new();
        kinds.extend(untold_answer(&record, &events, audio));
        let closing = closing_events(&record, audio.map(|(length, _)| length));
        kinds.extend(closing.into_iter().map(|kind| (at, kind)));
        write_closing(store, node, tenant, call, kinds).await?;
        tracing::warn!(call.id = %call, "a call was open when the process stopped; it is closed now");
        closed.push(Closed { tenant, call, at });
    }
    Ok(closed)
}

/// Makes the row of a call of which only the recording is left. Who called whom is not known.
pub(crate) async fn adopt_recording(
    store: &Store,
    node: NodeId,
    (tenant, call): (TenantId, CallId),
    duration_ms: u64,
    written: DateTime<Utc>,
) -> Result<(), StoreError> {
    let begun = begun(duration_ms, written);
    let started = CallEventKind::Started {
        direction: Direction::Inbound,
        from: String::new(),
        to: String::new(),
        lead: None,
        agent: None,
        extension: None,
        trunk: None,
        number: None,
        campaign: None,
        carrier_refs: Vec::new(),
    };
    let answered = CallEventKind::Answered { agent: None, extension: None, trunk: None };
    let recording = RecordingId::of(call);
    let recorded = CallEventKind::RecordingStarted { recording, silence_ms: 0 };
    let mut kinds = vec![(begun, started), (begun, answered), (begun, recorded)];
    let closing = closing_events(&CallRecord::new(tenant, call), Some(duration_ms));
    kinds.extend(closing.into_iter().map(|kind| (written, kind)));
    write_closing(store, node, tenant, call, kinds).await
}

/// Appends what we say about a call in its stead, and marks it.
async fn write_closing(
    store: &Store,
    node: NodeId,
    tenant: TenantId,
    call: CallId,
    kinds: Vec<(DateTime<Utc>, CallEventKind)>,
) -> Result<(), StoreError> {
    let mut ledger = Ledger::new(node);
    let mut numbered = Vec::with_capacity(kinds.len());
    for (at, kind) in kinds {
        let event = CallEvent { v: EVENT_VERSION, tenant, call, kind };
        if ledger.next_number(call).is_none() {
            ledger.learn(store, at, &event).await?;
        }
        let Some(n) = ledger.number(at, &event) else { continue };
        numbered.push(Numbered { n, at, event: Arc::new(event), receipt: None, spilled: false });
    }
    ledger.mark_recovered(call);
    write_or_drop(store, &mut ledger, &numbered).await?;
    Ok(())
}

/// The answer that the process did not live to write: audio is recorded of answered calls only,
/// and a caller who was there when the called side picked up may have been connected.
fn untold_answer(
    record: &CallRecord,
    events: &[(i64, DateTime<Utc>, CallEvent)],
    audio: Option<(u64, DateTime<Utc>)>,
) -> Option<(DateTime<Utc>, CallEventKind)> {
    let (first, called) = record.legs.split_first()?;
    if record.answered_at_ms.is_some() {
        return None;
    }
    let picked_up = called.iter().find(|leg| leg.status == LegStatus::Answered);
    let met = picked_up.filter(|_| first.status != LegStatus::Ended);
    let told = met.and_then(|met| {
        let of_leg = |kind: &CallEventKind| matches!(kind, CallEventKind::LegAnswered { leg } if *leg == met.leg);
        events.iter().find(|(_, _, event)| of_leg(&event.kind)).map(|(_, at, _)| *at)
    });
    let recorded = audio.map(|(length, written)| begun(length, written));
    let at = told.or(recorded)?;
    let (mut agent, mut extension, mut trunk) = (record.agent_id, record.extension_id, None);
    for leg in std::iter::once(first).chain(picked_up) {
        match &leg.endpoint {
            LegEndpoint::Trunk { trunk: through } => trunk = Some(*through),
            LegEndpoint::Extension { extension: on, user } if leg.role == LegRole::Agent => {
                (agent, extension) = (*user, Some(*on));
            }
            LegEndpoint::Extension { .. } => {}
        }
    }
    Some((at, CallEventKind::Answered { agent, extension, trunk }))
}

/// When audio of this length began whose last byte was written then.
fn begun(length_ms: u64, written: DateTime<Utc>) -> DateTime<Utc> {
    written - TimeDelta::milliseconds(i64::try_from(length_ms).unwrap_or(0))
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
