//! Which carrier a call goes by, and what the caller gets when none takes it.

use crate::{
    carriers::{finished, no_other_carrier, requests, script, trunk},
    floor::{Floor, SOON},
};
use serde_json::json;
use signaling_proto::{HeaderName, Message};
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};
use testkit::{
    eventually,
    names::NameServer,
    peers::SippRun,
    ports,
    wire::{Ask, Identity, Wire, status},
};

/// A floor whose agents may dial any number by hand, as often as they like, over the story's own trunks.
async fn open_floor(extra: &[(&str, &str)]) -> Floor {
    let floor = Floor::open_with(extra).await;
    no_other_carrier(&floor).await;
    let settings = json!({
        "desk": { "manual_dialing": true },
        "calling": { "daily_attempts": 0, "window_start": "00:00", "window_end": "24:00" },
    });
    floor.admin.patch("/settings", settings).await;
    floor
}

/// A phone that dials and takes the answer.
struct Dialler {
    who: Identity,
    server: SocketAddr,
    /// Of calls so far: they last as long as their sockets.
    wires: Vec<Wire>,
}

impl Dialler {
    async fn new(floor: &Floor, extension: &str) -> Self {
        let (user, secret, domain) = floor.server.sip_secret(extension).await;
        let who = Identity { user, secret, domain };
        Self { server: floor.server.sip, wires: Vec::new(), who }
    }

    fn dial(&mut self, number: &str) -> Message {
        let ask = Ask::invite(&format!("sip:{number}@{}", self.who.domain), &self.who.uri());
        let mut wire = Wire::open(self.server);
        let answer = wire.ask_as(&self.who, &ask);
        self.wires.push(wire);
        answer
    }
}

/// A carrier that refuses every call at once with 486, so that no other is asked.
fn busy_for_all() -> SippRun {
    let mut sipp = script("carrier_refuses_at_once", &[("status", "486 Busy Here")]);
    sipp.calls = 1000;
    sipp.start()
}

fn invites(run: &SippRun) -> usize {
    requests(&run.seen(), "INVITE").len()
}

/// TEL-08: trunks of one priority share the calls by their weights; one of a later priority gets none.
#[tokio::test(flavor = "multi_thread")]
async fn weights_share_the_calls_between_trunks_of_one_priority() {
    let floor = open_floor(&[]).await;
    let (heavy, light, spare) = (busy_for_all(), busy_for_all(), busy_for_all());
    trunk(&floor, heavy.port, json!({ "priority": 1, "weight": 3 })).await;
    trunk(&floor, light.port, json!({ "priority": 1, "weight": 1 })).await;
    trunk(&floor, spare.port, json!({ "priority": 2, "weight": 9 })).await;
    let mut dialler = Dialler::new(&floor, "101").await;
    let answers = tokio::task::spawn_blocking(move || {
        (0..160).map(|n| status(&dialler.dial(&format!("+9198117{n:05}")))).collect::<Vec<_>>()
    })
    .await
    .unwrap();
    assert!(answers.iter().all(|answer| *answer == 486), "{answers:?}");
    let (heavy, light, spare) = (invites(&heavy), invites(&light), invites(&spare));
    assert_eq!((heavy + light, spare), (160, 0));
    // 120 expected; four standard deviations are 22.
    assert!((98..=142).contains(&heavy), "{heavy} of 160");
}

/// D12: what a caller gets when every channel is taken, and when too many call within a second.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_is_told_to_come_back_when_all_trunks_are_full() {
    let floor = open_floor(&[]).await;
    let mut sipp = script("carrier_answers", &[]);
    sipp.calls = 10;
    let run = sipp.start();
    let id = trunk(&floor, run.port, json!({ "settings": { "channel_cap": 1 } })).await;
    let mut first = Dialler::new(&floor, "101").await;
    let mut second = Dialler::new(&floor, "102").await;
    let refusal = tokio::task::spawn_blocking(move || {
        assert_eq!(status(&first.dial("+919811760001")), 200);
        (second.dial("+919811760002"), first, second)
    })
    .await
    .unwrap();
    let (refusal, first, mut second) = refusal;
    assert_eq!(status(&refusal), 503);
    assert!(refusal.text(HeaderName::RetryAfter).is_some(), "when to come back");
    let rows = eventually("a row of each", Duration::from_secs(10), || async {
        let calls = floor.admin.get("/calls?direction=outbound").await;
        let rows = calls["items"].as_array()?.clone();
        (rows.len() == 2).then_some(rows)
    })
    .await;
    let full = rows.iter().find(|c| c["to"] == "+919811760002").expect("a row of it");
    let full = floor.call_over(full["id"].as_str().unwrap()).await;
    assert_eq!(
        (&full["status"], &full["hangup_cause"]["kind"]),
        (&json!("failed"), &json!("network_failure"))
    );
    let live = rows.iter().find(|c| c["to"] == "+919811760001").unwrap()["id"].as_str().unwrap();
    floor.admin.post(&format!("/calls/{live}/hangup"), json!({})).await;
    floor.call_over(live).await;
    drop(first);

    // The same caller once more, and now two a second are all there may be.
    let settings = json!({ "channel_cap": null, "cps_cap": 2 });
    floor.admin.patch(&format!("/trunks/{id}"), json!({ "settings": settings })).await;
    let before = invites(&run);
    let answers = tokio::task::spawn_blocking(move || {
        let answers: Vec<u16> =
            (0..6).map(|n| status(&second.dial(&format!("+91981175000{n}")))).collect();
        std::thread::sleep(Duration::from_millis(1100));
        (answers, status(&second.dial("+919811750009")))
    })
    .await
    .unwrap();
    let (burst, later) = answers;
    let taken = burst.iter().filter(|answer| **answer == 200).count();
    let refused = burst.iter().filter(|answer| **answer == 503).count();
    assert_eq!(taken + refused, 6, "{burst:?}");
    // Each that is taken rings for 300 ms before it is answered, so the six last more than half a second.
    assert!((2..=4).contains(&taken), "{burst:?}");
    assert_eq!(later, 200, "a second later there is room again");
    assert_eq!(invites(&run) - before, taken + 1, "the carrier saw no more than its share");
}

/// RFC 3263: by NAPTR to SRV to an address; the first server is silent, the second has the carrier.
#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_is_found_by_its_name_and_its_silent_server_left() {
    let names = NameServer::start();
    let dns = names.address.to_string();
    let floor = open_floor(&[("TELEHUB_SIP_DNS_SERVERS", &dns)]).await;
    let run = script("carrier_answers", &[]).start();
    names.naptr("carrier.test", 1, 1, "SIP+D2U", "_sip._udp.pops.test");
    names.srv("_sip._udp.pops.test", 1, 1, 5060, "silent.test");
    names.srv("_sip._udp.pops.test", 2, 1, run.port, "live.test");
    names.a("silent.test", Ipv4Addr::new(127, 0, 0, 9), 60);
    names.a("live.test", Ipv4Addr::LOCALHOST, 60);
    let hosts = json!({ "settings": { "hosts": [{ "host": "carrier.test" }] } });
    let id = trunk(&floor, run.port, hosts).await;
    let mut dialler = Dialler::new(&floor, "101").await;
    let began = Instant::now();
    let (answer, dialler) = tokio::task::spawn_blocking(move || {
        let answer = status(&dialler.dial("+919811770015"));
        (answer, dialler)
    })
    .await
    .unwrap();
    let took = began.elapsed();
    assert_eq!(answer, 200);
    assert!(
        took < Duration::from_millis(5500),
        "4 s of silence, then a second's ringing: {took:?}"
    );
    let call = only_call(&floor).await;
    assert_eq!(call["trunk_id"], id.as_str(), "{call}");
    let invite = run.received("INVITE", 5);
    assert!(invite.start().contains("@carrier.test"), "{}", invite.start());
    drop(dialler);
}

async fn only_call(floor: &Floor) -> serde_json::Value {
    eventually("a call", SOON, || async {
        let calls = floor.admin.get("/calls").await;
        calls["items"].get(0).cloned()
    })
    .await
}

/// H14, A21: a name that is not there, and a name server that takes ten seconds: the next trunk rings within 4 s.
#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_whose_name_cannot_be_found_is_followed_by_the_next_within_four_seconds() {
    for delay in [Duration::ZERO, Duration::from_secs(10)] {
        let names = NameServer::start();
        names.answer_after(delay);
        let dns = names.address.to_string();
        let floor = open_floor(&[("TELEHUB_SIP_DNS_SERVERS", &dns)]).await;
        let run = script("carrier_answers", &[]).start();
        let hosts = json!({ "priority": 1, "settings": { "hosts": [{ "host": "gone.test" }] } });
        trunk(&floor, ports::one(), hosts).await;
        let next = trunk(&floor, run.port, json!({ "priority": 2 })).await;
        let mut dialler = Dialler::new(&floor, "101").await;
        let began = Instant::now();
        let dialling =
            tokio::task::spawn_blocking(move || (status(&dialler.dial("+919811770015")), dialler));
        let rung = tokio::task::spawn_blocking(move || {
            run.received("INVITE", 10);
            (began.elapsed(), run)
        });
        let (took, run) = rung.await.unwrap();
        assert!(took < Duration::from_secs(4), "{took:?} with answers after {delay:?}");
        let (answer, dialler) = dialling.await.unwrap();
        assert_eq!(answer, 200);
        let call = only_call(&floor).await;
        assert_eq!(call["trunk_id"], next.as_str(), "{call}");
        assert!(names.asked() > 0, "it was asked for");
        let id = call["id"].as_str().unwrap();
        floor.admin.post(&format!("/calls/{id}/hangup"), json!({})).await;
        finished(run).await;
        drop(dialler);
    }
}

/// Contract: a telephone number is E.164 in rows, on the live socket and towards the carrier, however it was dialled
/// and whether or not the call was allowed.
#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_kept_in_one_form_however_it_was_dialled() {
    let floor = open_floor(&[]).await;
    let carrier = busy_for_all();
    trunk(&floor, carrier.port, json!({})).await;
    let mut live = floor.live().await;
    // Each its own person, written another way.
    let written = [
        ("09811761001", "+919811761001"),
        ("00919811761002", "+919811761002"),
        ("9811761003", "+919811761003"),
        ("+919811761004", "+919811761004"),
        ("%2B91-98117-61005", "+919811761005"),
        ("0014155550100", "+14155550100"),
    ];
    let mut dialler = Dialler::new(&floor, "101").await;
    let dialled: Vec<&str> = written.iter().map(|(dialled, _)| *dialled).collect();
    let answers = tokio::task::spawn_blocking(move || {
        dialled.into_iter().map(|number| status(&dialler.dial(number))).collect::<Vec<_>>()
    })
    .await
    .unwrap();
    assert_eq!(answers, [486, 486, 486, 486, 486, 403]);
    for (dialled, number) in written {
        let row = eventually(&format!("a row to {number}"), SOON, || async {
            let calls = floor.admin.get("/calls?limit=50").await;
            calls["items"].as_array()?.iter().find(|call| call["to"] == number).cloned()
        })
        .await;
        assert_eq!(
            (&row["direction"], &row["from"]),
            (&json!("outbound"), &json!("101")),
            "{dialled}"
        );
    }
    let invites = carrier.seen();
    let called: Vec<&str> =
        requests(&invites, "INVITE").iter().map(|invite| invite.start()).collect();
    assert_eq!(called.len(), 5, "{called:#?}");
    assert!(called.iter().all(|start| start.starts_with("INVITE sip:+9198117610")), "{called:#?}");
    let told = |value: &serde_json::Value| value.to_string().contains("+919811761001");
    live.until("the number on the live socket", SOON, told).await;
    assert!(live.seen.iter().all(|event| !event.to_string().contains("\"09811761001\"")));
}
