//! The process ends, for an upgrade or because it must, and comes back (H12, H13).

use crate::{
    floor::{AGENT_HZ, Floor, SOON, talk},
    inbound::{caller, trunk_with_did},
};
use serde_json::{Value, json};
use std::{
    net::UdpSocket,
    time::{Duration, Instant},
};
use testkit::{eventually, peers::Sipp, ports};
use tokio::task::block_in_place;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// What an administrator reads about the past.
async fn memory(floor: &Floor, lead: &str, call: &str) -> Value {
    let mut lead_row = floor.admin.get(&format!("/leads/{lead}")).await;
    let trunks = floor.admin.get("/trunks?limit=200").await;
    let own = |t: &&Value| t["name"].as_str().is_some_and(|name| name.starts_with("test-"));
    let mut trunk = trunks["items"].as_array().unwrap().iter().find(own).unwrap().clone();
    // How it fares now is not a memory.
    trunk.as_object_mut().unwrap().remove("status");
    lead_row.as_object_mut().unwrap().remove("next_attempt_at");
    let (_, secret, _) = floor.server.sip_secret(&floor.extension).await;
    json!({
        "lead": lead_row,
        "trunk": trunk,
        "secret": secret,
        "call": floor.admin.get(&format!("/calls/{call}")).await,
        "timeline": floor.admin.get(&format!("/leads/{lead}/timeline")).await,
        "callbacks": floor.admin.get("/callbacks?limit=200").await,
        "numbers": floor.admin.get("/numbers?limit=200").await,
    })
}

/// A trunk that delivers calls to Asha and is asked last for calls of ours.
async fn inbound_trunk(floor: &Floor, port: u16, did: &str) {
    trunk_with_did(floor, port, did).await;
    let trunks = floor.admin.get("/trunks?limit=200").await;
    let name = format!("test-{port}");
    let own = trunks["items"].as_array().unwrap().iter().find(|t| t["name"] == name.as_str());
    let path = format!("/trunks/{}", own.unwrap()["id"].as_str().unwrap());
    floor.admin.patch(&path, json!({ "priority": 900 })).await;
}

async fn end(floor: &mut Floor, call: &str, outcome: &str) {
    floor.hang_up(call).await;
    floor.call_over(call).await;
    let path = format!("/calls/{call}/disposition");
    floor.asha.post(&path, json!({ "code": outcome, "notes": "said on the phone" })).await;
}

async fn ended_well(floor: &mut Floor, seconds: u64) {
    let code = block_in_place(|| floor.server.wait(seconds));
    assert_eq!(code, Some(0), "{}", floor.server.log());
}

/// One request by UDP, and its answer.
fn options(floor: &Floor) -> String {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(SOON)).unwrap();
    let (local, to) = (socket.local_addr().unwrap(), floor.server.sip);
    let request = format!(
        "OPTIONS sip:{to} SIP/2.0\r\nVia: SIP/2.0/UDP {local};branch=z9hG4bKdrain;rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:probe@{local}>;tag=1\r\nTo: <sip:{to}>\r\n\
         Call-ID: probe@{local}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    );
    socket.send_to(request.as_bytes(), to).unwrap();
    let mut buffer = [0; 4096];
    let length = socket.recv(&mut buffer).unwrap();
    String::from_utf8_lossy(&buffer[..length]).into_owned()
}

/// A carrier's new call gets 503 with Retry-After.
async fn refused_with_retry_after(floor: &Floor, carrier: u16, did: &str) {
    let mut refused = caller(floor, "caller_is_refused", did, "+919811790098");
    refused.marks = vec![("status", "503".into())];
    let run = refused.start_at(carrier);
    let trace = tokio::task::spawn_blocking(move || {
        let deadline = Instant::now() + SOON;
        while !run.messages().contains("SIP/2.0 503") && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(40));
        }
        let trace = run.messages();
        run.success();
        trace
    });
    let trace = trace.await.unwrap();
    let refusal = &trace[trace.find("SIP/2.0 503").expect("a 503")..];
    assert!(refusal.contains("Retry-After:"), "{trace}");
}

/// H13: what was said, set and promised is there; a phone that did not notice is still called.
#[tokio::test(flavor = "multi_thread")]
async fn a_restart_is_not_noticed_by_phones_carriers_and_screens() {
    let mut floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let (carrier, did) = (ports::one(), "+918047113311");
    inbound_trunk(&floor, carrier, did).await;
    let lead = floor.lead("Gauri Rao", "+919811780015").await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    talk(2.0).await;
    end(&mut floor, &call, "INTERESTED").await;
    assert!(block_in_place(|| phone.saw("CALL_CLOSED", SOON)));
    floor.recording(&call).await;
    floor.asha.post(&format!("/leads/{lead}/notes"), json!({ "text": "Has two children" })).await;
    let tomorrow = (chrono::Utc::now() + chrono::TimeDelta::days(1)).to_rfc3339();
    floor.asha.post("/callbacks", json!({ "lead_id": lead, "due_at": tomorrow })).await;
    let before = memory(&floor, &lead, &call).await;
    let path = format!("/calls/{call}/recording");
    let (_, audio) = floor.asha.bytes(&path, None).await;
    let registered = phone.log().matches("[1 binding]").count();

    floor.server.terminate();
    ended_well(&mut floor, 15).await;
    floor.server.boot();
    let back = Instant::now();
    floor.phone_registered().await;
    eventually("asha is ready as before, and did not sign in again", SOON, || async {
        let agents = floor.asha.get("/agents").await;
        (agents["items"][0]["state"] == "ready").then_some(())
    })
    .await;
    assert!(back.elapsed() < Duration::from_secs(10), "agents are back: {:?}", back.elapsed());
    assert_eq!(memory(&floor, &lead, &call).await, before);
    assert_eq!(floor.asha.bytes(&path, None).await.1, audio);
    let calls = floor.admin.get(&format!("/calls?lead_id={lead}")).await;
    assert_eq!(calls["items"].as_array().unwrap().len(), 1, "nothing is dialled twice: {calls}");

    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    talk(2.5).await;
    end(&mut floor, &call, "INTERESTED").await;
    assert!(block_in_place(|| phone.saw("CALL_CLOSED", SOON)));
    let heard = phone.heard().pop().unwrap();
    assert!(heard.seconds_of(1000.0) > 1.5, "heard {} s", heard.seconds_of(1000.0));
    let (_, ours) = floor.recording(&call).await;
    assert!(ours.seconds_of(AGENT_HZ) > 1.5, "said {} s", ours.seconds_of(AGENT_HZ));

    let run = caller(&floor, "carrier_calls", did, "+919811780099").start_at(carrier);
    tokio::task::spawn_blocking(move || run.success()).await.unwrap();
    let again = phone.log().matches("[1 binding]").count();
    assert_eq!(again, registered, "the phone was reached without registering again");
}

/// H13: a phone that does register again is the same phone, not a second one.
#[tokio::test(flavor = "multi_thread")]
async fn registering_again_after_a_restart_makes_no_second_binding() {
    let mut floor = Floor::open().await;
    let (user, secret, domain) = floor.server.sip_secret(&floor.extension).await;
    let accounts = tempfile::NamedTempFile::new().unwrap();
    let proof = format!("[authentication username={user} password={secret}]");
    let lines = format!("SEQUENTIAL\n{user};{domain};{proof}\n");
    std::fs::write(accounts.path(), lines).unwrap();
    let port = ports::one();
    for _ in 0..2 {
        let mut sipp = Sipp::named(ROOT, "phones_register");
        sipp.target = Some(floor.server.sip.to_string());
        let file = accounts.path().display().to_string();
        sipp.args = ["-inf", &file, "-auth_uri", &domain].map(str::to_owned).into();
        let run = sipp.start_at(port);
        tokio::task::spawn_blocking(move || run.success()).await.unwrap();
        floor.phone_registered().await;
        let extensions = floor.admin.get("/extensions?limit=200").await;
        let rows = extensions["items"].as_array().unwrap();
        let own = rows.iter().find(|e| e["number"] == floor.extension.as_str()).unwrap();
        let phones = own["registrations"].as_array().unwrap();
        assert_eq!(phones.len(), 1, "{own}");
        assert_eq!(phones[0]["source"], format!("127.0.0.1:{port}"), "{own}");
        floor.server.terminate();
        ended_well(&mut floor, 15).await;
        floor.server.boot();
    }
}

/// H12: no new calls, the live one goes on with its audio, exit 0; a second SIGTERM hurries.
#[tokio::test(flavor = "multi_thread")]
async fn sigterm_drains_and_a_second_one_ends_at_once() {
    let mut floor = Floor::open_with(&[("TELEHUB_CALLS_DRAIN_TIMEOUT_S", "60")]).await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let (carrier, did) = (ports::one(), "+918047113322");
    inbound_trunk(&floor, carrier, did).await;
    let lead = floor.lead("Farah Shaikh", "+919811790015").await;
    assert!(options(&floor).starts_with("SIP/2.0 200 "));
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    talk(1.0).await;

    floor.server.terminate();
    eventually("it drains", SOON, || async {
        let health = floor.admin.get("/health").await;
        (health["draining"] == true).then_some(())
    })
    .await;
    let answer = options(&floor);
    assert!(answer.starts_with("SIP/2.0 503 ") && answer.contains("Retry-After:"), "{answer}");
    refused_with_retry_after(&floor, carrier, did).await;
    let other = floor.lead("Too late", "+919811710015").await;
    let body = Some(json!({ "lead_id": other }));
    let (status, problem) = floor.asha.call("POST".parse().unwrap(), "/calls/start", body).await;
    assert_eq!(status, 503, "{problem}");
    talk(3.0).await;
    assert_eq!(floor.call(&call).await["status"], "in_progress", "the live call goes on");
    phone.command("hangup", "");
    assert!(block_in_place(|| phone.saw("CALL_CLOSED", SOON)));
    ended_well(&mut floor, 20).await;
    let heard = phone.heard().pop().unwrap();
    assert!(heard.seconds_of(1000.0) > 3.0, "heard on: {}", heard.seconds_of(1000.0));

    floor.server.boot();
    let row = floor.call(&call).await;
    assert_eq!(row["status"], "completed", "{row}");
    assert_eq!(row["hangup_cause"]["kind"], "normal", "{row}");
    let (customer, ours) = floor.recording(&call).await;
    assert!(customer.seconds_of(1000.0) > 3.0, "{}", customer.seconds_of(1000.0));
    assert!(ours.seconds_of(AGENT_HZ) > 3.0, "{}", ours.seconds_of(AGENT_HZ));
    let path = format!("/calls/{call}/disposition");
    floor.asha.post(&path, json!({ "code": "INTERESTED" })).await;

    floor.phone_registered().await;
    let call = floor.dial(&other).await;
    floor.call_is(&call, "in_progress").await;
    talk(1.5).await;
    let hurried = Instant::now();
    floor.server.terminate();
    eventually("it drains", SOON, || async {
        let health = floor.admin.get("/health").await;
        (health["draining"] == true).then_some(())
    })
    .await;
    floor.server.terminate();
    ended_well(&mut floor, 15).await;
    assert!(hurried.elapsed() < Duration::from_secs(20), "{:?}", hurried.elapsed());
    floor.server.boot();
    let row = floor.call(&call).await;
    assert!(row["ended_at"].is_string(), "{row}");
    assert_eq!(row["hangup_cause"]["by"], "system", "{row}");
    let (customer, _) = floor.recording(&call).await;
    assert!(customer.seconds_of(1000.0) > 0.8, "{}", customer.seconds_of(1000.0));
}

/// H12: a call that does not end is ended when the time is over.
#[tokio::test(flavor = "multi_thread")]
async fn draining_is_bounded() {
    let mut floor = Floor::open_with(&[("TELEHUB_CALLS_DRAIN_TIMEOUT_S", "3")]).await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let lead = floor.lead("Endless", "+919811720015").await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    let told = Instant::now();
    floor.server.terminate();
    ended_well(&mut floor, 30).await;
    let took = told.elapsed();
    assert!(took > Duration::from_millis(2500), "it waits for the call: {took:?}");
    assert!(block_in_place(|| phone.saw("CALL_CLOSED", SOON)), "the phone is told");
    floor.server.boot();
    let row = floor.call(&call).await;
    assert_eq!(row["status"], "completed", "{row}");
    assert_eq!(row["hangup_cause"]["by"], "system", "{row}");
}
