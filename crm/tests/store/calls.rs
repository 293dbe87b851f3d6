//! The journal: one order, no loss, no duplicate, one row per call.

use crate::{
    engines::{on_both, sqlite},
    floor::{Floor, noon, number},
};
use call::{CallEventKind, CallId, CallStatus, LegId, RecordingId};
use chrono::TimeDelta;
use crm::{
    Journal, JournalConfig,
    calls::{CallFilter, RecordingState},
    fresh,
    journal::close_interrupted_calls,
    notes::TimelineEntry,
    numbers::NewNumber,
};

#[tokio::test]
async fn a_call_is_the_fold_of_its_events() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let call: CallId = fresh();
        let journal = floor.journal().await;
        let mut events = floor.answered_call(call, noon(), TimeDelta::seconds(90));
        let recording = RecordingId::of(call);
        events.insert(
            7,
            floor.stamp(noon(), call, CallEventKind::RecordingStarted { recording, silence_ms: 0 }),
        );
        events.push(floor.stamp(
            noon(),
            call,
            CallEventKind::RecordingStopped { recording, duration_ms: 90_000 },
        ));
        for event in events {
            journal.sender().send(event).await.unwrap();
        }
        journal.flush().await;
        let row = bench.store.call_find(floor.tenant, call).await.unwrap().unwrap();
        assert_eq!(row.status, CallStatus::Completed);
        assert_eq!(row.duration_ms, 90_000);
        assert_eq!(row.lead_name.as_deref(), Some("Meera Nair"));
        assert_eq!(row.agent_name.as_deref(), Some("asha"));
        assert_eq!(row.extension_number.as_deref(), Some("101"));
        assert_eq!(row.carrier_refs, [("X-Ref".to_owned(), "abc".to_owned())]);
        assert!(row.wants_outcome());
        let audio = row.recording.clone().unwrap();
        assert_eq!((audio.state, audio.duration_ms), (RecordingState::Storing, 90_000));
        let lead = bench.store.lead_find(floor.tenant, floor.lead.id).await.unwrap().unwrap();
        assert_eq!(lead.attempts, 1);
        assert_eq!(lead.last_contact_at, row.ended_at);
        let timeline =
            bench.store.lead_timeline(floor.tenant, floor.lead.id, None, 10, None).await.unwrap();
        assert!(matches!(timeline.items.as_slice(), [TimelineEntry::Call(c)] if c.id == call));
        let filter = CallFilter { limit: 10, ..Default::default() };
        assert_eq!(bench.store.call_list(floor.tenant, &filter).await.unwrap().items, [row]);
        journal.close().await;
    })
    .await;
}

/// A stranger is written down during the wrap-up: the call is theirs from then on, and counts.
#[tokio::test]
async fn a_call_stands_with_whom_it_turned_out_to_be() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (store, tenant, lead) = (&bench.store, floor.tenant, floor.lead.id);
        let call: CallId = fresh();
        let journal = floor.journal().await;
        let mut events = floor.answered_call(call, noon(), TimeDelta::seconds(90));
        events[0] = floor.stamp(noon(), call, floor.started(None));
        let later = noon() + TimeDelta::minutes(5);
        for event in events {
            journal.sender().send(event).await.unwrap();
        }
        journal.flush().await;
        let before = store.call_find(tenant, call).await.unwrap().unwrap();
        assert_eq!(before.lead, None);
        assert_eq!(store.lead_find(tenant, lead).await.unwrap().unwrap().attempts, 0);

        let found = floor.stamp(later, call, CallEventKind::LeadFound { lead });
        journal.sender().send(found).await.unwrap();
        journal.flush().await;
        let row = store.call_find(tenant, call).await.unwrap().unwrap();
        assert_eq!((row.lead, row.lead_name.as_deref()), (Some(lead), Some("Meera Nair")));
        assert_eq!((row.status, row.ended_at), (before.status, before.ended_at));
        let person = store.lead_find(tenant, lead).await.unwrap().unwrap();
        assert_eq!((person.attempts, person.last_contact_at), (1, row.ended_at));
        assert_eq!(person.updated_at, later);
        let timeline = store.lead_timeline(tenant, lead, None, 10, None).await.unwrap();
        assert!(matches!(timeline.items.as_slice(), [TimelineEntry::Call(c)] if c.id == call));
        journal.close().await;
    })
    .await;
}

/// A call nobody took is in the list of the one whose number rang or whose lead called, and in
/// nobody else's.
#[tokio::test]
async fn a_missed_call_is_somebodys_to_return() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (store, tenant) = (&bench.store, floor.tenant);
        let did = NewNumber {
            id: fresh(),
            e164: number(9_998),
            trunk: floor.trunk,
            purpose: "general".into(),
            destination: Some(floor.extension),
            verified: true,
        };
        store.number_create(tenant, &did, noon()).await.unwrap();
        let journal = floor.journal().await;
        let rings = async |lead, rang| {
            let call: CallId = fresh();
            let started = CallEventKind::Started {
                direction: call::Direction::Inbound,
                from: floor.lead.phone.as_str().into(),
                to: "+918047190000".into(),
                lead,
                agent: None,
                extension: None,
                trunk: Some(floor.trunk),
                number: rang,
                campaign: None,
                carrier_refs: Vec::new(),
            };
            let cause = call::HangupCause::new(call::EndedBy::Customer, call::CauseKind::Cancelled);
            let ended = CallEventKind::Ended { cause, suggested_disposition: None };
            for kind in [started, ended] {
                journal.sender().send(floor.stamp(noon(), call, kind)).await.unwrap();
            }
            call
        };
        let at_number = rings(None, Some(did.id)).await;
        let by_lead = rings(Some(floor.lead.id), None).await;
        let nobodys = rings(None, None).await;
        journal.flush().await;
        let of = async |user| {
            let filter = CallFilter { agent: Some(user), limit: 10, ..Default::default() };
            let page = store.call_list(tenant, &filter).await.unwrap();
            page.items.into_iter().map(|c| c.id).collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(of(floor.asha.id).await, [at_number, by_lead].into());
        assert_eq!(of(floor.ravi.id).await, [].into());
        for (call, hers) in [(at_number, true), (by_lead, true), (nobodys, false)] {
            assert_eq!(store.call_missed_by(tenant, call, floor.asha.id).await.unwrap(), hers);
            assert!(!store.call_missed_by(tenant, call, floor.ravi.id).await.unwrap());
        }
        journal.close().await;
    })
    .await;
}

#[tokio::test]
async fn a_call_nobody_answered_keeps_no_recording_row() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let call: CallId = fresh();
        let journal = floor.journal().await;
        let send =
            async |kind| journal.sender().send(floor.stamp(noon(), call, kind)).await.unwrap();
        send(floor.started(Some(floor.lead.id))).await;
        journal.flush().await;
        let expected = bench.store.recording_find(floor.tenant, call).await.unwrap().unwrap();
        assert_eq!(expected.state, RecordingState::Expected);
        let cause = call::HangupCause::new(call::EndedBy::Customer, call::CauseKind::Busy);
        send(CallEventKind::Ended { cause, suggested_disposition: Some("BUSY".into()) }).await;
        journal.flush().await;
        assert!(bench.store.recording_find(floor.tenant, call).await.unwrap().is_none());
        let row = bench.store.call_find(floor.tenant, call).await.unwrap().unwrap();
        assert_eq!(row.status, CallStatus::Failed);
        assert_eq!(row.suggested_disposition.as_deref(), Some("BUSY"));
        journal.close().await;
    })
    .await;
}

/// Every entry once and in order, for one that starts in the middle, one that was there from
/// the beginning, and one that is slow.
#[tokio::test]
async fn a_subscriber_sees_every_entry_once_wherever_it_begins() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let config = JournalConfig { backlog: 64, ..JournalConfig::new(floor.node) };
        let journal = Journal::start(bench.store.clone(), config).await.unwrap();
        let mut early = journal.subscribe(0);
        let total = 1_200_u64;
        let call: CallId = fresh();
        let events = |range: std::ops::Range<u64>| {
            let floor = floor.clone();
            range.map(move |n| {
                let kind = if n == 0 {
                    floor.started(None)
                } else {
                    CallEventKind::DtmfReceived { leg: LegId::of(call, 0), digit: '1' }
                };
                floor.stamp(noon(), call, kind)
            })
        };
        for event in events(0..200) {
            journal.sender().send(event).await.unwrap();
        }
        journal.flush().await;
        let middle_from = journal.last_seq() - 100;
        let mut middle = journal.subscribe(middle_from);
        for event in events(200..total) {
            journal.sender().send(event).await.unwrap();
        }
        journal.flush().await;
        let mut late = journal.subscribe(0);
        journal.close().await;
        let mut all = Vec::new();
        while let Some(entry) = early.next().await.unwrap() {
            all.push(entry.seq);
        }
        assert_eq!(all.len() as u64, total);
        assert!(all.windows(2).all(|w| w[0] < w[1]));
        let mut from_middle = Vec::new();
        while let Some(entry) = middle.next().await.unwrap() {
            from_middle.push(entry.seq);
        }
        let expected: Vec<_> = all.iter().copied().filter(|s| *s > middle_from).collect();
        assert_eq!(from_middle, expected);
        let mut count = 0;
        while late.next().await.unwrap().is_some() {
            count += 1;
        }
        assert_eq!(count, total);
    })
    .await;
}

/// H07: the database is gone for a while; everything is written once when it is back.
#[tokio::test]
async fn events_wait_out_an_outage_and_are_written_once() {
    let bench = sqlite().await;
    let floor = Floor::build(&bench.store, "a", 1).await;
    let journal = floor.journal().await;
    let call: CallId = fresh();
    // Another process holds the write lock longer than the busy timeout.
    let path = bench.config.url.clone();
    let lock = sqlx::SqlitePool::connect(&path).await.unwrap();
    let mut holder = lock.begin_with("BEGIN IMMEDIATE").await.unwrap();
    for event in floor.answered_call(call, noon(), TimeDelta::seconds(5)) {
        journal.sender().send(event).await.unwrap();
    }
    let degraded = tokio::time::timeout(std::time::Duration::from_secs(20), async {
        while !journal.is_degraded() {
            tokio::task::yield_now().await;
        }
    });
    assert!(degraded.await.is_ok(), "the journal says that it lags");
    sqlx::query("PRAGMA user_version").execute(&mut *holder).await.unwrap();
    holder.rollback().await.unwrap();
    journal.flush().await;
    assert!(!journal.is_degraded());
    let row = bench.store.call_find(floor.tenant, call).await.unwrap().unwrap();
    assert_eq!(row.status, CallStatus::Completed);
    let events = bench.store.call_events(floor.tenant, call).await.unwrap();
    assert_eq!(events.len(), 10);
    let lead = bench.store.lead_find(floor.tenant, floor.lead.id).await.unwrap().unwrap();
    assert_eq!(lead.attempts, 1);
    journal.close().await;
}

/// One event that can never be written does not hold up the others.
#[tokio::test]
async fn an_event_of_an_unknown_tenant_is_dropped_and_the_rest_is_written() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let journal = floor.journal().await;
        let (good, bad): (CallId, CallId) = (fresh(), fresh());
        let mut stray = floor.stamp(noon(), bad, floor.started(None));
        stray.event.tenant = fresh();
        journal.sender().send(stray).await.unwrap();
        for event in floor.answered_call(good, noon(), TimeDelta::seconds(5)) {
            journal.sender().send(event).await.unwrap();
        }
        journal.flush().await;
        journal.close().await;
        let row = bench.store.call_find(floor.tenant, good).await.unwrap().unwrap();
        assert_eq!(row.status, CallStatus::Completed);
    })
    .await;
}

/// H01: a call without an end is closed once, with one row.
#[tokio::test]
async fn a_call_that_broke_off_is_closed_once_after_the_crash() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let call: CallId = fresh();
        let journal = floor.journal().await;
        for event in floor.open_call(call, noon()) {
            journal.sender().send(event).await.unwrap();
        }
        let recording = RecordingId::of(call);
        let begun = CallEventKind::RecordingStarted { recording, silence_ms: 0 };
        journal
            .sender()
            .send(floor.stamp(noon() + TimeDelta::seconds(3), call, begun))
            .await
            .unwrap();
        journal.close().await;
        let written = noon() + TimeDelta::seconds(33);
        let close = async || {
            close_interrupted_calls(&bench.store, floor.node, None, |_, _| Some((30_000, written)))
                .await
                .unwrap()
        };
        assert_eq!(close().await.len(), 1);
        assert!(close().await.is_empty());
        let row = bench.store.call_find(floor.tenant, call).await.unwrap().unwrap();
        assert_eq!((row.status, row.recovered), (CallStatus::Completed, true));
        assert_eq!((row.ended_at, row.duration_ms), (Some(written), 30_000));
        assert_eq!(row.recording.unwrap().duration_ms, 30_000);
        let events = bench.store.call_events(floor.tenant, call).await.unwrap();
        let ends =
            events.iter().filter(|e| matches!(e.2.kind, CallEventKind::Ended { .. })).count();
        assert_eq!(ends, 1);
        let legs =
            events.iter().filter(|e| matches!(e.2.kind, CallEventKind::LegEnded { .. })).count();
        assert_eq!(legs, 2);
    })
    .await;
}

/// SEC-13, I12: the chain holds, and a changed row is found.
#[tokio::test]
async fn the_audit_chain_holds_and_its_rows_cannot_be_changed() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (store, tenant) = (&bench.store, floor.tenant);
        let tries = (0..40).map(|n| {
            let store = store.clone();
            let record =
                crm::audit::AuditRecord::new(Some(floor.asha.id), "lead.updated", "lead", n)
                    .with(serde_json::json!({ "z": n, "a": "क" }));
            tokio::spawn(async move { store.audit_append(tenant, &record, noon()).await })
        });
        for result in futures::future::join_all(tries).await {
            result.unwrap().unwrap();
        }
        assert_eq!(store.audit_verify(tenant).await.unwrap(), None);
        let page = store
            .audit_list(tenant, &crm::audit::AuditFilter { limit: 15, ..Default::default() })
            .await
            .unwrap();
        assert_eq!(page.items[0].position, 40);
        assert!(page.next_cursor.is_some());
    })
    .await;
}
