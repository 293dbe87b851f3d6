//! Desk phones among themselves and towards carriers: who rings, who hears what, who is told what.

use crate::{
    carriers::{call_of, caller, customer, did, finished, trunk},
    floor::{AGENT_HZ, Floor, SOON, talk},
};
use serde_json::{Value, json};
use testkit::{
    eventually,
    peers::{Baresip, BaresipAccount},
    ports,
};
use tokio::task::block_in_place;

/// DIA-01, D04: a number dialled on the phone meets the same rules and leaves the same records.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_dialled_on_the_phone_is_called_heard_and_recorded() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let lead = floor.lead("By hand", "+919811770015").await;
    phone.command("dial", &format!("sip:+919811770015@{}", floor.server.sip));
    let call = call_of(&floor, &lead).await["id"].as_str().unwrap().to_owned();
    let row = floor.call_is(&call, "in_progress").await;
    assert_eq!(row["direction"], "outbound");
    assert_eq!(row["agent_id"], floor.asha_id.as_str());
    talk(3.0).await;
    phone.command("hangup", "");
    let row = floor.call_over(&call).await;
    assert_eq!(row["hangup_cause"]["by"], "agent", "{row}");
    let heard = phone.heard().pop().unwrap().seconds_of(1000.0);
    assert!(heard > 1.5, "the agent hears the customer: {heard}");
    let (customer, ours) = floor.recording(&call).await;
    assert!(customer.seconds_of(1000.0) > 1.5, "{}", customer.seconds_of(1000.0));
    assert!(ours.seconds_of(AGENT_HZ) > 1.5, "{}", ours.seconds_of(AGENT_HZ));
    assert!(customer.share_at(AGENT_HZ) < 0.05, "left is the customer alone");
}

/// TEL-11: one extension calls another; both hear each other. Both are recorded, unless the house leaves its own calls alone.
#[tokio::test(flavor = "multi_thread")]
async fn an_extension_calls_another() {
    let floor = Floor::open().await;
    let mut first = floor.phone().await;
    let account = floor.account("102").await;
    let mut second = floor.register(&account, 800.0).await;
    colleagues_talk(&floor, &mut first, &mut second).await;
    let (at_first, at_second) = (first.heard().pop().unwrap(), second.heard().pop().unwrap());
    assert!(at_first.seconds_of(800.0) > 1.5, "{}", at_first.seconds_of(800.0));
    assert!(at_second.seconds_of(AGENT_HZ) > 1.5, "{}", at_second.seconds_of(AGENT_HZ));
    let call = internal_call(&floor, &Value::Null).await;
    assert_eq!((&call["from"], &call["to"]), (&json!("101"), &json!("102")), "{call}");
    let (dialled, called) = floor.recording(call["id"].as_str().unwrap()).await;
    assert!(dialled.seconds_of(AGENT_HZ) > 1.5, "left: {}", dialled.seconds_of(AGENT_HZ));
    assert!(called.seconds_of(800.0) > 1.5, "right: {}", called.seconds_of(800.0));

    floor.admin.patch("/settings", json!({ "recording": { "internal": false } })).await;
    colleagues_talk(&floor, &mut first, &mut second).await;
    let unrecorded = internal_call(&floor, &call["id"]).await;
    assert_eq!(unrecorded["recording"], Value::Null, "{unrecorded}");
}

/// The row of the call between colleagues that is over, and not that other one.
async fn internal_call(floor: &Floor, other: &Value) -> Value {
    eventually("the internal call's row", SOON, || async {
        let calls = floor.admin.get("/calls?direction=internal").await;
        let mut rows = calls["items"].as_array()?.iter().filter(|row| row["id"] != *other);
        rows.find(|row| row["ended_at"].is_string()).cloned()
    })
    .await
}

/// 101 calls 102, they talk, 102 hangs up.
async fn colleagues_talk(floor: &Floor, first: &mut Baresip, second: &mut Baresip) {
    first.command("dial", &format!("sip:102@{}", floor.server.sip));
    block_in_place(|| second.until("CALL_ESTABLISHED", 10));
    talk(3.0).await;
    second.command("hangup", "");
    block_in_place(|| first.until("CALL_CLOSED", 8));
    assert!(block_in_place(|| second.saw("CALL_CLOSED", SOON)));
}

/// A customer with `theirs` calls a phone with `ours`; what each heard.
async fn across(theirs: &'static str, ours: &'static str, number: &str, our_did: &str) {
    let floor = Floor::open().await;
    let account = BaresipAccount { codecs: ours, ..floor.account(&floor.extension).await };
    let mut phone = floor.register(&account, AGENT_HZ).await;
    floor.ready().await;
    let mut customer = customer(&floor, number, 1000.0, "udp", theirs, "").await;
    let id = trunk(&floor, customer.sip_port, json!({})).await;
    did(&floor, &id, our_did, &floor.extension).await;
    let lead = floor.lead("Other law", number).await;
    customer.command("dial", &format!("sip:{our_did}@{}", floor.server.sip));
    block_in_place(|| customer.until("CALL_ESTABLISHED", 10));
    let call = call_of(&floor, &lead).await["id"].as_str().unwrap().to_owned();
    talk(3.0).await;
    customer.command("hangup", "");
    floor.call_over(&call).await;
    assert!(block_in_place(|| phone.saw("CALL_CLOSED", SOON)));
    talk(0.3).await;
    // A sine of 12 000 has an effective value of 0.259; the wrong law would be noise at half
    // that and more.
    for (who, heard, hz) in [
        ("agent", phone.heard().pop().unwrap(), 1000.0),
        ("customer", customer.heard().pop().unwrap(), AGENT_HZ),
    ] {
        assert!(heard.seconds_of(hz) > 1.5, "{who}: {} s of {hz} Hz", heard.seconds_of(hz));
        let middle = heard.between(heard.seconds() - 2.0, heard.seconds() - 1.0);
        assert!(middle.share_at(hz) > 0.95, "{who}: {}", middle.share_at(hz));
        assert!((middle.level() - 0.259).abs() < 0.03, "{who}: level {}", middle.level());
    }
    let path = format!("/calls/{call}");
    eventually("both codecs on the call's record", SOON, || async {
        let quality = floor.admin.get(&path).await["quality"].to_string();
        (quality.contains(theirs) && quality.contains(ours)).then_some(())
    })
    .await;
}

/// Two laws in one call are translated by table: right pitch, right level, both ways.
#[tokio::test(flavor = "multi_thread")]
async fn a_law_customer_and_mu_law_phone_hear_each_other_undistorted() {
    across("PCMA", "PCMU", "+919811771301", "+918047112501").await;
}

/// The same the other way round.
#[tokio::test(flavor = "multi_thread")]
async fn mu_law_customer_and_a_law_phone_hear_each_other_undistorted() {
    across("PCMU", "PCMA", "+919811771302", "+918047112502").await;
}

/// The simulated carrier's 0018 and 0019 know one law only; a phone of the other law hears them.
#[tokio::test(flavor = "multi_thread")]
async fn carriers_of_one_law_only_are_heard_on_a_phone_of_the_other() {
    let floor = Floor::open().await;
    for (number, theirs, ours) in
        [("+919811770018", "PCMA", "PCMU"), ("+919811770019", "PCMU", "PCMA")]
    {
        let account = BaresipAccount { codecs: ours, ..floor.account(&floor.extension).await };
        let mut phone = floor.register(&account, AGENT_HZ).await;
        floor.ready().await;
        let lead = floor.lead(theirs, number).await;
        let call = floor.dial(&lead).await;
        floor.call_is(&call, "in_progress").await;
        talk(3.0).await;
        floor.hang_up(&call).await;
        floor.call_over(&call).await;
        block_in_place(|| phone.until("CALL_CLOSED", 8));
        let heard = phone.heard().pop().unwrap();
        assert!(heard.level() > 0.01, "{theirs}: the greeting is heard: {}", heard.level());
        let (customer, ours_heard) = floor.recording(&call).await;
        assert!(customer.level() > 0.01, "{theirs}: {}", customer.level());
        assert!(ours_heard.seconds_of(AGENT_HZ) > 1.5, "{}", ours_heard.seconds_of(AGENT_HZ));
        let path = format!("/calls/{call}");
        eventually("both codecs on the call's record", SOON, || async {
            let quality = floor.admin.get(&path).await["quality"].to_string();
            (quality.contains(theirs) && quality.contains(ours)).then_some(())
        })
        .await;
        let outcome = json!({ "code": "INTERESTED", "notes": "ok" });
        floor.asha.post(&format!("/calls/{call}/disposition"), outcome).await;
        drop(phone);
    }
}

/// A floor with a trunk at `port`, a DID on it that rings Asha, and her lead with `from`.
async fn called(port: u16, our_did: &str, from: &str) -> (Floor, String) {
    let floor = Floor::open().await;
    let id = trunk(&floor, port, json!({})).await;
    did(&floor, &id, our_did, &floor.extension).await;
    let lead = floor.lead("Calls", from).await;
    (floor, lead)
}

/// A phone of Asha's that waits for her to press a key.
async fn by_hand(floor: &Floor, hz: f32) -> Baresip {
    let account = BaresipAccount { auto_answer: false, ..floor.account(&floor.extension).await };
    let start = move || {
        let phone = Baresip::start(&account, hz);
        // "[1 binding]", "[2 bindings]" with the other one.
        phone.until_log(" binding", 10);
        phone
    };
    tokio::task::spawn_blocking(start).await.unwrap()
}

/// Two phones of one extension ring; the first to answer wins, the other is told that the call
/// was completed elsewhere (RFC 3326), so that it lists no missed call.
#[tokio::test(flavor = "multi_thread")]
async fn both_phones_ring_and_the_other_is_told_who_answered() {
    let port = ports::one();
    let (floor, lead) = called(port, "+918047112503", "+919811771303").await;
    let mut desk = by_hand(&floor, AGENT_HZ).await;
    let mut spare = by_hand(&floor, 800.0).await;
    let run = caller(&floor, "carrier_calls", "+918047112503", "+919811771303", 1500);
    let run = run.start_at(port);
    block_in_place(|| desk.until("CALL_INCOMING", 10));
    block_in_place(|| spare.until("CALL_INCOMING", 10));
    spare.command("accept", "");
    block_in_place(|| spare.until("CALL_ESTABLISHED", 10));
    block_in_place(|| desk.until("CALL_CLOSED", 10));
    let log = desk.full_log();
    assert!(log.contains("CANCEL sip:"), "{}", desk.log());
    assert!(log.contains("cause=200") && log.contains("completed elsewhere"), "{}", desk.log());
    finished(run).await;
    let row = call_of(&floor, &lead).await;
    let row = floor.call_over(row["id"].as_str().unwrap()).await;
    assert_eq!(row["status"], "completed", "{row}");
}

/// A caller who gives up: the phone stops ringing, the call is missed, the customer ended it.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_gives_up_stops_the_ringing() {
    let port = ports::one();
    let (floor, lead) = called(port, "+918047112504", "+919811771304").await;
    let mut desk = by_hand(&floor, AGENT_HZ).await;
    let run = caller(&floor, "caller_gives_up", "+918047112504", "+919811771304", 800);
    let run = run.start_at(port);
    block_in_place(|| desk.until("CALL_INCOMING", 10));
    finished(run).await;
    block_in_place(|| desk.until_log("CANCEL sip:", 10));
    let row = call_of(&floor, &lead).await;
    let row = floor.call_over(row["id"].as_str().unwrap()).await;
    assert_eq!(row["status"], "missed", "{row}");
    assert_eq!(row["hangup_cause"]["kind"], "cancelled", "{row}");
    assert_eq!(row["hangup_cause"]["by"], "customer", "{row}");
    assert!(!desk.full_log().contains("completed elsewhere"), "nobody answered it");
}

/// The agent refuses the call by key: the carrier is told busy, the call is missed.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_that_refuses_is_busy_to_the_carrier() {
    let port = ports::one();
    let (floor, lead) = called(port, "+918047112505", "+919811771305").await;
    let mut desk = by_hand(&floor, AGENT_HZ).await;
    let mut refused = caller(&floor, "caller_is_refused", "+918047112505", "+919811771305", 0);
    refused.marks = vec![("status", "486".into())];
    let run = refused.start_at(port);
    block_in_place(|| desk.until("CALL_INCOMING", 10));
    desk.command("hangup", "");
    finished(run).await;
    let row = call_of(&floor, &lead).await;
    let row = floor.call_over(row["id"].as_str().unwrap()).await;
    assert_eq!(row["status"], "missed", "{row}");
    assert_eq!(row["hangup_cause"]["kind"], "busy", "{row}");
}
