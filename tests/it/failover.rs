//! Several carriers: which is tried first, when the next one is, and when it must not be (H14).

use crate::{
    carriers::{built_in, finished, no_other_carrier, requests, script, trunk},
    floor::{Floor, talk},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::{peers::SippRun, ports};

/// A floor with Asha's phone, and a call to `number`, which the built-in carrier answers should
/// it get that far.
async fn floor_ready() -> (Floor, testkit::peers::Baresip) {
    let floor = Floor::open().await;
    let phone = floor.phone().await;
    floor.ready().await;
    (floor, phone)
}

/// Dials and waits until somebody answers; the call's row then, and how long that took.
async fn answered(floor: &Floor, number: &str) -> (Value, Duration) {
    let lead = floor.lead("Customer", number).await;
    let began = Instant::now();
    let call = floor.dial(&lead).await;
    let row = floor.call_is(&call, "in_progress").await;
    let took = began.elapsed();
    talk(0.5).await;
    floor.hang_up(&call).await;
    floor.call_over(&call).await;
    (row, took)
}

/// 503 and 408 before ringing: the next trunk takes the call, in the order of priority.
#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_is_overloaded_is_followed_by_the_next_in_order() {
    let (floor, _phone) = floor_ready().await;
    let refusing = |status| script("carrier_refuses_at_once", &[("status", status)]).start();
    let first = refusing("503 Service Unavailable");
    let second = refusing("408 Request Timeout");
    // Made in the other order than they are to be tried.
    trunk(&floor, second.port, json!({ "priority": 3 })).await;
    trunk(&floor, first.port, json!({ "priority": 2 })).await;
    let (row, _) = answered(&floor, "+919811790015").await;
    assert_eq!(row["trunk_id"], built_in(&floor).await.as_str(), "{row}");
    let (first, second) = (finished(first).await, finished(second).await);
    assert_eq!((requests(&first, "INVITE").len(), requests(&second, "INVITE").len()), (1, 1));
}

/// A TCP port where nobody listens is left at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_whose_port_is_closed_is_left_at_once() {
    let (floor, _phone) = floor_ready().await;
    let settings = json!({ "transport": "tcp" });
    trunk(&floor, ports::one(), json!({ "settings": settings })).await;
    let (row, _) = answered(&floor, "+919811770015").await;
    assert_eq!(row["trunk_id"], built_in(&floor).await.as_str(), "{row}");
}

/// H14: silence is left within 4 s; the silent carrier, once it does wake up and ring, is told to
/// stop, so that the customer's phone rings once.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_trunk_is_left_within_four_seconds_and_cancelled_when_it_wakes() {
    let (floor, _phone) = floor_ready().await;
    let silent = script("carrier_wakes_late", &[]).start();
    let next = script("carrier_answers", &[]).start();
    trunk(&floor, silent.port, json!({ "priority": 1 })).await;
    let second = trunk(&floor, next.port, json!({ "priority": 2 })).await;
    let lead = floor.lead("Customer", "+919811771202").await;
    let call = floor.dial(&lead).await;
    let (first_at, next_at) = tokio::task::spawn_blocking(move || {
        silent.received("INVITE", 10);
        let first_at = Instant::now();
        next.received("INVITE", 10);
        ((silent, first_at), (next, Instant::now()))
    })
    .await
    .unwrap();
    let waited = next_at.1 - first_at.1;
    assert!(waited < Duration::from_millis(4400), "{waited:?}: 4 s, and the looking");
    let row = floor.call_is(&call, "in_progress").await;
    assert_eq!(row["trunk_id"], second.as_str(), "{row}");
    let woken = finished(first_at.0).await;
    let cancel = requests(&woken, "CANCEL");
    assert_eq!(cancel.len(), 1, "told to stop: {woken:#?}");
    let row = floor.call(&call).await;
    assert_eq!(row["status"], "in_progress", "the call itself goes on: {row}");
    floor.hang_up(&call).await;
    floor.call_over(&call).await;
    finished(next_at.0).await;
}

/// Places a call that the first trunk ends with `status`; the row, and the second trunk, which
/// must not have been asked.
async fn refused(status: &'static str, script_name: &str, number: &str) -> (Value, SippRun) {
    let (floor, _phone) = floor_ready().await;
    no_other_carrier(&floor).await;
    let first = script(script_name, &[("status", status)]).start();
    let second = script("carrier_answers", &[]).start();
    trunk(&floor, first.port, json!({ "priority": 1 })).await;
    trunk(&floor, second.port, json!({ "priority": 2 })).await;
    let lead = floor.lead("Customer", number).await;
    let call = floor.dial(&lead).await;
    let row = floor.call_over(&call).await;
    finished(first).await;
    (row, second)
}

/// H14: who is busy or refuses is not rung again by another way.
#[tokio::test(flavor = "multi_thread")]
async fn a_person_who_is_busy_or_refuses_is_not_called_again_over_another_trunk() {
    for (status, kind, number) in
        [("486 Busy Here", "busy", "+919811771203"), ("603 Decline", "rejected", "+919811771204")]
    {
        let (row, second) = refused(status, "carrier_refuses_at_once", number).await;
        assert_eq!(row["hangup_cause"]["kind"], kind, "{row}");
        assert!(requests(&second.seen(), "INVITE").is_empty(), "{status}: asked again");
    }
}

/// H14: once it rang, a failure of the trunk is the call's end.
#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_fails_after_ringing_is_not_followed_by_another() {
    let status = "503 Service Unavailable";
    let (row, second) = refused(status, "carrier_refuses", "+919811771205").await;
    assert_eq!(row["status"], "failed", "{row}");
    assert_eq!(row["hangup_cause"]["sip_status"], 503, "{row}");
    assert!(requests(&second.seen(), "INVITE").is_empty(), "rung twice");
}

/// Retry-After keeps the next call away from the trunk that asked for a pause.
#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_asked_for_a_pause_is_not_asked_by_the_next_call() {
    let (floor, _phone) = floor_ready().await;
    let marks = [("status", "503 Service Unavailable\r\n      Retry-After: 120")];
    let busy = script("carrier_refuses_at_once", &marks).start();
    trunk(&floor, busy.port, json!({})).await;
    for number in ["+919811770015", "+919811780015"] {
        let lead = floor.lead("Customer", number).await;
        let call = floor.dial(&lead).await;
        let row = floor.call_is(&call, "in_progress").await;
        assert_eq!(row["trunk_id"], built_in(&floor).await.as_str(), "{row}");
        floor.hang_up(&call).await;
        floor.call_over(&call).await;
        let outcome = json!({ "code": "INTERESTED", "notes": "ok" });
        floor.asha.post(&format!("/calls/{call}/disposition"), outcome).await;
    }
    let seen = finished(busy).await;
    assert_eq!(requests(&seen, "INVITE").len(), 1, "asked once, then left in peace");
}
