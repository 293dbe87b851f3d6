//! Strangers on the media ports: nothing is heard, injected, ended or leaked by them.
#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks one event and leaves the others")]

mod kit;

use kit::{Phone, Rig, channels, config, converse, group, mostly, recording};
use media::{Codec, Config, FailReason, LegSettings, MediaCommand, MediaEvent};
use media_proto::tone;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

const CLEAR: f64 = 0.9;
const ABSENT: f64 = 0.02;

/// An attacker at another address, aiming at the phone's port of the engine.
fn attacker(of: &Phone, hertz: u16) -> Phone {
    let mut attacker = Phone::at("127.0.0.66", of.codec);
    (attacker.says, attacker.remote) = (Some(hertz), of.remote);
    attacker
}

fn learning(learn_from: Option<&str>) -> LegSettings {
    let learn_from = learn_from.map(|h| h.parse().expect("a host"));
    LegSettings { learn_address: true, learn_from, ..LegSettings::default() }
}

/// C01: on a leg without learning a spray over the whole range gets nothing back.
#[test]
fn c01_a_spray_before_and_during_a_call_hears_nothing() {
    let config = config();
    let ports = config.port_min..=config.port_max;
    let mut rig = Rig::new(config);
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcma, 1000);
    let mut spray = attacker(&a, 2000);
    let over_the_range = |spray: &mut Phone| {
        for port in ports.clone() {
            spray.remote = Some((Ipv4Addr::LOCALHOST, port).into());
            (0..5).for_each(|_| spray.speak());
        }
    };
    over_the_range(&mut spray);
    rig.bridge(&mut a, &mut b);
    for _ in 0..5 {
        over_the_range(&mut spray);
        converse(&mut [&mut a, &mut b], 100);
    }
    spray.listen(Instant::now());
    assert_eq!(spray.packets.len(), 0);
    assert!(a.hears(1000, 300) > CLEAR && b.hears(440, 300) > CLEAR);
    assert!(a.hears(2000, 300) < ABSENT && b.hears(2000, 300) < ABSENT);
}

/// C01, on a leg with learning and no hint: at most five packets.
#[test]
fn c01_a_spray_on_a_learning_leg_hears_at_most_five_packets() {
    let mut rig = Rig::new(config());
    let mut a = Phone::new(Codec::Pcma);
    let mut b = Phone::says(Codec::Pcma, 1000);
    let (first, second) =
        (rig.open(&mut a, learning(None)), rig.open(&mut b, LegSettings::default()));
    let mut spray = attacker(&a, 2000);
    rig.submit(MediaCommand::Bridge { a: first, b: second });
    converse(&mut [&mut spray, &mut b], 400);
    a.says = Some(440);
    converse(&mut [&mut spray, &mut a, &mut b], 600);
    assert!(spray.packets.len() <= 5, "{} packets leaked", spray.packets.len());
    assert!(a.hears(1000, 300) > CLEAR && b.hears(440, 300) > CLEAR);
    assert!(b.hears(2000, 300) < ABSENT);
}

/// C02: 1,500 packets of 1 kHz after the call is up: neither party nor recording has them.
#[test]
fn c02_an_injected_tone_reaches_neither_party_nor_recording() {
    inject(&LegSettings::default());
}

/// C02 on legs that may learn an address: once the party was heard nobody else is.
#[test]
fn c02_an_injected_tone_on_learning_legs_reaches_neither_party_nor_recording() {
    inject(&learning(None));
}

fn inject(settings: &LegSettings) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("call.wav");
    let mut rig = Rig::new(config());
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcma, 600);
    let (left, right) = (rig.open(&mut a, settings.clone()), rig.open(&mut b, settings.clone()));
    rig.submit(MediaCommand::Bridge { a: left, b: right });
    converse(&mut [&mut a, &mut b], 100);
    let recording = recording();
    rig.submit(MediaCommand::Record { recording, left, right, path: path.clone(), silence_ms: 0 });
    let mut injectors = [attacker(&a, 1000), attacker(&b, 1000)];
    for (injector, victim) in injectors.iter_mut().zip([&a, &b]) {
        // With everything guessed right but the address.
        (injector.ssrc, injector.sequence) = (victim.ssrc, victim.sequence);
        injector.timestamp = victim.timestamp;
    }
    for _ in 0..30 {
        for injector in &mut injectors {
            (0..50).for_each(|_| injector.speak());
        }
        converse(&mut [&mut a, &mut b], 40);
    }
    for injector in &mut injectors {
        injector.listen(Instant::now());
        assert!(injector.packets.is_empty(), "{} packets bled", injector.packets.len());
    }
    rig.stop_recording(recording);
    let [l, r] = channels(&path);
    for (heard, own) in [(&a.heard, 600), (&b.heard, 440), (&l, 440), (&r, 600)] {
        let share = mostly(&heard[400..2400], own);
        assert!(share > CLEAR, "{own} Hz: {share}");
        assert!(tone::share(heard, 1000) < ABSENT);
    }
}

/// C03: the attacker is first, the signalled address wins.
#[test]
fn c03_the_signalled_address_wins_over_an_attacker_who_was_first() {
    let mut rig = Rig::new(config());
    let mut a = Phone::new(Codec::Pcma);
    let mut b = Phone::says(Codec::Pcma, 1000);
    let (first, second) =
        (rig.open(&mut a, learning(None)), rig.open(&mut b, LegSettings::default()));
    rig.submit(MediaCommand::Bridge { a: first, b: second });
    let mut early = attacker(&a, 2000);
    converse(&mut [&mut early, &mut b], 300);
    a.says = Some(440);
    converse(&mut [&mut a, &mut early, &mut b], 100);
    early.clear();
    b.clear();
    converse(&mut [&mut a, &mut early, &mut b], 300);
    assert_eq!(early.packets.len(), 0);
    assert!(b.hears(440, 200) > CLEAR && b.hears(2000, 200) < ABSENT);
}

#[test]
fn a_nated_phone_is_heard_and_reached_at_the_address_its_packets_come_from() {
    let mut rig = Rig::new(config());
    let mut nated = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcma, 1000);
    let leg = rig.new_leg();
    // What it believes its address to be leads nowhere.
    let offer = Some(nated.sdp_at(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 77)), 9, ""));
    let settings = learning(Some("127.0.0.1"));
    rig.submit(MediaCommand::Open { leg, group: group(), offer, settings });
    let sdp = rig.await_event(|e| match e {
        MediaEvent::Opened { sdp, .. } => Some(sdp.clone()),
        _ => None,
    });
    nated.take(&sdp);
    let other = rig.open(&mut b, LegSettings::default());
    rig.submit(MediaCommand::Bridge { a: leg, b: other });
    let mut stranger = attacker(&nated, 2000);
    converse(&mut [&mut stranger, &mut nated, &mut b], 400);
    assert!(nated.hears(1000, 200) > CLEAR && b.hears(440, 200) > CLEAR);
    assert_eq!(stranger.packets.len(), 0, "only where its signalling comes from");
}

/// C04: without learning a phone that moves is not followed, but a signalled change is.
#[test]
fn c04_a_move_needs_signalling_where_learning_is_off() {
    let mut rig = Rig::new(config());
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcma, 1000);
    let [first, _] = rig.bridge(&mut a, &mut b);
    converse(&mut [&mut a, &mut b], 100);
    let mut moved = Phone::says(Codec::Pcma, 500);
    (moved.remote, moved.ssrc) = (a.remote, a.ssrc);
    (moved.sequence, moved.timestamp) = (a.sequence, a.timestamp);
    b.clear();
    converse(&mut [&mut moved, &mut b], 200);
    assert!(moved.packets.is_empty() && b.heard.len() <= 320);
    let sdp = moved.sdp();
    rig.reoffer(first, &mut moved, sdp);
    converse(&mut [&mut moved, &mut b], 300);
    assert!(moved.hears(1000, 200) > CLEAR && b.hears(500, 200) > CLEAR);
}

/// C04: where learning is on, a stream that goes on from another port of its host is followed
/// once the old port has been silent for two seconds; a guessed SSRC or sequence is not.
#[test]
fn c04_a_stream_whose_port_changed_is_followed_after_silence_and_a_guess_is_not() {
    let mut rig = Rig::new(config());
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcma, 1000);
    let (first, second) =
        (rig.open(&mut a, learning(None)), rig.open(&mut b, LegSettings::default()));
    rig.submit(MediaCommand::Bridge { a: first, b: second });
    converse(&mut [&mut a, &mut b], 200);
    let elsewhere = |ssrc: u32, sequence: u16| {
        let mut moved = Phone::says(Codec::Pcma, 2000);
        (moved.remote, moved.ssrc, moved.sequence) = (a.remote, ssrc, sequence);
        moved.timestamp = a.timestamp;
        moved
    };
    let mut too_soon = elsewhere(a.ssrc, a.sequence);
    converse(&mut [&mut too_soon, &mut b], 600);
    let mut guesses = [elsewhere(a.ssrc ^ 1, a.sequence), elsewhere(a.ssrc, a.sequence ^ 0x4000)];
    let mut moved = elsewhere(a.ssrc, a.sequence.wrapping_add(100));
    moved.says = Some(440);
    a.says = None;
    converse(&mut [&mut a, &mut b], 1700);
    for guess in &mut guesses {
        converse(&mut [guess, &mut b], 100);
    }
    b.clear();
    converse(&mut [&mut moved, &mut b], 400);
    assert!(moved.hears(1000, 300) > CLEAR && b.hears(440, 300) > CLEAR);
    for other in guesses.iter().chain([&too_soon]) {
        assert!(other.packets.is_empty(), "{} packets went to a guess", other.packets.len());
    }
}

/// C05: forged BYE, impossible counts, broken compounds, from right and wrong addresses.
#[test]
fn c05_abusive_rtcp_changes_nothing() {
    let mut rig = Rig::new(config());
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcma, 1000);
    let [first, _] = rig.bridge(&mut a, &mut b);
    converse(&mut [&mut a, &mut b], 100);
    let bye = [0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 203, 0, 1, 0, 0, 0, 1];
    let counts = [[0x9F, 200, 0xFF, 0xFF].as_slice(), &[0; 60]].concat();
    let broken = [0x80, 200, 0, 6, 1, 2, 3];
    let stranger = attacker(&a, 1);
    let mut rtcp = a.remote.expect("open");
    rtcp.set_port(rtcp.port() + 1);
    for _ in 0..200 {
        for bytes in [bye.as_slice(), &counts, &broken, &[0x80], &[]] {
            for sender in [&a, &stranger] {
                sender.send_raw(bytes);
                sender.socket.send_to(bytes, rtcp).expect("sent");
            }
        }
    }
    converse(&mut [&mut a, &mut b], 300);
    assert!(a.hears(1000, 200) > CLEAR && b.hears(440, 200) > CLEAR);
    assert_eq!(rig.events(), [], "nothing ends and nothing is believed");
    let quality = rig.close(first);
    assert_eq!((quality.round_trip_ms, quality.remote_loss_percent), (None, None));
}

/// C10: payload types that were not agreed, odd events, comfort noise.
#[test]
fn c10_unnegotiated_payloads_and_odd_events_are_left_out() {
    let mut rig = Rig::new(config());
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcma, 1000);
    rig.bridge(&mut a, &mut b);
    converse(&mut [&mut a, &mut b], 100);
    b.clear();
    for payload_type in [0, 13, 18, 77, 96, 127] {
        a.send(payload_type, true, &[0x2A; 160]);
    }
    for event in [&[99, 0, 0, 160][..], &[5], &[], &[16, 0x80, 255, 255], &[5; 1500]] {
        a.send(101, true, event);
    }
    converse(&mut [&mut a, &mut b], 200);
    assert!(b.packets.iter().all(|(p, _)| p.payload_type == 8 || p.payload_type == 101));
    assert!(b.hears(440, 150) > CLEAR);
    let digits: Vec<MediaEvent> = rig.events();
    assert!(digits.len() <= 1, "{digits:?}");
}

/// C10: a key held for five seconds, with every packet sent twice, is one digit, here and there.
#[test]
fn c10_a_long_key_with_repeated_packets_is_one_digit() {
    let mut rig = Rig::new(config());
    let mut a = Phone::new(Codec::Pcma);
    let mut b = Phone::says(Codec::Pcma, 1000);
    let [first, _] = rig.bridge(&mut a, &mut b);
    converse(&mut [&mut a, &mut b], 60);
    let steps = 250_u16;
    for step in 1..=steps {
        let end = if step == steps { 0x80 } else { 0 };
        let [d0, d1] = (step * 160).to_be_bytes();
        for _ in 0..if step == steps { 3 } else { 2 } {
            a.send(101, step == 1, &[7, 10 | end, d0, d1]);
        }
        a.sequence = a.sequence.wrapping_add(1);
        if step.is_multiple_of(25) {
            converse(&mut [&mut b], 20);
        }
    }
    converse(&mut [&mut b], 100);
    assert_eq!(rig.events(), [MediaEvent::Dtmf { leg: first, digit: '7' }]);
    let mut there = media_proto::DtmfReceiver::default();
    let keys = b.packets.iter().filter(|(p, _)| p.payload_type == 101);
    let digits: String = keys.filter_map(|(p, payload)| there.handle_packet(p, payload)).collect();
    assert_eq!(digits, "7");
}

/// C17: STUN, DTLS, single bytes, huge datagrams, RTP of the wrong version.
#[test]
fn c17_what_is_no_rtp_is_ignored() {
    let mut rig = Rig::new(config());
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcma, 1000);
    rig.bridge(&mut a, &mut b);
    converse(&mut [&mut a, &mut b], 100);
    b.clear();
    let stun = [[0, 1, 0, 0, 0x21, 0x12, 0xA4, 0x42].as_slice(), &[7; 12]].concat();
    let hello = [[22, 0xFE, 0xFD].as_slice(), &[0; 200]].concat();
    let huge = [[0x80, 8].as_slice(), &[0; 60_000]].concat();
    let header = [0x9F, 8, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1];
    let junk = [&stun, &hello, &huge, &[0x80][..], &[], &[0x40, 8, 0, 0], &header];
    for _ in 0..50 {
        junk.iter().for_each(|bytes| a.send_raw(bytes));
    }
    converse(&mut [&mut a, &mut b], 300);
    assert!(b.hears(440, 200) > CLEAR && a.hears(1000, 200) > CLEAR);
    assert_eq!(rig.events(), []);
}

/// A flood on one leg does not starve another call on the same worker.
#[test]
fn a_flood_on_one_port_leaves_other_calls_alone() {
    let mut rig = Rig::new(Config { workers: 1, ..config() });
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcma, 1000);
    rig.bridge(&mut a, &mut b);
    let mut victim = Phone::new(Codec::Pcma);
    rig.open(&mut victim, LegSettings::default());
    let flood = attacker(&victim, 2000);
    let until = Instant::now() + Duration::from_millis(500);
    let flooder = std::thread::spawn(move || {
        let mut sent = 0_u32;
        while Instant::now() < until {
            flood.send(8, false, &[0x55; 160]);
            sent += 1;
        }
        sent
    });
    converse(&mut [&mut a, &mut b], 480);
    assert!(flooder.join().expect("no panic") > 5_000);
    assert!(a.hears(1000, 300) > CLEAR && b.hears(440, 300) > CLEAR);
}

/// A06: a panic on a media thread costs one leg, not the calls beside it.
#[test]
fn a_panic_while_serving_one_leg_leaves_other_calls_alone() {
    let trigger = |event: &MediaEvent| {
        assert!(!matches!(event, MediaEvent::Dtmf { digit: 'D', .. }), "on purpose");
    };
    let mut rig = Rig::with(Config { workers: 1, ..config() }, trigger);
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcma, 1000);
    rig.bridge(&mut a, &mut b);
    let mut unlucky = Phone::new(Codec::Pcma);
    let leg = rig.open(&mut unlucky, LegSettings::default());
    unlucky.send(101, true, &[15, 0, 0, 160]);
    let reason = rig.await_event(|e| match e {
        MediaEvent::Failed { leg: l, reason } if *l == leg => Some(*reason),
        _ => None,
    });
    assert_eq!(reason, FailReason::InternalError);
    rig.await_event(|e| matches!(e, MediaEvent::Closed { leg: l, .. } if *l == leg).then_some(()));
    converse(&mut [&mut a, &mut b], 300);
    assert!(a.hears(1000, 200) > CLEAR && b.hears(440, 200) > CLEAR);
    assert_eq!(rig.engine.ports_in_use(), 2);
}

/// A full queue refuses new legs while there is still room for those that are open.
#[test]
fn a_crowded_queue_refuses_new_legs_first() {
    let (release, gate) = std::sync::mpsc::channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let stall = move |event: &MediaEvent| {
        if matches!(event, MediaEvent::Failed { .. }) {
            let _ = gate.lock().expect("unpoisoned").recv_timeout(Duration::from_secs(5));
        }
    };
    let mut rig = Rig::with(Config { workers: 1, queue_capacity: 16, ..config() }, stall);
    let mut phone = Phone::new(Codec::Pcma);
    let leg = rig.open(&mut phone, LegSettings::default());
    // The worker stands still on this one's failure.
    let stranger = rig.new_leg();
    rig.submit(MediaCommand::SetAnswer { leg: stranger, sdp: "".into() });
    let mut taken = 0;
    let mut open = || {
        let (leg, settings) = (rig.new_leg(), LegSettings::default());
        rig.engine.submit(MediaCommand::Open { leg, group: group(), offer: None, settings })
    };
    while open().is_ok() {
        taken += 1;
    }
    assert!((11..=14).contains(&taken), "{taken}");
    rig.submit(MediaCommand::Mute { leg, muted: true });
    rig.submit(MediaCommand::Close { leg });
    release.send(()).expect("the worker waits");
    rig.await_event(|e| matches!(e, MediaEvent::Closed { leg: l, .. } if *l == leg).then_some(()));
}
