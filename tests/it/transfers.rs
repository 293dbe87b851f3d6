//! Transfers by the phone's own key: who hears whom afterwards, what the record says, who is refused (PBX-11, D04).

use crate::{
    carriers::{call_of, customer, did, trunk},
    floor::{AGENT_HZ, Floor, SOON, talk},
};
use serde_json::json;
use testkit::{eventually, peers::Baresip};
use tokio::task::block_in_place;

/// Tone of the colleague at 102.
pub(crate) const COLLEAGUE_HZ: f32 = 800.0;

pub(crate) const OUR_DID: &str = "+918047112701";

/// A customer's phone behind a carrier, a DID that rings Asha, and the lead.
pub(crate) async fn open(number: &str, hz: f32) -> (Floor, Baresip, String, String) {
    let floor = Floor::open().await;
    let customer = customer(&floor, number, hz, "udp", "PCMA", "").await;
    let id = trunk(&floor, customer.sip_port, json!({})).await;
    did(&floor, &id, OUR_DID, &floor.extension).await;
    let lead = floor.lead("Handed on", number).await;
    (floor, customer, id, lead)
}

/// The customer calls in; gives the call.
pub(crate) async fn call_in(floor: &Floor, customer: &mut Baresip, lead: &str) -> String {
    customer.command("dial", &format!("sip:{OUR_DID}@{}", floor.server.sip));
    block_in_place(|| customer.until("CALL_ESTABLISHED", 10));
    let call = call_of(floor, lead).await["id"].as_str().unwrap().to_owned();
    floor.call_is(&call, "in_progress").await;
    call
}

/// Extension 102's owner.
pub(crate) async fn colleague(floor: &Floor) -> String {
    let extensions = floor.admin.get("/extensions?limit=200").await;
    let rows = extensions["items"].as_array().unwrap();
    let found = rows.iter().find(|e| e["number"] == "102").expect("extension 102");
    found["user_id"].as_str().unwrap().to_owned()
}

pub(crate) async fn belongs_to(floor: &Floor, call: &str, user: &str) {
    eventually("the call is the colleague's", SOON, || async {
        (floor.call(call).await["agent_id"] == user).then_some(())
    })
    .await;
}

/// The customer spoke with Asha, then with the colleague; one recording has it all.
pub(crate) async fn recorded_with_both(floor: &Floor, call: &str) {
    let (left, right) = floor.recording(call).await;
    assert!(left.seconds_of(1000.0) > 3.0, "the customer: {}", left.seconds_of(1000.0));
    assert!(right.seconds_of(AGENT_HZ) > 1.0, "Asha: {}", right.seconds_of(AGENT_HZ));
    assert!(right.seconds_of(COLLEAGUE_HZ) > 1.3, "102: {}", right.seconds_of(COLLEAGUE_HZ));
    assert!(left.share_at(COLLEAGUE_HZ) < 0.05, "left is the customer alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_sent_on_to_a_colleague_talks_with_the_colleague() {
    let (floor, mut customer, _, lead) = open("+919811771701", 1000.0).await;
    let mut asha = floor.phone().await;
    let account = floor.account("102").await;
    let other = floor.register(&account, COLLEAGUE_HZ).await;
    floor.ready().await;
    let call = call_in(&floor, &mut customer, &lead).await;
    talk(2.0).await;
    asha.command("transfer", &format!("sip:102@{}", floor.server.sip));
    block_in_place(|| asha.until("CALL_CLOSED", 8));
    belongs_to(&floor, &call, &colleague(&floor).await).await;
    let log = asha.full_log();
    assert!(log.contains("SIP/2.0 202") && log.contains("SIP/2.0 100 Trying"), "{}", asha.log());
    assert_eq!(floor.call(&call).await["status"], "in_progress");
    talk(2.5).await;
    customer.command("hangup", "");
    let row = floor.call_over(&call).await;
    assert_eq!(row["hangup_cause"]["by"], "customer", "{row}");
    talk(0.3).await;
    let at_colleague = other.heard().pop().unwrap().seconds_of(1000.0);
    assert!(at_colleague > 1.3, "the colleague hears the customer: {at_colleague}");
    let heard = customer.heard().pop().unwrap();
    assert!(heard.seconds_of(AGENT_HZ) > 1.0, "{}", heard.seconds_of(AGENT_HZ));
    assert!(heard.seconds_of(COLLEAGUE_HZ) > 1.3, "{}", heard.seconds_of(COLLEAGUE_HZ));
    recorded_with_both(&floor, &call).await;
    let calls = floor.admin.get(&format!("/calls?lead_id={lead}")).await;
    assert_eq!(calls["items"].as_array().unwrap().len(), 1, "it was one call: {calls}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_who_refuses_leaves_the_customer_with_the_transferor() {
    let (floor, mut customer, _, lead) = open("+919811771702", 1000.0).await;
    // Linphone keeps its party when a transfer fails, where baresip hangs up.
    let mut asha = floor.linphone().await;
    let account = floor.account("102").await;
    let account = testkit::peers::BaresipAccount { auto_answer: false, ..account };
    let mut other = floor.register(&account, COLLEAGUE_HZ).await;
    floor.ready().await;
    let call = call_in(&floor, &mut customer, &lead).await;
    talk(2.0).await;
    block_in_place(|| asha.command(&format!("transfer sip:102@{}", floor.server.sip)));
    block_in_place(|| other.until("CALL_INCOMING", 8));
    talk(1.5).await;
    other.command("hangup", "");
    talk(2.0).await;
    let row = floor.call(&call).await;
    assert_eq!((&row["status"], &row["agent_id"]), (&json!("in_progress"), &json!(floor.asha_id)));
    customer.command("hangup", "");
    floor.call_over(&call).await;
    talk(0.3).await;
    // Before and after; in between it heard that somebody is called.
    let heard = customer.heard().pop().unwrap();
    assert!(heard.seconds_of(AGENT_HZ) > 2.5, "{}", heard.seconds_of(AGENT_HZ));
    assert!(heard.seconds_of(AGENT_HZ) < heard.seconds() - 1.0, "{}", heard.seconds());
    let (_, right) = floor.recording(&call).await;
    assert!(right.seconds_of(AGENT_HZ) > 2.5, "Asha: {}", right.seconds_of(AGENT_HZ));
}

/// D04: an outside number is dialled with the transferor's own rights, and shows a number of ours.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_sent_on_to_an_outside_number_talks_with_it() {
    let (floor, mut customer, id, lead) = open("+919811771703", 1400.0).await;
    let mut asha = floor.phone().await;
    floor.ready().await;
    floor.lead("The expert", "+919811770015").await;
    let call = call_in(&floor, &mut customer, &lead).await;
    // The way out is the built-in carrier's.
    floor.admin.patch(&format!("/trunks/{id}"), json!({ "priority": 99 })).await;
    talk(1.0).await;
    asha.command("transfer", &format!("sip:+919811770015@{}", floor.server.sip));
    block_in_place(|| asha.until("CALL_CLOSED", 10));
    talk(2.5).await;
    let row = floor.call(&call).await;
    assert_eq!((&row["status"], &row["agent_id"]), (&json!("in_progress"), &json!(floor.asha_id)));
    customer.command("hangup", "");
    floor.call_over(&call).await;
    talk(0.3).await;
    let heard = customer.heard().pop().unwrap().seconds_of(1000.0);
    assert!(heard > 1.3, "the customer hears the outside number: {heard}");
}

/// RFC 3891: Asha asks the colleague first, then joins the two.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_announced_to_a_colleague_is_joined_with_the_colleague() {
    let (floor, mut customer, _, lead) = open("+919811771704", 1000.0).await;
    let mut asha = floor.linphone().await;
    let account = floor.account("102").await;
    let mut other = floor.register(&account, COLLEAGUE_HZ).await;
    floor.ready().await;
    let call = call_in(&floor, &mut customer, &lead).await;
    talk(2.0).await;
    block_in_place(|| asha.command("pause"));
    block_in_place(|| asha.command(&format!("call sip:102@{}", floor.server.sip)));
    let rang = block_in_place(|| other.saw("CALL_ESTABLISHED", SOON));
    assert!(rang, "{}", asha.log());
    talk(1.5).await;
    block_in_place(|| asha.command("transfer 1 --to-call 2"));
    belongs_to(&floor, &call, &colleague(&floor).await).await;
    talk(2.5).await;
    let row = floor.call(&call).await;
    assert_eq!(row["status"], "in_progress", "{row}");
    customer.command("hangup", "");
    let row = floor.call_over(&call).await;
    assert_eq!(row["hangup_cause"]["by"], "customer", "{row}");
    assert!(block_in_place(|| other.saw("CALL_CLOSED", SOON)));
    talk(0.3).await;
    let at_colleague = other.heard().pop().unwrap();
    assert!(at_colleague.seconds_of(AGENT_HZ) > 0.8, "{}", at_colleague.seconds_of(AGENT_HZ));
    assert!(at_colleague.seconds_of(1000.0) > 1.3, "{}", at_colleague.seconds_of(1000.0));
    let heard = customer.heard().pop().unwrap().seconds_of(COLLEAGUE_HZ);
    assert!(heard > 1.3, "the customer hears the colleague: {heard}");
    recorded_with_both(&floor, &call).await;
    let internal = eventually("the call between the two is over", SOON, || async {
        let calls = floor.admin.get("/calls?direction=internal").await;
        calls["items"].get(0).filter(|row| row["ended_at"].is_string()).cloned()
    })
    .await;
    assert_eq!(internal["status"], "completed", "{internal}");
}

/// RFC 5589 §7: Asha does not wait for the colleague to pick up. The customer hears that it rings, then the colleague.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_handed_on_while_the_colleague_rings_waits_for_the_colleague() {
    let (floor, mut customer, _, lead) = open("+919811771705", 1000.0).await;
    let mut asha = floor.linphone().await;
    let account = floor.account("102").await;
    let account = testkit::peers::BaresipAccount { auto_answer: false, ..account };
    let mut other = floor.register(&account, COLLEAGUE_HZ).await;
    floor.ready().await;
    let call = call_in(&floor, &mut customer, &lead).await;
    talk(2.0).await;
    block_in_place(|| asha.command("pause"));
    block_in_place(|| asha.command(&format!("call sip:102@{}", floor.server.sip)));
    block_in_place(|| other.until("CALL_INCOMING", 8));
    block_in_place(|| other.until_log("SIP/2.0 180", 5));
    block_in_place(|| asha.command("transfer 1 --to-call 2"));
    talk(2.0).await;
    assert!(!other.full_log().contains("CANCEL sip:"), "it rings on\n{}", asha.log());
    other.command("accept", "");
    belongs_to(&floor, &call, &colleague(&floor).await).await;
    talk(2.5).await;
    customer.command("hangup", "");
    let row = floor.call_over(&call).await;
    assert_eq!(row["hangup_cause"]["by"], "customer", "{row}");
    assert!(block_in_place(|| other.saw("CALL_CLOSED", SOON)));
    talk(0.3).await;
    let heard = customer.heard().pop().unwrap();
    // India's ringback is 400 Hz, off and on.
    assert!(heard.seconds_of(400.0) > 0.3, "ringback: {}", heard.seconds_of(400.0));
    assert!(heard.seconds_of(COLLEAGUE_HZ) > 1.3, "{}", heard.seconds_of(COLLEAGUE_HZ));
    recorded_with_both(&floor, &call).await;
}
