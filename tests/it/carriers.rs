//! Carriers that a story brings along, and the trunks to them.

use crate::floor::{Floor, SOON};
use serde_json::{Value, json};
use std::time::Duration;
use testkit::{
    eventually,
    peers::{Baresip, BaresipAccount, Seen, Sipp, SippRun},
};

pub(crate) const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// A carrier's script, as a server.
pub(crate) fn script(name: &str, marks: &[(&'static str, &str)]) -> Sipp {
    let mut sipp = Sipp::named(ROOT, name);
    sipp.marks = marks.iter().map(|(mark, value)| (*mark, (*value).to_owned())).collect();
    sipp
}

/// A caller's script: from `from` to `did`.
pub(crate) fn caller(floor: &Floor, name: &str, did: &str, from: &str, stays_ms: u32) -> Sipp {
    let mut sipp = Sipp::named(ROOT, name);
    sipp.target = Some(floor.server.sip.to_string());
    let stays = stays_ms.to_string();
    sipp.args = ["-s", did, "-key", "from", from, "-d", &stays].map(str::to_owned).to_vec();
    sipp
}

/// Waits for the script's end; every message must have come as written there.
pub(crate) async fn finished(run: SippRun) -> Vec<Seen> {
    tokio::task::spawn_blocking(move || run.finished()).await.unwrap()
}

/// Requests of a method that a script received, each once however often it was repeated.
pub(crate) fn requests<'a>(seen: &'a [Seen], method: &str) -> Vec<&'a Seen> {
    let mut found: Vec<&Seen> = Vec::new();
    for message in seen.iter().filter(|m| m.received && m.is(method)) {
        if !found.iter().any(|known| known.text == message.text) {
            found.push(message);
        }
    }
    found
}

/// A trunk to 127.0.0.1:`port`, tried before the built-in carrier, probed never. `more` is laid
/// over the body; its `settings` over the settings.
pub(crate) async fn trunk(floor: &Floor, port: u16, more: Value) -> String {
    let mut body = json!({
        "name": format!("carrier-{port}"), "preset": "other", "priority": 1,
        "settings": {
            "hosts": [{ "host": "127.0.0.1", "port": port }], "transport": "udp", "auth": "ip",
            "source_cidrs": [format!("127.0.0.1:{port}")], "options_interval_s": 0,
        },
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        match (key.as_str(), value.as_object()) {
            ("settings", Some(settings)) => {
                for (key, value) in settings {
                    body["settings"][key] = value.clone();
                }
            }
            _ => body[key] = value.clone(),
        }
    }
    floor.admin.post("/trunks", body).await["id"].as_str().unwrap().to_owned()
}

/// Switches the built-in carrier off: the story's own trunks are all there is.
pub(crate) async fn no_other_carrier(floor: &Floor) {
    let id = built_in(floor).await;
    floor.admin.patch(&format!("/trunks/{id}"), json!({ "enabled": false })).await;
    trunk_is(floor, &id, "disabled").await;
}

/// Id of the trunk to the built-in carrier.
pub(crate) async fn built_in(floor: &Floor) -> String {
    let trunks = floor.admin.get("/trunks").await;
    let rows = trunks["items"].as_array().unwrap();
    let found = rows.iter().find(|t| t["preset"] == "simulated").expect("the built-in carrier");
    found["id"].as_str().unwrap().to_owned()
}

/// Waits until a trunk has this health; gives its status.
pub(crate) async fn trunk_is(floor: &Floor, id: &str, health: &str) -> Value {
    eventually(&format!("trunk {health}"), Duration::from_secs(25), || async {
        let status = floor.admin.get(&format!("/trunks/{id}/status")).await;
        (status["health"] == health).then_some(status)
    })
    .await
}

/// A DID on a trunk that rings an extension.
pub(crate) async fn did(floor: &Floor, trunk: &str, number: &str, extension: &str) {
    let id = extension_id(floor, extension).await;
    let number = json!({
        "number": number, "trunk_id": trunk,
        "destination": { "type": "extension", "id": id },
    });
    floor.admin.post("/numbers", number).await;
}

/// Id of an extension by its number.
pub(crate) async fn extension_id(floor: &Floor, number: &str) -> String {
    let extensions = floor.admin.get("/extensions?limit=200").await;
    let rows = extensions["items"].as_array().unwrap();
    let found = rows.iter().find(|e| e["number"] == number).expect("extension");
    found["id"].as_str().unwrap().to_owned()
}

/// baresip as the phone behind a carrier that delivers every call to `number`: answers, speaks a
/// sine of `hz`, keeps what it hears.
pub(crate) async fn customer(
    floor: &Floor,
    number: &str,
    hz: f32,
    transport: &'static str,
    codecs: &'static str,
    extra: &str,
) -> Baresip {
    customer_towards(&floor.server.sip.to_string(), number, hz, transport, codecs, extra).await
}

/// The same, calling in by way of `server`: our TLS port is another one than that of UDP and TCP.
pub(crate) async fn customer_towards(
    server: &str,
    number: &str,
    hz: f32,
    transport: &'static str,
    codecs: &'static str,
    extra: &str,
) -> Baresip {
    let account = BaresipAccount {
        user: number.to_owned(),
        domain: "127.0.0.1".into(),
        secret: String::new(),
        transport,
        server: server.to_owned(),
        auto_answer: true,
        codecs,
    };
    let extra = extra.to_owned();
    let start = move || Baresip::start_with(&account, hz, &extra);
    tokio::task::spawn_blocking(start).await.unwrap()
}

/// The only call with a lead, once it is there.
pub(crate) async fn call_of(floor: &Floor, lead: &str) -> Value {
    eventually("a call with the lead", SOON, || async {
        let calls = floor.admin.get(&format!("/calls?lead_id={lead}")).await;
        calls["items"].get(0).cloned()
    })
    .await
}
