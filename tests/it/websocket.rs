//! SIP over WebSocket (RFC 7118) as JsSIP speaks it: a stack of other hands registers, calls and is called.

use crate::{
    floor::{AGENT_HZ, Floor, SOON, talk},
    script::Script,
};
use testkit::eventually;
use tokio::task::block_in_place;

#[tokio::test(flavor = "multi_thread")]
async fn jssip_registers_calls_and_is_called_over_websocket() {
    let floor = Floor::open().await;
    let account = floor.account("102").await;
    let mut other = floor.register(&account, 800.0).await;
    let (user, secret, domain) = floor.server.sip_secret("101").await;
    let url = format!("{}/sip", floor.server.base.replacen("http", "ws", 1));
    let (page, tones) = (floor.server.base.clone(), [AGENT_HZ.to_string(), "800".to_owned()]);
    let phone = Script::start(
        "e2e/jssip.mjs",
        &[&page, &url, &domain, &user, &secret, "102", &tones[0], &tones[1]],
    );
    phone.tells("registered");
    floor.phone_registered().await;
    let extensions = floor.admin.get("/extensions?limit=200").await.to_string();
    assert!(extensions.contains("\"transport\":\"ws\""), "{extensions}");
    assert_eq!(phone.tells("options")["status"], 200);
    // Outside of a call it is a method we do not serve (A22).
    assert_eq!(phone.tells("message")["status"], 405);

    phone.tells("answered");
    block_in_place(|| other.until("CALL_ESTABLISHED", 8));
    let over = phone.tells("hung up");
    assert!(over["heard"].as_f64().unwrap() > 1.5, "{over}");
    block_in_place(|| other.until("CALL_CLOSED", 8));
    talk(0.3).await;
    let heard = other.heard().pop().unwrap();
    assert!(heard.seconds_of(AGENT_HZ) > 1.2, "{}", heard.seconds_of(AGENT_HZ));

    phone.tells("waiting");
    other.command("dial", &format!("sip:101@{}", floor.server.sip));
    block_in_place(|| other.until("CALL_ESTABLISHED", 8));
    talk(3.0).await;
    other.command("hangup", "");
    talk(0.3).await;
    let heard = other.heard().pop().unwrap();
    assert!(heard.seconds_of(AGENT_HZ) > 1.5, "{}", heard.seconds_of(AGENT_HZ));
    let called = phone.tells("was called");
    assert_eq!((&called["by"], &called["ended"]), (&"102".into(), &"remote".into()), "{called}");
    assert!(called["heard"].as_f64().unwrap() > 1.0, "{called}");
    phone.tells("unregistered");
    eventually("nobody is registered at 101", SOON, || async {
        let extensions = floor.admin.get("/extensions?limit=200").await;
        let rows = extensions["items"].as_array()?.clone();
        rows.iter().find(|e| e["number"] == "101" && e["registered"] == false).map(|_| ())
    })
    .await;
}
