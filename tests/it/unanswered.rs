//! Nobody answers until the ring time is over: who is told what, at both ends, and what stays in the records.

use crate::{
    carriers::{caller, did, extension_id, finished, no_other_carrier, requests, script, trunk},
    floor::{AGENT_HZ, Floor, SOON},
};
use serde_json::json;
use std::time::Instant;
use testkit::{eventually, peers::BaresipAccount, ports};
use tokio::task::block_in_place;

/// The shortest ring time there may be, in seconds.
const SHORTEST: u64 = 5;

/// DSP-08: a customer who does not pick up: CANCEL to the carrier, the agent's phone is free, the outcome is proposed.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_does_not_pick_up_is_given_up_after_the_ring_time() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    floor.admin.patch("/settings", json!({ "calling": { "ring_timeout_s": SHORTEST } })).await;
    let port = ports::one();
    let run = script("carrier_rings", &[]).start_at(port);
    trunk(&floor, port, json!({})).await;
    no_other_carrier(&floor).await;
    let lead = floor.lead("Does not pick up", "+919811773101").await;

    let call = floor.dial(&lead).await;
    floor.call_is(&call, "ringing").await;
    let rings_since = Instant::now();
    let row = floor.call_over(&call).await;
    let rang = rings_since.elapsed().as_secs_f32();
    assert!(rang > SHORTEST as f32 - 1.0, "it rang {rang:.1} s");
    assert_eq!(row["status"], "failed", "{row}");
    assert_eq!(row["hangup_cause"]["kind"], "no_answer", "{row}");
    assert_eq!(row["suggested_disposition"], "NO_ANSWER", "{row}");
    assert_eq!(row["duration_seconds"], 0, "{row}");
    let seen = finished(run).await;
    assert_eq!(requests(&seen, "CANCEL").len(), 1, "the carrier is told once");
    block_in_place(|| phone.until("CALL_CLOSED", 8));
    let heard = phone.heard().pop().unwrap();
    assert!(heard.level() > 0.01, "ringback until then: {}", heard.level());
    assert!(heard.seconds() > SHORTEST as f32 - 1.0, "{}", heard.seconds());
}

/// A phone that nobody picks up: it stops ringing, the carrier gets 480, the lead has a missed call.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_rings_out_leaves_a_missed_call() {
    let floor = Floor::open().await;
    let account = BaresipAccount { auto_answer: false, ..floor.account(&floor.extension).await };
    let mut phone = floor.register(&account, AGENT_HZ).await;
    floor.ready().await;
    let id = extension_id(&floor, &floor.extension).await;
    let ring = json!({ "ring_timeout_s": SHORTEST });
    floor.admin.patch(&format!("/extensions/{id}"), ring).await;
    let (port, number) = (ports::one(), "+918047113102");
    let trunk = trunk(&floor, port, json!({})).await;
    did(&floor, &trunk, number, &floor.extension).await;
    let lead = floor.lead("Rings out", "+919811773102").await;

    let mut carrier = caller(&floor, "caller_is_refused", number, "+919811773102", 0);
    carrier.marks = vec![("status", "480".into())];
    let run = carrier.start_at(port);
    block_in_place(|| phone.until("CALL_INCOMING", 8));
    let rings_since = Instant::now();
    let seen = finished(run).await;
    let rang = rings_since.elapsed().as_secs_f32();
    assert!(rang > SHORTEST as f32 - 1.0, "it rang {rang:.1} s");
    let ringing = seen.iter().any(|m| m.received && m.text.starts_with("SIP/2.0 180"));
    assert!(ringing, "the caller heard that it rings");
    block_in_place(|| phone.until("CALL_CLOSED", 8));
    let row = eventually("the call is missed", SOON, || async {
        let calls = floor.admin.get(&format!("/calls?lead_id={lead}")).await;
        calls["items"].get(0).filter(|row| row["status"] == "missed").cloned()
    })
    .await;
    assert_eq!(row["hangup_cause"]["kind"], "no_answer", "{row}");
}
