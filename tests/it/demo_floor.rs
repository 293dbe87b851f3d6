//! What a stranger finds on the demo floor: counted, by what the API shows an administrator.

use crate::{
    floor::{Floor, SOON, talk},
    lists::rows,
};
use serde_json::{Value, json};
use std::{collections::BTreeSet, process::Stdio};
use testkit::{eventually, server::Telehub};
use tokio::task::block_in_place;

/// A field of every row.
fn column<'a>(rows: &'a [Value], name: &str) -> Vec<&'a str> {
    rows.iter().map(|row| row[name].as_str().unwrap_or_default()).collect()
}

/// The contract's "Demo floor", as far as this version has what it names.
#[tokio::test(flavor = "multi_thread")]
async fn the_demo_floor_holds_what_is_promised() {
    let server = Telehub::demo(env!("CARGO_BIN_EXE_telehub"));
    let admin = server.api("admin").await;

    let users = rows(&admin, "/users", 200).await;
    let role = |wanted: &str| users.iter().filter(|u| u["role"] == wanted).count();
    let roles = ["admin", "manager", "telecaller", "field_agent", "viewer"].map(role);
    assert_eq!(roles, [1, 1, 10, 1, 1], "{users:#?}");
    let emails: BTreeSet<&str> = column(&users, "email").into_iter().collect();
    for name in ["admin", "manager", "asha", "field1", "viewer"] {
        assert!(emails.contains(format!("{name}@demo.local").as_str()), "{name}: {emails:?}");
    }

    let extensions = rows(&admin, "/extensions", 200).await;
    let mut numbers = column(&extensions, "number");
    numbers.sort_unstable();
    let promised: Vec<String> = (101..=110).map(|n| n.to_string()).collect();
    assert_eq!(numbers, promised);
    let owners: BTreeSet<&str> = column(&extensions, "user_id").into_iter().collect();
    assert_eq!(owners.len(), 10, "each a telecaller's own");

    let dids = rows(&admin, "/numbers", 200).await;
    assert_eq!(dids.len(), 2, "{dids:#?}");
    for did in &dids {
        assert_eq!(did["trunk_name"], "demo-carrier", "{did}");
        assert_eq!(did["destination"]["type"], "extension", "{did}");
    }
    let trunks = rows(&admin, "/trunks", 200).await;
    assert_eq!(column(&trunks, "name"), ["demo-carrier"]);

    let leads = rows(&admin, "/leads", 200).await;
    let phones: BTreeSet<&str> = column(&leads, "phone").into_iter().collect();
    assert_eq!((leads.len(), phones.len()), (200, 200), "each with a number of their own");
    let indian = |p: &&str| p.len() == 13 && p.starts_with("+91");
    assert!(phones.iter().all(indian), "{phones:?}");
    let held: BTreeSet<&str> = column(&leads, "assigned_to").into_iter().collect();
    assert_eq!(held, owners, "every telecaller has some");

    let codes = rows(&admin, "/dispositions", 200).await;
    assert_eq!(codes.len(), 15, "{codes:#?}");
    assert!(codes.iter().all(|code| code["active"] == json!(true)));
    let objections = rows(&admin, "/objections", 200).await;
    assert!(objections.len() >= 20, "only {} objections", objections.len());
    let scripts = rows(&admin, "/scripts", 200).await;
    let languages: BTreeSet<&str> = column(&scripts, "language").into_iter().collect();
    assert!(languages.contains("en") && languages.contains("hi"), "{languages:?}");
    let articles = rows(&admin, "/knowledge", 200).await;
    assert!(articles.len() >= 3, "only {} articles", articles.len());
}

/// TEL-02: a stranger who types what the terminal says is called as the first lead, and hears the carrier.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_on_the_terminal_has_the_carrier_call_in() {
    let floor = Floor::open().await;
    let mut phone = floor.phone().await;
    floor.ready().await;
    let log = floor.server.log();
    let command = log.lines().find_map(|line| line.split_once("to be called by it: "));
    let (_, command) = command.expect("the terminal says how");
    let mut words = command.split_whitespace();
    let mut carrier = std::process::Command::new(words.next().unwrap());
    let mut carrier = carrier.args(words).stdout(Stdio::null()).spawn().unwrap();
    block_in_place(|| phone.until("CALL_ESTABLISHED", 10));
    let row = eventually("the call of the first lead", SOON, || async {
        let calls = floor.asha.get("/calls?direction=inbound").await;
        calls["items"].get(0).filter(|row| row["status"] == "in_progress").cloned()
    })
    .await;
    assert_eq!(row["from"], "+919876500001", "{row}");
    assert!(row["lead_id"].is_string(), "{row}");
    talk(4.0).await;
    floor.hang_up(row["id"].as_str().unwrap()).await;
    block_in_place(|| phone.until("CALL_CLOSED", 8));
    let heard = phone.heard().pop().unwrap();
    assert!(heard.level() > 0.01, "the caller speaks: {}", heard.level());
    let ended = block_in_place(|| carrier.wait()).unwrap();
    assert!(ended.success(), "{ended}");
}
