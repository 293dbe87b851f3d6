//! Phones that take the place of others by INVITE with Replaces (RFC 3891).

mod kit;

use call::{CallEventKind, CauseKind, ExtensionId, UserId};
use kit::{
    Call, Floor, MemoryDirectory, PATIENCE, Phone,
    directory::{extension as extension_of, other_tenant},
    trunk,
};
use signaling::directory::{ExtensionAccount, SecurityEventKind};
use signaling_proto::{Event, HeaderLine};
use std::{net::SocketAddr, sync::atomic::Ordering, time::Duration};

const LOOPBACK: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

/// Alice (101) and Bob (102) talk; the calls as each of them knows it.
async fn talking(floor: &Floor, alice: &Phone, bob: &Phone) -> (Call, Call) {
    let call = alice.call(&bob.number).await;
    let (incoming, invite) = bob.rung().await;
    bob.ring(incoming);
    bob.answer(incoming, &invite);
    alice.answered(call).await;
    alice.hears_audio(10).await;
    assert_eq!(floor.switch.live_calls().len(), 1);
    (call, incoming)
}

async fn floor() -> (Floor, Phone, Phone) {
    let floor = Floor::open(MemoryDirectory::new(&["101", "102", "103"], Vec::new())).await;
    let (alice, bob) = (floor.registered("101").await, floor.registered("102").await);
    (floor, alice, bob)
}

async fn is_over(floor: &Floor) {
    tokio::time::timeout(PATIENCE, floor.switch.drained()).await.expect("nothing is left");
}

/// Bob fetches his call from the desk phone to another one: media flows both ways, and it is the same call.
#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_fetched_from_one_phone_to_another() {
    let (mut floor, alice, bob) = floor().await;
    let (call, incoming) = talking(&floor, &alice, &bob).await;
    let other = floor.registered("102").await;
    let taken = other.replace(&bob.named(incoming)).await;
    other.answered(taken).await;
    bob.ended(incoming).await;
    let moved = floor.event(|kind| matches!(kind, CallEventKind::Transferred { .. })).await;
    assert_eq!(floor.switch.live_calls()[0].call, moved.event.call, "it is the same call");
    let before = alice.heard.load(Ordering::Relaxed);
    alice.hears_audio(before + 20).await;
    other.hears_audio(20).await;
    alice.hang_up(call);
    other.ended(taken).await;
    let ended = floor.event(|kind| matches!(kind, CallEventKind::Ended { .. })).await;
    let CallEventKind::Ended { cause, .. } = ended.event.kind else { unreachable!() };
    assert_eq!(cause.kind, CauseKind::Normal);
    is_over(&floor).await;
}

/// The caller's end is taken over as the called one is.
#[tokio::test(flavor = "multi_thread")]
async fn a_caller_goes_on_at_another_phone() {
    let (floor, alice, bob) = floor().await;
    let (call, incoming) = talking(&floor, &alice, &bob).await;
    let other = floor.registered("101").await;
    let taken = other.replace(&alice.named(call)).await;
    other.answered(taken).await;
    alice.ended(call).await;
    other.hears_audio(20).await;
    bob.hang_up(incoming);
    other.ended(taken).await;
    is_over(&floor).await;
}

/// Directed pickup: any colleague's phone, and the one that rang hears who was quicker.
#[tokio::test(flavor = "multi_thread")]
async fn a_colleague_picks_up_a_phone_that_rings() {
    let (mut floor, alice, bob) = floor().await;
    let call = alice.call("102").await;
    let (incoming, _) = bob.rung().await;
    bob.ring(incoming);
    let carol = floor.registered("103").await;
    floor.event(|kind| matches!(kind, CallEventKind::LegRinging { .. })).await;
    let named = bob.named(incoming);
    let taken = carol.replace(&format!("{named};early-only")).await;
    carol.answered(taken).await;
    bob.ended(incoming).await;
    alice.answered(call).await;
    alice.hears_audio(20).await;
    carol.hears_audio(20).await;
    assert_eq!(floor.switch.live_calls().len(), 1, "it is no call of its own");
    carol.hang_up(taken);
    alice.ended(call).await;
    is_over(&floor).await;
}

/// G05, AUT-08: a talk of others is taken away by who leads its agent only; an attempt is in the audit.
#[tokio::test(flavor = "multi_thread")]
async fn a_talk_of_others_is_taken_by_who_leads_them_only() {
    let (floor, alice, bob) = floor().await;
    let [user, bobs, alices] = [3, 4, 5].map(|n| UserId::from_parts(7, &[n; 10]));
    for (index, owner) in [(0, alices), (1, bobs), (2, user)] {
        floor.directory.extensions.lock().expect("lock")[index].user = Some(owner);
    }
    floor.switch.directory_changed(signaling::directory::DirectoryChange::Extensions).await;
    floor.directory.leaders.lock().expect("lock").push((user, Some(alices)));
    let (call, incoming) = talking(&floor, &alice, &bob).await;
    let carol = floor.registered("103").await;
    let named = bob.named(incoming);
    let refused = carol.replace(&named).await;
    assert_eq!(carol.refused(refused).await, 403);
    let audited = || {
        let audit = floor.directory.audit.lock().expect("lock");
        audit.iter().filter(|e| matches!(e.kind, SecurityEventKind::TakeoverRefused { .. })).count()
    };
    let wait = async {
        while audited() == 0 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("it is in the audit");
    assert_eq!(audited(), 1);
    floor.directory.leaders.lock().expect("lock").push((user, Some(bobs)));
    let taken = carol.replace(&named).await;
    carol.answered(taken).await;
    bob.ended(incoming).await;
    carol.hears_audio(20).await;
    alice.hang_up(call);
    carol.ended(taken).await;
    is_over(&floor).await;
}

/// RFC 3891 §3: what is refused, with what, and that it touches nobody.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_replaced_is_refused_and_nobody_notices() {
    let (floor, alice, bob) = floor().await;
    let other = floor.registered("102").await;
    let call = alice.call("103").await;
    assert_eq!(alice.refused(call).await, 480);
    let carol = floor.registered("103").await;
    let call = alice.call("103").await;
    let (early, invite) = carol.rung().await;
    carol.ring(early);
    let ids = alice.rings_there(call).await;
    let status = async |named: String| other.refused(other.replace(&named).await).await;
    assert_eq!(status(ids).await, 481, "an early dialog that we did not begin");
    carol.answer(early, &invite);
    alice.answered(call).await;
    let named = carol.named(early);
    let (id, tags) = named.split_once(';').expect("tags");
    let swapped =
        tags.replace("to-tag", "x").replace("from-tag", "to-tag").replace("x=", "from-tag=");
    assert_eq!(status(format!("{named};early-only")).await, 486);
    assert_eq!(status(format!("{id};{swapped}")).await, 481);
    assert_eq!(status(format!("no{id};{tags}")).await, 481);
    assert_eq!(status(id.to_owned()).await, 400, "no tags");
    let twice = vec![
        HeaderLine::new("Replaces", named.clone()),
        HeaderLine::new("Replaces", named.clone()),
    ];
    let at_once = other.invite_with("102", "<sip:102@pratham.local>", twice);
    assert_eq!(other.refused(at_once).await, 400);
    let both = ["Replaces", "Join"].map(|name| HeaderLine::new(name, named.clone()));
    assert_eq!(other.refused(other.call_with("102", both.to_vec()).await).await, 400);
    let quiet = |event: &Event| matches!(event, Event::Invited { .. });
    assert!(!bob.hears(Duration::from_millis(300), quiet).await, "no new call came of it");
    alice.hang_up(call);
    carol.ended(early).await;
    assert_eq!(status(named).await, 603, "its time is over");
    is_over(&floor).await;
}

/// Another tenant's calls do not exist, whatever one knows of them, and neither do those that are over.
#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_a_call_of_another_tenant() {
    let (floor, alice, bob) = floor().await;
    let (tenant, extension) = (other_tenant(), ExtensionId::from_parts(9, &[9; 10]));
    let aor = "201@other.local".to_owned();
    let foreigner = ExtensionAccount { tenant, extension, aor, ..extension_of("201") };
    floor.directory.extensions.lock().expect("lock").push(foreigner);
    let thief = Phone::new("201", floor.udp).await;
    let status = async |named: &str| {
        let line = HeaderLine::new("Replaces", named.to_owned());
        let call = thief.invite_with("anybody", "<sip:201@other.local>", vec![line]);
        thief.refused(thief.proves(call, "anybody").await).await
    };
    let call = alice.call("102").await;
    let (incoming, invite) = bob.rung().await;
    bob.ring(incoming);
    alice.rings_there(call).await;
    let named = bob.named(incoming);
    assert_eq!(status(&named).await, 481, "while it rings");
    bob.answer(incoming, &invite);
    alice.answered(call).await;
    assert_eq!(status(&named).await, 481, "while they talk");
    alice.hears_audio(20).await;
    alice.hang_up(call);
    bob.ended(incoming).await;
    assert_eq!(status(&named).await, 481, "when it is over");
    is_over(&floor).await;
}

/// A carrier's own dialog is not a phone's to take, nor is a phone's a carrier's.
#[tokio::test(flavor = "multi_thread")]
async fn carriers_neither_take_nor_are_taken() {
    let mut carrier = Phone::at(LOOPBACK, "carrier", LOOPBACK).await;
    let trunks = vec![trunk(1, carrier.address)];
    let floor = Floor::open(MemoryDirectory::new(&["101"], trunks)).await;
    let alice = floor.registered("101").await;
    let call = alice.call("+919812340001").await;
    let (incoming, invite) = carrier.rung().await;
    carrier.answer(incoming, &invite);
    alice.answered(call).await;
    let other = floor.registered("101").await;
    let taken = other.replace(&carrier.named(incoming)).await;
    assert_eq!(other.refused(taken).await, 403);
    carrier.server = floor.udp;
    let line = HeaderLine::new("Replaces", alice.named(call));
    let stolen = carrier.invite_with("101", "<sip:+919812340001@carrier.example>", vec![line]);
    assert_eq!(carrier.refused(stolen).await, 403);
    alice.hears_audio(10).await;
    alice.hang_up(call);
    carrier.ended(incoming).await;
    is_over(&floor).await;
}
