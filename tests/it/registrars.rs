//! Our registration with a carrier over its life: agreed, refreshed, renewed, taken back (B09).

use crate::{
    carriers::{finished, requests, script, trunk, trunk_is},
    floor::{Floor, SOON},
};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use testkit::{
    eventually,
    peers::{Seen, SippRun},
};

/// An account with a registrar.
fn account() -> Value {
    let settings = json!({ "auth": "register", "username": "acc", "register_expires_s": 600 });
    json!({ "secret": "trunk-secret", "settings": settings })
}

/// A floor registered with a registrar that wanted digest and a longer lifetime, and granted so many seconds.
async fn registered(granted: &str) -> (Floor, SippRun, String) {
    let floor = Floor::open().await;
    let run = script("registrar_keeps", &[("granted", granted)]).start();
    let id = trunk(&floor, run.port, account()).await;
    let status = trunk_is(&floor, &id, "up").await;
    assert_eq!(status["registration"], "registered", "{status}");
    (floor, run, id)
}

fn expires(register: &Seen) -> &str {
    register.header("Expires").expect("a lifetime asked for")
}

/// B09: 423 is met with the lifetime asked for, in one round with digest; what counts afterwards is the lifetime of our
/// own Contact, not that of another installation that the registrar lists before it.
#[tokio::test(flavor = "multi_thread")]
async fn a_registrar_gets_the_lifetime_it_wants_and_is_asked_again_before_ours_lapses() {
    let (floor, run, _) = registered("30").await;
    let began = Instant::now();
    let seen = finished(run).await;
    let waited = began.elapsed();
    let all = requests(&seen, "REGISTER");
    assert_eq!(all.iter().map(|r| expires(r)).collect::<Vec<_>>(), ["600", "600", "1800", "1800"]);
    assert!(all[1].header("Authorization").is_some() && all[2].header("Authorization").is_some());
    let call_ids: Vec<_> = all.iter().map(|r| r.header("Call-ID")).collect();
    assert!(call_ids.windows(2).all(|two| two[0] == two[1]), "{call_ids:?}");
    // Half to four fifths of thirty seconds.
    let seconds = waited.as_secs_f64();
    assert!((13.0..26.0).contains(&seconds), "refreshed after {seconds} s of 30");
    drop(floor);
}

/// What the registrar got last, once its script is over.
async fn farewell(run: SippRun) {
    let seen = finished(run).await;
    let all = requests(&seen, "REGISTER");
    assert_eq!(all.len(), 4, "{all:#?}");
    assert_eq!(expires(all[3]), "0", "{}", all[3].text);
    assert_eq!(all[3].header("Contact"), all[2].header("Contact"), "our own, and no other");
    assert!(all[3].header("Authorization").is_some(), "proved at once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_is_switched_off_is_taken_off_the_registrar() {
    let (floor, run, id) = registered("1800").await;
    floor.admin.patch(&format!("/trunks/{id}"), json!({ "enabled": false })).await;
    farewell(run).await;
    let status = trunk_is(&floor, &id, "disabled").await;
    assert_eq!(status["registration"], "off", "{status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_is_removed_is_taken_off_the_registrar() {
    let (floor, run, id) = registered("1800").await;
    let path = format!("/trunks/{id}");
    let (status, _) = floor.admin.call("DELETE".parse().unwrap(), &path, None).await;
    assert!(status.is_success(), "{status}");
    farewell(run).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_is_taken_off_the_registrar() {
    let (mut floor, run, _) = registered("1800").await;
    floor.server.terminate();
    farewell(run).await;
    assert_eq!(floor.server.wait(20), Some(0));
}

/// The same account with another secret: registered anew at once, and never gone in between.
#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_with_a_new_secret_registers_anew() {
    let (floor, run, id) = registered("1800").await;
    floor.admin.patch(&format!("/trunks/{id}"), json!({ "secret": "another-secret" })).await;
    // Another Call-ID is another call to SIPp, which waits for one only: what was sent counts.
    let anew = eventually("a new registration", SOON, || async {
        let seen = run.seen();
        let own = requests(&seen, "REGISTER")[0].header("Call-ID").map(str::to_owned);
        let all = requests(&seen, "REGISTER");
        let new = all.iter().find(|r| r.header("Call-ID").map(str::to_owned) != own)?;
        Some((*new).clone())
    })
    .await;
    assert_eq!(expires(&anew), "600", "{}", anew.text);
    let seen = run.seen();
    let gone = requests(&seen, "REGISTER").iter().filter(|r| expires(r) == "0").count();
    assert_eq!(gone, 0, "the contact is the same, so nothing is taken back");
    tokio::time::sleep(Duration::from_millis(100)).await;
}
