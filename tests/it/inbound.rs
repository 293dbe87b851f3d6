//! A carrier calls one of our numbers.

use crate::floor::{AGENT_HZ, Floor, SOON, talk};
use serde_json::json;
use testkit::{
    eventually,
    peers::{Baresip, BaresipAccount, Sipp},
    ports,
};
use tokio::task::block_in_place;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A trunk to a carrier on loopback, and a DID on it that rings Asha.
pub(crate) async fn trunk_with_did(floor: &Floor, port: u16, did: &str) {
    let trunk = json!({
        "name": format!("test-{port}"), "preset": "other",
        "settings": {
            "hosts": [{ "host": "127.0.0.1", "port": port }],
            "transport": "udp", "auth": "ip", "source_cidrs": [format!("127.0.0.1:{port}")],
        },
    });
    let trunk = floor.admin.post("/trunks", trunk).await;
    let extensions = floor.admin.get("/extensions?limit=200").await;
    let rows = extensions["items"].as_array().unwrap();
    let extension = rows.iter().find(|e| e["number"] == floor.extension.as_str()).unwrap();
    let number = json!({
        "number": did, "trunk_id": trunk["id"],
        "destination": { "type": "extension", "id": extension["id"] },
    });
    floor.admin.post("/numbers", number).await;
}

/// A SIPp caller from `from` to `did`.
pub(crate) fn caller(floor: &Floor, scenario: &str, did: &str, from: &str) -> Sipp {
    let mut sipp = Sipp::named(ROOT, scenario);
    sipp.target = Some(floor.server.sip.to_string());
    sipp.args = ["-s", did, "-key", "from", from, "-d", "3000"].map(str::to_owned).to_vec();
    sipp
}

/// TEL-02, TEL-04, TEL-10, HUD-02: SIPp as carrier, baresip as desk phone.
#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_calls_a_did_and_the_lead_pops_up() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let mut live = floor.live().await;
    let port = ports::one();
    trunk_with_did(&floor, port, "+918047112233").await;
    let lead = floor.lead("Ravi Kumar", "+919811122233").await;

    let run = caller(&floor, "carrier_calls", "+918047112233", "+919811122233").start_at(port);
    let started = live.until("call:started", SOON, |v| v["type"] == "call:started").await;
    assert!(started.to_string().contains(&lead), "the lead pops up: {started}");
    live.until("call:answered", SOON, |v| v["type"] == "call:answered").await;
    live.until("call:ended", SOON, |v| v["type"] == "call:ended").await;
    tokio::task::spawn_blocking(move || run.success()).await.unwrap();
    assert!(block_in_place(|| phone.saw("CALL_CLOSED", SOON)));

    let calls = floor.asha.get(&format!("/calls?lead_id={lead}")).await;
    let call = &calls["items"][0];
    assert_eq!(call["direction"], "inbound");
    assert_eq!(call["from"], "+919811122233");
    assert_eq!(call["agent_id"], floor.asha_id.as_str());
    assert_eq!(call["hangup_cause"]["by"], "customer");
    assert!(call["duration_seconds"].as_i64().unwrap() >= 2, "{call}");
}

/// baresip as carrier, linphone as desk phone: both hear each other, and so does the recording.
#[tokio::test(flavor = "multi_thread")]
async fn two_way_audio_between_a_carrier_and_a_linphone() {
    let floor = Floor::open().await;
    let phone = floor.linphone().await;
    floor.ready().await;
    let did = "+918047112244";
    let account = BaresipAccount {
        user: "+919811122244".into(),
        domain: "127.0.0.1".into(),
        secret: String::new(),
        transport: "udp",
        server: floor.server.sip.to_string(),
        auto_answer: true,
        codecs: "PCMU,PCMA",
    };
    let mut carrier = Baresip::start(&account, 1000.0);
    trunk_with_did(&floor, carrier.sip_port, did).await;
    let lead = floor.lead("Sita", "+919811122244").await;
    carrier.command("dial", &format!("sip:{did}@{}", floor.server.sip));
    block_in_place(|| carrier.until("CALL_ESTABLISHED", 10));
    talk(4.0).await;
    carrier.command("hangup", "");
    let calls = floor.asha.get(&format!("/calls?lead_id={lead}")).await;
    let call = calls["items"][0]["id"].as_str().unwrap().to_owned();
    floor.call_over(&call).await;

    let at_carrier = carrier.heard().pop().unwrap();
    let heard = at_carrier.seconds_of(AGENT_HZ);
    assert!(heard > 2.0, "{heard}\n{}", phone.log());
    talk(0.5).await;
    let heard = phone.heard().seconds_of(1000.0);
    assert!(heard > 2.0, "{heard}\n{}", phone.log());
    let (customer, ours) = floor.recording(&call).await;
    assert!(customer.seconds_of(1000.0) > 2.0, "{}", customer.seconds_of(1000.0));
    assert!(ours.seconds_of(AGENT_HZ) > 2.0, "{}", ours.seconds_of(AGENT_HZ));
}

/// Nobody's phone is registered: the carrier gets a proper refusal and the call is missed.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_to_an_unregistered_phone_is_missed() {
    let floor = Floor::open().await;
    let port = ports::one();
    trunk_with_did(&floor, port, "+918047112255").await;
    let lead = floor.lead("Missed", "+919811122255").await;
    let mut carrier = caller(&floor, "caller_is_refused", "+918047112255", "+919811122255");
    carrier.marks = vec![("status", "480".into())];
    let run = carrier.start_at(port);
    tokio::task::spawn_blocking(move || run.success()).await.unwrap();
    // The carrier has its answer before the journal has the end.
    eventually("the call is missed", SOON, || async {
        let calls = floor.admin.get(&format!("/calls?lead_id={lead}")).await;
        (calls["items"][0]["status"] == "missed").then_some(())
    })
    .await;
}

/// B10, D01: a stranger's INVITE, whatever its headers claim, reaches nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_is_no_trunk() {
    let floor = Floor::open().await;
    trunk_with_did(&floor, ports::one(), "+918047112266").await;
    let lead = floor.lead("Claimed", "+919811122266").await;
    let mut stranger = caller(&floor, "caller_is_refused", "+918047112266", "+919811122266");
    stranger.marks = vec![("status", "401".into())];
    let run = stranger.start();
    tokio::task::spawn_blocking(move || run.success()).await.unwrap();
    let calls = floor.admin.get(&format!("/calls?lead_id={lead}")).await;
    assert_eq!(calls["items"].as_array().unwrap().len(), 0, "{calls}");
}
