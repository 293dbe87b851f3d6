//! SIP over TCP and TLS: phones and carriers, with audio both ways.

use crate::{
    carriers::{call_of, customer, customer_towards, did, no_other_carrier, trunk},
    floor::{AGENT_HZ, Floor, SOON, talk},
};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};
use testkit::{
    certificates::{Authority, Issued},
    eventually,
    peers::{Baresip, BaresipAccount},
    ports,
};
use tokio::task::block_in_place;

/// A call from Asha's phone to a 1 kHz tone: both directions heard, both recorded.
async fn heard_both_ways(floor: &Floor, mut phone: Baresip, transport: &str) {
    floor.phone_registered().await;
    let extensions = floor.admin.get("/extensions?limit=200").await.to_string();
    assert!(extensions.contains(&format!("\"transport\":\"{transport}\"")), "{extensions}");
    floor.ready().await;
    let lead = floor.lead("Customer", "+919811770015").await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    talk(2.5).await;
    phone.command("hangup", "");
    let row = floor.call_over(&call).await;
    assert_eq!(row["hangup_cause"]["by"], "agent", "{row}");
    let heard = phone.heard().pop().unwrap().seconds_of(1000.0);
    assert!(heard > 1.3, "{heard}");
    let (customer, ours) = floor.recording(&call).await;
    assert!(customer.seconds_of(1000.0) > 1.3, "{}", customer.seconds_of(1000.0));
    assert!(ours.seconds_of(AGENT_HZ) > 1.3, "{}", ours.seconds_of(AGENT_HZ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_on_tcp_talks_both_ways() {
    let floor = Floor::open().await;
    let account = BaresipAccount { transport: "tcp", ..floor.account(&floor.extension).await };
    let phone = floor.register(&account, AGENT_HZ).await;
    heard_both_ways(&floor, phone, "tcp").await;
}

/// A floor that also listens on TLS and trusts the authority when it calls out.
async fn floor_with_tls(authority: &Authority, ours: &Issued) -> (Floor, u16) {
    let port = ports::one();
    let path = |path: &Path| path.display().to_string();
    let settings = [
        ("TELEHUB_SIP_TLS", format!("127.0.0.1:{port}")),
        ("TELEHUB_SIP_TLS_CERT", path(&ours.certificate)),
        ("TELEHUB_SIP_TLS_KEY", path(&ours.key)),
        ("TELEHUB_SIP_TLS_CA", path(&authority.certificate)),
    ];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(k, v)| (*k, v.as_str())).collect();
    (Floor::open_with(&settings).await, port)
}

/// A phone of Asha's that trusts the authority of our certificate, registered by TLS.
async fn tls_phone(floor: &Floor, authority: &Authority, port: u16) -> Baresip {
    let account = BaresipAccount {
        transport: "tls",
        server: format!("127.0.0.1:{port}"),
        ..floor.account(&floor.extension).await
    };
    let trust = format!("sip_cafile {}\n", authority.certificate.display());
    let start = move || Baresip::start_with(&account, AGENT_HZ, &trust).registered();
    tokio::task::spawn_blocking(start).await.unwrap()
}

/// TEL-01: a phone that trusts the authority of our certificate registers and talks by TLS.
#[tokio::test(flavor = "multi_thread")]
async fn a_phone_on_tls_talks_both_ways() {
    let folder = testkit::folder();
    let authority = Authority::new(folder.path(), "authority");
    let ours = authority.issue("ours", &["127.0.0.1"]);
    let (floor, port) = floor_with_tls(&authority, &ours).await;
    let phone = tls_phone(&floor, &authority, port).await;
    heard_both_ways(&floor, phone, "tls").await;
}

/// The certificate that a new connection is shown, PEM.
fn shown(port: u16) -> String {
    let answer = std::process::Command::new("openssl")
        .args(["s_client", "-connect", &format!("127.0.0.1:{port}")])
        .stdin(std::process::Stdio::null())
        .output()
        .expect("openssl is installed by scripts/setup.sh test");
    let text = String::from_utf8_lossy(&answer.stdout).into_owned();
    let begin = text.find("-----BEGIN CERTIFICATE-----").unwrap_or(text.len());
    let end = text.find("-----END CERTIFICATE-----").unwrap_or(begin);
    text[begin..end].to_owned()
}

/// B14: a certificate is renewed while calls run: they go on, and who connects then is shown the new one.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_on_tls_outlives_its_certificate() {
    let folder = testkit::folder();
    let authority = Authority::new(folder.path(), "authority");
    let ours = authority.issue("ours", &["127.0.0.1"]);
    let (floor, port) = floor_with_tls(&authority, &ours).await;
    let mut phone = tls_phone(&floor, &authority, port).await;
    floor.phone_registered().await;
    floor.ready().await;
    let lead = floor.lead("Customer", "+919811770015").await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    let before = std::fs::read_to_string(&ours.certificate).unwrap();
    assert!(block_in_place(|| before.contains(&shown(port))), "the first one is shown");
    // The same file names, as a renewal writes them.
    authority.issue("ours", &["127.0.0.1"]);
    let after = std::fs::read_to_string(&ours.certificate).unwrap();
    assert_ne!(before, after);
    eventually("the new certificate is shown", Duration::from_secs(20), || async {
        let now = block_in_place(|| shown(port));
        (!now.is_empty() && after.contains(&now)).then_some(())
    })
    .await;
    assert_eq!(floor.call(&call).await["status"], "in_progress");
    talk(1.0).await;
    floor.hang_up(&call).await;
    block_in_place(|| phone.until("CALL_CLOSED", 8));
    let row = floor.call_over(&call).await;
    let lasted = row["duration_seconds"].as_f64().unwrap() as f32;
    let heard = phone.heard().pop().unwrap().seconds_of(1000.0);
    assert!(heard > 1.0 && heard > lasted - 2.5, "{heard} s of {lasted} s: {row}");
}

/// A call over the only trunk to a customer's baresip, and one from it: heard at both ends.
async fn both_directions(floor: &Floor, mut customer: Baresip, id: &str, number: &str, uri: &str) {
    let mut phone = floor.phone().await;
    floor.ready().await;
    no_other_carrier(floor).await;
    let our_did = "+918047112601";
    did(floor, id, our_did, &floor.extension).await;
    let lead = floor.lead("Customer", number).await;

    let call = floor.dial(&lead).await;
    let row = floor.call_is(&call, "in_progress").await;
    assert_eq!(row["trunk_id"], id);
    block_in_place(|| customer.until("CALL_ESTABLISHED", 8));
    talk(2.0).await;
    floor.hang_up(&call).await;
    floor.call_over(&call).await;
    block_in_place(|| customer.until("CALL_CLOSED", 8));
    block_in_place(|| phone.until("CALL_CLOSED", 8));
    let outcome = json!({ "code": "INTERESTED", "notes": "ok" });
    floor.asha.post(&format!("/calls/{call}/disposition"), outcome).await;

    customer.command("dial", uri);
    block_in_place(|| customer.until("CALL_ESTABLISHED", 10));
    talk(2.0).await;
    customer.command("hangup", "");
    let closed = block_in_place(|| phone.saw("CALL_CLOSED", SOON));
    assert!(closed, "the customer hung up\n{}", customer.full_log());
    let newest = call_of(floor, &lead).await;
    let row = floor.call_over(newest["id"].as_str().unwrap()).await;
    assert_eq!((row["direction"].clone(), row["trunk_id"].clone()), (json!("inbound"), json!(id)));
    talk(0.3).await;
    for (who, all, hz) in
        [("phone", phone.heard(), 1000.0), ("customer", customer.heard(), AGENT_HZ)]
    {
        assert_eq!(all.len(), 2, "{who} heard two calls");
        for heard in all {
            assert!(heard.seconds_of(hz) > 0.9, "{who}: {} s of {hz}", heard.seconds_of(hz));
        }
    }
}

fn by(transport: &str, port: u16) -> Value {
    // Connections of the carrier come from any port.
    json!({ "settings": {
        "transport": transport, "source_cidrs": ["127.0.0.1/32"],
        "hosts": [{ "host": "127.0.0.1", "port": port }],
    }})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_on_tcp_carries_calls_both_ways() {
    let floor = Floor::open().await;
    let number = "+919811771401";
    let customer = customer(&floor, number, 1000.0, "tcp", "PCMA", "").await;
    let id = trunk(&floor, customer.sip_port, by("tcp", customer.sip_port)).await;
    let uri = format!("sip:+918047112601@{};transport=tcp", floor.server.sip);
    both_directions(&floor, customer, &id, number, &uri).await;
}

/// B14: a carrier's certificate must come from an authority that we trust and carry its name.
#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_on_tls_carries_calls_with_audio_both_ways() {
    let folder = testkit::folder();
    let authority = Authority::new(folder.path(), "authority");
    let ours = authority.issue("ours", &["127.0.0.1"]);
    let theirs = authority.issue("theirs", &["127.0.0.1"]);
    let (floor, port) = floor_with_tls(&authority, &ours).await;
    let number = "+919811771402";
    let extra = format!(
        "sip_certificate {}\nsip_cafile {}\n",
        theirs.both.display(),
        authority.certificate.display()
    );
    let server = format!("127.0.0.1:{port}");
    let customer = customer_towards(&server, number, 1000.0, "tls", "PCMA", &extra).await;
    // baresip's TLS port is the one above.
    let id = trunk(&floor, customer.sip_port, by("tls", customer.sip_port + 1)).await;
    let uri = format!("sip:+918047112601@{server};transport=tls");
    both_directions(&floor, customer, &id, number, &uri).await;
}

/// B14: an authority nobody told us about is not believed, and nothing goes in the clear.
#[tokio::test(flavor = "multi_thread")]
async fn a_tls_trunk_of_an_unknown_authority_gets_no_call() {
    let folder = testkit::folder();
    let unknown = Authority::new(folder.path(), "unknown");
    let theirs = unknown.issue("theirs", &["127.0.0.1"]);
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    no_other_carrier(&floor).await;
    let number = "+919811771403";
    let extra = format!("sip_certificate {}\n", theirs.both.display());
    let customer = customer(&floor, number, 1000.0, "tls", "PCMA", &extra).await;
    trunk(&floor, customer.sip_port, by("tls", customer.sip_port + 1)).await;
    let lead = floor.lead("Customer", number).await;
    let call = floor.dial(&lead).await;
    let row = floor.call_over(&call).await;
    assert_eq!(row["status"], "failed", "{row}");
    assert_eq!(row["hangup_cause"]["kind"], "network_failure", "{row}");
    assert!(!customer.full_log().contains("INVITE sip:"), "{}", customer.log());
}
