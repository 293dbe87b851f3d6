//! Calls for help through the simulated carrier: by people at any hour, by programs never (D14).

use crate::floor::{AGENT_HZ, Floor, SOON, talk};
use serde_json::{Value, json};
use testkit::{eventually, peers::Baresip};
use tokio::task::block_in_place;

/// A floor in its night: nobody may be called now, and telecallers dial nothing by hand.
async fn at_night() -> (Floor, Baresip) {
    let floor = Floor::open().await;
    let phone = floor.phone().await;
    // A window of one minute that is as far away as can be.
    let minute = (minute_now() + 720) % 1440;
    let clock = |minute: u32| format!("{:02}:{:02}", minute / 60, minute % 60);
    let start = minute.min(1438);
    let window = json!({ "window_start": clock(start), "window_end": clock(start + 1) });
    floor.admin.patch("/settings", json!({ "calling": window })).await;
    (floor, phone)
}

/// Of the day in India.
fn minute_now() -> u32 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    u32::try_from((since.as_secs() + 19_800) % 86_400 / 60).unwrap()
}

async fn newest_to(floor: &Floor, to: &str) -> Value {
    eventually(&format!("a call to {to}"), SOON, || async {
        let calls = floor.admin.get("/calls").await;
        calls["items"].as_array()?.iter().find(|call| call["to"] == to).cloned()
    })
    .await
}

async fn audited(floor: &Floor, call_number: &str) -> usize {
    let audit = floor.admin.get("/audit?action=call.emergency&limit=100").await;
    let rows = audit["items"].as_array().unwrap();
    rows.iter().filter(|row| row["detail"]["number"] == call_number).count()
}

/// The screen's way, outside hours and with an outcome owed; then the phone's.
#[tokio::test(flavor = "multi_thread")]
async fn help_is_reached_from_screen_and_phone_at_night() {
    let (floor, mut phone) = at_night().await;
    floor.ready().await;
    let lead = floor.lead("Sleeps", "+919811770001").await;
    let post = "POST".parse::<reqwest::Method>().unwrap();
    let body = Some(json!({ "lead_id": lead }));
    let (status, refusal) = floor.asha.call(post.clone(), "/calls/start", body).await;
    assert_eq!(status, 409, "{refusal}");
    assert!(refusal.to_string().contains("calling_window"), "{refusal}");
    let started = floor.asha.post("/calls/start", json!({ "to": "112" })).await;
    let call = started["call_id"].as_str().unwrap().to_owned();
    let row = floor.call_is(&call, "in_progress").await;
    assert_eq!((&row["to"], &row["direction"]), (&json!("112"), &json!("outbound")), "{row}");
    assert_ne!(row["from"], Value::Null);
    talk(2.0).await;
    floor.hang_up(&call).await;
    floor.call_over(&call).await;
    block_in_place(|| phone.until("CALL_CLOSED", 8));
    let (theirs, ours) = floor.recording(&call).await;
    assert!(!theirs.between(0.5, 1.5).is_silent(), "who answered is on the recording");
    assert!(ours.seconds_of(AGENT_HZ) > 1.0, "{}", ours.seconds_of(AGENT_HZ));
    assert_eq!(audited(&floor, "112").await, 1);

    // No outcome was saved for that one: whoever needs help does not have to.
    phone.command("dial", &format!("sip:112@{}", floor.server.sip));
    block_in_place(|| phone.until("CALL_ESTABLISHED", 10));
    talk(1.0).await;
    phone.command("hangup", "");
    let second = newest_to(&floor, "112").await;
    let row = floor.call_over(second["id"].as_str().unwrap()).await;
    assert_eq!(row["status"], "completed", "{row}");
    assert_eq!(audited(&floor, "112").await, 2);

    let campaign = json!({ "to": "112", "campaign_id": uuid::Uuid::now_v7() });
    let (status, refusal) = floor.asha.call(post, "/calls/start", Some(campaign)).await;
    assert_eq!(status, 422, "{refusal}");
    assert!(refusal["detail"].as_str().unwrap().contains("campaign"), "{refusal}");
}

/// Switched off by the tenant: the refusal says so, on the screen in words and on the phone with 403. A colleague's
/// extension stays a colleague's, and nobody may take the emergency number for one.
#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_that_switched_emergency_calls_off_is_told_so() {
    let (floor, mut phone) = at_night().await;
    floor.ready().await;
    floor.admin.patch("/settings", json!({ "calling": { "emergency": false } })).await;
    let post = "POST".parse::<reqwest::Method>().unwrap();
    let refused = async |to: &str| {
        let body = Some(json!({ "to": to }));
        let (status, refusal) = floor.asha.call(post.clone(), "/calls/start", body).await;
        assert_eq!(status, 422, "{refusal}");
        assert_eq!(refusal["rule"], "emergency_number", "{refusal}");
        refusal["detail"].as_str().unwrap().to_owned()
    };
    let words = refused("112").await;
    assert!(words.contains("switched off"), "{words}");
    let words = refused("101").await;
    assert!(words.contains("extension"), "{words}");
    phone.command("dial", &format!("sip:112@{}", floor.server.sip));
    let closed = block_in_place(|| phone.until("CALL_CLOSED", 10)).to_string();
    assert!(closed.contains("403"), "{closed}");
    let extension = json!({ "number": "112", "name": "Wrong" });
    let (status, problem) = floor.admin.call(post.clone(), "/extensions", Some(extension)).await;
    assert_eq!(status, 422, "{problem}");
    assert_eq!(audited(&floor, "112").await, 0);
}
