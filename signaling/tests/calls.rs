//! Calls between scripted phones and carriers over real sockets.

mod kit;

use call::{CallCommand, CallControl, CallEventKind, CauseKind, Control, LegRole, Refused};
use kit::{Floor, MemoryDirectory, Phone, tenant, trunk};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn two_phones_register_call_and_hear_each_other() {
    let mut floor = Floor::open(MemoryDirectory::new(&["101", "102"], Vec::new())).await;
    let (alice, bob) = (floor.registered("101").await, floor.registered("102").await);
    assert_eq!(floor.switch.registrations("101@pratham.local").len(), 1);
    let call = alice.call("102").await;
    let (incoming, invite) = bob.rung().await;
    assert!(invite.from().uri.to_string().contains("101@"), "{:?}", invite.from());
    bob.ring(incoming);
    bob.answer(incoming, &invite);
    alice.answered(call).await;
    alice.hears_audio(20).await;
    bob.hears_audio(20).await;
    assert_eq!(floor.switch.live_calls().len(), 1);
    alice.hang_up(call);
    bob.ended(incoming).await;
    let ended = floor.event(|kind| matches!(kind, CallEventKind::Ended { .. })).await;
    let CallEventKind::Ended { cause, .. } = ended.event.kind else { unreachable!() };
    assert_eq!(cause.kind, CauseKind::Normal);
    tokio::time::timeout(kit::PATIENCE, floor.switch.drained()).await.expect("nothing is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_dials_out_over_a_trunk() {
    let far = "127.0.0.1:0".parse().expect("address");
    let carrier = Phone::at(far, "carrier", far).await;
    let trunks = vec![trunk(1, carrier.address)];
    let mut floor = Floor::open(MemoryDirectory::new(&["101"], trunks)).await;
    let alice = floor.registered("101").await;
    let call = alice.call("+919812340001").await;
    let (incoming, invite) = carrier.rung().await;
    let shown = invite.from().uri.to_string();
    assert!(shown.starts_with("sip:+918012345678@"), "{shown}");
    let asked = invite.request_uri().map(ToString::to_string).expect("request");
    assert_eq!(asked, format!("sip:+919812340001@{}", carrier.address));
    assert!(!String::from_utf8_lossy(invite.bytes()).contains("101@"), "nothing internal leaks");
    carrier.ring(incoming);
    carrier.answer(incoming, &invite);
    alice.answered(call).await;
    alice.hears_audio(10).await;
    carrier.hears_audio(10).await;
    assert_eq!(floor.switch.trunk_status()[0].channels_in_use, 1);
    carrier.hang_up(incoming);
    alice.ended(call).await;
    floor.event(|kind| matches!(kind, CallEventKind::Ended { .. })).await;
    tokio::time::timeout(kit::PATIENCE, floor.switch.drained()).await.expect("nothing is left");
    assert_eq!(floor.switch.trunk_status()[0].channels_in_use, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn click_to_call_rings_the_agent_then_fails_over_to_the_second_trunk_and_records() {
    let far = "127.0.0.1:0".parse().expect("address");
    let (first, second) = (Phone::at(far, "a", far).await, Phone::at(far, "b", far).await);
    let trunks = vec![trunk(1, first.address), trunk(2, second.address)];
    let mut floor = Floor::open(MemoryDirectory::new(&["101"], trunks)).await;
    let agent = floor.registered("101").await;
    let call = call::CallId::from_parts(1_763_000_000_001, &[5; 10]);
    // A retry is harmless.
    for _ in 0..2 {
        floor.switch.submit(kit::originate(&floor.directory, call)).expect("taken");
    }
    let (agent_call, invite) = agent.rung().await;
    let text = String::from_utf8_lossy(invite.bytes()).into_owned();
    assert!(text.contains("answer-after=0") && text.contains("Asha"), "{text}");
    agent.answer(agent_call, &invite);
    let (refused, _) = first.rung().await;
    first.reject(refused, 503, &[]);
    let (taken, invite) = second.rung().await;
    second.ring(taken);
    second.answer(taken, &invite);
    floor.event(|kind| matches!(kind, CallEventKind::TrunkFailed { .. })).await;
    floor.event(|kind| matches!(kind, CallEventKind::RecordingStarted { .. })).await;
    agent.hears_audio(10).await;
    let hangup = Control::Hangup { by: None };
    let control = CallCommand::Control { tenant: tenant(), call, control: hangup };
    floor.switch.submit(control.clone()).expect("taken");
    agent.ended(agent_call).await;
    second.ended(taken).await;
    let stopped = |kind: &CallEventKind| matches!(kind, CallEventKind::RecordingStopped { .. });
    floor.event(stopped).await;
    let file = floor.spool.path().join(tenant().to_string()).join(format!("{call}.wav"));
    assert!(std::fs::metadata(file).expect("the recording").len() > 44);
    tokio::time::timeout(kit::PATIENCE, floor.switch.drained()).await.expect("nothing is left");
    assert_eq!(floor.switch.submit(control), Err(Refused::UnknownCall));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_carrier_calls_in_and_every_phone_of_the_extension_rings_until_one_answers() {
    let far = "127.0.0.1:0".parse().expect("address");
    let holder = Phone::at(far, "holder", far).await;
    let trunks = vec![trunk(1, holder.address)];
    let mut floor = Floor::open(MemoryDirectory::new(&["101"], trunks)).await;
    let (desk, mobile) = (floor.registered("101").await, floor.registered("101").await);
    let address = holder.address;
    drop(holder);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let carrier = Phone::at(address, "+919812340001", floor.udp).await;
    let call = carrier.invite("+918012345678");
    let ((at_desk, invite), (at_mobile, _)) = tokio::join!(desk.rung(), mobile.rung());
    desk.ring(at_desk);
    mobile.ring(at_mobile);
    desk.answer(at_desk, &invite);
    carrier.answered(call).await;
    mobile.ended(at_mobile).await;
    carrier.hears_audio(10).await;
    let answered = |kind: &CallEventKind| matches!(kind, CallEventKind::Answered { .. });
    floor.event(answered).await;
    let role = |kind: &CallEventKind| {
        matches!(
            kind,
            CallEventKind::LegEnded { .. } | CallEventKind::LegStarted { role: LegRole::Agent, .. }
        )
    };
    carrier.hang_up(call);
    desk.ended(at_desk).await;
    floor.event(role).await;
}
