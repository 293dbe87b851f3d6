//! Whole calls through the engine, heard at both ends and in the recording.
#![allow(clippy::wildcard_enum_match_arm, reason = "a test picks one event and leaves the others")]

mod kit;

use kit::{Phone, Rig, channels, config, converse, group, mostly, recording};
use media::{
    Clip, Codec, Config, FailReason, LegSettings, MediaCommand, MediaDirection, MediaEvent,
    PlaySource, PlaybackId, Tone,
};
use media_proto::rtcp::{self, Report, ReportBlock};
use media_proto::statistics::ReceiverView;
use media_proto::tone;
use std::sync::Arc;
use std::time::{Duration, Instant};

const CLEAR: f64 = 0.9;
const ABSENT: f64 = 0.02;

#[test]
fn two_parties_of_the_same_codec_hear_each_other() {
    let mut rig = Rig::new(config());
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcma, 1000);
    let legs = rig.bridge(&mut a, &mut b);
    converse(&mut [&mut a, &mut b], 600);
    assert!(a.hears(1000, 400) > CLEAR && a.hears(440, 400) < ABSENT);
    assert!(b.hears(440, 400) > CLEAR && b.hears(1000, 400) < ABSENT);
    let quality = rig.close(legs[0]);
    assert_eq!((quality.codec, quality.packets_lost), ("PCMA", 0));
    assert!((25..=30).contains(&quality.packets_received), "{quality:?}");
    assert!(quality.packets_sent >= 25 && quality.mos > 4.0, "{quality:?}");
}

#[test]
fn a_law_and_mu_law_are_translated_on_the_way() {
    let mut rig = Rig::new(config());
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcmu, 1000);
    rig.bridge(&mut a, &mut b);
    converse(&mut [&mut a, &mut b], 500);
    assert!(a.hears(1000, 300) > CLEAR && b.hears(440, 300) > CLEAR);
    assert!(a.packets.iter().all(|(p, _)| p.payload_type == 8));
    assert!(b.packets.iter().all(|(p, _)| p.payload_type == 0));
}

#[test]
fn the_stream_is_continuous_from_ringback_over_bridge_to_hold_music_and_back() {
    let mut rig = Rig::new(config());
    let mut a = Phone::new(Codec::Pcma);
    let mut b = Phone::says(Codec::Pcmu, 1000);
    let settings = LegSettings::default();
    let (first, second) = (rig.open(&mut a, settings.clone()), rig.open(&mut b, settings));
    let play = |source| MediaCommand::Play { leg: first, playback: PlaybackId(1), source };
    rig.submit(play(PlaySource::Tone(Tone::Ringback)));
    converse(&mut [&mut a], 300);
    assert!(a.hears(400, 200) > 0.5, "ringback: {}", a.hears(400, 200));
    rig.submit(MediaCommand::Bridge { a: first, b: second });
    converse(&mut [&mut a, &mut b], 300);
    assert!(a.hears(1000, 200) > CLEAR);
    rig.submit(MediaCommand::Unbridge { leg: first });
    rig.submit(play(PlaySource::Tone(Tone::Sine(2000))));
    converse(&mut [&mut a, &mut b], 300);
    assert!(a.hears(2000, 200) > CLEAR && a.hears(1000, 200) < ABSENT);
    rig.submit(MediaCommand::Bridge { a: first, b: second });
    converse(&mut [&mut a, &mut b], 300);
    assert!(a.hears(1000, 200) > CLEAR && a.hears(2000, 200) < ABSENT);
    let ssrc = a.packets[0].0.ssrc;
    for pair in a.packets.windows(2) {
        let (before, after) = (&pair[0].0, &pair[1].0);
        assert_eq!(after.ssrc, ssrc);
        assert_eq!(after.sequence.wrapping_sub(before.sequence), 1);
        let step = after.timestamp.wrapping_sub(before.timestamp);
        assert!(step > 0 && step <= 160 * 8 && step.is_multiple_of(160), "step {step}");
    }
    assert_eq!(rig.events(), [], "tones have no end");
}

#[test]
fn a_prompt_ends_with_one_event_and_silence_follows() {
    let mut rig = Rig::new(config());
    let mut a = Phone::new(Codec::Pcmu);
    let leg = rig.open(&mut a, LegSettings::default());
    let clip = Arc::new(Clip::from_samples(&tone::sine(700)[..3200]));
    let source = PlaySource::Clip { clip, looped: false };
    rig.submit(MediaCommand::Play { leg, playback: PlaybackId(7), source });
    converse(&mut [&mut a], 700);
    let finished = MediaEvent::PlayFinished { leg, playback: PlaybackId(7) };
    assert_eq!(rig.events(), [finished]);
    assert!(tone::share(&a.heard[..3200], 700) > CLEAR);
    assert!(a.heard.len() > 4000 && a.heard[3300..].iter().all(|s| s.abs() < 20));
}

#[test]
fn a_missing_prompt_is_finished_at_once() {
    let mut rig = Rig::new(config());
    let mut a = Phone::new(Codec::Pcmu);
    let leg = rig.open(&mut a, LegSettings::default());
    let source = PlaySource::Prompt { name: "goodbye".into(), language: "hi".into() };
    rig.submit(MediaCommand::Play { leg, playback: PlaybackId(9), source });
    rig.await_event(|e| match e {
        MediaEvent::PlayFinished { playback: PlaybackId(9), .. } => Some(()),
        _ => None,
    });
}

/// TEL-13.
#[test]
fn a_muted_party_is_not_heard_but_hears() {
    let mut rig = Rig::new(config());
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcmu, 1000);
    let [first, _] = rig.bridge(&mut a, &mut b);
    rig.submit(MediaCommand::Mute { leg: first, muted: true });
    converse(&mut [&mut a, &mut b], 300);
    assert!(b.heard.len() > 1600 && b.heard[800..].iter().all(|s| s.abs() < 20));
    assert!(a.hears(1000, 200) > CLEAR);
    rig.submit(MediaCommand::Mute { leg: first, muted: false });
    converse(&mut [&mut a, &mut b], 300);
    assert!(b.hears(440, 200) > CLEAR);
}

#[test]
fn our_offer_is_established_by_their_answer_and_may_be_held_and_resumed() {
    let mut rig = Rig::new(config());
    let mut b = Phone::says(Codec::Pcmu, 1000);
    let leg = rig.new_leg();
    let settings = LegSettings::default();
    rig.submit(MediaCommand::Open { leg, group: group(), offer: None, settings });
    let offer = rig.await_event(|e| match e {
        MediaEvent::Opened { sdp, .. } => Some(sdp.clone()),
        _ => None,
    });
    b.take(&offer);
    rig.submit(MediaCommand::SetAnswer { leg, sdp: b.sdp() });
    rig.await_event(|e| matches!(e, MediaEvent::Established { .. }).then_some(()));
    let mut a = Phone::says(Codec::Pcma, 440);
    let caller = rig.open(&mut a, LegSettings::default());
    rig.submit(MediaCommand::Bridge { a: caller, b: leg });
    converse(&mut [&mut a, &mut b], 300);
    assert!(a.hears(1000, 200) > CLEAR && b.hears(440, 200) > CLEAR);
    // The caller holds: it sends, takes nothing.
    let sdp = a.sdp_with("a=sendonly\r\n");
    let answer = rig.reoffer(caller, &mut a, sdp);
    assert!(answer.contains("a=recvonly"), "{answer}");
    converse(&mut [&mut a, &mut b], 100);
    a.clear();
    converse(&mut [&mut a, &mut b], 200);
    assert_eq!(a.packets.len(), 0, "nothing is sent to who holds");
    let sdp = a.sdp();
    assert!(rig.reoffer(caller, &mut a, sdp).contains("a=sendrecv"));
    converse(&mut [&mut a, &mut b], 300);
    assert!(a.hears(1000, 200) > CLEAR);
    // We hold the called side.
    rig.submit(MediaCommand::MakeReoffer { leg, direction: MediaDirection::SendOnly });
    let offer = rig.await_event(|e| match e {
        MediaEvent::Reoffer { sdp, .. } => Some(sdp.clone()),
        _ => None,
    });
    assert!(String::from_utf8_lossy(&offer).contains("a=sendonly"));
    rig.submit(MediaCommand::SetAnswer { leg, sdp: b.sdp_with("a=recvonly\r\n") });
    rig.await_event(|e| matches!(e, MediaEvent::Established { .. }).then_some(()));
    converse(&mut [&mut a, &mut b], 100);
    a.clear();
    converse(&mut [&mut a, &mut b], 200);
    assert_eq!(a.packets.len(), 0, "who is held is not heard");
    assert!(b.hears(440, 100) > CLEAR, "a bridge that was left goes on to be heard");
}

#[test]
fn keys_pass_once_per_press_and_in_both_payload_types() {
    let mut rig = Rig::new(config());
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcmu, 1000);
    b.event_type = Some(96);
    let [first, second] = rig.bridge(&mut a, &mut b);
    converse(&mut [&mut a, &mut b], 100);
    rig.submit(MediaCommand::SendDtmf { leg: first, digits: "5#".into() });
    converse(&mut [&mut a, &mut b], 600);
    let digits = heard_digits(&a, 101);
    assert_eq!(digits, "5#");
    assert!(a.hears(1000, 100) > CLEAR, "voice goes on after the keys");
    // The party presses: seven packets, the middle one twice, two lost.
    b.clear();
    let (start, said) = (a.timestamp, a.says.take());
    for (duration, end) in [(160, 0), (320, 0), (320, 0), (640, 0), (800, 0x80)] {
        a.timestamp = start;
        a.send(101, duration == 160, &[9, 10 | end, (duration >> 8) as u8, duration as u8]);
        a.sequence += 1;
    }
    (a.timestamp, a.says) = (start + 800, said);
    converse(&mut [&mut a, &mut b], 200);
    let pressed = MediaEvent::Dtmf { leg: first, digit: '9' };
    assert_eq!(rig.events(), [pressed]);
    assert_eq!(heard_digits(&b, 96), "9");
    let _ = second;
}

fn heard_digits(phone: &Phone, payload_type: u8) -> String {
    let mut receiver = media_proto::DtmfReceiver::default();
    let events = phone.packets.iter().filter(|(p, _)| p.payload_type == payload_type);
    events.filter_map(|(packet, payload)| receiver.handle_packet(packet, payload)).collect()
}

#[test]
fn keys_sound_in_band_where_events_were_not_negotiated() {
    let mut rig = Rig::new(config());
    let mut a = Phone::new(Codec::Pcma);
    a.event_type = None;
    let leg = rig.open(&mut a, LegSettings::default());
    rig.submit(MediaCommand::SendDtmf { leg, digits: "5".into() });
    converse(&mut [&mut a], 240);
    assert!(a.heard.len() >= 1600, "{}", a.heard.len());
    assert!(tone::share(&a.heard[..800], 770) > 0.4 && tone::share(&a.heard[..800], 1336) > 0.4);
}

#[test]
fn a_recording_holds_each_party_in_its_channel_through_mute_pause_and_hold() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("t/call.wav");
    let mut rig = Rig::new(config());
    let mut customer = Phone::says(Codec::Pcma, 440);
    let mut agent = Phone::says(Codec::Pcmu, 1000);
    let [left, right] = rig.bridge(&mut customer, &mut agent);
    let recording = recording();
    rig.submit(MediaCommand::Record { recording, left, right, path: path.clone(), silence_ms: 0 });
    converse(&mut [&mut customer, &mut agent], 500);
    rig.submit(MediaCommand::Mute { leg: right, muted: true });
    converse(&mut [&mut customer, &mut agent], 500);
    rig.submit(MediaCommand::Mute { leg: right, muted: false });
    rig.submit(MediaCommand::PauseRecording { recording, paused: true });
    converse(&mut [&mut customer, &mut agent], 500);
    rig.submit(MediaCommand::PauseRecording { recording, paused: false });
    converse(&mut [&mut customer, &mut agent], 500);
    let (_, flushed) = (rig.events(), channels(&path)[0].len());
    assert!(flushed >= 8000, "at most a second is not on disk: {flushed}");
    let duration_ms = rig.stop_recording(recording);
    assert!((1950..2300).contains(&duration_ms), "{duration_ms}");
    let [l, r] = channels(&path);
    assert_eq!(l.len() as u64 / 8, duration_ms);
    let part = |samples: &[i16], n: usize, hertz| {
        tone::share(&samples[n * 4000 + 800..n * 4000 + 3600], hertz)
    };
    let clear = |samples: &[i16], n: usize, hertz| {
        mostly(&samples[n * 4000 + 800..n * 4000 + 3600], hertz) > CLEAR
    };
    assert!(clear(&l, 0, 440) && clear(&r, 0, 1000));
    assert!(part(&l, 0, 1000) < ABSENT && part(&r, 0, 440) < ABSENT);
    assert!(clear(&l, 1, 440), "the customer goes on while our side is muted");
    assert!(r[4800..7600].iter().all(|s| *s == 0), "muted is silent");
    assert!(l[8800..11_600].iter().all(|s| *s == 0), "paused is silent");
    assert!(r[8800..11_600].iter().all(|s| *s == 0), "paused is silent");
    assert!(clear(&l, 3, 440) && clear(&r, 3, 1000));
}

/// C11: loss, reordering and jitter of up to 60 ms pass through unchanged, are counted, and leave
/// every frame of the recording in its place.
#[test]
fn an_impaired_stream_is_relayed_as_it_is_and_recorded_in_place() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("call.wav");
    let mut rig = Rig::new(config());
    let mut a = Phone::says(Codec::Pcma, 1000);
    let mut b = Phone::new(Codec::Pcma);
    let [left, right] = rig.bridge(&mut a, &mut b);
    let recording = recording();
    rig.submit(MediaCommand::Record { recording, left, right, path: path.clone(), silence_ms: 0 });
    converse(&mut [&mut a, &mut b], 100);
    let (begun, start) = (a.sequence, Instant::now());
    // Rounds of 80 ms: the first frame is lost, the other three come late, together, the wrong
    // way round.
    for round in 0..10 {
        let (sequence, timestamp) = (a.sequence, a.timestamp);
        b.listen(start + Duration::from_millis(round * 80 + 60));
        for n in [3, 2, 1] {
            (a.sequence, a.timestamp) = (sequence + n, timestamp + 160 * u32::from(n));
            a.speak();
        }
        (a.sequence, a.timestamp) = (sequence + 4, timestamp + 640);
        b.listen(start + Duration::from_millis(round * 80 + 80));
    }
    converse(&mut [&mut a, &mut b], 200);
    // The last packet may still be under way on a busy machine.
    b.listen(Instant::now() + Duration::from_millis(100));
    rig.stop_recording(recording);
    let last = b.packets.last().expect("a packet").0.sequence;
    let begun = last.wrapping_sub(a.sequence.wrapping_sub(1).wrapping_sub(begun));
    let order = b.packets.iter().map(|(p, _)| p.sequence.wrapping_sub(begun));
    let order: Vec<u16> = order.filter(|n| *n < 12).collect();
    assert_eq!(order, [3, 2, 1, 7, 6, 5, 11, 10, 9]);
    let quality = rig.close(left);
    assert_eq!(quality.packets_lost, 10, "{quality:?}");
    assert!(quality.jitter_ms > 1.0 && quality.mos < 4.2, "{quality:?}");
    // Of the impaired 800 ms every fourth frame is silent, the rest is tone.
    let [l, _] = channels(&path);
    let start = l.iter().position(|s| s.abs() > 3000).expect("a tone");
    let frames: Vec<usize> = l[start..]
        .chunks(160)
        .map(|frame| frame.iter().filter(|s| s.abs() > 1000).count())
        .collect();
    let first_lost = frames.iter().position(|loud| *loud < 16).expect("a lost frame");
    for (n, loud) in frames[first_lost..first_lost + 40].iter().enumerate() {
        let lost = n % 4 == 0;
        assert!(if lost { *loud < 16 } else { *loud > 100 }, "frame {n}: {frames:?}");
    }
}

#[test]
fn a_recording_goes_on_when_a_leg_is_replaced() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("call.wav");
    let mut rig = Rig::new(config());
    let mut customer = Phone::says(Codec::Pcma, 440);
    let mut first = Phone::says(Codec::Pcmu, 1000);
    let mut second = Phone::says(Codec::Pcma, 2000);
    let [left, right] = rig.bridge(&mut customer, &mut first);
    let recording = recording();
    rig.submit(MediaCommand::Record {
        recording,
        left,
        right,
        path: path.clone(),
        silence_ms: 500,
    });
    converse(&mut [&mut customer, &mut first], 400);
    let other = rig.open(&mut second, LegSettings::default());
    rig.submit(MediaCommand::Bridge { a: left, b: other });
    rig.submit(MediaCommand::Record {
        recording,
        left,
        right: other,
        path: "elsewhere".into(),
        silence_ms: 900,
    });
    rig.close(right);
    converse(&mut [&mut customer, &mut second], 400);
    rig.stop_recording(recording);
    let [l, r] = channels(&path);
    // Half a second of silence first, and none again where it goes on.
    assert!(l[..4000].iter().chain(&r[..4000]).all(|s| *s == 0));
    let (l, r) = (&l[4000..], &r[4000..]);
    assert!(l.len() < 4 * 2400, "{}", l.len());
    assert!(mostly(&l[800..5600], 440) > CLEAR, "{}", mostly(&l[800..5600], 440));
    assert!(mostly(&r[800..2800], 1000) > CLEAR);
    assert!(mostly(&r[4000..5600], 2000) > CLEAR);
    assert!(!std::path::Path::new("elsewhere").exists());
}

#[test]
fn a_recording_that_cannot_be_written_does_not_end_the_call() {
    let mut rig = Rig::new(config());
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcma, 1000);
    let [left, right] = rig.bridge(&mut a, &mut b);
    let path = "/proc/nowhere/call.wav".into();
    rig.submit(MediaCommand::Record { recording: recording(), left, right, path, silence_ms: 0 });
    rig.await_event(|e| matches!(e, MediaEvent::RecordingFailed { .. }).then_some(()));
    converse(&mut [&mut a, &mut b], 300);
    assert!(a.hears(1000, 200) > CLEAR);
    rig.submit(MediaCommand::StopRecording { recording: recording() });
    rig.close(left);
    assert_eq!(rig.events(), []);
}

#[test]
fn an_echo_leg_hears_itself() {
    let mut rig = Rig::new(config());
    let mut a = Phone::says(Codec::Pcma, 440);
    let leg = rig.open(&mut a, LegSettings::default());
    rig.submit(MediaCommand::Loop { leg, looped: true });
    converse(&mut [&mut a], 300);
    assert!(a.hears(440, 200) > CLEAR);
    rig.submit(MediaCommand::Loop { leg, looped: false });
    converse(&mut [&mut a], 200);
    assert!(a.hears(440, 100) < ABSENT);
}

#[test]
fn turns_of_speech_are_reported() {
    let mut rig = Rig::new(config());
    let mut a = Phone::says(Codec::Pcma, 300);
    let leg = rig.open(&mut a, LegSettings::default());
    rig.submit(MediaCommand::DetectSpeech { leg, enabled: true });
    converse(&mut [&mut a], 300);
    rig.await_event(|e| matches!(e, MediaEvent::SpeechStarted { .. }).then_some(()));
    a.says = None;
    rig.await_event(|e| matches!(e, MediaEvent::SpeechEnded { .. }).then_some(()));
}

#[test]
fn packets_longer_than_the_peer_takes_are_cut() {
    let mut rig = Rig::new(config());
    let mut a = Phone::says(Codec::Pcma, 440);
    a.packet_ms = 60;
    let mut b = Phone::new(Codec::Pcmu);
    let settings = LegSettings::default();
    let first = rig.open(&mut a, settings.clone());
    let second = rig.new_leg();
    let offer = Some(b.sdp_with("a=maxptime:20\r\n"));
    rig.submit(MediaCommand::Open { leg: second, group: group(), offer, settings });
    let sdp = rig.await_event(|e| match e {
        MediaEvent::Opened { sdp, .. } => Some(sdp.clone()),
        _ => None,
    });
    b.take(&sdp);
    rig.submit(MediaCommand::Bridge { a: first, b: second });
    converse(&mut [&mut a, &mut b], 480);
    assert!(b.packets.iter().all(|(_, payload)| payload.len() == 160));
    let sequences: Vec<u16> = b.packets.iter().map(|(p, _)| p.sequence).collect();
    assert!(sequences.windows(2).all(|w| w[1].wrapping_sub(w[0]) == 1), "{sequences:?}");
    assert!(b.packets.windows(2).all(|w| w[1].0.timestamp.wrapping_sub(w[0].0.timestamp) == 160));
    assert!(b.hears(440, 300) > CLEAR);
}

#[test]
fn ipv6_parties_are_served_too() {
    let mut rig = Rig::new(config());
    let mut a = Phone::at("::1", Codec::Pcma);
    a.says = Some(440);
    let mut b = Phone::says(Codec::Pcma, 1000);
    rig.bridge(&mut a, &mut b);
    converse(&mut [&mut a, &mut b], 300);
    assert!(a.hears(1000, 200) > CLEAR && b.hears(440, 200) > CLEAR);
}

#[test]
fn what_cannot_be_done_is_said_and_closing_always_answers() {
    let mut rig = Rig::new(config());
    let leg = rig.new_leg();
    let settings = LegSettings::default();
    let offer = Some("v=0\r\nm=audio 4000 RTP/AVP 18\r\nc=IN IP4 127.0.0.1\r\n".into());
    rig.submit(MediaCommand::Open { leg, group: group(), offer, settings });
    let mut reason = || {
        rig.await_event(|e| match e {
            MediaEvent::Failed { reason, .. } => Some(*reason),
            _ => None,
        })
    };
    assert_eq!(reason(), FailReason::IncompatibleMedia);
    rig.submit(MediaCommand::SetAnswer { leg, sdp: "v=0\r\n".into() });
    let unknown = rig.await_event(|e| match e {
        MediaEvent::Failed { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(unknown, FailReason::UnknownLeg);
    assert_eq!(rig.close(leg).packets_received, 0);
    assert_eq!(rig.engine.ports_in_use(), 0);
}

/// Reports go out, round trip and the loss they see come back (TEL-17).
#[test]
fn round_trip_and_loss_are_learned_from_the_partys_reports() {
    let mut rig = Rig::new(Config { rtcp_interval_ms: 200, quality_events: true, ..config() });
    let mut a = Phone::says(Codec::Pcma, 440);
    let reports = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    reports.set_read_timeout(Some(Duration::from_secs(5))).expect("a socket option");
    let leg = rig.new_leg();
    let port = reports.local_addr().expect("bound").port();
    let offer = Some(a.sdp_with(&format!("a=rtcp:{port}\r\n")));
    let settings = LegSettings::default();
    rig.submit(MediaCommand::Open { leg, group: group(), offer, settings });
    let sdp = rig.await_event(|e| match e {
        MediaEvent::Opened { sdp, .. } => Some(sdp.clone()),
        _ => None,
    });
    a.take(&sdp);
    rig.submit(MediaCommand::Loop { leg, looped: true });
    converse(&mut [&mut a], 300);
    let mut buffer = [0; 512];
    let (length, from) = reports.recv_from(&mut buffer).expect("a report");
    assert_eq!(from.port(), a.remote.expect("open").port() + 1);
    let theirs = rtcp::parse(&buffer[..length], a.ssrc).expect("well formed");
    let about_us = theirs.about_us.expect("a block about the party");
    assert_eq!(about_us.view.cumulative_lost, 0);
    let block = ReportBlock {
        view: ReceiverView { ssrc: theirs.ssrc, fraction_lost: 64, ..ReceiverView::default() },
        last_report: theirs.sender_ntp_middle.expect("a sender report"),
        delay: 0,
    };
    let ours = Report { ssrc: a.ssrc, sender: None, block: Some(block), cname: b"a", bye: false };
    let mut bytes = [0; rtcp::REPORT_BYTES_MAX];
    let length = ours.write(&mut bytes);
    reports.send_to(&bytes[..length], from).expect("sent");
    let quality = rig.await_event(|e| match e {
        MediaEvent::Quality { quality, .. } if quality.round_trip_ms.is_some() => {
            Some(quality.clone())
        }
        _ => None,
    });
    assert!(quality.round_trip_ms.is_some_and(|ms| ms < 2000.0), "{quality:?}");
    assert_eq!(quality.remote_loss_percent, Some(25.0));
    assert!(quality.mos < 3.0, "{quality:?}");
}

#[test]
fn shutting_down_completes_recordings_and_closes_legs() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("call.wav");
    let mut rig = Rig::new(config());
    let mut a = Phone::says(Codec::Pcma, 440);
    let mut b = Phone::says(Codec::Pcma, 1000);
    let [left, right] = rig.bridge(&mut a, &mut b);
    let recording = recording();
    rig.submit(MediaCommand::Record { recording, left, right, path: path.clone(), silence_ms: 0 });
    converse(&mut [&mut a, &mut b], 300);
    let events = rig.shut_down();
    let stopped = |e: &&MediaEvent| matches!(e, MediaEvent::RecordingStopped { .. });
    let closed = |e: &&MediaEvent| matches!(e, MediaEvent::Closed { .. });
    assert_eq!(events.iter().filter(stopped).count(), 1);
    assert_eq!(events.iter().filter(closed).count(), 2);
    let [l, r] = channels(&path);
    assert!(mostly(&l[400..2000], 440) > CLEAR && mostly(&r[400..2000], 1000) > CLEAR);
}
