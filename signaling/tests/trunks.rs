//! Trunks: registration with the carrier, health, caps, who is taken for the carrier.
// In scripts, events that do not matter are let pass.
#![allow(clippy::wildcard_enum_match_arm)]

mod kit;

use kit::{Floor, MemoryDirectory, Phone, trunk};
use signaling::{
    TrunkHealth,
    directory::{
        DirectoryChange, FurtherHost, Secret, SecurityEventKind, TrunkCredentials,
        TrunkRegistration,
    },
};
use signaling_proto::{Event, HeaderName, Message, Method, Reply, Source, TransactionId};
use std::{net::SocketAddr, time::Duration};

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

async fn asked(carrier: &Phone) -> (TransactionId, Box<Message>, Source) {
    carrier
        .next(|event| match event {
            Event::Request { transaction, message, source } => Some((transaction, message, source)),
            _ => None,
        })
        .await
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

fn registering(to: SocketAddr) -> signaling::directory::TrunkSettings {
    let mut settings = trunk(1, to);
    settings.credentials =
        Some(TrunkCredentials { username: "acc".into(), secret: Secret("pw".into()), realm: None });
    settings.registration = Some(TrunkRegistration { expires_s: 600, registrar: None });
    settings
}

/// B09.
#[tokio::test(flavor = "multi_thread")]
async fn the_switch_registers_with_a_carrier_that_wants_digest_and_a_longer_lifetime() {
    let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let directory = MemoryDirectory::new(&["101"], vec![registering(carrier.address)]);
    let floor = Floor::open(directory).await;
    let (first, plain, _) = asked(&carrier).await;
    assert_eq!(*plain.method(), Method::Register);
    assert!(!plain.has(HeaderName::Authorization));
    let challenge = "Digest realm=\"carrier\", nonce=\"n1\", algorithm=SHA-256, qop=\"auth\"";
    carrier.respond(first, &Reply::new(401).with_header("WWW-Authenticate", challenge));
    let (second, proved, _) = asked(&carrier).await;
    let credentials = proved.text(HeaderName::Authorization).expect("credentials");
    assert!(credentials.contains("username=\"acc\"") && !credentials.contains("pw"));
    assert_eq!(plain.call_id(), proved.call_id());
    assert!(proved.cseq().seq > plain.cseq().seq);
    carrier.respond(second, &Reply::new(423).with_header("Min-Expires", "1800"));
    let (third, longer, _) = asked(&carrier).await;
    assert_eq!(longer.expires(), Some(1800));
    carrier.respond(third, &Reply::new(200).with_header("Expires", "1800"));
    until(&floor, TrunkHealth::Up).await;
    assert!(floor.switch.trunk_status()[0].registered_until.is_some());
}

/// B09: the first registrar is silent, so the second is asked; and the lifetime is that of our own contact, not of
/// another installation's that stands first.
#[tokio::test(flavor = "multi_thread")]
async fn a_second_registrar_takes_over_and_grants_our_own_contact() {
    let silent = tokio::net::UdpSocket::bind(LOOPBACK).await.expect("port");
    let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let mut settings = registering(silent.local_addr().expect("bound"));
    settings.further_hosts = vec![FurtherHost {
        host: carrier.address.ip().to_string(),
        port: Some(carrier.address.port()),
        rank: 1,
        weight: 0,
    }];
    let floor = Floor::open(MemoryDirectory::new(&["101"], vec![settings])).await;
    let (first, plain, _) = asked(&carrier).await;
    let challenge = "Digest realm=\"carrier\", nonce=\"n1\", algorithm=MD5, qop=\"auth\"";
    carrier.respond(first, &Reply::new(401).with_header("WWW-Authenticate", challenge));
    let (second, proved, _) = asked(&carrier).await;
    assert!(proved.has(HeaderName::Authorization));
    let own = proved.text(HeaderName::Contact).expect("a contact");
    assert_eq!(plain.text(HeaderName::Contact).as_deref(), Some(&*own));
    let listed = format!("<sip:acc@198.51.100.1>;expires=3000, {own};expires=120");
    carrier.respond(second, &Reply::new(200).with_header("Contact", listed));
    until(&floor, TrunkHealth::Up).await;
    let until = floor.switch.trunk_status()[0].registered_until.expect("registered");
    let left = until.duration_since(std::time::SystemTime::now()).expect("in the future");
    assert!(left <= Duration::from_secs(120), "{left:?}");
}

/// B10: two tenants' trunks with one carrier, whose calls come from one address: the number called decides.
#[tokio::test(flavor = "multi_thread")]
async fn trunks_that_share_a_source_are_told_apart_by_the_number_called() {
    let holder = Phone::at(LOOPBACK, "holder", LOOPBACK).await;
    let address = holder.address;
    let unused: SocketAddr = "127.0.0.1:9".parse().expect("address");
    let (mut first, mut second) = (trunk(1, unused), trunk(2, unused));
    (first.sources, second.sources) = (vec![address.to_string()], vec![address.to_string()]);
    second.tenant = call::TenantId::from_parts(1_763_000_000_000, &[2; 10]);
    let (first_id, second_id) = (first.trunk, second.trunk);
    let directory = MemoryDirectory::new(&["101"], vec![first, second]);
    *directory.numbers.lock().expect("lock") =
        vec![("+918012345601".into(), first_id), ("+918012345602".into(), second_id)];
    let floor = Floor::open(directory.clone()).await;
    let _desk = floor.registered("101").await;
    drop(holder);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let carrier = Phone::at(address, "+919812340001", floor.udp).await;
    let routed = async |number: &str| {
        let call = carrier.invite(number);
        let found = async {
            loop {
                let origin = {
                    let routed = directory.routed.lock().expect("lock");
                    routed.iter().find(|r| r.to == number).map(|r| r.origin.clone())
                };
                if let Some(origin) = origin {
                    return origin;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        let found = tokio::time::timeout(kit::PATIENCE, found).await.expect("routed in time");
        carrier.hang_up(call);
        found
    };
    assert_eq!(routed("+918012345602").await, call::Origin::Trunk(second_id));
    assert_eq!(routed("+918012345601").await, call::Origin::Trunk(first_id));
    let nobodys = carrier.invite("+918012345699");
    assert_eq!(carrier.refused(nobodys).await, 404);
}

/// B08: refused credentials stop, alert, and start anew only when an administrator changed them.
#[tokio::test(flavor = "multi_thread")]
async fn refused_credentials_stop_the_registration_until_they_are_changed() {
    let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let directory = MemoryDirectory::new(&["101"], vec![registering(carrier.address)]);
    let floor = Floor::open(directory.clone()).await;
    let challenge = |nonce: &str| format!("Digest realm=\"c\", nonce=\"{nonce}\", algorithm=MD5");
    for nonce in ["n1", "n2"] {
        let (transaction, _, _) = asked(&carrier).await;
        let reply = Reply::new(401).with_header("WWW-Authenticate", challenge(nonce));
        carrier.respond(transaction, &reply);
    }
    until(&floor, TrunkHealth::Refused).await;
    assert!(!carrier.hears(Duration::from_millis(400), |_| true).await, "asked again");
    let alerted = |kind: &SecurityEventKind| {
        matches!(kind, SecurityEventKind::TrunkCredentialsRefused { status: 401, .. })
    };
    assert!(directory.audit.lock().expect("lock").iter().any(|event| alerted(&event.kind)));
    directory.trunks.lock().expect("lock")[0].credentials.as_mut().expect("set").secret =
        Secret("right".into());
    floor.switch.directory_changed(DirectoryChange::Trunks).await;
    let (transaction, _, _) = asked(&carrier).await;
    carrier.respond(transaction, &Reply::new(200));
    until(&floor, TrunkHealth::Up).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_that_answers_options_is_up_and_says_when_it_is_in_maintenance() {
    let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let mut settings = trunk(1, carrier.address);
    settings.options_interval_s = 1;
    let floor = Floor::open(MemoryDirectory::new(&["101"], vec![settings])).await;
    let mut notices = floor.switch.notices();
    let (ping, message, _) = asked(&carrier).await;
    assert_eq!(*message.method(), Method::Options);
    carrier.respond(ping, &Reply::new(404));
    until(&floor, TrunkHealth::Up).await;
    for _ in 0..3 {
        let (ping, _, _) = asked(&carrier).await;
        carrier.respond(ping, &Reply::new(503));
    }
    until(&floor, TrunkHealth::Down).await;
    let status = &floor.switch.trunk_status()[0];
    assert_eq!(status.last_error.as_deref(), Some("OPTIONS answered with 503"));
    let mut told = Vec::new();
    while let Ok(notice) = notices.try_recv() {
        if let signaling::SwitchNotice::Trunk(status) = notice {
            told.push(status.health);
        }
    }
    assert_eq!(told, [TrunkHealth::Up, TrunkHealth::Down]);
}

/// D12: ringing calls count.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_trunk_takes_no_second_call() {
    let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let mut settings = trunk(1, carrier.address);
    settings.channels_max = 1;
    let floor = Floor::open(MemoryDirectory::new(&["101", "102"], vec![settings])).await;
    let (alice, bob) = (floor.registered("101").await, floor.registered("102").await);
    let call = alice.call("+919812340001").await;
    let (ringing, _) = carrier.rung().await;
    carrier.ring(ringing);
    let second = bob.call("+919812340002").await;
    assert_eq!(bob.refused(second).await, 503);
    alice.hang_up(call);
    carrier.ended(ringing).await;
    tokio::time::timeout(kit::PATIENCE, floor.switch.drained()).await.expect("ended");
    let third = bob.call("+919812340003").await;
    carrier.rung().await;
    bob.hang_up(third);
}

/// B10: on loopback, where phones live beside the carrier, only the carrier's own socket or a
/// source with its port is the carrier.
#[tokio::test(flavor = "multi_thread")]
async fn a_source_with_a_port_is_the_carrier_and_its_neighbours_are_not() {
    let carrier = Phone::at(LOOPBACK, "+919812340001", LOOPBACK).await;
    let address = carrier.address;
    let mut settings = trunk(1, "127.0.0.1:9".parse().expect("address"));
    settings.sources = vec![address.to_string()];
    let floor = Floor::open(MemoryDirectory::new(&["101"], vec![settings])).await;
    let desk = floor.registered("101").await;
    drop(carrier);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let neighbour = Phone::new("+919812340001", floor.udp).await;
    let call = neighbour.invite("+918012345678");
    assert_eq!(neighbour.refused(call).await, 401);
    let carrier = Phone::at(address, "+919812340001", floor.udp).await;
    let _call = carrier.invite("+918012345678");
    desk.rung().await;
}

/// A call to a carrier whose certificate does not carry its name fails; it is not sent in the
/// clear instead (B14).
#[tokio::test(flavor = "multi_thread")]
async fn a_tls_trunk_with_the_wrong_name_gets_no_call_and_nothing_in_the_clear() {
    let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let folder = tempfile::tempdir().expect("folder");
    let made = rcgen::generate_simple_self_signed(vec!["other.example".to_owned()]).expect("made");
    let (cert, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
    std::fs::write(&cert, made.cert.pem()).expect("written");
    std::fs::write(&key, made.signing_key.serialize_pem()).expect("written");
    let tls = signaling::TlsConfig {
        listen: vec![carrier.address],
        certificate: cert.clone(),
        key,
        client_authorities: None,
    };
    let far = MemoryDirectory::new(&[], Vec::new());
    // Another switch plays the carrier: the same port, by TLS.
    let _far = Floor::open_with(far, |config| config.tls = Some(tls)).await;
    let mut settings = trunk(1, carrier.address);
    settings.transport = signaling::directory::TransportKind::Tls;
    let directory = MemoryDirectory::new(&["101"], vec![settings]);
    let floor = Floor::open_with(directory, |config| config.trusted_authorities = Some(cert)).await;
    let alice = floor.registered("101").await;
    let call = alice.call("+919812340001").await;
    assert_eq!(alice.refused(call).await, 503);
    assert!(!carrier.hears(Duration::from_millis(200), |_| true).await);
}
