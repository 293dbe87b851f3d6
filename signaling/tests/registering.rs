//! Our registrations with carriers over their whole life: taken back, renewed with other credentials, spread out (B09).
// In scripts, events that do not matter are let pass.
#![allow(clippy::wildcard_enum_match_arm)]

mod kit;

use kit::{Floor, MemoryDirectory, Phone, trunk};
use signaling::{
    TrunkHealth,
    directory::{DirectoryChange, Secret, TrunkCredentials, TrunkRegistration, TrunkSettings},
};
use signaling_proto::{Event, HeaderName, Message, Reply, TransactionId};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    time::{Duration, Instant},
};

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

fn registering(n: u8, to: SocketAddr) -> TrunkSettings {
    let mut settings = trunk(n, to);
    let username = format!("acc{n}");
    settings.credentials =
        Some(TrunkCredentials { username, secret: Secret("pw".into()), realm: None });
    settings.registration = Some(TrunkRegistration { expires_s: 600, registrar: None });
    settings
}

async fn asked(carrier: &Phone) -> (TransactionId, Box<Message>) {
    carrier
        .next(|event| match event {
            Event::Request { transaction, message, .. } => Some((transaction, message)),
            _ => None,
        })
        .await
}

/// Takes the next REGISTER, which must ask for this lifetime.
async fn taken(carrier: &Phone, expires: u32) -> Box<Message> {
    let (transaction, message) = asked(carrier).await;
    assert_eq!(message.expires(), Some(expires), "{message:?}");
    carrier.respond(transaction, &Reply::new(200).with_header("Expires", expires.to_string()));
    message
}

async fn until(floor: &Floor, health: TrunkHealth) {
    let wait = async {
        while floor.switch.trunk_status().first().map(|status| status.health.clone())
            != Some(health.clone())
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(kit::PATIENCE, wait).await;
    assert!(waited.is_ok(), "{:?}", floor.switch.trunk_status());
}

/// A floor registered with a carrier.
async fn registered() -> (Floor, Phone) {
    let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let directory = MemoryDirectory::new(&["101"], vec![registering(1, carrier.address)]);
    let floor = Floor::open(directory).await;
    taken(&carrier, 600).await;
    until(&floor, TrunkHealth::Up).await;
    (floor, carrier)
}

async fn change(floor: &Floor, edit: impl FnOnce(&mut Vec<TrunkSettings>)) {
    edit(&mut floor.directory.trunks.lock().expect("lock"));
    floor.switch.directory_changed(DirectoryChange::Trunks).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_is_switched_off_or_removed_takes_its_registration_back() {
    let (floor, carrier) = registered().await;
    change(&floor, |trunks| trunks[0].enabled = false).await;
    let gone = taken(&carrier, 0).await;
    assert!(gone.has(HeaderName::Contact), "our own contact, not all of them");
    until(&floor, TrunkHealth::Disabled).await;
    change(&floor, |trunks| trunks[0].enabled = true).await;
    taken(&carrier, 600).await;
    until(&floor, TrunkHealth::Up).await;
    change(&floor, Vec::clear).await;
    let (transaction, message) = asked(&carrier).await;
    assert_eq!(message.expires(), Some(0));
    let challenge = "Digest realm=\"carrier\", nonce=\"n1\", algorithm=MD5, qop=\"auth\"";
    carrier.respond(transaction, &Reply::new(401).with_header("WWW-Authenticate", challenge));
    let proved = taken(&carrier, 0).await;
    assert!(proved.has(HeaderName::Authorization));
    assert!(!carrier.hears(Duration::from_millis(500), |_| true).await, "and then silence");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_that_ends_takes_its_registrations_back() {
    let (floor, carrier) = registered().await;
    let ending = floor.switch.shutdown();
    let ((), _) = tokio::join!(ending, taken(&carrier, 0));
}

/// A registrar that is gone does not hold the end up.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_registrar_holds_no_shutdown_up() {
    let (floor, carrier) = registered().await;
    drop(carrier);
    let began = Instant::now();
    floor.switch.shutdown().await;
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

/// The same account with another secret registers anew; nothing is taken back in between, for the contact is the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_changed_secret_registers_anew_without_a_gap() {
    let (floor, carrier) = registered().await;
    change(&floor, |trunks| {
        trunks[0].credentials.as_mut().expect("set").secret = Secret("other".into());
    })
    .await;
    taken(&carrier, 600).await;
    until(&floor, TrunkHealth::Up).await;
    change(&floor, |trunks| {
        trunks[0].credentials.as_mut().expect("set").username = "another".into();
    })
    .await;
    let gone = taken(&carrier, 0).await;
    assert!(gone.to().uri.to_string().contains("acc1"), "the old account goes first");
    let new = taken(&carrier, 600).await;
    assert!(new.to().uri.to_string().contains("another"));
}

/// B09: fifty trunks that registered in one moment, at a start, refresh spread out and in time.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_trunks_refresh_spread_out() {
    const GRANTED: Duration = Duration::from_secs(30);
    let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let trunks = (1..=50).map(|n| registering(n, carrier.address)).collect();
    let floor = Floor::open(MemoryDirectory::new(&["101"], trunks)).await;
    let began = Instant::now();
    let mut first: BTreeMap<String, Instant> = BTreeMap::new();
    let mut refreshed: BTreeMap<String, Duration> = BTreeMap::new();
    while refreshed.len() < 50 {
        let (transaction, message) =
            tokio::time::timeout(GRANTED, asked(&carrier)).await.expect("in time");
        carrier.respond(transaction, &Reply::new(200).with_header("Expires", "30"));
        let who = message.to().uri.to_string();
        match first.get(&who) {
            None => drop(first.insert(who, Instant::now())),
            Some(at) => drop(refreshed.entry(who).or_insert(at.elapsed())),
        }
        if first.len() == 50 && refreshed.is_empty() {
            let early = |event: &Event| matches!(event, Event::Request { .. });
            let early = carrier.hears(Duration::from_secs(12), early).await;
            assert!(!early, "nobody refreshes before half of the lifetime");
        }
    }
    assert!(began.elapsed() < GRANTED, "every one before it lapses: {:?}", began.elapsed());
    assert_eq!(first.len(), 50);
    let mut waits: Vec<f64> = refreshed.values().map(Duration::as_secs_f64).collect();
    waits.sort_by(f64::total_cmp);
    let crowd = |from: &f64| waits.iter().filter(|at| (*from..*from + 1.0).contains(at)).count();
    let most = waits.iter().map(crowd).max().expect("some");
    // Nine seconds for fifty: five or six in each.
    assert!(most <= 15, "{most} within one second: {waits:?}");
    assert!(waits[49] - waits[0] > 5.0, "{waits:?}");
    drop(floor);
}
