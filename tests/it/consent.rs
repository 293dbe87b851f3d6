//! The recording announcement and what the customer says to it, heard on a real call (SEC-02, I09).

use crate::{
    carriers::{customer, no_other_carrier, trunk},
    floor::{AGENT_HZ, Floor, SOON, talk},
    transfers::{COLLEAGUE_HZ, belongs_to, colleague},
};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use std::path::Path;
use testkit::{ears::Heard, eventually, peers::Baresip};
use tokio::task::block_in_place;

const CUSTOMER_HZ: f32 = 1000.0;

/// A floor whose tenant asks in one way, with Asha at her phone and a customer who answers.
struct Scene {
    floor: Floor,
    agent: Baresip,
    customer: Baresip,
    call: String,
}

impl Scene {
    async fn with(consent: &str, language: &str) -> Self {
        let floor = Floor::open().await;
        let agent = floor.phone().await;
        floor.ready().await;
        let recording = json!({ "recording": { "consent": consent } });
        let settings = floor.admin.patch("/settings", recording).await;
        assert_eq!(settings["recording"]["consent"], consent, "{settings}");
        let number = "+919811773300";
        let customer = customer(&floor, number, CUSTOMER_HZ, "udp", "PCMA", "").await;
        trunk(&floor, customer.sip_port, json!({})).await;
        no_other_carrier(&floor).await;
        let lead = json!({
            "name": "Asked", "phone": number, "language": language, "assigned_to": floor.asha_id,
        });
        let lead = floor.admin.post("/leads", lead).await;
        let call = floor.dial(lead["id"].as_str().unwrap()).await;
        floor.call_is(&call, "in_progress").await;
        Self { floor, agent, customer, call }
    }

    async fn kinds(&self) -> Vec<Value> {
        let events = self.floor.admin.get(&format!("/calls/{}/events?limit=200", self.call)).await;
        events["items"].as_array().unwrap().clone()
    }

    /// Waits for an event of the call.
    async fn event(&self, kind: &str) -> Value {
        eventually(kind, SOON, || async {
            self.kinds().await.into_iter().find(|event| event["kind"] == kind)
        })
        .await
    }

    async fn hang_up(&mut self) -> (Value, Heard, Heard) {
        self.floor.hang_up(&self.call).await;
        let row = self.floor.call_over(&self.call).await;
        block_in_place(|| self.agent.until("CALL_CLOSED", 8));
        block_in_place(|| self.customer.until("CALL_CLOSED", 8));
        let agent = self.agent.heard().pop().unwrap();
        (row, self.customer.heard().pop().unwrap(), agent)
    }
}

/// The file is as long as the call was, from the answer on, with nothing in it before `from` and both
/// voices soon after.
fn lasts_from_the_answer(row: &Value, channels: [(&Heard, f32); 2], from: f32) {
    let at = |name: &str| row[name].as_str().unwrap().parse::<DateTime<Utc>>().unwrap();
    let took = (at("ended_at") - at("answered_at")).num_milliseconds() as f32 / 1000.0;
    for (heard, hz) in channels {
        let long = heard.seconds();
        assert!((long - took).abs() < 0.5, "{long} s of a call of {took} s");
        assert!(heard.between(0.0, from - 0.3).is_silent(), "nothing was kept before");
        let first = heard.between(from, from + 2.0).seconds_of(hz);
        assert!(first > 1.2, "second for second of the call: {first}");
    }
}

fn prompt(language: &str, name: &str) -> Heard {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    Heard::file(&root.join("sounds").join(language).join(format!("{name}.wav")))
}

/// The usual mode: both hear in the lead's language that the call is recorded, then each other.
#[tokio::test(flavor = "multi_thread")]
async fn the_announcement_is_heard_by_both_in_the_leads_language_before_they_talk() {
    let mut scene = Scene::with("announce", "hindi").await;
    scene.event("announced").await;
    scene.event("recording_started").await;
    talk(3.0).await;
    let (row, customer, agent) = scene.hang_up().await;
    let hindi = prompt("hi", "recording_announcement");
    for (who, heard) in [("customer", &customer), ("agent", &agent)] {
        assert!(heard.likeness(&hindi) > 0.9, "{who} hears it: {}", heard.likeness(&hindi));
        let english = prompt("en", "recording_announcement");
        assert!(heard.likeness(&english) < 0.5, "{who}, in Hindi only");
    }
    let before = customer.between(0.0, hindi.seconds() - 0.5);
    assert!(before.share_at(AGENT_HZ) < 0.1, "nobody is joined before its end");
    assert!(customer.seconds_of(AGENT_HZ) > 2.0, "{}", customer.seconds_of(AGENT_HZ));
    assert!(agent.seconds_of(CUSTOMER_HZ) > 2.0, "{}", agent.seconds_of(CUSTOMER_HZ));
    let (left, right) = scene.floor.recording(&scene.call).await;
    assert!(left.seconds_of(CUSTOMER_HZ) > 2.0 && right.seconds_of(AGENT_HZ) > 2.0);
    let channels = [(&left, CUSTOMER_HZ), (&right, AGENT_HZ)];
    lasts_from_the_answer(&row, channels, hindi.seconds());
    let kept = scene.floor.call(&scene.call).await["recording"]["duration_seconds"].clone();
    assert!(
        (kept.as_f64().unwrap() as f32 - left.seconds()).abs() < 0.1,
        "the row says so: {kept}"
    );
    let path = format!("/calls/{}/recording/peaks?points=100", scene.call);
    let peaks = scene.floor.admin.get(&path).await;
    let quiet = (hindi.seconds() / left.seconds() * 100.0) as usize - 5;
    let quiet = peaks["customer"].as_array().unwrap()[..quiet].iter();
    assert!(quiet.clone().all(|peak| peak.as_f64() < Some(0.05)), "and the waveform: {peaks}");
    let kinds: Vec<Value> = scene.kinds().await.into_iter().map(|e| e["kind"].clone()).collect();
    let at = |kind: &str| kinds.iter().position(|k| k == kind).expect("an event");
    assert!(at("announced") < at("recording_started"), "{kinds:?}");
}

/// Who presses 9 is not recorded, hears so, and the call goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_opts_out_is_not_recorded_and_the_call_goes_on() {
    let mut scene = Scene::with("announce_opt_out", "english").await;
    talk(1.0).await;
    scene.customer.command("sndcode", "9");
    let decided = scene.event("consent_decided").await;
    assert_eq!(decided["data"]["agreed"], false, "{decided}");
    let told = prompt("en", "recording_stopped");
    talk(3.0 + told.seconds()).await;
    let (row, customer, agent) = scene.hang_up().await;
    assert_eq!(row["hangup_cause"]["kind"], "normal", "{row}");
    for (who, heard) in [("customer", &customer), ("agent", &agent)] {
        assert!(heard.likeness(&told) > 0.9, "{who} hears it: {}", heard.likeness(&told));
    }
    assert!(customer.seconds_of(AGENT_HZ) > 2.0, "{}", customer.seconds_of(AGENT_HZ));
    assert!(agent.seconds_of(CUSTOMER_HZ) > 2.0, "{}", agent.seconds_of(CUSTOMER_HZ));
    assert_not_recorded(&scene).await;
}

/// Who presses 9 in the talk is recorded no longer and hears so; the agent is heard before and after.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_opts_out_in_the_talk_is_recorded_up_to_there() {
    let mut scene = Scene::with("announce_opt_out", "hindi").await;
    scene.event("recording_started").await;
    talk(2.0).await;
    scene.customer.command("sndcode", "9");
    scene.event("recording_stopped").await;
    let told = prompt("hi", "recording_stopped");
    talk(2.5 + told.seconds()).await;
    let (_, customer, agent) = scene.hang_up().await;
    assert!(customer.likeness(&told) > 0.9, "is told: {}", customer.likeness(&told));
    assert!(agent.likeness(&told) < 0.5, "the customer alone");
    let asked = prompt("hi", "recording_opt_out").seconds();
    let before = customer.between(0.0, asked + 2.5).seconds_of(AGENT_HZ);
    let heard = customer.seconds_of(AGENT_HZ);
    assert!(before > 1.2 && heard - before > 1.2, "{before} of {heard}");
    let (left, right) = scene.floor.recording(&scene.call).await;
    let kept = asked + 2.0;
    assert!((left.seconds() - kept).abs() < 1.0, "up to there: {} of {kept}", left.seconds());
    assert!(left.seconds_of(CUSTOMER_HZ) > 1.2 && right.seconds_of(AGENT_HZ) > 1.2);
}

/// Without a key nothing is kept; with 1 it is, from then on.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_must_opt_in_is_recorded_only_after_agreeing() {
    let mut silent = Scene::with("opt_in", "english").await;
    silent.event("announced").await;
    talk(2.0).await;
    let (_, customer, _) = silent.hang_up().await;
    let asked = prompt("en", "recording_opt_in");
    assert!(customer.likeness(&asked) > 0.9, "is asked: {}", customer.likeness(&asked));
    assert!(customer.seconds_of(AGENT_HZ) > 1.0, "and talks all the same");
    assert_not_recorded(&silent).await;
    drop(silent);

    let mut agreed = Scene::with("opt_in", "hindi").await;
    talk(1.0).await;
    agreed.customer.command("sndcode", "1");
    let decided = agreed.event("consent_decided").await;
    assert_eq!(decided["data"]["agreed"], true, "{decided}");
    let begun = agreed.event("recording_started").await;
    talk(3.0).await;
    let (row, customer, _) = agreed.hang_up().await;
    let thanks = prompt("hi", "consent_thanks");
    assert!(customer.likeness(&thanks) > 0.9, "is thanked: {}", customer.likeness(&thanks));
    let (left, right) = agreed.floor.recording(&agreed.call).await;
    let silence_ms = begun["data"]["silence_ms"].as_f64().unwrap() as f32;
    assert!(silence_ms > 900.0, "{begun}");
    let channels = [(&left, CUSTOMER_HZ), (&right, AGENT_HZ)];
    lasts_from_the_answer(&row, channels, silence_ms / 1000.0);
    assert!(left.seconds_of(CUSTOMER_HZ) > 2.0 && right.seconds_of(AGENT_HZ) > 2.0);
}

/// The call is handed on while it is recorded: the file goes on, and is silent at its beginning once.
#[tokio::test(flavor = "multi_thread")]
async fn a_recording_that_goes_on_with_a_colleague_still_lasts_from_the_answer() {
    let mut scene = Scene::with("announce", "english").await;
    let account = scene.floor.account("102").await;
    let other = scene.floor.register(&account, COLLEAGUE_HZ).await;
    scene.event("recording_started").await;
    talk(2.5).await;
    let to = format!("sip:102@{}", scene.floor.server.sip);
    scene.agent.command("transfer", &to);
    block_in_place(|| scene.agent.until("CALL_CLOSED", 8));
    belongs_to(&scene.floor, &scene.call, &colleague(&scene.floor).await).await;
    talk(2.0).await;
    scene.customer.command("hangup", "");
    let row = scene.floor.call_over(&scene.call).await;
    let (left, right) = scene.floor.recording(&scene.call).await;
    let announced = prompt("en", "recording_announcement").seconds();
    lasts_from_the_answer(&row, [(&left, CUSTOMER_HZ), (&right, AGENT_HZ)], announced);
    assert!(right.seconds_of(COLLEAGUE_HZ) > 1.0, "{}", right.seconds_of(COLLEAGUE_HZ));
    drop(other);
}

async fn assert_not_recorded(scene: &Scene) {
    let kinds = scene.kinds().await;
    assert!(kinds.iter().all(|event| event["kind"] != "recording_started"), "{kinds:?}");
    let path = format!("/calls/{}/recording", scene.call);
    let (status, _) = scene.floor.admin.bytes(&path, None).await;
    assert_eq!(status.as_u16(), 404, "no audio is kept");
}
