//! One carrier and how it wants to be talked to: digest, registration, formats, health, timers.

use crate::{
    carriers::{
        call_of, caller, did, finished, no_other_carrier, requests, script, trunk, trunk_is,
    },
    floor::{Floor, SOON, talk},
};
use serde_json::{Value, json};
use testkit::{digest, ears::alaw_tone, eventually, peers::Seen, ports};
use tokio::task::block_in_place;

const MD5: &str = "Digest realm=\"carrier.test\", nonce=\"0b6f4c2d18a94e57\", algorithm=MD5, \
                   qop=\"auth\"";
const SHA256: &str = "Digest realm=\"carrier.test\", nonce=\"0b6f4c2d18a94e57\", \
                      algorithm=SHA-256, qop=\"auth\"";

/// A trunk whose challenges are answered.
fn with_digest() -> Value {
    let settings = json!({ "auth": "digest", "username": "acc" });
    json!({ "secret": "trunk-secret", "settings": settings })
}

/// Calls a lead over the only carrier, lets it be answered, hangs up; gives the call's row.
async fn call_through(floor: &Floor, number: &str) -> Value {
    let lead = floor.lead("Customer", number).await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    talk(0.5).await;
    floor.hang_up(&call).await;
    floor.call_over(&call).await
}

/// Field of an Authorization value.
fn field(value: &str, name: &str) -> String {
    let at = value.find(&format!("{name}=")).unwrap_or_else(|| panic!("no {name}: {value}"));
    let rest = &value[at + name.len() + 1..];
    match rest.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next().unwrap().to_owned(),
        None => rest.split(',').next().unwrap().trim().to_owned(),
    }
}

/// What the answer to a challenge must be, computed apart from the product.
fn expected_response(answer: &str, secret: &str, algorithm: &str) -> String {
    let [realm, nonce, nc, cnonce, qop, uri] =
        ["realm", "nonce", "nc", "cnonce", "qop", "uri"].map(|name| field(answer, name));
    let a1 = digest(algorithm, &format!("acc:{realm}:{secret}"));
    let a2 = digest(algorithm, &format!("INVITE:{uri}"));
    digest(algorithm, &format!("{a1}:{nonce}:{nc}:{cnonce}:{qop}:{a2}"))
}

/// TEL-05, RFC 8760: 401 and 407, MD5 and SHA-256.
#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_asks_for_digest_gets_the_right_answer() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    no_other_carrier(&floor).await;
    for (n, status, header, answer, challenge, algorithm) in [
        (1, "401 Unauthorized", "WWW-Authenticate", "Authorization", MD5, "MD5"),
        (
            2,
            "407 Proxy Authentication Required",
            "Proxy-Authenticate",
            "Proxy-Authorization",
            SHA256,
            "SHA-256",
        ),
    ] {
        let challenge = format!("{header}: {challenge}");
        let marks = [("status", status), ("challenge", challenge.as_str())];
        let run = script("carrier_challenges", &marks).start();
        let id = trunk(&floor, run.port, with_digest()).await;
        let row = call_through(&floor, &format!("+91981177110{n}")).await;
        assert_eq!(row["status"], "completed", "{row}");
        assert_eq!(row["trunk_id"], id.as_str());
        let seen = finished(run).await;
        let invites = requests(&seen, "INVITE");
        assert_eq!(invites.len(), 2, "{invites:#?}");
        assert!(invites[0].header(answer).is_none(), "nothing is sent unasked");
        let sent = invites[1].header(answer).expect("an answer to the challenge");
        assert_eq!(field(sent, "username"), "acc");
        assert_eq!(field(sent, "algorithm"), algorithm);
        let expected = expected_response(sent, "trunk-secret", algorithm);
        assert_eq!(field(sent, "response"), expected, "{sent}");
        assert!(!sent.contains("trunk-secret"));
        let path = format!("/calls/{}/disposition", row["id"].as_str().unwrap());
        floor.asha.post(&path, json!({ "code": "INTERESTED", "notes": "ok" })).await;
        floor.admin.patch(&format!("/trunks/{id}"), json!({ "enabled": false })).await;
    }
}

/// B08: a carrier that challenges for ever is tried twice, not for ever.
#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_never_accepts_the_digest_is_asked_twice() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    no_other_carrier(&floor).await;
    let run = script("carrier_challenges_for_ever", &[]).start();
    trunk(&floor, run.port, with_digest()).await;
    let lead = floor.lead("Customer", "+919811771103").await;
    let call = floor.dial(&lead).await;
    let row = floor.call_over(&call).await;
    assert_eq!(row["status"], "failed", "{row}");
    assert_eq!(row["hangup_cause"]["kind"], "forbidden", "{row}");
    let seen = finished(run).await;
    assert_eq!(requests(&seen, "INVITE").len(), 2);
}

/// B07: who is called may not ask our BYE for the trunk's secret.
#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_to_a_request_inside_the_call_is_not_answered() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    no_other_carrier(&floor).await;
    let run = script("carrier_challenges_bye", &[]).start();
    trunk(&floor, run.port, with_digest()).await;
    let row = call_through(&floor, "+919811771105").await;
    assert_eq!(row["status"], "completed", "{row}");
    let seen = finished(run).await;
    assert_eq!(requests(&seen, "BYE").len(), 1, "no BYE with credentials");
    assert!(seen.iter().all(|m| !m.text.contains("Authorization:")), "{seen:#?}");
}

/// TEL-05: what each carrier wants written how (number format, domain, asserted identity, rules).
#[tokio::test(flavor = "multi_thread")]
async fn an_invite_is_written_the_way_the_trunk_says() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    no_other_carrier(&floor).await;
    let run = script("carrier_answers", &[]).start();
    let settings = json!({
        "number_format": "national_zero", "caller_id_format": "national_zero",
        "from_domain": "acc.carrier.example", "identity": "pai",
        "header_rules": [{ "name": "X-Account", "value": "tele-7" }],
        "codecs": ["PCMU", "PCMA"],
    });
    let port = run.port;
    let id = trunk(&floor, port, json!({ "settings": settings })).await;
    did(&floor, &id, "+918047112401", &floor.extension).await;
    call_through(&floor, "+919811771106").await;
    let seen = finished(run).await;
    let invite = requests(&seen, "INVITE")[0].clone();
    let start = format!("INVITE sip:09811771106@127.0.0.1:{port}");
    assert!(invite.start().starts_with(&start), "{}", invite.start());
    let from = invite.header("From").unwrap();
    assert!(from.starts_with("<sip:08047112401@acc.carrier.example>"), "{from}");
    let asserted = invite.header("P-Asserted-Identity").unwrap();
    assert!(asserted.contains("sip:08047112401@acc.carrier.example"), "{asserted}");
    assert_eq!(invite.header("X-Account"), Some("tele-7"));
    let audio = invite.text.lines().find(|l| l.starts_with("m=audio")).unwrap();
    let formats: Vec<&str> = audio.split(' ').skip(3).collect();
    assert_eq!(formats[..2], ["0", "8"], "µ-law first: {audio}");
}

fn with_registration() -> Value {
    let settings = json!({
        "auth": "register", "username": "acc", "register_expires_s": 600,
    });
    json!({ "secret": "trunk-secret", "settings": settings })
}

/// B08, B09: refused credentials stop the registration, are told, and are not sent again.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_registration_stops_and_is_told() {
    let floor = Floor::open().await;
    let run = script("registrar_refuses", &[]).start();
    let id = trunk(&floor, run.port, with_registration()).await;
    let status = trunk_is(&floor, &id, "refused").await;
    assert_eq!(status["registration"], "refused", "{status}");
    assert!(status["last_error"].as_str().unwrap().contains("403"), "{status}");
    let seen = finished(run).await;
    assert_eq!(requests(&seen, "REGISTER").len(), 2, "asked, proved, and then left alone");
    let audit = floor.admin.get("/audit?action=trunk.credentials_refused").await;
    assert_eq!(audit["items"][0]["object_id"], id.as_str(), "{audit}");
}

/// B09: a registrar that says 503 with Retry-After is asked again after that; a short
/// registration is refreshed before it lapses.
#[tokio::test(flavor = "multi_thread")]
async fn a_busy_registrar_is_asked_again_and_the_registration_refreshed() {
    let floor = Floor::open().await;
    let run = script("registrar_is_busy", &[]).start();
    let id = trunk(&floor, run.port, with_registration()).await;
    let status = trunk_is(&floor, &id, "down").await;
    assert_eq!(status["registration"], "trying", "{status}");
    let status = trunk_is(&floor, &id, "up").await;
    assert_eq!(status["registration"], "registered", "{status}");
    let seen = finished(run).await;
    assert_eq!(requests(&seen, "REGISTER").len(), 3);
}

/// TEL-02: a carrier that we register with calls us over that registration.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_comes_in_over_a_registered_trunk() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let lead = floor.lead("Registered", "+919811771108").await;
    let marks = [("did", "+918047112402"), ("from", "+919811771108"), ("wait", "2500")];
    let run = script("registrar_calls_us", &marks).start();
    // No source is given: who holds our registration is the carrier.
    let mut body = with_registration();
    body["settings"]["source_cidrs"] = json!([]);
    let id = trunk(&floor, run.port, body).await;
    did(&floor, &id, "+918047112402", &floor.extension).await;
    finished(run).await;
    assert!(block_in_place(|| phone.saw("CALL_CLOSED", SOON)));
    let call = call_of(&floor, &lead).await;
    let row = floor.call_over(call["id"].as_str().unwrap()).await;
    assert_eq!(row["status"], "completed", "{row}");
    assert_eq!(row["trunk_id"], id.as_str());
}

/// Health with hysteresis, as the administrator sees it; a trunk that is down takes no calls.
#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_goes_down_after_three_failures_and_comes_back() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    no_other_carrier(&floor).await;
    let answering = |status: &str, port: u16| {
        let mut sipp = script("carrier_answers_options", &[("status", status)]);
        sipp.calls = 1000;
        sipp.start_at(port)
    };
    let port = ports::one();
    let run = answering("200 OK", port);
    let settings = json!({ "options_interval_s": 1 });
    let id = trunk(&floor, port, json!({ "settings": settings })).await;
    let status = trunk_is(&floor, &id, "up").await;
    assert!(status["latency_ms"].is_u64(), "{status}");
    drop(run);
    let run = answering("503 Service Unavailable", port);
    let status = trunk_is(&floor, &id, "down").await;
    assert_eq!(status["last_error"], "OPTIONS answered with 503", "{status}");
    let refusals = run.seen().iter().filter(|m| !m.received && m.is("503")).count();
    assert!(refusals >= 3, "one lost answer takes no trunk down: {refusals}");
    let lead = floor.lead("No way", "+919811771109").await;
    let body = Some(json!({ "lead_id": lead }));
    let (status, refusal) = floor.asha.call("POST".parse().unwrap(), "/calls/start", body).await;
    assert_eq!(status, 409, "{refusal}");
    assert!(refusal.to_string().contains("no_trunk"), "{refusal}");
    drop(run);
    let run = answering("404 Not Found", port);
    trunk_is(&floor, &id, "up").await;
    let answers = run.seen().iter().filter(|m| !m.received && m.is("404")).count();
    assert!(answers >= 2, "any answer shows life, but twice: {answers}");
}

/// D12, TEL-08: a full trunk passes the call on; where there is no other, the caller is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_trunk_passes_the_next_call_on() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    let run = script("carrier_answers", &[]).start();
    let settings = json!({ "channel_cap": 1 });
    let first = trunk(&floor, run.port, json!({ "settings": settings })).await;
    let lead = floor.lead("Takes the channel", "+919811771015").await;
    let call = floor.dial(&lead).await;
    let row = floor.call_is(&call, "in_progress").await;
    assert_eq!(row["trunk_id"], first.as_str());
    eventually("one live call on the trunk", SOON, || async {
        let now = floor.admin.get(&format!("/trunks/{first}/status")).await;
        (now["live_calls"] == 1).then_some(())
    })
    .await;

    let (other, _other_phone) = second_agent(&floor).await;
    let lead = other_lead(&floor, "bharat", "+919811772015").await;
    let reply = other.post("/calls/start", json!({ "lead_id": lead })).await;
    let second = reply["call_id"].as_str().unwrap().to_owned();
    let row = floor.call_is(&second, "in_progress").await;
    assert_ne!(row["trunk_id"], first.as_str(), "the full trunk is passed by: {row}");
    other.post(&format!("/calls/{second}/hangup"), json!({})).await;
    floor.call_over(&second).await;
    floor.hang_up(&call).await;
    floor.call_over(&call).await;
    let seen = finished(run).await;
    assert_eq!(requests(&seen, "INVITE").len(), 1);
}

/// The second telecaller of the demo floor, with a phone.
async fn second_agent(floor: &Floor) -> (testkit::api::Api, testkit::peers::Baresip) {
    let users = floor.admin.get("/users?limit=200").await;
    let extensions = floor.admin.get("/extensions?limit=200").await;
    let extension = extensions["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|e| e["number"] == "102")
        .expect("extension 102")
        .clone();
    let rows = users["items"].as_array().unwrap();
    let user = rows.iter().find(|u| u["id"] == extension["user_id"]).expect("its user");
    let email = user["email"].as_str().unwrap();
    let api = floor.server.api(email.split('@').next().unwrap()).await;
    let account = floor.account("102").await;
    let phone = floor.register(&account, 700.0).await;
    eventually("the second agent is ready", SOON, || async {
        let body = Some(json!({ "state": "ready" }));
        let (status, _) = api.call("POST".parse().unwrap(), "/agents/me/state", body).await;
        status.is_success().then_some(())
    })
    .await;
    (api, phone)
}

/// A lead of whoever owns extension 102.
async fn other_lead(floor: &Floor, name: &str, number: &str) -> String {
    let extensions = floor.admin.get("/extensions?limit=200").await;
    let rows = extensions["items"].as_array().unwrap();
    let owner = rows.iter().find(|e| e["number"] == "102").unwrap()["user_id"].clone();
    let body = json!({ "name": name, "phone": number, "assigned_to": owner });
    floor.admin.post("/leads", body).await["id"].as_str().unwrap().to_owned()
}

/// A 440 Hz announcement in a file that SIPp sends as it is: A-law bytes.
fn announcement(folder: &std::path::Path) -> String {
    let path = folder.join("announcement.alaw");
    alaw_tone(&path, 440.0, 4.0);
    path.display().to_string()
}

/// Pain 5: what a carrier plays before the answer is heard by the agent (183 with SDP).
#[tokio::test(flavor = "multi_thread")]
async fn early_media_of_a_carrier_is_heard() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    no_other_carrier(&floor).await;
    let folder = testkit::folder();
    let sound = announcement(folder.path());
    let marks = [("announcement", sound.as_str()), ("status", "480 Temporarily Unavailable")];
    let run = script("carrier_early_media", &marks).start();
    trunk(&floor, run.port, json!({})).await;
    let lead = floor.lead("Announced", "+919811771110").await;
    let call = floor.dial(&lead).await;
    let row = floor.call_over(&call).await;
    assert_eq!(row["hangup_cause"]["sip_status"], 480, "{row}");
    finished(run).await;
    block_in_place(|| phone.until("CALL_CLOSED", 8));
    let heard = phone.heard().pop().unwrap().seconds_of(440.0);
    assert!(heard > 2.0, "the announcement before the answer: {heard} s");
}

/// RFC 3262: a carrier that insists on PRACK gets it; its early media is heard all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_sends_reliable_provisionals_gets_its_prack() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    no_other_carrier(&floor).await;
    let folder = testkit::folder();
    let sound = announcement(folder.path());
    let run = script("carrier_needs_100rel", &[("announcement", &sound)]).start();
    trunk(&floor, run.port, json!({})).await;
    let lead = floor.lead("Reliable", "+919811771111").await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    talk(1.0).await;
    floor.hang_up(&call).await;
    floor.call_over(&call).await;
    finished(run).await;
    block_in_place(|| phone.until("CALL_CLOSED", 8));
    let heard = phone.heard().pop().unwrap().seconds_of(440.0);
    assert!(heard > 2.0, "{heard}");
}

/// A call from a carrier's script to Asha; gives its messages and the call's row.
async fn called_by(name: &str, our_did: &str, from: &str) -> (Vec<Seen>, Value) {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    let port = ports::one();
    let trunk = trunk(&floor, port, json!({})).await;
    did(&floor, &trunk, our_did, &floor.extension).await;
    let lead = floor.lead("Calls us", from).await;
    let run = caller(&floor, name, our_did, from, 1500).start_at(port);
    let seen = finished(run).await;
    let call = call_of(&floor, &lead).await;
    let row = floor.call_over(call["id"].as_str().unwrap()).await;
    (seen, row)
}

/// RFC 3262 the other way: a caller that requires 100rel.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_requires_100rel_is_served() {
    let (_, row) = called_by("caller_needs_100rel", "+918047112403", "+919811771112").await;
    assert_eq!(row["status"], "completed", "{row}");
}

/// A18: an INVITE without an offer gets ours in the 200; the ACK brings the answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_calls_without_an_offer_is_answered_with_ours() {
    let (seen, row) = called_by("caller_without_offer", "+918047112404", "+919811771113").await;
    assert_eq!(row["status"], "completed", "{row}");
    let answer = seen.iter().find(|m| m.received && m.is("200")).unwrap();
    assert!(answer.text.contains("a=rtpmap:8 PCMA/8000"), "{}", answer.text);
}

/// A20, RFC 4028: too short an interval is refused with ours, then the carrier's refreshes by
/// UPDATE and re-INVITE are answered on its terms.
#[tokio::test(flavor = "multi_thread")]
async fn a_carriers_session_timer_is_agreed_and_refreshed() {
    let (_, row) = called_by("caller_with_session_timer", "+918047112405", "+919811771114").await;
    assert_eq!(row["status"], "completed", "{row}");
    assert!(row["duration_seconds"].as_i64().unwrap() >= 2, "{row}");
}
