//! Click-to-call over the demo trunk.

use crate::floor::{AGENT_HZ, Floor, SOON, talk};
use serde_json::json;
use tokio::task::block_in_place;

/// The whole first call: DIA-01, TEL-08, HUD-02, HUD-14, DSP-16, PBX-14, PBX-17, E13.
#[tokio::test(flavor = "multi_thread")]
async fn a_lead_is_called_heard_recorded_and_disposed() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let mut live = floor.live().await;
    let lead = floor.lead("Meera Nair", "+919811770015").await;

    let call = floor.dial(&lead).await;
    let started = live.until("call:started", SOON, |v| v["type"] == "call:started").await;
    assert!(started.to_string().contains(&lead), "the screen pops with the lead: {started}");
    live.until("call:answered", SOON, |v| v["type"] == "call:answered").await;
    let row = floor.call_is(&call, "in_progress").await;
    assert_eq!(row["direction"], "outbound");
    assert_eq!(row["lead_id"], lead.as_str());
    assert_eq!(row["agent_id"], floor.asha_id.as_str());
    assert_eq!(row["to"], "+919811770015");
    talk(4.0).await;
    floor.hang_up(&call).await;
    live.until("call:ended", SOON, |v| v["type"] == "call:ended").await;
    let row = floor.call_is(&call, "completed").await;
    assert!(row["duration_seconds"].as_i64().unwrap() >= 3, "{row}");
    assert_eq!(row["hangup_cause"]["kind"], "normal");
    assert_eq!(row["hangup_cause"]["by"], "agent");

    block_in_place(|| phone.until("CALL_CLOSED", 5));
    let heard = phone.heard().pop().expect("the phone kept what it heard");
    assert!(heard.seconds_of(1000.0) > 2.5, "agent hears 1 kHz: {}", heard.seconds_of(1000.0));
    let (customer, ours) = floor.recording(&call).await;
    assert!(customer.seconds_of(1000.0) > 2.5, "left: {}", customer.seconds_of(1000.0));
    assert!(ours.seconds_of(AGENT_HZ) > 2.5, "right: {}", ours.seconds_of(AGENT_HZ));
    assert!(customer.share_at(AGENT_HZ) < 0.05, "channels are apart");
    assert!(ours.share_at(1000.0) < 0.05, "channels are apart");
    assert!((customer.seconds() - ours.seconds()).abs() < 0.03);

    let path = format!("/calls/{call}/disposition");
    let body = Some(json!({ "code": "NO_SUCH" }));
    let (status, refusal) = floor.asha.call("POST".parse().unwrap(), &path, body).await;
    assert_eq!(status, 422, "{refusal}");
    floor.asha.post(&path, json!({ "code": "INTERESTED", "notes": "Wants the brochure" })).await;
    let timeline = floor.asha.get(&format!("/leads/{lead}/timeline")).await.to_string();
    assert!(timeline.contains(&call) && timeline.contains("INTERESTED"), "{timeline}");
}

/// The echo of the far side comes back, so both directions carry the agent's own voice.
#[tokio::test(flavor = "multi_thread")]
async fn an_echoing_customer_is_heard_on_both_sides() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let lead = floor.lead("Echo", "+919811770009").await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    talk(3.5).await;
    floor.hang_up(&call).await;
    block_in_place(|| phone.until("CALL_CLOSED", 5));
    let heard = phone.heard().pop().unwrap();
    assert!(heard.seconds_of(AGENT_HZ) > 2.0, "{}", heard.seconds_of(AGENT_HZ));
    let (customer, _) = floor.recording(&call).await;
    assert!(customer.seconds_of(AGENT_HZ) > 2.0, "what the customer says is the echo");
}

/// Busy, switched off, not in use, overloaded, refused (DSP-07 … DSP-13).
#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_does_not_connect_says_why() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    for (digits, kind, status, suggestion) in [
        ("0003", "busy", 486, "BUSY"),
        ("0005", "unavailable", 480, "SWITCHED_OFF"),
        ("0007", "not_found", 404, "OUT_OF_SERVICE"),
        ("0011", "network_failure", 503, "TECHNICAL_ISSUE"),
        ("0012", "do_not_disturb", 603, "DND"),
    ] {
        let phone = format!("+91981177{digits}");
        let lead = floor.lead(&format!("Nobody {digits}"), &phone).await;
        let call = floor.dial(&lead).await;
        let row = floor.call_over(&call).await;
        assert_eq!(row["status"], "failed", "{digits}: {row}");
        assert_eq!(row["hangup_cause"]["kind"], kind, "{digits}: {row}");
        assert_eq!(row["hangup_cause"]["sip_status"], status, "{digits}: {row}");
        assert_eq!(row["suggested_disposition"], suggestion, "{digits}: {row}");
        assert_eq!(row["duration_seconds"], 0, "{digits}");
        let path = format!("/calls/{call}/disposition");
        floor.asha.post(&path, json!({ "code": suggestion, "notes": "as proposed" })).await;
    }
}

/// The announcement before answer reaches the agent's ear (pain 5).
#[tokio::test(flavor = "multi_thread")]
async fn early_media_reaches_the_agent() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let lead = floor.lead("Switched off", "+919811770005").await;
    let call = floor.dial(&lead).await;
    floor.call_over(&call).await;
    block_in_place(|| phone.until("CALL_CLOSED", 8));
    let heard = phone.heard().pop().unwrap();
    assert!(heard.level() > 0.01, "{}", heard.level());
    assert!(heard.seconds() > 2.5, "{}", heard.seconds());
    assert!(heard.share_at(AGENT_HZ) < 0.05, "no echo of oneself");
}

/// The agent gives up while it rings: CANCEL to the carrier; the call counts as given up.
#[tokio::test(flavor = "multi_thread")]
async fn hanging_up_while_it_rings_cancels_the_carrier_leg() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let lead = floor.lead("Rings", "+919811770004").await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "ringing").await;
    talk(4.0).await;
    phone.command("hangup", "");
    let row = floor.call_over(&call).await;
    assert_eq!(row["status"], "failed", "{row}");
    assert_eq!(row["hangup_cause"]["kind"], "cancelled", "{row}");
    assert_eq!(row["hangup_cause"]["by"], "agent", "{row}");
    let heard = phone.heard().pop().unwrap();
    assert!(heard.level() > 0.01, "ringback while it rings: {}", heard.level());
}

/// F14, DIA-01: the same call id again is harmless.
#[tokio::test(flavor = "multi_thread")]
async fn starting_the_same_call_again_dials_once() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let lead = floor.lead("Once", "+919811770001").await;
    let call = uuid::Uuid::now_v7().to_string();
    for _ in 0..5 {
        let body = json!({ "lead_id": lead, "call_id": call });
        let reply = floor.asha.post("/calls/start", body).await;
        assert_eq!(reply["call_id"], call.as_str());
    }
    floor.call_is(&call, "in_progress").await;
    floor.hang_up(&call).await;
    floor.call_over(&call).await;
    let calls = floor.asha.get(&format!("/calls?lead_id={lead}")).await;
    assert_eq!(calls["items"].as_array().unwrap().len(), 1, "{calls}");
    assert!(block_in_place(|| phone.saw("CALL_CLOSED", SOON)));
}

/// TEL-13: the customer hears music on hold and the agent again after it; mute is real.
#[tokio::test(flavor = "multi_thread")]
async fn hold_and_mute_are_enforced_in_the_media_path() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    let lead = floor.lead("Echo", "+919811770009").await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    talk(2.0).await;
    floor.asha.post(&format!("/calls/{call}/mute"), json!({ "muted": true })).await;
    talk(2.0).await;
    floor.asha.post(&format!("/calls/{call}/mute"), json!({ "muted": false })).await;
    talk(1.0).await;
    floor.asha.post(&format!("/calls/{call}/hold"), json!({})).await;
    talk(3.0).await;
    floor.asha.post(&format!("/calls/{call}/resume"), json!({})).await;
    talk(2.0).await;
    floor.hang_up(&call).await;
    floor.call_over(&call).await;
    let (customer, ours) = floor.recording(&call).await;
    let muted = ours.between(2.6, 3.7);
    assert!(muted.is_silent(), "muted: our channel is silent, level {}", muted.level());
    let held = customer.between(6.0, 7.5);
    assert!(!held.is_silent(), "the echo of the hold music");
    assert!(held.share_at(AGENT_HZ) < 0.1, "the customer does not hear the agent on hold");
    let after = customer.between(8.9, 9.8);
    assert!(after.share_at(AGENT_HZ) > 0.6, "and does after it: {}", after.share_at(AGENT_HZ));
}
