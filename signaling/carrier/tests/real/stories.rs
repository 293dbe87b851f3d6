//! Every behaviour of a number that is called.

use crate::ears::{level_db, share_at};
use crate::phone::{Phone, Say, Story};
use carrier::{Carrier, Config};
use signaling_proto::Transport;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;
use tokio::net::UdpSocket;

/// The prompts of the binary.
pub(crate) const SOUNDS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sounds");

pub(crate) fn carrier() -> Carrier {
    let config = Config {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        sounds_dir: Some(PathBuf::from(SOUNDS)),
        ..Config::default()
    };
    Carrier::start(config).expect("a free port")
}

pub(crate) async fn call(carrier: &Carrier, last: &str, say: Say, span_ms: u64) -> Story {
    let phone = Phone::new(Transport::Udp, say).await;
    let number = format!("+91981234{last}");
    phone.call(carrier.address(), &number, Duration::from_millis(span_ms)).await
}

#[tokio::test]
async fn refusals_come_with_their_status_and_reason() {
    let carrier = carrier();
    for (last, status, cause) in
        [("0003", 486, None), ("0007", 404, Some(1)), ("0011", 503, None), ("0012", 603, Some(21))]
    {
        let story = call(&carrier, last, Say::Nothing, 5000).await;
        assert_eq!(story.status, status, "{last}: {story:?}");
        assert_eq!(story.reason.and_then(|(cause, _)| cause), cause, "{last}");
    }
    assert_eq!((carrier.counts().offered, carrier.counts().ended), (4, 4));
    carrier.stop().await;
}

#[tokio::test]
async fn a_greeting_rings_for_a_second_and_is_heard() {
    let carrier = carrier();
    let story = call(&carrier, "0001", Say::Nothing, 1500).await;
    assert_eq!(story.progress, [(180, false)]);
    assert_eq!(story.status, 200);
    assert!(story.rang >= Duration::from_millis(950), "{:?}", story.rang);
    assert!(!story.ended_by_them);
    assert!(level_db(&story.heard) > -45.0, "speech at {} dB", level_db(&story.heard));
}

#[tokio::test]
async fn tones_are_the_tones_promised() {
    let carrier = carrier();
    let (high, low) = tokio::join!(
        call(&carrier, "0015", Say::Nothing, 1200),
        call(&carrier, "0016", Say::Nothing, 1200)
    );
    for (story, hertz) in [(high, 1000.0), (low, 440.0)] {
        let middle = &story.heard[1600..8000];
        assert!(share_at(middle, hertz) > 0.9, "{} at {hertz} Hz", share_at(middle, hertz));
    }
}

#[tokio::test]
async fn an_echo_sends_back_what_it_hears() {
    let carrier = carrier();
    let story = call(&carrier, "0009", Say::Tone(700.0), 1500).await;
    let end = &story.heard[story.heard.len() - 4000..];
    assert!(share_at(end, 700.0) > 0.9, "{}", share_at(end, 700.0));
}

#[tokio::test]
async fn a_pressed_key_comes_back() {
    let carrier = carrier();
    let story = call(&carrier, "0010", Say::Key('7'), 2500).await;
    assert_eq!(story.keys, ['7']);
}

#[tokio::test]
async fn announcements_are_early_media_before_the_refusal() {
    let carrier = carrier();
    let (off, away) = tokio::join!(
        call(&carrier, "0005", Say::Nothing, 20_000),
        call(&carrier, "0006", Say::Nothing, 20_000)
    );
    for story in [&off, &away] {
        assert_eq!((story.status, &story.progress[..]), (480, &[(183, true)][..]));
        assert!(story.heard.len() > 8000, "more than a second was heard");
        assert!(level_db(&story.heard) > -45.0);
    }
    assert_eq!(away.reason, Some((Some(20), "Subscriber absent".to_owned())));
    assert_eq!(off.reason, None);
}

#[tokio::test]
async fn a_short_call_is_hung_up_by_the_carrier_after_three_seconds() {
    let carrier = carrier();
    let story = call(&carrier, "0014", Say::Nothing, 10_000).await;
    assert!(story.ended_by_them);
    let talked = story.talked.as_millis();
    assert!((2800..3600).contains(&talked), "{talked} ms");
}

#[tokio::test]
async fn a_hold_cycle_reinvites_to_hold() {
    let carrier = carrier();
    let story = call(&carrier, "0017", Say::Nothing, 10_600).await;
    assert_eq!(story.reoffers, ["a=sendonly", "a=sendrecv"]);
}

#[tokio::test]
async fn one_codec_numbers_answer_with_that_codec_only() {
    let carrier = carrier();
    for (last, theirs, other) in [("0018", "PCMA", "PCMU"), ("0019", "PCMU", "PCMA")] {
        let story = call(&carrier, last, Say::Nothing, 1500).await;
        assert!(story.answer.contains(theirs), "{}", story.answer);
        assert!(!story.answer.contains(other), "{}", story.answer);
        assert!(level_db(&story.heard) > -50.0);
    }
}

#[tokio::test]
async fn who_does_not_answer_is_cancelled_by_the_caller() {
    let carrier = carrier();
    let story = call(&carrier, "0004", Say::Nothing, 800).await;
    assert_eq!(story.progress, [(180, false)]);
    assert_eq!(story.status, 0);
    assert!(!story.ended_by_them);
}

#[tokio::test]
async fn a_dead_number_gets_no_answer_at_all_while_options_is_answered() {
    let carrier = carrier();
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
    let port = socket.local_addr().expect("bound").port();
    let request = |method: &str, user: &str| {
        format!(
            "{method} sip:{user}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{method}\r\n\
             From: <sip:a@127.0.0.1>;tag=1\r\nTo: <sip:{user}@127.0.0.1>\r\nCall-ID: {method}\r\nCSeq: 1 {method}\r\n\
             Max-Forwards: 70\r\nContact: <sip:a@127.0.0.1:{port}>\r\nContent-Length: 0\r\n\r\n"
        )
    };
    let invite = request("INVITE", "+919812340021");
    socket.send_to(invite.as_bytes(), carrier.address()).await.expect("sent");
    let options = request("OPTIONS", "carrier");
    socket.send_to(options.as_bytes(), carrier.address()).await.expect("sent");
    let mut buffer = [0; 2048];
    let length = socket.recv(&mut buffer).await.expect("an answer");
    let text = String::from_utf8_lossy(&buffer[..length]);
    assert!(text.starts_with("SIP/2.0 200") && text.contains("OPTIONS"), "{text}");
    let silence = tokio::time::timeout(Duration::from_millis(700), socket.recv(&mut buffer)).await;
    assert!(silence.is_err(), "nothing but the answer to OPTIONS came");
    assert_eq!(carrier.counts().offered, 0);
}

#[tokio::test]
async fn the_carrier_serves_tcp_on_the_same_port() {
    let carrier = carrier();
    let phone = Phone::new(Transport::Tcp, Say::Nothing).await;
    let span = Duration::from_millis(1000);
    let story = phone.call(carrier.address(), "+919812340016", span).await;
    assert_eq!(story.status, 200);
    assert!(share_at(&story.heard[1600..4800], 440.0) > 0.9);
}

/// Needs `sipp` (Debian package `sip-tester`, installed by `scripts/`).
#[tokio::test]
async fn sipp_calls_and_hangs_up() {
    let carrier = carrier();
    let target = carrier.address().to_string();
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().to_owned();
    let run = tokio::task::spawn_blocking(move || {
        Command::new("sipp")
            .args(["-sn", "uac", "-i", "127.0.0.1", "-s", "+919812340001", "-m", "3", "-r", "3"])
            .args(["-d", "500", "-timeout", "20s", "-timeout_error", "-nostdin", &target])
            .current_dir(folder)
            .output()
    });
    let output = run.await.expect("joined").expect("sipp is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(carrier.counts().answered, 3);
    carrier.stop().await;
}
