//! Calls that the carrier places.

use crate::ears::share_at;
use crate::phone::{Phone, Say};
use crate::stories::carrier;
use carrier::{Behaviour, Carrier, Outcome, PlaceCall, PlacedCall};
use signaling_proto::Transport;
use std::time::Duration;

async fn place(carrier: &Carrier, phone: &Phone, behaviour: Behaviour, tcp: bool) -> PlacedCall {
    let call = PlaceCall {
        switch: phone.address(),
        tcp,
        did: "+918040000001".to_owned(),
        from: "+919812340077".to_owned(),
        behaviour,
    };
    carrier.place_call(call).await
}

#[tokio::test]
async fn an_answered_call_is_heard_and_its_length_is_known() {
    let carrier = carrier();
    for (transport, tcp) in [(Transport::Udp, false), (Transport::Tcp, true)] {
        let phone = Phone::new(transport, Say::Nothing).await;
        let placed = place(&carrier, &phone, Behaviour::Tone(440), tcp).await;
        let story = phone.answer(None, Duration::from_millis(1200)).await;
        assert!(share_at(&story.heard[1600..8000], 440.0) > 0.9);
        let outcome = placed.outcome().await.expect("the carrier runs");
        assert_eq!(outcome.status, 200);
        let talked = outcome.talked.expect("answered").as_millis();
        assert!((1000..2000).contains(&talked), "{talked} ms");
    }
    carrier.stop().await;
}

#[tokio::test]
async fn a_refused_call_brings_back_its_status() {
    let carrier = carrier();
    let phone = Phone::new(Transport::Udp, Say::Nothing).await;
    let placed = place(&carrier, &phone, Behaviour::Greeting, false).await;
    phone.answer(Some(486), Duration::from_secs(1)).await;
    let outcome = placed.outcome().await;
    assert_eq!(outcome, Some(Outcome { status: 486, talked: None }));
}

#[tokio::test]
async fn stopping_the_carrier_hangs_up_its_calls() {
    let carrier = carrier();
    let phone = Phone::new(Transport::Udp, Say::Nothing).await;
    let placed = place(&carrier, &phone, Behaviour::Silent, false).await;
    let answering = tokio::spawn(phone.answer(None, Duration::from_secs(10)));
    while carrier.counts().answered == 0 {
        tokio::task::yield_now().await;
    }
    carrier.stop().await;
    let story = answering.await.expect("joined");
    assert!(story.ended_by_them && story.talked < Duration::from_secs(5), "{story:?}");
    assert_eq!(placed.outcome().await.map(|outcome| outcome.status), Some(200));
}
