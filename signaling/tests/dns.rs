//! Trunks by name, against a scripted name server (A21).

mod kit;

use call::CallEventKind;
use kit::{Floor, MemoryDirectory, Phone, trunk};
use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::net::UdpSocket;

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

const SRV: u16 = 33;
const A: u16 = 1;

/// Name, type and data of what the server knows.
type Zone = Vec<(&'static str, u16, Vec<u8>)>;

fn labels(name: &str) -> Vec<u8> {
    let mut wire = Vec::new();
    for label in name.trim_end_matches('.').split('.') {
        wire.push(u8::try_from(label.len()).expect("short"));
        wire.extend_from_slice(label.as_bytes());
    }
    wire.push(0);
    wire
}

fn srv(priority: u16, port: u16, host: &str) -> Vec<u8> {
    let mut data = Vec::new();
    for number in [priority, 1, port] {
        data.extend_from_slice(&number.to_be_bytes());
    }
    data.extend(labels(host));
    data
}

/// Answers from the zone (RFC 1035 §4).
async fn name_server(zone: Zone) -> SocketAddr {
    let socket = UdpSocket::bind(LOOPBACK).await.expect("port");
    let address = socket.local_addr().expect("bound");
    tokio::spawn(async move {
        let mut query = [0u8; 1500];
        while let Ok((length, asker)) = socket.recv_from(&mut query).await {
            let mut end = 12;
            while query[end] != 0 {
                end += usize::from(query[end]) + 1;
            }
            let (name, kind) = (query[12..=end].to_ascii_lowercase(), &query[end + 1..end + 3]);
            let kind = u16::from_be_bytes([kind[0], kind[1]]);
            assert!(length > end);
            let found: Vec<_> =
                zone.iter().filter(|(known, is, _)| labels(known) == name && *is == kind).collect();
            let mut answer = query[..2].to_vec();
            answer.extend_from_slice(&[0x85, 0x80, 0, 1, 0]);
            answer.push(u8::try_from(found.len()).expect("few"));
            answer.extend_from_slice(&[0, 0, 0, 0]);
            answer.extend_from_slice(&query[12..end + 5]);
            for (_, kind, data) in found {
                answer.extend_from_slice(&[0xc0, 12]);
                answer.extend_from_slice(&kind.to_be_bytes());
                answer.extend_from_slice(&[0, 1, 0, 0, 0, 60]);
                answer.extend_from_slice(&u16::try_from(data.len()).expect("short").to_be_bytes());
                answer.extend_from_slice(data);
            }
            let _ = socket.send_to(&answer, asker).await;
        }
    });
    address
}

async fn open(server: SocketAddr) -> Floor {
    let mut settings = trunk(1, LOOPBACK);
    (settings.host, settings.port) = ("carrier.test".to_owned(), None);
    let directory = MemoryDirectory::new(&["101"], vec![settings]);
    Floor::open_with(directory, |config| config.dns_servers = vec![server]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_server_of_a_carrier_is_skipped_for_the_next_by_priority() {
    let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let dead = std::net::UdpSocket::bind(LOOPBACK).expect("port").local_addr().expect("bound");
    let server = name_server(vec![
        ("_sip._udp.carrier.test", SRV, srv(10, dead.port(), "dead.carrier.test")),
        ("_sip._udp.carrier.test", SRV, srv(20, carrier.address.port(), "live.carrier.test")),
        ("dead.carrier.test", A, vec![127, 0, 0, 9]),
        ("live.carrier.test", A, vec![127, 0, 0, 1]),
    ])
    .await;
    let mut floor = open(server).await;
    let alice = floor.registered("101").await;
    let began = Instant::now();
    let call = alice.call("+919812340001").await;
    let (incoming, invite) = carrier.rung().await;
    // Nothing listens there, and nothing says so but silence: the wait is bounded.
    assert!(began.elapsed() < Duration::from_secs(34), "{:?}", began.elapsed());
    carrier.answer(incoming, &invite);
    alice.answered(call).await;
    alice.hang_up(call);
    floor.event(|kind| matches!(kind, CallEventKind::Ended { .. })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_name_server_fails_its_call_soon_and_holds_up_nobody_else() {
    let silent = UdpSocket::bind(LOOPBACK).await.expect("port");
    let floor = open(silent.local_addr().expect("bound")).await;
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
