//! What the journal promises about what is on disk, and when (H01, H07).

use crate::{
    engines::{Bench, on_both},
    floor::{Floor, noon},
};
use call::{
    CallEventKind, CallId, CallStatus, CauseKind, EndedBy, HangupCause, LegId, RecordingId,
};
use chrono::TimeDelta;
use crm::{
    Journal, JournalConfig, StampedEvent, Store,
    calls::RecordingState,
    fresh,
    journal::{close_interrupted_calls, write_spilled},
};
use std::{path::Path, time::Duration};
use tokio::sync::oneshot;

const SOON: Duration = Duration::from_secs(20);

async fn send(journal: &Journal, events: impl IntoIterator<Item = StampedEvent>) {
    for event in events {
        journal.sender().send(event).await.unwrap();
    }
}

/// H01: whoever waits for the row of a call may rely on it, and on that of its recording.
#[tokio::test]
async fn a_receipt_comes_once_the_rows_are_there_and_never_for_what_cannot_be_written() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let journal = floor.journal().await;
        let call: CallId = fresh();
        let (receipt, told) = oneshot::channel();
        let mut started = floor.stamp(noon(), call, floor.started(None));
        started.receipt = Some(receipt);
        let (receipt, untold) = oneshot::channel();
        let mut stray = floor.stamp(noon(), fresh(), floor.started(None));
        (stray.event.tenant, stray.receipt) = (fresh(), Some(receipt));
        send(&journal, [stray, started]).await;
        tokio::time::timeout(SOON, told).await.unwrap().expect("told");
        assert!(bench.store.call_find(floor.tenant, call).await.unwrap().is_some());
        let recording = bench.store.recording_find(floor.tenant, call).await.unwrap().unwrap();
        assert_eq!(recording.state, RecordingState::Expected);
        assert!(tokio::time::timeout(SOON, untold).await.unwrap().is_err());
        journal.close().await;
    })
    .await;
}

/// Many calls at once: whatever is written together leaves what single writes would.
#[tokio::test]
async fn what_gathers_is_written_together_in_the_order_it_came() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let calls: Vec<CallId> = (0..40).map(|_| fresh()).collect();
        let mut streams: Vec<_> =
            calls.iter().enumerate().map(|(n, call)| story(&floor, *call, n).into_iter()).collect();
        let mut sent = Vec::new();
        let journal = floor.journal().await;
        let mut seen = journal.subscribe_live();
        // One event of each call in turn, as a busy floor mixes them.
        while !streams.is_empty() {
            for stream in &mut streams {
                if let Some(event) = stream.next() {
                    sent.push(event.event.clone());
                    send(&journal, [event]).await;
                }
            }
            streams.retain(|stream| stream.len() > 0);
        }
        journal.close().await;
        let mut last = 0;
        for event in &sent {
            let entry = seen.next().await.unwrap().unwrap();
            assert!(entry.seq > last, "one order");
            assert_eq!(*entry.event, *event, "as it came");
            last = entry.seq;
        }
        for (n, call) in calls.iter().enumerate() {
            check_story(&bench.store, &floor, *call, n).await;
        }
        let lead = bench.store.lead_find(floor.tenant, floor.lead.id).await.unwrap().unwrap();
        assert_eq!(lead.attempts, 40, "each call counts once");
    })
    .await;
}

/// Four kinds of calls: recorded and stored, refused, paused and failed, without a recording.
fn story(floor: &Floor, call: CallId, n: usize) -> Vec<StampedEvent> {
    let recording = RecordingId::of(call);
    let at = |seconds| noon() + TimeDelta::seconds(seconds);
    let stamp = |seconds, kind| floor.stamp(at(seconds), call, kind);
    let cause = HangupCause::new(EndedBy::Customer, CauseKind::Busy);
    if n % 4 == 1 {
        return vec![
            stamp(0, floor.started(Some(floor.lead.id))),
            stamp(2, CallEventKind::Ended { cause, suggested_disposition: None }),
        ];
    }
    let mut events = floor.answered_call(call, noon(), TimeDelta::seconds(60));
    if n % 4 == 3 {
        return events;
    }
    events.insert(7, stamp(4, CallEventKind::RecordingStarted { recording, silence_ms: 0 }));
    if n.is_multiple_of(4) {
        let stopped = CallEventKind::RecordingStopped { recording, duration_ms: 59_000 };
        events.push(stamp(64, stopped));
    } else {
        let paused = |paused| CallEventKind::RecordingPaused { recording, paused };
        events.insert(8, stamp(5, paused(true)));
        events.insert(9, stamp(6, paused(false)));
        let failed = CallEventKind::RecordingFailed { recording, error: "disk full".into() };
        events.insert(10, stamp(7, failed));
    }
    events
}

async fn check_story(store: &Store, floor: &Floor, call: CallId, n: usize) {
    let row = store.call_find(floor.tenant, call).await.unwrap().unwrap();
    let audio = row.recording;
    let at = |seconds| noon() + TimeDelta::seconds(seconds);
    let expected_events = [12, 2, 14, 10][n % 4];
    assert_eq!(store.call_events(floor.tenant, call).await.unwrap().len(), expected_events);
    if n % 4 == 1 {
        assert_eq!((row.status, row.answered_at), (CallStatus::Failed, None));
        return assert_eq!(audio, None, "nothing is expected any more");
    }
    assert_eq!((row.status, row.duration_ms), (CallStatus::Completed, 60_000));
    if n % 4 == 3 {
        return assert_eq!(audio, None, "nothing is expected any more");
    }
    let audio = audio.unwrap();
    assert_eq!(audio.started_at, at(4), "since it ran");
    if n.is_multiple_of(4) {
        assert_eq!((audio.state, audio.duration_ms), (RecordingState::Storing, 59_000));
        assert_eq!(audio.stopped_at, Some(at(64)));
    } else {
        assert_eq!(audio.state, RecordingState::Failed);
        assert_eq!((audio.error.as_deref(), audio.stopped_at), (Some("disk full"), Some(at(7))));
    }
}

/// H07: the database is gone, calls go on, and then the process dies too.
#[tokio::test]
async fn what_the_database_did_not_take_outlives_the_process_and_is_written_once() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let file = bench.folder.path().join("journal.spill");
        let config = JournalConfig { spill: Some(file.clone()), ..JournalConfig::new(floor.node) };
        let journal = Journal::start(bench.store.clone(), config).await.unwrap();
        let (open, over): (CallId, CallId) = (fresh(), fresh());
        let mut events = floor.open_call(open, noon());
        let rest = events.split_off(3);
        send(&journal, events).await;
        journal.flush().await;
        // A busy disk may have been slow for a moment; what it has taken since is not kept besides.
        let kept = std::fs::metadata(&file).map_or(0, |file| file.len());
        assert_eq!(kept, 0, "nothing is kept while the database is well");
        bench.store.close().await;
        let unwritten = rest.len() + 10;
        send(&journal, rest).await;
        send(&journal, floor.answered_call(over, noon(), TimeDelta::seconds(5))).await;
        lines(&file, unwritten).await;
        // This process is as good as dead: its store is closed for ever. And it died writing.
        let mut kept = std::fs::read(&file).unwrap();
        kept.extend_from_slice(&kept.clone()[..40]);
        std::fs::write(&file, &kept).unwrap();

        let store = Store::open(bench.config.clone()).await.unwrap();
        assert_eq!(write_spilled(&store, floor.node, &file).await.unwrap(), unwritten);
        assert!(!file.exists());
        assert_eq!(write_spilled(&store, floor.node, &file).await.unwrap(), 0);
        std::fs::write(&file, &kept).unwrap();
        assert_eq!(write_spilled(&store, floor.node, &file).await.unwrap(), 0, "each event once");
        let row = store.call_find(floor.tenant, over).await.unwrap().unwrap();
        assert_eq!((row.status, row.duration_ms), (CallStatus::Completed, 5_000));
        assert_eq!(store.call_events(floor.tenant, over).await.unwrap().len(), 10);
        let lead = store.lead_find(floor.tenant, floor.lead.id).await.unwrap().unwrap();
        assert_eq!(lead.attempts, 1);
        let row = store.call_find(floor.tenant, open).await.unwrap().unwrap();
        assert_eq!(row.status, CallStatus::InProgress);
        let closed = close_interrupted_calls(&store, floor.node, None, |_, _| None).await.unwrap();
        assert_eq!(closed.len(), 1);
        let row = store.call_find(floor.tenant, open).await.unwrap().unwrap();
        assert_eq!((row.status, row.recovered), (CallStatus::Completed, true));
        assert_eq!(store.call_events(floor.tenant, open).await.unwrap().len(), 10);
    })
    .await;
}

async fn lines(file: &Path, count: usize) {
    let wait = async {
        loop {
            let text = tokio::fs::read_to_string(file).await.unwrap_or_default();
            if text.lines().count() == count && text.ends_with('\n') {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, wait).await.expect("what waits is kept in the file");
}

/// H01: the process died between picking up and writing that both are connected.
#[tokio::test]
async fn a_call_that_was_picked_up_counts_as_answered_unless_its_caller_had_left() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (met, left): (CallId, CallId) = (fresh(), fresh());
        let journal = floor.journal().await;
        for call in [met, left] {
            let mut events = floor.open_call(call, noon());
            let last = events.pop().unwrap();
            assert!(matches!(last.event.kind, CallEventKind::Answered { .. }));
            send(&journal, events).await;
        }
        let cause = HangupCause::new(EndedBy::Agent, CauseKind::Cancelled);
        let gone = CallEventKind::LegEnded { leg: LegId::of(left, 0), cause, quality: None };
        send(&journal, [floor.stamp(noon() + TimeDelta::seconds(3), left, gone)]).await;
        journal.close().await;
        let close = close_interrupted_calls(&bench.store, floor.node, None, |_, _| None);
        assert_eq!(close.await.unwrap().len(), 2);
        let row = async |call| bench.store.call_find(floor.tenant, call).await.unwrap().unwrap();
        let answered = row(met).await;
        assert_eq!(answered.status, CallStatus::Completed);
        assert_eq!(answered.answered_at, Some(noon() + TimeDelta::seconds(3)));
        assert_eq!((answered.agent, answered.trunk), (Some(floor.asha.id), Some(floor.trunk)));
        let unanswered = row(left).await;
        assert_eq!((unanswered.status, unanswered.answered_at), (CallStatus::Failed, None));
    })
    .await;
}

/// H01: nobody is recorded before the answer, so audio proves it.
#[tokio::test]
async fn audio_of_a_call_proves_that_it_was_answered() {
    on_both(|bench: Bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let call: CallId = fresh();
        let journal = floor.journal().await;
        send(&journal, floor.open_call(call, noon()).into_iter().take(2)).await;
        journal.close().await;
        let written = noon() + TimeDelta::seconds(30);
        let audio = |_, _| Some((20_000, written));
        let close = close_interrupted_calls(&bench.store, floor.node, None, audio);
        assert_eq!(close.await.unwrap().len(), 1);
        let row = bench.store.call_find(floor.tenant, call).await.unwrap().unwrap();
        assert_eq!((row.status, row.duration_ms), (CallStatus::Completed, 20_000));
        assert_eq!(row.recording.unwrap().state, RecordingState::Storing);
    })
    .await;
}
