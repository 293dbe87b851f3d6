//! Who sees what on the live socket: every role, own and other tenant, snapshot and deltas, against
//! a table written apart from the server's code (F01, AUT-07, AUT-08, SEC-14, G01).

use crate::{
    access::platform_admin,
    carriers::{script, trunk},
    desk::other_tenant,
    floor::{Floor, SOON},
};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};
use testkit::{api::Api, live::Live, peers::SippRun};

const NUMBER: &str = "+919811810015";
const NAME: &str = "Kept Private";
const NOTE: &str = "told us her secret";

/// Listeners: `a`dministrator, `m`anager, `o`wner of the call, other `t`elecaller, `f`ield agent,
/// `v`iewer, the platform administrator of the house, `h`, and, of another tenant, the administrator,
/// `x`, and a platform administrator, `y`.
const LISTENERS: &str = "amotfvhxy";

/// Which part of a snapshot is not empty for whom. A part that is not here fails.
const SNAPSHOT: &[(&str, &str)] = &[
    // Oneself on the floor: who takes no calls is not on it. The stranger is on her own.
    ("agent", "amothxy"),
    ("calls", "amoh"),
    // Only one's own outcomes; at this moment nobody owes one.
    ("pending", ""),
    ("agents", "amotvhxy"),
    ("alerts", "amh"),
];

/// Which kind of message reaches whom. A type that is not here fails.
const DELTAS: &[(&str, &str)] = &[
    ("call:started", "amoh"),
    ("call:answered", "amoh"),
    ("call:updated", "amoh"),
    ("call:ended", "amoh"),
    ("agent:state of the owner", "amovh"),
    ("agent:state of the other", "amtvh"),
    ("alert of the tenant", "amh"),
    ("alert of the house", "amotfvhxy"),
];

/// The person called: number and name are for those whose call it is, and for who leads.
const KNOWS_THE_PERSON: &str = "amoh";

type Sockets = BTreeMap<char, Live>;

async fn everybody(floor: &Floor) -> BTreeMap<char, Api> {
    let mut who = BTreeMap::new();
    for (letter, user) in
        [('a', "admin"), ('m', "manager"), ('t', "bharat"), ('f', "field1"), ('v', "viewer")]
    {
        who.insert(letter, floor.server.api(user).await);
    }
    who.insert('o', floor.asha.clone());
    who.insert('x', other_tenant(&floor.server).await);
    who.insert('h', platform_admin(&floor.server, "pratham").await);
    who.insert('y', platform_admin(&floor.server, "other").await);
    assert_eq!(who.keys().collect::<String>().len(), LISTENERS.len());
    who
}

async fn listen(floor: &Floor, who: &BTreeMap<char, Api>) -> Sockets {
    let mut sockets = Sockets::new();
    for (letter, api) in who {
        sockets.insert(*letter, Live::open(&floor.server.base, &api.token).await);
    }
    sockets
}

fn is_empty(part: &Value) -> bool {
    part.is_null() || part.as_array().is_some_and(Vec::is_empty)
}

/// What is wrong with the snapshots.
fn check_snapshots(sockets: &Sockets) -> Vec<String> {
    let mut wrong = Vec::new();
    for (letter, live) in sockets {
        let parts = live.snapshot["data"].as_object().unwrap();
        let named: BTreeSet<&str> = parts.keys().map(String::as_str).collect();
        let meant: BTreeSet<&str> = SNAPSHOT.iter().map(|(part, _)| *part).collect();
        if named != meant {
            wrong.push(format!("{letter}: parts {named:?}, meant are {meant:?}"));
        }
        for (part, who) in SNAPSHOT {
            if is_empty(&parts[*part]) == who.contains(*letter) {
                wrong.push(format!("{letter}: {part} is {}", parts[*part]));
            }
        }
        wrong.extend(tells_of_the_person(*letter, &live.snapshot));
    }
    wrong
}

/// A number, name or note that this listener should not know, or should and does not.
fn tells_of_the_person(letter: char, message: &Value) -> Vec<String> {
    let text = message.to_string();
    let mut wrong = Vec::new();
    for secret in [NUMBER, NAME, NOTE] {
        if text.contains(secret) && !KNOWS_THE_PERSON.contains(letter) {
            wrong.push(format!("{letter} is told {secret}: {text}"));
        }
    }
    wrong
}

/// The row of the table a message belongs to.
fn row_of(message: &Value, floor: &Floor, other: &str) -> String {
    let kind = message["type"].as_str().unwrap();
    match kind {
        "agent:state" if message["data"]["user_id"] == floor.asha_id.as_str() => {
            "agent:state of the owner".to_owned()
        }
        "agent:state" if message["data"]["user_id"] == other => {
            "agent:state of the other".to_owned()
        }
        "alert" if message["data"]["code"].as_str().unwrap().starts_with("trunk_refused:") => {
            "alert of the tenant".to_owned()
        }
        "alert" => "alert of the house".to_owned(),
        kind => kind.to_owned(),
    }
}

/// A carrier that refuses our password: that is the administrators' and managers' to know.
async fn refused_by_a_carrier(floor: &Floor) -> (SippRun, String) {
    let refusing = script("registrar_refuses", &[]).start();
    let registering = json!({
        "secret": "wrong-secret",
        "settings": { "auth": "register", "username": "acc", "register_expires_s": 600 },
    });
    let id = trunk(floor, refusing.port, registering).await;
    (refusing, id)
}

/// Everything that can be told is told: a call that ends, a whole other call, states, a trunk's
/// trouble, the shutdown.
async fn tell_everything(
    floor: &Floor,
    other: &Api,
    call: &str,
    refused: &str,
    late: &mut Sockets,
) {
    floor.hang_up(call).await;
    floor.call_over(call).await;
    let outcome = json!({ "code": "INTERESTED", "notes": NOTE });
    floor.asha.post(&format!("/calls/{call}/disposition"), outcome).await;
    other.post("/agents/me/state", json!({ "state": "paused", "reason": "lunch" })).await;
    floor.admin.patch(&format!("/trunks/{refused}"), json!({ "enabled": false })).await;
    let second = floor.lead(NAME, "+919811830015").await;
    let second = floor.dial(&second).await;
    floor.call_is(&second, "in_progress").await;
    let admin = late.get_mut(&'a').expect("an administrator listens");
    admin.until("the end of the trunk's alert", SOON, |v| v["data"]["cleared"] == true).await;
    floor.server.terminate();
    for live in late.values_mut() {
        live.until("the shutdown", SOON, |v| v["data"]["code"] == "draining").await;
    }
    // What is still on its way has its time.
    for live in late.values_mut() {
        live.gather(Duration::from_millis(700)).await;
    }
}

/// What is wrong with what was told.
fn check_deltas(late: &Sockets, floor: &Floor, other: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut met = BTreeSet::new();
    for (letter, live) in late {
        for message in &live.seen {
            let row = row_of(message, floor, other);
            match DELTAS.iter().find(|(kind, _)| *kind == row) {
                None => wrong.push(format!("{letter}: {row} is in no row of the table")),
                Some((_, whom)) if !whom.contains(*letter) => {
                    wrong.push(format!("{letter} is told {row}, meant for {whom}: {message}"));
                }
                Some(_) => {}
            }
            met.insert((row, *letter));
            wrong.extend(tells_of_the_person(*letter, message));
        }
    }
    for (row, whom) in DELTAS {
        for letter in whom.chars().filter(|letter| !met.contains(&((*row).to_owned(), *letter))) {
            wrong.push(format!("{letter} is not told {row}"));
        }
    }
    wrong
}

/// F01 for the live socket: every kind of message there is, to every kind of listener.
#[tokio::test(flavor = "multi_thread")]
async fn every_message_reaches_whom_it_is_meant_for_and_nobody_else() {
    let floor = Floor::open().await;
    let _phone = floor.phone().await;
    let who = everybody(&floor).await;
    let other = who[&'t'].get("/me").await["id"].as_str().unwrap().to_owned();
    floor.ready().await;
    who[&'t'].post("/agents/me/state", json!({ "state": "ready" })).await;
    let (_refusing, refused) = refused_by_a_carrier(&floor).await;
    let mut admin = Live::open(&floor.server.base, &floor.admin.token).await;
    if is_empty(&admin.snapshot["data"]["alerts"]) {
        admin.until("the trunk's alert", SOON, |v| v["type"] == "alert").await;
    }
    drop(admin);
    let lead = floor.lead(NAME, NUMBER).await;
    let call = floor.dial(&lead).await;
    floor.call_is(&call, "in_progress").await;
    let note = Some(json!({ "text": NOTE }));
    floor.asha.call(Method::PUT, &format!("/calls/{call}/notes"), note).await;
    let mut late = listen(&floor, &who).await;
    let wrong = check_snapshots(&late);
    assert!(wrong.is_empty(), "{wrong:#?}");
    let shown = late[&'o'].snapshot.to_string();
    assert!(shown.contains(NUMBER) && shown.contains(NAME), "the owner is told: {shown}");
    tell_everything(&floor, &who[&'t'], &call, &refused, &mut late).await;
    let wrong = check_deltas(&late, &floor, &other);
    assert!(wrong.is_empty(), "{wrong:#?}");
}
