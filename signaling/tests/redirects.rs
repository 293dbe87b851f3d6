//! A carrier that sends calls on (3xx): policy is asked, the trunk stays, and it does not go on for ever (D04).

mod kit;

use call::CallEventKind;
use kit::{Call, Floor, MemoryDirectory, Phone, trunk};
use signaling_proto::{Event, HeaderLine, Message};
use std::{net::SocketAddr, time::Duration};

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

async fn floor() -> (Floor, Phone, Phone) {
    let carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let floor = Floor::open(MemoryDirectory::new(&["101"], vec![trunk(1, carrier.address)])).await;
    let alice = floor.registered("101").await;
    (floor, alice, carrier)
}

fn send_on(carrier: &Phone, call: Call, status: u16, contacts: &str) {
    carrier.reject(call, status, &[HeaderLine::new("Contact", contacts.to_owned())]);
}

/// Whether another call reaches the carrier within a moment.
async fn is_called(carrier: &Phone) -> bool {
    carrier.hears(Duration::from_millis(400), |event| matches!(event, Event::Invited { .. })).await
}

fn called(invite: &Message) -> String {
    invite.request_uri().and_then(|uri| uri.user()).expect("a user part")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_policy_allows_is_called_by_the_same_trunk() {
    let (mut floor, alice, carrier) = floor().await;
    let call = alice.call("+919812340001").await;
    let (first, invite) = carrier.rung().await;
    assert_eq!(called(&invite), "+919812340001");
    // The favourite is abroad; a host of the carrier's choice is not sent anything.
    let contacts =
        "<sip:+919812340002@198.51.100.9:5099>;q=0.5, <sip:+14155550100@127.0.0.1>;q=0.9";
    send_on(&carrier, first, 302, contacts);
    let (second, invite) = carrier.rung().await;
    assert_eq!(called(&invite), "+919812340002");
    let uri = invite.request_uri().expect("a request").to_string();
    assert!(uri.contains(&carrier.address.to_string()), "{uri}");
    carrier.answer(second, &invite);
    alice.answered(call).await;
    alice.hears_audio(20).await;
    assert_eq!(
        *floor.directory.redirected.lock().expect("lock"),
        ["+14155550100", "+919812340002"]
    );
    alice.hang_up(call);
    carrier.ended(second).await;
    floor.event(|kind| matches!(kind, CallEventKind::Ended { .. })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_policy_refuses_ends_the_call_and_nothing_goes_out() {
    let (mut floor, alice, carrier) = floor().await;
    let call = alice.call("+919812340001").await;
    let (first, _) = carrier.rung().await;
    send_on(&carrier, first, 302, "<sip:+14155550100@127.0.0.1>");
    assert_eq!(alice.refused(call).await, 403);
    assert!(!is_called(&carrier).await);
    let ended = floor.event(|kind| matches!(kind, CallEventKind::Ended { .. })).await;
    let CallEventKind::Ended { cause, .. } = ended.event.kind else { panic!("the end") };
    assert_eq!(cause.kind, call::CauseKind::PolicyRefused);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_that_sends_calls_in_circles_is_left() {
    let (floor, alice, carrier) = floor().await;
    let call = alice.call("+919812340001").await;
    let (first, _) = carrier.rung().await;
    send_on(&carrier, first, 302, "<sip:+919812340001@127.0.0.1>");
    assert_eq!(alice.refused(call).await, 483, "back to where it came from");

    let call = alice.call("+919812340010").await;
    for hop in 1..=4 {
        let (leg, invite) = carrier.rung().await;
        assert_eq!(called(&invite), format!("+91981234001{}", hop - 1));
        send_on(&carrier, leg, 301, &format!("<sip:+91981234001{hop}@127.0.0.1>"));
    }
    assert_eq!(alice.refused(call).await, 483, "three times and no further");
    assert!(!is_called(&carrier).await);
    let status = &floor.switch.trunk_status()[0];
    assert!(status.last_error.as_deref().is_some_and(|e| e.contains("circles")), "{status:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirection_that_names_no_number_is_an_absent_person() {
    let (_floor, alice, carrier) = floor().await;
    for (status, contact) in [(302, "<sip:198.51.100.9>"), (305, "<sip:+919812340002@127.0.0.1>")] {
        let call = alice.call("+919812340001").await;
        let (leg, _) = carrier.rung().await;
        send_on(&carrier, leg, status, contact);
        assert_eq!(alice.refused(call).await, 480, "{status}");
    }
    assert!(!is_called(&carrier).await);
}

/// Who gave up while the call was being sent on is not called back to life.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_who_gives_up_stops_a_call_that_was_sent_on() {
    let (mut floor, alice, carrier) = floor().await;
    let call = alice.call("+919812340001").await;
    let (first, _) = carrier.rung().await;
    carrier.ring(first);
    send_on(&carrier, first, 302, "<sip:+919812340002@127.0.0.1>");
    let (second, _) = carrier.rung().await;
    carrier.ring(second);
    alice.hang_up(call);
    carrier.ended(second).await;
    floor.event(|kind| matches!(kind, CallEventKind::Ended { .. })).await;
    tokio::time::timeout(kit::PATIENCE, floor.switch.drained()).await.expect("nothing is left");
}
