//! Ports that come and go with their legs (C12), parties that fall silent (C13), streams that
//! begin while the machine stands still.
#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks one event and leaves the others")]

mod kit;

use kit::{Phone, Rig, config, converse};
use media::{
    Codec, Config, FailReason, GroupKey, LegSettings, MediaCommand, MediaDirection, MediaEvent,
};
use std::collections::HashSet;
use std::net::{Ipv4Addr, UdpSocket};
use std::time::{Duration, Instant};
use uuid::Uuid;

/// C12: the ports of calls cannot be guessed from those before, and are closed with the leg.
#[test]
fn c12_ports_are_random_and_closed_when_the_leg_is() {
    let (port_min, port_max) = kit::port_range(400);
    let mut rig = Rig::new(Config { port_min, port_max, ..config() });
    let (mut ports, mut phone) = (Vec::new(), Phone::new(Codec::Pcma));
    for _ in 0..60 {
        let leg = rig.open(&mut phone, LegSettings::default());
        let address = phone.remote.expect("open");
        assert!(UdpSocket::bind(address).is_err(), "it is open");
        ports.push(address.port());
        rig.close(leg);
        // The next word about the leg is that it is closed: both its ports are by now.
        for port in [address.port(), address.port() + 1] {
            UdpSocket::bind((address.ip(), port)).expect("closed");
        }
    }
    let steps: HashSet<i32> = ports.windows(2).map(|p| i32::from(p[1]) - i32::from(p[0])).collect();
    assert!(steps.len() > 40, "one port tells the next: {ports:?}");
}

/// C12: no port is lost over thousands of calls, and an exhausted pool refuses and recovers.
#[test]
fn c12_ports_come_back_after_ten_thousand_legs_and_exhaustion_is_refused() {
    let (port_min, port_max) = kit::port_range(16);
    let mut rig = Rig::new(Config { port_min, port_max, ..config() });
    let phone = Phone::new(Codec::Pcma);
    let offer = phone.sdp();
    let pairs = 8;
    let mut opened = 0;
    while opened < 10_000 {
        let group = GroupKey(Uuid::from_u128(opened));
        let legs: Vec<_> = (0..pairs).map(|_| rig.new_leg()).collect();
        for leg in &legs {
            let settings = LegSettings::default();
            let offer = Some(offer.clone());
            rig.submit(MediaCommand::Open { leg: *leg, group, offer, settings });
        }
        for leg in &legs {
            rig.await_event(|e| match e {
                MediaEvent::Opened { leg: l, .. } if l == leg => Some(()),
                _ => None,
            });
        }
        opened += legs.len() as u128;
        if opened == pairs {
            let (leg, settings) = (rig.new_leg(), LegSettings::default());
            rig.submit(MediaCommand::Open { leg, group, offer: None, settings });
            let refused = |e: &MediaEvent| match e {
                MediaEvent::Failed { leg: l, reason } if *l == leg => Some(*reason),
                _ => None,
            };
            assert_eq!(rig.await_event(refused), FailReason::NoPorts);
        }
        for leg in legs {
            rig.close(leg);
        }
    }
    assert_eq!(rig.engine.ports_in_use(), 0);
    for port in port_min..=port_max {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).expect("no socket is left");
    }
}

/// C13: nothing for the allowed time; while held, a longer time.
#[test]
fn c13_a_party_that_falls_silent_is_reported_once_and_a_held_one_later() {
    let config = Config { dead_media_ms: 300, dead_media_hold_ms: 1_000, ..config() };
    let mut rig = Rig::new(config);
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcma, 1000);
    let [first, second] = rig.bridge(&mut a, &mut b);
    converse(&mut [&mut a, &mut b], 400);
    assert_eq!(rig.events(), []);
    a.says = None;
    converse(&mut [&mut a, &mut b], 600);
    assert_eq!(rig.events(), [MediaEvent::Silent { leg: first }]);
    let sdp = b.sdp_with("a=inactive\r\n");
    rig.reoffer(second, &mut b, sdp);
    b.says = None;
    converse(&mut [&mut a, &mut b], 600);
    assert_eq!(rig.events(), [], "on hold the longer time counts");
    converse(&mut [&mut a, &mut b], 700);
    assert_eq!(rig.events(), [MediaEvent::Silent { leg: second }]);
}

/// C13: comfort noise is not voice, but it is not death.
#[test]
fn c13_a_party_that_sends_comfort_noise_is_alive() {
    let mut rig = Rig::new(Config { dead_media_ms: 300, ..config() });
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::new(Codec::Pcma);
    rig.bridge(&mut a, &mut b);
    for _ in 0..4 {
        converse(&mut [&mut a, &mut b], 160);
        b.send(13, false, &[70]);
    }
    assert_eq!(rig.events(), []);
    assert!(a.packets.is_empty());
}

/// C13: a hold of ours that was longer than the dead-media time ends without a false alarm.
#[test]
fn c13_a_party_back_from_a_long_hold_has_its_time_to_speak() {
    let config = Config { dead_media_ms: 300, dead_media_hold_ms: 60_000, ..config() };
    let mut rig = Rig::new(config);
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcma, 1000);
    let [_, second] = rig.bridge(&mut a, &mut b);
    let offer = |rig: &mut Rig, direction, answer| {
        rig.submit(MediaCommand::MakeReoffer { leg: second, direction });
        rig.await_event(|e| matches!(e, MediaEvent::Reoffer { .. }).then_some(()));
        rig.submit(MediaCommand::SetAnswer { leg: second, sdp: answer });
        rig.await_event(|e| matches!(e, MediaEvent::Established { .. }).then_some(()));
    };
    offer(&mut rig, MediaDirection::SendOnly, b.sdp_with("a=recvonly\r\n"));
    b.says = None;
    converse(&mut [&mut a, &mut b], 600);
    offer(&mut rig, MediaDirection::SendRecv, b.sdp());
    converse(&mut [&mut a, &mut b], 160);
    assert_eq!(rig.events(), []);
    converse(&mut [&mut a, &mut b], 400);
    assert_eq!(rig.events(), [MediaEvent::Silent { leg: second }]);
}

/// A party whose first packets waited for a busy machine is not heard a packet late ever after.
#[test]
fn a_stream_that_began_late_is_up_to_date_soon_after() {
    let stall = |event: &MediaEvent| {
        if matches!(event, MediaEvent::Failed { .. }) {
            std::thread::sleep(Duration::from_millis(70));
        }
    };
    let mut rig = Rig::with(Config { workers: 1, ..config() }, stall);
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::new(Codec::Pcma);
    rig.bridge(&mut a, &mut b);
    // Commands are taken in order: when this one is answered the bridge stands, and no packet comes before it.
    rig.open(&mut Phone::new(Codec::Pcma), LegSettings::default());
    // The worker stands still on this one's failure.
    let leg = rig.new_leg();
    rig.submit(MediaCommand::SetAnswer { leg, sdp: "".into() });
    let (begun, packets) = (Instant::now(), 60);
    let mut behind = 0;
    for n in 1..=packets {
        a.speak();
        b.listen(begun + Duration::from_millis(n * 20));
        behind += usize::from(b.packets.len() < n as usize);
    }
    // Three while it stood still, eight until it is looked; some for a machine that is busy.
    assert!(behind <= 20, "{behind} of {packets} packets came after the next was sent");
}
