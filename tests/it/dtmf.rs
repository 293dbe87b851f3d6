//! Keys pressed during a call, by RFC 4733 and by INFO, in both directions.

use crate::{
    carriers::{caller, did, finished, trunk},
    floor::{AGENT_HZ, Floor, SOON, talk},
};
use serde_json::json;
use testkit::{peers::Linphone, ports};
use tokio::task::block_in_place;

/// A18, C10: what the agent presses on the phone reaches the carrier once, what the carrier
/// presses reaches the phone once, and the screen shows the customer's keys.
#[tokio::test(flavor = "multi_thread")]
async fn keys_go_from_the_phone_to_the_carrier_and_back() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let mut live = floor.live().await;
    let lead = floor.lead("Repeats digits", "+919811770010").await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    for key in ["5", "9", "#"] {
        phone.command("sndcode", key);
        let seen = live
            .until("the key comes back", SOON, |v| {
                v["data"]["digits"].as_str().is_some_and(|d| d.ends_with(key))
            })
            .await;
        let digits = seen["data"]["digits"].as_str().unwrap().to_owned();
        assert_eq!(digits.matches(key).count(), 1, "one key is one digit: {digits}");
        let back = block_in_place(|| phone.until("CALL_DTMF_START", 8));
        assert_eq!(back["param"], key, "as the phone got it back");
    }
    floor.hang_up(&call).await;
    block_in_place(|| phone.until("CALL_CLOSED", 8));
    let more = phone.seen.iter().filter(|v| v["type"] == "CALL_DTMF_START").count();
    assert_eq!(more, 0, "no key came back twice");
}

/// A phone that sends its keys by INFO is understood by a carrier that knows RFC 4733 only.
#[tokio::test(flavor = "multi_thread")]
async fn keys_sent_by_info_reach_the_carrier_as_events() {
    let floor = Floor::open().await;
    let (user, secret, domain) = floor.server.sip_secret(&floor.extension).await;
    let server = floor.server.sip.to_string();
    let start = move || {
        let by_info = "use_info=1\nuse_rfc2833=0\n";
        let mut phone = Linphone::start_with(AGENT_HZ, true, by_info);
        phone.register(&user, &domain, &server, &secret);
        phone
    };
    let mut phone = tokio::task::spawn_blocking(start).await.unwrap();
    floor.phone_registered().await;
    floor.ready().await;
    let mut live = floor.live().await;
    let lead = floor.lead("Repeats digits", "+919811770010").await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    talk(0.5).await;
    block_in_place(|| phone.command("7"));
    let back = |v: &serde_json::Value| v["data"]["digits"] == "7";
    live.until("7 comes back", SOON, back).await;
    floor.hang_up(&call).await;
    floor.call_over(&call).await;
}

/// A carrier's caller who sends keys by INFO: the agent's screen and the agent's phone get them.
#[tokio::test(flavor = "multi_thread")]
async fn keys_of_an_inbound_caller_by_info_reach_screen_and_phone() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let mut live = floor.live().await;
    let port = ports::one();
    let trunk = trunk(&floor, port, json!({})).await;
    did(&floor, &trunk, "+918047112311", &floor.extension).await;
    floor.lead("By INFO", "+919811771011").await;
    let run = caller(&floor, "caller_presses_info", "+918047112311", "+919811771011", 1500);
    let run = run.start_at(port);
    let shown = |v: &serde_json::Value| v["data"]["digits"] == "4#";
    live.until("4# on the screen", SOON, shown).await;
    finished(run).await;
    block_in_place(|| phone.until("CALL_CLOSED", 8));
    let pressed: Vec<&str> = phone
        .seen
        .iter()
        .filter(|v| v["type"] == "CALL_DTMF_START")
        .filter_map(|v| v["param"].as_str())
        .collect();
    assert_eq!(pressed, ["4", "#"]);
}
