//! What the switch does before, and what it does after the journal wrote (H01, H06).

mod kit;

use call::{CallEventKind, LegRole};
use kit::{Floor, MemoryDirectory, Phone, trunk};
use signaling_proto::{DialogEvent, Event};
use std::time::{Duration, Instant};

/// Well below what a call waits for its journal, well above what an INVITE needs on loopback.
const A_WHILE: Duration = Duration::from_millis(250);

fn invited(event: &Event) -> bool {
    matches!(event, Event::Invited { .. })
}

fn answered(event: &Event) -> bool {
    matches!(event, Event::Dialog { event: DialogEvent::Answered { .. }, .. })
}

async fn two_phones() -> (Floor, Phone, Phone) {
    let floor = Floor::open(MemoryDirectory::new(&["101", "102"], Vec::new())).await;
    let (alice, bob) = (floor.registered("101").await, floor.registered("102").await);
    (floor, alice, bob)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_rings_at_once_and_its_caller_is_answered_only_after_that_is_written() {
    let (mut floor, alice, bob) = two_phones().await;
    floor.journal.hold();
    let call = alice.call("102").await;
    let (incoming, invite) = bob.rung().await;
    bob.ring(incoming);
    bob.answer(incoming, &invite);
    floor.event(|kind| matches!(kind, CallEventKind::LegAnswered { .. })).await;
    assert!(!alice.hears(A_WHILE, answered).await, "no 200 before the answer is written");
    floor.journal.release();
    alice.answered(call).await;
    alice.hears_audio(10).await;
    bob.hears_audio(10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_click_to_call_rings_the_agent_only_after_its_row_is_written() {
    let far = "127.0.0.1:0".parse().expect("address");
    let carrier = Phone::at(far, "carrier", far).await;
    let trunks = vec![trunk(1, carrier.address)];
    let mut floor = Floor::open(MemoryDirectory::new(&["101"], trunks)).await;
    let agent = floor.registered("101").await;
    floor.journal.hold();
    let call = call::CallId::from_parts(1_763_000_000_002, &[6; 10]);
    call::CallControl::submit(&floor.switch, kit::originate(&floor.directory, call))
        .expect("taken");
    floor
        .event(|kind| matches!(kind, CallEventKind::LegStarted { role: LegRole::Agent, .. }))
        .await;
    assert!(!agent.hears(A_WHILE, invited).await, "no phone rings for a call without a row");
    floor.journal.release();
    let (ringing, invite) = agent.rung().await;
    agent.answer(ringing, &invite);
    let (taken, invite) = carrier.rung().await;
    carrier.answer(taken, &invite);
    carrier.hears_audio(5).await;
}

/// H06, H07: the wait is bounded.
#[tokio::test(flavor = "multi_thread")]
async fn a_journal_that_writes_nothing_holds_a_call_up_for_a_moment_only() {
    let (floor, alice, bob) = two_phones().await;
    floor.journal.hold();
    let call = alice.call("102").await;
    let (incoming, invite) = bob.rung().await;
    let picked_up = Instant::now();
    bob.answer(incoming, &invite);
    alice.answered(call).await;
    let took = picked_up.elapsed();
    assert!(took > Duration::from_millis(450), "it waited for the answer's row: {took:?}");
    assert!(took < Duration::from_secs(5), "and then went on: {took:?}");
    alice.hears_audio(10).await;
}
