//! Transfers by scripted phones: what a real one would not show (RFC 3515, RFC 3264 §8, RFC 4488, RFC 5589 §7).

mod kit;

use bytes::Bytes;
use kit::{Call, Floor, MemoryDirectory, PATIENCE, Phone};
use signaling_proto::{DialogEvent, Event, HeaderLine, Message};
use std::{sync::atomic::Ordering, time::Duration};

/// Carol (103), who takes the customer's part, talks with Alice (101); Bob (102) is the colleague.
struct Talk {
    floor: Floor,
    alice: Phone,
    bob: Phone,
    carol: Phone,
    /// As Alice knows it.
    at_alice: Call,
    /// As Carol knows it.
    at_carol: Call,
}

async fn talk() -> Talk {
    let floor = Floor::open(MemoryDirectory::new(&["101", "102", "103"], Vec::new())).await;
    let (alice, bob) = (floor.registered("101").await, floor.registered("102").await);
    let carol = floor.registered("103").await;
    let at_carol = carol.call("101").await;
    let (at_alice, invite) = alice.rung().await;
    alice.answer(at_alice, &invite);
    carol.answered(at_carol).await;
    carol.hears_audio(5).await;
    Talk { floor, alice, bob, carol, at_alice, at_carol }
}

/// User, session and version of a description.
fn origin(sdp: &Bytes) -> (String, u64) {
    let text = String::from_utf8_lossy(sdp);
    let line = text.lines().find_map(|line| line.strip_prefix("o=")).expect("an origin");
    let fields: Vec<&str> = line.split(' ').collect();
    let rest = [fields[0], fields[1], fields[5]].join(" ");
    (rest, fields[2].parse().expect("a version"))
}

async fn is_over(floor: &Floor) {
    tokio::time::timeout(PATIENCE, floor.switch.drained()).await.expect("nothing is left");
}

/// What the transferor is told, up to the last word.
async fn told(phone: &Phone, call: Call) -> Vec<String> {
    let mut all = Vec::new();
    phone
        .in_call(call, |event| {
            let DialogEvent::Notified { subscription_state, body } = event else { return None };
            let line = String::from_utf8_lossy(&body.expect("a status line").bytes).into_owned();
            all.push(line.split(' ').nth(1).unwrap_or_default().to_owned());
            subscription_state.starts_with("terminated").then_some(())
        })
        .await;
    all
}

/// The transferor is told that somebody rings.
async fn told_to_ring(phone: &Phone, call: Call) {
    phone
        .in_call(call, |event| {
            let DialogEvent::Notified { body, .. } = event else { return None };
            body.expect("a status line").bytes.starts_with(b"SIP/2.0 180").then_some(())
        })
        .await;
}

async fn hears_anew(phone: &Phone) {
    let before = phone.heard.load(Ordering::Relaxed);
    phone.hears_audio(before + 20).await;
}

/// RFC 3264 §8: a dialog that goes on in another call stays one session to its phone.
#[tokio::test(flavor = "multi_thread")]
async fn a_party_that_is_handed_on_is_offered_the_next_version_of_the_same_session() {
    let Talk { floor, alice, bob, carol, at_alice, at_carol } = talk().await;
    let second = alice.call("102").await;
    let (at_bob, invite) = bob.rung().await;
    bob.answer(at_bob, &invite);
    alice.answered(second).await;
    assert_eq!(alice.refer_to_call(at_alice, &alice.named(second)).await, 202);
    let (session, first) = origin(&invite.sdp().expect("an offer"));
    let offer = bob.takes_offer(at_bob).await;
    assert_eq!(origin(&offer), (session.clone(), first + 1));
    alice.ended(second).await;
    let answer = bob.offers(at_bob).await;
    let (again, version) = origin(&answer);
    assert_eq!(again, session);
    assert!(version > first, "{version} after {first}");
    hears_anew(&carol).await;
    assert_eq!(floor.switch.live_calls().len(), 1);
    carol.hang_up(at_carol);
    bob.ended(at_bob).await;
    is_over(&floor).await;
}

/// RFC 4488: who wants to hear nothing of it hears nothing, and is let go all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_transferor_that_wants_no_subscription_gets_none() {
    let Talk { floor, alice, bob, carol, at_alice, at_carol } = talk().await;
    let to = HeaderLine::new("Refer-To", "<sip:102@pratham.local>");
    let lines = vec![to, HeaderLine::new("Refer-Sub", "false")];
    let accepted = alice.refer_with(at_alice, lines).await;
    assert_eq!(accepted.status().map(|status| status.code()), Some(202));
    assert_eq!(accepted.named("Refer-Sub").next().expect("it is confirmed").to_string(), "false");
    let (at_bob, invite) = bob.rung().await;
    bob.ring(at_bob);
    bob.answer(at_bob, &invite);
    alice
        .in_call(at_alice, |event| {
            assert!(!matches!(event, DialogEvent::Notified { .. }), "it wanted no word: {event:?}");
            matches!(event, DialogEvent::Ended { .. }).then_some(())
        })
        .await;
    hears_anew(&carol).await;
    carol.hang_up(at_carol);
    bob.ended(at_bob).await;
    is_over(&floor).await;
}

/// Bob's phone rings for Alice, who has handed Carol on to him and waits no longer.
async fn handed_on_while_ringing() -> (Talk, Call, (Call, Box<Message>)) {
    let talk = talk().await;
    let second = talk.alice.call("102").await;
    let (at_bob, invite) = talk.bob.rung().await;
    talk.bob.ring(at_bob);
    let named = talk.alice.rings_there(second).await;
    assert_eq!(talk.alice.refer_to_call(talk.at_alice, &named).await, 202);
    (talk, second, (at_bob, invite))
}

/// RFC 5589 §7: the colleague's phone rings on, and she has the customer as she answers.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_handed_on_while_the_colleague_rings_has_the_colleague_when_she_answers() {
    for alice_leaves in [false, true] {
        let (talk, second, (at_bob, _)) = handed_on_while_ringing().await;
        let Talk { floor, alice, bob, carol, at_alice, at_carol } = talk;
        told_to_ring(&alice, at_alice).await;
        if alice_leaves {
            // Many phones drop both calls as soon as the transfer is under way.
            alice.hang_up(second);
            alice.hang_up(at_alice);
        }
        let quiet =
            |event: &Event| matches!(event, Event::Dialog { event: DialogEvent::Ended { .. }, .. });
        assert!(!bob.hears(Duration::from_millis(500), quiet).await, "it rings on");
        bob.pick_up(at_bob);
        bob.takes_offer(at_bob).await;
        if !alice_leaves {
            assert_eq!(told(&alice, at_alice).await, ["200"]);
            alice.ended(at_alice).await;
        }
        hears_anew(&carol).await;
        hears_anew(&bob).await;
        assert_eq!(floor.switch.live_calls().len(), 1);
        carol.hang_up(at_carol);
        bob.ended(at_bob).await;
        is_over(&floor).await;
    }
}

/// The colleague does not want it: the customer is back with who handed them on.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_whose_new_party_refuses_while_it_rings_is_back_with_the_transferor() {
    let (talk, _, (at_bob, _)) = handed_on_while_ringing().await;
    let Talk { floor, alice, bob, carol, at_alice, at_carol } = talk;
    told_to_ring(&alice, at_alice).await;
    bob.reject(at_bob, 486, &[]);
    assert_eq!(told(&alice, at_alice).await, ["486"]);
    hears_anew(&carol).await;
    carol.hang_up(at_carol);
    alice.ended(at_alice).await;
    is_over(&floor).await;
}

/// The customer does not wait: nobody is left for the colleague's phone to ring for, unless the transferor is.
#[tokio::test(flavor = "multi_thread")]
async fn a_customer_who_gives_up_lets_the_colleagues_phone_ring_for_the_transferor_only() {
    for alice_leaves in [false, true] {
        let (talk, second, (at_bob, invite)) = handed_on_while_ringing().await;
        let Talk { floor, alice, bob, carol, at_alice, at_carol } = talk;
        told_to_ring(&alice, at_alice).await;
        if alice_leaves {
            alice.hang_up(second);
        }
        carol.hang_up(at_carol);
        alice.ended(at_alice).await;
        if alice_leaves {
            bob.ended(at_bob).await;
        } else {
            bob.answer(at_bob, &invite);
            alice.answered(second).await;
            hears_anew(&alice).await;
            alice.hang_up(second);
            bob.ended(at_bob).await;
        }
        is_over(&floor).await;
    }
}
