//! Toll fraud: whoever tries it, from wherever, no carrier ever gets a call.

use crate::{
    carriers::{customer, finished, requests, script, trunk},
    floor::{Floor, SOON, talk},
};
use serde_json::{Value, json};
use signaling_proto::Method;
use std::{net::IpAddr, time::Duration};
use testkit::{
    eventually,
    peers::SippRun,
    wire::{Ask, Wire, status},
};
use tokio::task::block_in_place;

/// Numbers that thieves like, in the ways they are written.
const EXPENSIVE: [&str; 12] = [
    "+14155550100",
    "0014155550100",
    "+882161234567",
    "+88213000000",
    "+919001234567890",
    "900114155550100",
    "011441632960000",
    "+37282123456",
    "00%2B14155550100",
    "+1-415-555-0100",
    "112",
    "+2521234567",
];

/// A floor whose first trunk is a carrier that would take any call.
async fn guarded() -> (Floor, SippRun) {
    let floor = Floor::open().await;
    let mut willing = script("carrier_answers", &[]);
    willing.calls = 100;
    let run = willing.start();
    // Only the carrier's own socket is the carrier's.
    trunk(&floor, run.port, json!({})).await;
    (floor, run)
}

/// Neither the carrier nor the journal heard of any call out.
async fn nothing_went_out(floor: &Floor, carrier: &SippRun) {
    // What was still on its way has had its time.
    talk(1.0).await;
    let seen = carrier.seen();
    assert!(requests(&seen, "INVITE").is_empty(), "{seen:#?}");
    let calls = floor.admin.get("/calls?direction=outbound").await;
    for call in calls["items"].as_array().unwrap() {
        assert_eq!(call["answered_at"], Value::Null, "{call}");
    }
}

/// D01: without a proof nobody dials anything, whatever they claim in From, Contact or P-Asserted-
/// Identity, and whoever's domain they name.
#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_cannot_dial_at_all() {
    let (floor, carrier) = guarded().await;
    let own = floor.identity("101").await;
    let server = floor.server.sip;
    block_in_place(|| {
        let from_elsewhere: IpAddr = [127, 0, 0, 66].into();
        let mut wire = Wire::open_at(from_elsewhere, server);
        for number in EXPENSIVE.iter().copied().chain(["+919811770015", "102", "*72"]) {
            for domain in [own.domain.clone(), server.to_string(), "elsewhere.example".into()] {
                let mut ask = Ask::invite(&format!("sip:{number}@{domain}"), &own.uri());
                ask.lines = vec![
                    format!("P-Asserted-Identity: <{}>", own.uri()),
                    "X-TeleHub-Trusted : yes".to_owned(),
                ];
                let answer = status(&wire.ask(&ask, &[]));
                assert!([400, 401, 404, 416].contains(&answer), "{number}@{domain}: {answer}");
            }
        }
    });
    nothing_went_out(&floor, &carrier).await;
    let calls = floor.admin.get("/calls").await;
    assert_eq!(calls["items"].as_array().unwrap().len(), 0, "not even a row: {calls}");
}

/// D01, A22: no other method reaches anybody either.
#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_other_requests_are_refused() {
    let (floor, carrier) = guarded().await;
    let own = floor.identity("101").await;
    block_in_place(|| {
        let mut wire = Wire::open(floor.server.sip);
        for method in [Method::Message, Method::Subscribe, Method::Publish, Method::Refer] {
            let ask = Ask {
                method: method.clone(),
                uri: "sip:+919811770015@127.0.0.1".into(),
                from: own.uri(),
                to: "sip:+919811770015@127.0.0.1".into(),
                lines: vec!["Refer-To: <sip:+14155550100@127.0.0.1>".into()],
                sdp: false,
            };
            let answer = status(&wire.ask(&ask, &[]));
            assert!([401, 403, 405, 501].contains(&answer), "{method:?}: {answer}");
        }
    });
    nothing_went_out(&floor, &carrier).await;
}

/// D02, D03: a stolen extension password does not call abroad, premium or satellite numbers, however they are written;
/// the refusals are in the audit.
#[tokio::test(flavor = "multi_thread")]
async fn a_proved_extension_cannot_dial_what_the_policy_forbids() {
    let (floor, carrier) = guarded().await;
    let own = floor.identity("101").await;
    // Not even with a lead of her own: what is refused is the country.
    floor.lead("Abroad", "+14155550100").await;
    block_in_place(|| {
        for number in EXPENSIVE.into_iter().filter(|number| *number != "112") {
            let mut wire = Wire::open(floor.server.sip);
            let ask = Ask::invite(&format!("sip:{number}@{}", own.domain), &own.uri());
            let answer = status(&wire.ask_as(&own, &ask));
            assert!([403, 404, 484].contains(&answer), "{number}: {answer}");
        }
    });
    nothing_went_out(&floor, &carrier).await;
    eventually("the refusals in the audit", SOON, || async {
        let audit = floor.admin.get("/audit?action=call.refused&limit=100").await;
        let text = audit.to_string();
        (text.contains("country_not_allowed") && text.contains("number_invalid")).then_some(())
    })
    .await;
}

/// D10: whom an extension claims to be is neither believed nor passed on, but known afterwards.
#[tokio::test(flavor = "multi_thread")]
async fn a_forged_caller_never_reaches_the_carrier() {
    let floor = Floor::open().await;
    floor.lead("Victim", "+919811771501").await;
    let run = script("carrier_answers", &[]).start();
    trunk(&floor, run.port, json!({})).await;
    let own = floor.identity("101").await;
    let server = floor.server.sip;
    let wire = tokio::task::spawn_blocking(move || {
        let mut wire = Wire::open(server);
        let uri = format!("sip:+919811771501@{}", own.domain);
        let forged = format!("sip:+911140001234@{}", own.domain);
        let mut ask = Ask::invite(&uri, &forged);
        ask.lines = vec![
            "P-Asserted-Identity: \"Tax Office\" <sip:+911140001234@gov.example>".to_owned(),
            "Remote-Party-ID: <sip:+911140001234@gov.example>".to_owned(),
            "Diversion: <sip:+911140001234@gov.example>".to_owned(),
        ];
        let answer = wire.ask_as(&own, &ask);
        assert_eq!(status(&answer), 200);
        wire
    })
    .await
    .unwrap();
    let invite = run.received("INVITE", 10);
    assert!(!invite.text.contains("1140001234"), "{}", invite.text);
    let asserted = invite.header("P-Asserted-Identity").unwrap();
    assert!(asserted.contains("+9180471"), "a number of the tenant's own: {asserted}");
    drop(wire);
    let entry = eventually("the claim in the audit", SOON, || async {
        let audit = floor.admin.get("/audit?action=sip.foreign_identity").await;
        audit["items"].get(0).cloned()
    })
    .await;
    assert!(entry["detail"].to_string().contains("1140001234"), "{entry}");
}

/// Open relay: a trunk's own address may call our numbers, and nobody else's.
#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_cannot_use_us_as_its_way_out() {
    let (floor, carrier) = guarded().await;
    let mut other = customer(&floor, "+919811771502", 1000.0, "udp", "PCMA", "").await;
    trunk(&floor, other.sip_port, json!({})).await;
    for number in ["+14155550100", "+919811770015", "101"] {
        other.command("dial", &format!("sip:{number}@{}", floor.server.sip));
        let closed = block_in_place(|| other.until("CALL_CLOSED", 10)).to_string();
        assert!(closed.contains("404"), "{closed} {}", other.log());
    }
    nothing_went_out(&floor, &carrier).await;
}

/// D04: a phone that answers with 302 to an expensive number diverts nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_diversion_to_an_expensive_number_is_not_followed() {
    let (floor, carrier) = guarded().await;
    let thief = floor.identity("102").await;
    let server = floor.server.sip;
    let phone = tokio::task::spawn_blocking(move || {
        let mut wire = Wire::open(server);
        let contact = format!("Contact: <sip:102@{}>", wire.local);
        let answer = wire.ask_as(&thief, &Ask::register(&thief, &[&contact]));
        assert_eq!(status(&answer), 200);
        wire
    })
    .await
    .unwrap();
    let caller = floor.identity("101").await;
    let calling = std::thread::spawn(move || {
        let mut wire = Wire::open(server);
        let uri = format!("sip:102@{}", caller.domain);
        status(&wire.ask_as(&caller, &Ask::invite(&uri, &caller.uri())))
    });
    let answer = tokio::task::spawn_blocking(move || {
        let invite = phone.request(&Method::Invite, Duration::from_secs(10)).expect("rung");
        let to = ["Contact: <sip:+14155550100@127.0.0.1>".to_owned()];
        phone.respond(&invite, "302 Moved Temporarily", &to, false);
        calling.join().unwrap()
    })
    .await
    .unwrap();
    assert!((400..700).contains(&answer), "{answer}");
    nothing_went_out(&floor, &carrier).await;
}

/// D04: a carrier that sends a call on meets the same rules: to a number in India it is followed, by the same trunk
/// and to no host of the carrier's choice; abroad it is not. Both are in the audit.
#[tokio::test(flavor = "multi_thread")]
async fn a_carriers_redirection_is_judged_before_it_is_followed() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    for (number, named, allowed) in
        [("+919811771505", "09811771506", true), ("+919811771507", "+14155550100", false)]
    {
        let mut redirecting =
            script("carrier_redirects", &[("named", named), ("to", "919811771506")]);
        redirecting.calls = if allowed { 2 } else { 1 };
        let run = redirecting.start();
        let id = trunk(&floor, run.port, json!({})).await;
        let lead = floor.lead("Redirected", number).await;
        let call = floor.dial(&lead).await;
        if allowed {
            floor.call_is(&call, "in_progress").await;
            floor.hang_up(&call).await;
        }
        let row = floor.call_over(&call).await;
        assert_eq!((&row["to"], &row["trunk_id"]), (&json!(number), &json!(id)), "{row}");
        let kind = if allowed { "normal" } else { "policy_refused" };
        assert_eq!(row["hangup_cause"]["kind"], kind, "{row}");
        let seen = finished(run).await;
        let invites = requests(&seen, "INVITE");
        assert_eq!(invites.len(), usize::from(allowed) + 1, "{invites:#?}");
        assert!(invites.iter().all(|i| !i.start().contains("198.51.100.9")), "{invites:#?}");
        let action = if allowed { "call.redirected" } else { "call.refused" };
        let entry = audited(&floor, action).await;
        let told = if allowed { "+919811771506" } else { "country_not_allowed" };
        assert!(entry["detail"].to_string().contains(told), "{entry}");
        let path = format!("/calls/{call}/disposition");
        let outcome = Some(json!({ "code": "INTERESTED", "notes": "ok" }));
        floor.asha.call("POST".parse().unwrap(), &path, outcome).await;
        floor.admin.patch(&format!("/trunks/{id}"), json!({ "enabled": false })).await;
    }
}

async fn audited(floor: &Floor, action: &str) -> Value {
    eventually(action, SOON, || async {
        let audit = floor.admin.get(&format!("/audit?action={action}")).await;
        audit["items"].get(0).cloned()
    })
    .await
}

/// D04: REFER inside a call to an expensive number is refused, and the call goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_to_an_expensive_number_is_refused() {
    let (floor, carrier) = guarded().await;
    let mut phone = floor.phone().await;
    let account = floor.account("102").await;
    let mut other = floor.register(&account, 800.0).await;
    phone.command("dial", &format!("sip:102@{}", floor.server.sip));
    block_in_place(|| other.until("CALL_ESTABLISHED", 10));
    talk(0.5).await;
    phone.command("transfer", "sip:+14155550100@127.0.0.1");
    block_in_place(|| phone.until_log("REFER sip:", 8));
    nothing_went_out(&floor, &carrier).await;
    // The word of refusal comes by NOTIFY. (At which this phone hangs up by itself.)
    block_in_place(|| phone.until_log("terminated;reason=noresource", 8));
    let log = phone.full_log();
    let after = &log[log.find("REFER sip:").unwrap()..];
    assert!(after.contains("SIP/2.0 403"), "{}", phone.log());
    assert!(!after.contains("SIP/2.0 180"), "nobody was called: {}", phone.log());
}

/// The other stories of this file prove something only if a permitted call would be seen.
#[tokio::test(flavor = "multi_thread")]
async fn a_permitted_call_still_goes_out() {
    let (floor, carrier) = guarded().await;
    let _phone = floor.phone().await;
    floor.ready().await;
    let lead = floor.lead("Permitted", "+919811771503").await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    floor.hang_up(&call).await;
    floor.call_over(&call).await;
    assert_eq!(requests(&carrier.seen(), "INVITE").len(), 1, "the guard would have seen it");
}
