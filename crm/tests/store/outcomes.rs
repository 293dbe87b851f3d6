//! Outcomes: one winner, what follows, who may change them.

use crate::{
    engines::on_both,
    floor::{Floor, noon},
};
use call::CallId;
use chrono::{DateTime, TimeDelta, Utc};
use crm::{
    Saver,
    callbacks::{CallbackFilter, CallbackStatus},
    calls::CallFilter,
    dispositions::{Outcome, OutcomeError, Saved},
    fresh,
    leads::{Category, LeadStatus, Priority},
};

async fn ended_call(floor: &Floor) -> CallId {
    let call: CallId = fresh();
    let journal = floor.journal().await;
    for event in floor.answered_call(call, noon(), TimeDelta::seconds(60)) {
        journal.sender().send(event).await.unwrap();
    }
    journal.close().await;
    call
}

fn outcome(code: &str, notes: &str) -> Outcome {
    Outcome { code: code.into(), sub_code: None, notes: notes.into(), callback_at: None }
}

fn asha(floor: &Floor) -> Saver {
    Saver { user: floor.asha.id, role: floor.asha.role }
}

/// F15: fifty at once, with two different codes.
#[tokio::test]
async fn of_fifty_outcomes_saved_at_once_exactly_one_stands() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let call = ended_call(&floor).await;
        let tries = (0..50).map(|n| {
            let floor = floor.clone();
            let code = if n % 2 == 0 { "INTERESTED" } else { "NOT_INTERESTED" };
            tokio::spawn(async move {
                let saver = asha(&floor);
                let outcome = outcome(code, &format!("try {}", n % 2));
                floor.store.call_disposition_save(floor.tenant, call, saver, &outcome, noon()).await
            })
        });
        let results = futures::future::join_all(tries).await;
        let results: Vec<_> = results.into_iter().map(|r| r.unwrap()).collect();
        let new = results.iter().filter(|r| matches!(r, Ok(Saved::New(_)))).count();
        let before = results.iter().filter(|r| matches!(r, Ok(Saved::Before(_)))).count();
        let refused =
            results.iter().filter(|r| matches!(r, Err(OutcomeError::AlreadySaved(_)))).count();
        assert_eq!((new, before, refused), (1, 24, 25));
        let stands = floor.store.call_find(floor.tenant, call).await.unwrap().unwrap();
        let winner = results.iter().find_map(|r| r.as_ref().ok()).unwrap();
        assert_eq!(stands.disposition.as_ref(), Some(winner.disposition()));
    })
    .await;
}

/// DSP-17: what a code asks for is checked on the server.
#[tokio::test]
async fn an_outcome_that_lacks_what_its_code_asks_for_is_refused() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let call = ended_call(&floor).await;
        let save = async |outcome: Outcome| {
            floor
                .store
                .call_disposition_save(floor.tenant, call, asha(&floor), &outcome, noon())
                .await
                .unwrap_err()
        };
        assert!(matches!(save(outcome("ESCALATE", " ")).await, OutcomeError::NotesRequired));
        assert!(matches!(save(outcome("WHAT", "")).await, OutcomeError::UnknownCode));
        let long = "x".repeat(501);
        assert!(matches!(save(outcome("BUSY", &long)).await, OutcomeError::NotesTooLong));
        let sub = Outcome { sub_code: Some("nope".into()), ..outcome("CNI", "") };
        assert!(matches!(save(sub).await, OutcomeError::UnknownSubCode));
        let past =
            Outcome { callback_at: Some(noon() - TimeDelta::hours(1)), ..outcome("CALLBACK", "") };
        assert!(matches!(save(past).await, OutcomeError::CallbackInPast));
        let other = Saver { user: floor.ravi.id, role: floor.ravi.role };
        let foreign = floor
            .store
            .call_disposition_save(floor.tenant, call, other, &outcome("BUSY", ""), noon())
            .await;
        assert!(matches!(foreign, Err(OutcomeError::UnknownCall)));
        let unknown = floor
            .store
            .call_disposition_save(
                floor.tenant,
                fresh(),
                asha(&floor),
                &outcome("BUSY", ""),
                noon(),
            )
            .await;
        assert!(matches!(unknown, Err(OutcomeError::UnknownCall)));
    })
    .await;
}

/// DSP-03, DSP-18: a callback is promised, the lead waits for it, the call wants nothing more.
#[tokio::test]
async fn a_callback_outcome_makes_a_promise_and_moves_the_lead() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let call = ended_call(&floor).await;
        let (store, tenant) = (&floor.store, floor.tenant);
        let pending = store.call_pending_outcomes(tenant, floor.asha.id).await.unwrap();
        assert_eq!(pending, [call]);
        let at = noon() + TimeDelta::hours(3);
        let cb = Outcome { callback_at: Some(at), ..outcome("cb", "after lunch") };
        let saved =
            store.call_disposition_save(tenant, call, asha(&floor), &cb, noon()).await.unwrap();
        assert_eq!(saved.disposition().code, "CALLBACK");
        let lead = store.lead_find(tenant, floor.lead.id).await.unwrap().unwrap();
        assert_eq!((lead.category, lead.next_call_at), (Category::Callback, Some(at)));
        assert_eq!((lead.status, lead.attempts), (LeadStatus::Contacted, 1));
        assert_eq!(lead.last_disposition.as_deref(), Some("CALLBACK"));
        let filter = CallbackFilter { lead: Some(lead.id), limit: 10, ..Default::default() };
        let promises = store.callback_list(tenant, &filter).await.unwrap().items;
        assert_eq!(promises.len(), 1);
        assert_eq!((promises[0].due_at, promises[0].agent), (at, Some(floor.asha.id)));
        assert!(store.call_pending_outcomes(tenant, floor.asha.id).await.unwrap().is_empty());

        let second = ended_call(&floor).await;
        let interested = outcome("INTERESTED", "");
        let _ =
            store.call_disposition_save(tenant, second, asha(&floor), &interested, noon()).await;
        let promises = store.callback_list(tenant, &filter).await.unwrap().items;
        assert_eq!(promises[0].status, CallbackStatus::Done);
        let lead = store.lead_find(tenant, lead.id).await.unwrap().unwrap();
        assert_eq!((lead.status, lead.priority), (LeadStatus::Interested, Priority::Hot));
        let filter = CallFilter { pending_outcome: Some(false), limit: 10, ..Default::default() };
        assert_eq!(store.call_list(tenant, &filter).await.unwrap().items.len(), 2);
    })
    .await;
}

/// SEC-20: who names no time is given one at which the person may be called.
#[tokio::test]
async fn the_next_call_is_put_into_the_hours_in_which_people_may_be_called() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let (store, tenant) = (&floor.store, floor.tenant);
        let evening: DateTime<Utc> = "2026-11-20T14:30:00Z".parse().unwrap(); // 20:00 in India
        let due = async |code: &str, now| {
            let call = ended_call(&floor).await;
            let said = outcome(code, "");
            store.call_disposition_save(tenant, call, asha(&floor), &said, now).await.unwrap();
            store.lead_find(tenant, floor.lead.id).await.unwrap().unwrap().next_call_at
        };
        let at = |text: &str| Some(text.parse::<DateTime<Utc>>().unwrap());
        assert_eq!(due("BUSY", evening).await, at("2026-11-21T03:30:00Z"), "22:00 is too late");
        let late = evening + TimeDelta::hours(2);
        assert_eq!(
            due("CALLBACK", late).await,
            at("2026-11-22T03:30:00Z"),
            "22:00 of the next day"
        );
        let filter = CallbackFilter { lead: Some(floor.lead.id), limit: 10, ..Default::default() };
        let promises = store.callback_list(tenant, &filter).await.unwrap().items;
        assert_eq!(Some(promises[0].due_at), at("2026-11-22T03:30:00Z"));
        let noon = evening - TimeDelta::hours(8);
        assert_eq!(due("BUSY", noon).await, Some(noon + TimeDelta::hours(2)), "well within them");
    })
    .await;
}

/// DSP-11, I05: "do not call" is on the list in the same step; taking the outcome back takes
/// this opt-out back.
#[tokio::test]
async fn a_do_not_call_outcome_opts_out_and_its_correction_opts_in_again() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let call = ended_call(&floor).await;
        let (store, tenant, phone) = (&floor.store, floor.tenant, &floor.lead.phone);
        store
            .call_disposition_save(tenant, call, asha(&floor), &outcome("DND", ""), noon())
            .await
            .unwrap();
        assert!(store.dnd_listed(tenant, phone).await.unwrap());
        assert!(store.lead_find(tenant, floor.lead.id).await.unwrap().unwrap().dnd);
        let amend = async |saver, code, minutes| {
            let at = noon() + TimeDelta::minutes(minutes);
            store.call_disposition_amend(tenant, call, saver, &outcome(code, ""), 15, at).await
        };
        let late = amend(asha(&floor), "BUSY", 16).await;
        assert!(matches!(late, Err(OutcomeError::EditClosed)));
        let ravi = Saver { user: floor.ravi.id, role: floor.ravi.role };
        assert!(matches!(amend(ravi, "BUSY", 1).await, Err(OutcomeError::EditClosed)));
        let changed = amend(asha(&floor), "BUSY", 14).await.unwrap();
        assert_eq!((changed.code.as_str(), changed.edited_by), ("BUSY", Some(floor.asha.id)));
        assert!(!store.dnd_listed(tenant, phone).await.unwrap());
        let lead = store.lead_find(tenant, floor.lead.id).await.unwrap().unwrap();
        assert_eq!((lead.dnd, lead.category), (false, Category::Retry));
        assert_eq!(lead.next_call_at, Some(noon() + TimeDelta::minutes(14 + 120)));
        let manager = Saver { user: floor.manager.id, role: floor.manager.role };
        assert!(amend(manager, "NO_ANSWER", 500).await.is_ok());
        let filter = crm::audit::AuditFilter {
            action: Some("disposition.*".into()),
            limit: 10,
            ..Default::default()
        };
        assert_eq!(store.audit_list(tenant, &filter).await.unwrap().items.len(), 2);
    })
    .await;
}

/// DSP-12: an escalation goes to the agent's manager.
#[tokio::test]
async fn an_escalated_lead_goes_to_the_manager() {
    on_both(|bench| async move {
        let floor = Floor::build(&bench.store, "a", 1).await;
        let call = ended_call(&floor).await;
        floor
            .store
            .call_disposition_save(
                floor.tenant,
                call,
                asha(&floor),
                &outcome("ESC", "wants a discount"),
                noon(),
            )
            .await
            .unwrap();
        let lead = floor.store.lead_find(floor.tenant, floor.lead.id).await.unwrap().unwrap();
        assert_eq!(lead.assigned_to, Some(floor.manager.id));
    })
    .await;
}
