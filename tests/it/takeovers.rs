//! Phones that take the place of others by INVITE with Replaces (RFC 3891): who is heard afterwards, what the record says,
//! who is refused.

use crate::{
    carriers::call_of,
    floor::{Floor, SOON, talk},
    transfers::{COLLEAGUE_HZ, OUR_DID, belongs_to, call_in, colleague, open, recorded_with_both},
};
use serde_json::json;
use std::time::Duration;
use testkit::{
    eventually,
    peers::{Baresip, BaresipAccount, Linphone},
    wire::{Ask, Identity, Wire, status},
};
use tokio::task::block_in_place;

/// The dialog of a phone's latest incoming call, as others name it to us: out of the response it sent.
fn named(phone: &Baresip) -> String {
    let log = phone.full_log();
    let field = |text: &str, name: &str| {
        let line = text.lines().find_map(|line| line.trim().strip_prefix(name))?;
        Some(line.trim().to_owned())
    };
    let tag = |text: &str, name: &str| {
        let tag = field(text, name)?.split_once(";tag=")?.1.to_owned();
        Some(tag.split(';').next()?.to_owned())
    };
    let answers =
        log.split("SIP/2.0 ").filter(|text| text.starts_with("180") || text.starts_with("200"));
    let invites =
        answers.filter(|text| field(text, "CSeq:").is_some_and(|c| c.ends_with("INVITE")));
    let ids = invites.filter_map(|text| {
        let (call, ours, theirs) =
            (field(text, "Call-ID:")?, tag(text, "From:")?, tag(text, "To:")?);
        Some(format!("{call};to-tag={ours};from-tag={theirs}"))
    });
    ids.last().expect("a call that came in")
}

/// A phone of an extension that registers while others talk.
async fn another_phone(floor: &Floor, number: &str) -> Linphone {
    let (user, secret, domain) = floor.server.sip_secret(number).await;
    let server = floor.server.sip.to_string();
    let before = floor.extension_row(number).await["registrations"].as_array().map_or(0, Vec::len);
    let start = move || {
        let mut phone = Linphone::start(COLLEAGUE_HZ, true);
        phone.register(&user, &domain, &server, &secret);
        phone
    };
    let phone = tokio::task::spawn_blocking(start).await.unwrap();
    floor.phones_are(number, before + 1, SOON).await;
    phone
}

fn replace(phone: &mut Linphone, floor: &Floor, named: &str) {
    let escaped = named.replace('@', "%40").replace(';', "%3B").replace('=', "%3D");
    let uri = format!("sip:anybody@{}?Replaces={escaped}", floor.server.sip);
    block_in_place(|| phone.command(&format!("call {uri}")));
}

/// PBX: Asha fetches her call from the desk to another phone of hers. The customer is heard and hears her there, it is one
/// call, and one recording has it all.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_at_another_phone_of_the_same_agent() {
    let (floor, mut customer, _, lead) = open("+919811771711", 1000.0).await;
    let mut asha = floor.phone().await;
    floor.ready().await;
    let call = call_in(&floor, &mut customer, &lead).await;
    talk(2.0).await;
    let mut other = another_phone(&floor, &floor.extension).await;
    replace(&mut other, &floor, &named(&asha));
    let closed = block_in_place(|| asha.saw("CALL_CLOSED", SOON));
    assert!(closed, "the desk phone is let go\n{}", other.log());
    talk(2.5).await;
    let row = floor.call(&call).await;
    assert_eq!((&row["status"], &row["agent_id"]), (&json!("in_progress"), &json!(floor.asha_id)));
    customer.command("hangup", "");
    let row = floor.call_over(&call).await;
    assert_eq!(row["hangup_cause"]["by"], "customer", "{row}");
    talk(0.3).await;
    let there = other.heard().seconds_of(1000.0);
    assert!(there > 1.3, "the customer is heard at the other phone: {there}");
    let heard = customer.heard().pop().unwrap().seconds_of(COLLEAGUE_HZ);
    assert!(heard > 1.3, "the customer hears the other phone: {heard}");
    recorded_with_both(&floor, &call).await;
    let calls = floor.admin.get(&format!("/calls?lead_id={lead}")).await;
    assert_eq!(calls["items"].as_array().unwrap().len(), 1, "it was one call: {calls}");
}

/// PBX: directed pickup. Asha is away from her desk; a colleague takes the call that rings there.
#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_picks_up_the_call_that_rings_at_another_desk() {
    let (floor, mut customer, _, lead) = open("+919811771712", 1000.0).await;
    let account = BaresipAccount { auto_answer: false, ..floor.account(&floor.extension).await };
    let mut asha = floor.register(&account, 600.0).await;
    floor.phone_registered().await;
    floor.ready().await;
    let mut other = another_phone(&floor, "102").await;
    customer.command("dial", &format!("sip:{OUR_DID}@{}", floor.server.sip));
    block_in_place(|| asha.until("CALL_INCOMING", 10));
    block_in_place(|| asha.until_log("SIP/2.0 180", 5));
    replace(&mut other, &floor, &named(&asha));
    let taken = block_in_place(|| customer.saw("CALL_ESTABLISHED", SOON));
    assert!(taken, "the customer is answered\n{}", other.log());
    assert!(block_in_place(|| asha.saw("CALL_CLOSED", SOON)), "it stops ringing");
    assert!(asha.full_log().contains("completed elsewhere"), "no missed call is listed");
    let call = call_of(&floor, &lead).await["id"].as_str().unwrap().to_owned();
    belongs_to(&floor, &call, &colleague(&floor).await).await;
    talk(2.5).await;
    customer.command("hangup", "");
    floor.call_over(&call).await;
    talk(0.3).await;
    let there = other.heard().seconds_of(1000.0);
    assert!(there > 1.3, "the colleague hears the customer: {there}");
    let heard = customer.heard().pop().unwrap().seconds_of(COLLEAGUE_HZ);
    assert!(heard > 1.3, "the customer hears the colleague: {heard}");
    let (left, right) = floor.recording(&call).await;
    assert!(left.seconds_of(1000.0) > 1.3 && right.seconds_of(COLLEAGUE_HZ) > 1.3);
}

/// RFC 3891 §3, G05: a talk of others is not for a colleague to take, and an attempt is never one more call.
#[tokio::test(flavor = "multi_thread")]
async fn a_talk_of_others_is_not_taken_by_a_colleague() {
    let floor = Floor::open().await;
    let account = floor.account("102").await;
    let mut other = floor.register(&account, COLLEAGUE_HZ).await;
    let (own, thief) = (floor.identity("101").await, floor.identity("103").await);
    let (server, uri) = (floor.server.sip, format!("sip:102@{}", own.domain));
    block_in_place(|| {
        let mut first = Wire::open(server);
        let ask = Ask::invite(&uri, &own.uri());
        let answer = first.ask_as(&own, &ask);
        assert_eq!(status(&answer), 200);
        first.acknowledge(&ask, &answer);
        other.until("CALL_ESTABLISHED", 8);
        let (call, ours) = (answer.call_id(), answer.to_tag().unwrap());
        let theirs = answer.from_tag();
        let whole = format!("{call};to-tag={ours};from-tag={theirs}");
        let replacing = |replaces: &str| {
            let mut ask = Ask::invite(&uri, &thief.uri());
            ask.lines = vec![format!("Replaces: {replaces}")];
            status(&Wire::open(server).ask_as(&thief, &ask))
        };
        for (replaces, wanted) in [
            (whole.clone(), 403),
            (format!("{whole};early-only"), 486),
            (format!("{call};to-tag={theirs};from-tag={ours}"), 481),
            (format!("{call};to-tag={ours};from-tag=other"), 481),
            (format!("{call};to-tag={ours}"), 400),
        ] {
            assert_eq!(replacing(&replaces), wanted, "{replaces}");
        }
        assert!(!other.saw("CALL_INCOMING", Duration::from_millis(500)), "{}", other.log());
        assert!(!other.saw("CALL_CLOSED", Duration::from_millis(100)), "the call goes on");
        first.hang_up(&ask, &answer);
        other.until("CALL_CLOSED", 8);
        assert_eq!(replacing(&whole), 603, "its time is over");
    });
    let entry = eventually("the attempt in the audit", SOON, || async {
        let audit = floor.admin.get("/audit?action=sip.takeover_refused").await;
        audit["items"].get(0).cloned()
    })
    .await;
    assert_eq!(entry["object_type"], "call", "{entry}");
}

/// AUT-08, G05: the manager of who talks may take the talk, the manager of another team may not.
#[tokio::test(flavor = "multi_thread")]
async fn a_talk_is_taken_by_the_manager_of_the_own_team_only() {
    let floor = Floor::open().await;
    let account = floor.account("102").await;
    let mut other = floor.register(&account, COLLEAGUE_HZ).await;
    let own = floor.server.api("manager").await.get("/me").await["id"].clone();
    let foreign = json!({
        "email": "north@teams.local", "name": "North", "role": "manager", "team": "North",
    });
    let foreign = floor.admin.post("/users", foreign).await["user"]["id"].clone();
    for (number, user) in [("741", own), ("742", foreign)] {
        let phone = json!({ "number": number, "name": "Manager", "user_id": user });
        floor.admin.post("/extensions", phone).await;
    }
    let (own, foreign) = (floor.identity("741").await, floor.identity("742").await);
    let (asha, server) = (floor.identity("101").await, floor.server.sip);
    let uri = format!("sip:102@{}", asha.domain);
    block_in_place(|| {
        let mut first = Wire::open(server);
        let ask = Ask::invite(&uri, &asha.uri());
        let answer = first.ask_as(&asha, &ask);
        assert_eq!(status(&answer), 200);
        first.acknowledge(&ask, &answer);
        other.until("CALL_ESTABLISHED", 8);
        let (call, ours) = (answer.call_id(), answer.to_tag().unwrap());
        let named = format!("{call};to-tag={ours};from-tag={}", answer.from_tag());
        let replacing = |who: &Identity| {
            let mut ask = Ask::invite(&uri, &who.uri());
            ask.lines = vec![format!("Replaces: {named}")];
            let mut wire = Wire::open(server);
            let answer = wire.ask_as(who, &ask);
            (wire, ask, answer)
        };
        assert_eq!(status(&replacing(&foreign).2), 403, "another team's");
        let (mut wire, ask, answer) = replacing(&own);
        assert_eq!(status(&answer), 200, "the own team's");
        wire.acknowledge(&ask, &answer);
        assert!(!other.saw("CALL_CLOSED", Duration::from_millis(500)), "the call goes on");
        wire.hang_up(&ask, &answer);
        other.until("CALL_CLOSED", 8);
    });
}
