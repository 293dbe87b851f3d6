//! Trunks by name, against a name server that is told what to say (RFC 3263, A21).

mod kit;

use call::CallEventKind;
use kit::{Floor, MemoryDirectory, Phone, names::NameServer, trunk};
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::{Duration, Instant},
};

const LOOPBACK: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Where nobody answers and nobody says so.
const NOWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);

/// A trunk to a name, its services found by DNS.
fn named(n: u8, host: &str) -> signaling::directory::TrunkSettings {
    let mut settings = trunk(n, LOOPBACK);
    (settings.host, settings.port) = (host.to_owned(), None);
    settings
}

async fn open(names: &NameServer, trunks: Vec<signaling::directory::TrunkSettings>) -> Floor {
    let directory = MemoryDirectory::new(&["101", "102"], trunks);
    let server = names.address;
    Floor::open_with(directory, |config| config.dns_servers = vec![server]).await
}

/// A call that `carrier` answers and the caller ends; how long it took to get there.
async fn reaches(floor: &mut Floor, alice: &Phone, carrier: &Phone) -> Duration {
    let began = Instant::now();
    let call = alice.call("+919812340001").await;
    let (incoming, invite) = carrier.rung().await;
    let took = began.elapsed();
    carrier.answer(incoming, &invite);
    alice.answered(call).await;
    alice.hang_up(call);
    floor.event(|kind| matches!(kind, CallEventKind::Ended { .. })).await;
    took
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_server_of_a_carrier_is_skipped_for_the_next_by_priority() {
    let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let names = NameServer::start();
    names.srv("_sip._udp.carrier.test", 10, 1, 5060, "dead.carrier.test");
    names.srv("_sip._udp.carrier.test", 20, 1, carrier.address.port(), "live.carrier.test");
    names.a("dead.carrier.test", NOWHERE, 60);
    names.a("live.carrier.test", Ipv4Addr::LOCALHOST, 60);
    let mut floor = open(&names, vec![named(1, "carrier.test")]).await;
    let alice = floor.registered("101").await;
    let took = reaches(&mut floor, &alice, &carrier).await;
    assert!(took > Duration::from_secs(2), "the first one had its chance: {took:?}");
    assert!(took < Duration::from_millis(4500), "{took:?}");
}

/// RFC 3263 §4.1: the domain's pointers decide, in their order, and only those of the trunk's transport.
#[tokio::test(flavor = "multi_thread")]
async fn naptr_records_lead_to_the_services_they_name() {
    let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let other = Phone::at(LOOPBACK, "other", LOOPBACK).await;
    let names = NameServer::start();
    names.naptr("carrier.test", 5, 5, "SIP+D2T", "_sip._tcp.elsewhere.test");
    names.naptr("carrier.test", 20, 1, "SIP+D2U", "_sip._udp.second.test");
    names.naptr("carrier.test", 10, 9, "SIP+D2U", "_sip._udp.first.test");
    names.srv("_sip._udp.first.test", 1, 1, carrier.address.port(), "host.test");
    names.srv("_sip._udp.second.test", 1, 1, other.address.port(), "host.test");
    // Without pointers this would be found; with them it is not looked at.
    names.srv("_sip._udp.carrier.test", 1, 1, other.address.port(), "host.test");
    names.a("host.test", Ipv4Addr::LOCALHOST, 60);
    let mut floor = open(&names, vec![named(1, "carrier.test")]).await;
    let alice = floor.registered("101").await;
    reaches(&mut floor, &alice, &carrier).await;
}

/// RFC 2782: the share of calls that a server gets is its weight, call by call.
#[tokio::test(flavor = "multi_thread")]
async fn weights_of_srv_records_share_the_calls() {
    let (heavy, light) = (
        Phone::at(LOOPBACK, "heavy", LOOPBACK).await,
        Phone::at(LOOPBACK, "light", LOOPBACK).await,
    );
    let names = NameServer::start();
    names.srv("_sip._udp.carrier.test", 1, 75, heavy.address.port(), "host.test");
    names.srv("_sip._udp.carrier.test", 1, 25, light.address.port(), "host.test");
    names.a("host.test", Ipv4Addr::LOCALHOST, 60);
    let floor = open(&names, vec![named(1, "carrier.test")]).await;
    let alice = floor.registered("101").await;
    let (mut at_heavy, mut at_light) = (0, 0);
    for _ in 0..160 {
        let call = alice.call("+919812340001").await;
        tokio::select! {
            (incoming, _) = heavy.rung() => {
                at_heavy += 1;
                heavy.reject(incoming, 486, &[]);
            }
            (incoming, _) = light.rung() => {
                at_light += 1;
                light.reject(incoming, 486, &[]);
            }
        }
        assert_eq!(alice.refused(call).await, 486);
    }
    // 120 expected; four standard deviations are 22.
    assert!((98..=142).contains(&at_heavy), "{at_heavy} of 160, {at_light} at the other");
}

/// H14, A21: a name that does not exist, and one whose server is slow: the next trunk gets the call within 4 s, and
/// nobody else waits meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_trunk_without_a_name_is_followed_by_the_next_within_four_seconds() {
    for delay in [Duration::ZERO, Duration::from_secs(10)] {
        let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
        let names = NameServer::start();
        names.answer_after(delay);
        let second = trunk(2, carrier.address);
        let mut floor = open(&names, vec![named(1, "gone.test"), second]).await;
        let alice = floor.registered("101").await;
        let bob = Phone::new("102", floor.udp).await;
        let took = async {
            let took = reaches(&mut floor, &alice, &carrier).await;
            assert!(took < Duration::from_secs(4), "{took:?} with answers after {delay:?}");
        };
        let meanwhile = async {
            for _ in 0..20 {
                let asked = Instant::now();
                assert_eq!(bob.register(600).await, 200);
                assert!(asked.elapsed() < Duration::from_millis(500), "{:?}", asked.elapsed());
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        tokio::join!(took, meanwhile);
        assert!(names.asked() > 0);
    }
}

/// A21: an address is believed for as long as its record says; then the new one is used.
#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_moves_is_found_when_its_record_lapses() {
    let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let port = carrier.address.port();
    let moved = Phone::at(SocketAddr::from(([127, 0, 0, 7], port)), "moved", LOOPBACK).await;
    let names = NameServer::start();
    names.a("carrier.test", Ipv4Addr::LOCALHOST, 2);
    let mut settings = named(1, "carrier.test");
    settings.port = Some(port);
    let mut floor = open(&names, vec![settings]).await;
    let alice = floor.registered("101").await;
    reaches(&mut floor, &alice, &carrier).await;
    names.forget("carrier.test");
    names.a("carrier.test", Ipv4Addr::new(127, 0, 0, 7), 2);
    tokio::time::sleep(Duration::from_millis(4500)).await;
    reaches(&mut floor, &alice, &moved).await;
    // A name server that is gone takes nobody's trunk away.
    names.forget("carrier.test");
    tokio::time::sleep(Duration::from_millis(4500)).await;
    reaches(&mut floor, &alice, &moved).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_name_server_fails_its_call_soon_and_holds_up_nobody_else() {
    let names = NameServer::start();
    names.answer_after(Duration::from_secs(60));
    let floor = open(&names, vec![named(1, "carrier.test")]).await;
    let alice = floor.registered("101").await;
    let began = Instant::now();
    let call = alice.call("+919812340001").await;
    let other = Phone::new("101", floor.udp).await;
    let asked = Instant::now();
    assert_eq!(other.register(600).await, 200);
    assert!(asked.elapsed() < Duration::from_millis(1000), "{:?}", asked.elapsed());
    assert_eq!(alice.refused(call).await, 503);
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}
