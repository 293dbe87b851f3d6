//! The desk's page as the agent's phone: no SIP secret, no desk phone, the browser's own media.

use crate::{
    floor::{AGENT_HZ, Floor, SOON, talk},
    script::Script,
};
use serde_json::json;
use std::time::Duration;
use tokio::task::block_in_place;

/// TEL-01, E06's other door: click to call, and a call from a colleague, heard at both ends and in the recording.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_the_phone_of_who_is_signed_in() {
    let floor = Floor::open().await;
    let spoken = AGENT_HZ.to_string();
    let (page, token) = (floor.server.base.clone(), floor.asha.token.clone());
    let script = Script::start("e2e/softphone.mjs", &[&page, &token, &spoken, "1000"]);
    assert_eq!(script.tells("state")["ready"], true);
    floor.phones_are(&floor.extension, 1, SOON).await;
    floor.ready().await;

    let lead = floor.lead("By headset", "+919811770015").await;
    let call = floor.dial(&lead).await;
    let taken = script.tells("taken");
    assert_eq!((&taken["asked"], &taken["change"]), (&json!(true), &json!(false)), "{taken}");
    floor.call_is(&call, "in_progress").await;
    talk(4.0).await;
    floor.hang_up(&call).await;
    let over = script.tells("over");
    assert!(over["heard"].as_f64().unwrap() > 2.5, "she hears the customer: {over}");
    let (customer, ours) = floor.recording(&call).await;
    assert!(customer.seconds_of(1000.0) > 2.5, "left: {}", customer.seconds_of(1000.0));
    assert!(ours.seconds_of(AGENT_HZ) > 2.5, "right: {}", ours.seconds_of(AGENT_HZ));
    assert!(ours.share_at(1000.0) < 0.05, "channels are apart");
    let row = floor.asha.get(&format!("/calls/{call}")).await;
    assert_eq!(row["hangup_cause"]["by"], "agent", "{row}");

    let account = floor.account("102").await;
    let mut other = floor.register(&account, 1000.0).await;
    other.command("dial", &format!("sip:{}@{}", floor.extension, floor.server.sip));
    let taken = script.tells("taken");
    assert_eq!((&taken["from"], &taken["asked"]), (&json!("102"), &json!(false)), "{taken}");
    block_in_place(|| other.until("CALL_ESTABLISHED", 8));
    let over = script.tells("over");
    assert!(over["heard"].as_f64().unwrap() > 1.5, "she hears her colleague: {over}");
    block_in_place(|| other.until("CALL_CLOSED", 8));
    talk(0.3).await;
    let heard = other.heard().pop().unwrap();
    assert!(heard.seconds_of(AGENT_HZ) > 1.5, "{}", heard.seconds_of(AGENT_HZ));

    // A page that is closed is no phone any more.
    drop(script);
    floor.phones_are(&floor.extension, 0, Duration::from_secs(10)).await;
}
