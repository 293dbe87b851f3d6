//! Numbers that talk, are silent, or are particular about keys.

use crate::ears::{RATE, level_db, share_at};
use crate::phone::Say;
use crate::stories::{call, carrier};
use std::time::Duration;

/// 100 ms.
const WINDOW: usize = 800;
/// Speech is louder, line noise is not.
const SPOKEN_DB: f32 = -45.0;
/// The tone of a machine.
const BEEP_HZ: f32 = 1000.0;

/// Loud or not, by tenths of a second.
fn loud(heard: &[i16]) -> Vec<bool> {
    heard.chunks_exact(WINDOW).map(|window| level_db(window) > SPOKEN_DB).collect()
}

/// Stretches of speech, where a pause of half a second and more parts two.
fn turns(heard: &[i16]) -> usize {
    let (mut turns, mut silent) = (0, 10);
    for loud in loud(heard) {
        if loud && silent >= 5 {
            turns += 1;
        }
        silent = if loud { 0 } else { silent + 1 };
    }
    turns
}

/// 0002.
#[tokio::test]
async fn a_conversation_takes_turns_for_a_minute_and_hangs_up() {
    let carrier = carrier();
    let story = call(&carrier, "0002", Say::Nothing, 75_000).await;
    assert_eq!(story.status, 200);
    assert!(story.ended_by_them);
    let talked = story.talked.as_secs_f32();
    assert!((59.0..62.5).contains(&talked), "{talked} s");
    let turns = turns(&story.heard);
    assert!((4..=12).contains(&turns), "{turns} turns of speech");
}

/// 0008.
#[tokio::test]
async fn a_machine_greets_for_six_seconds_then_beeps_and_is_silent() {
    let carrier = carrier();
    let story = call(&carrier, "0008", Say::Nothing, 9000).await;
    assert!(!story.ended_by_them);
    let windows: Vec<&[i16]> = story.heard.chunks_exact(WINDOW).collect();
    let beeps = |window: &&[i16]| level_db(window) > SPOKEN_DB && share_at(window, BEEP_HZ) > 0.9;
    let beep = windows.iter().position(beeps).expect("a beep");
    let at = beep as f32 * WINDOW as f32 / RATE;
    assert!((5.7..6.5).contains(&at), "the beep comes after {at} s");
    assert!(level_db(&story.heard[..beep * WINDOW]) > SPOKEN_DB, "a greeting was spoken");
    let after: Vec<i16> = windows[beep + 10..].concat();
    assert!(after.len() > WINDOW * 5 && level_db(&after) < -60.0, "{} dB", level_db(&after));
}

/// 0013.
#[tokio::test]
async fn a_silent_number_answers_and_says_nothing() {
    let carrier = carrier();
    let story = call(&carrier, "0013", Say::Nothing, 3000).await;
    assert_eq!((story.status, story.ended_by_them), (200, false));
    assert!(level_db(&story.heard) < -60.0, "{} dB", level_db(&story.heard));
}

/// 0020: we offer 96, it names 101 and nothing else, and is understood.
#[tokio::test]
async fn a_number_for_events_101_names_no_other_type() {
    let carrier = carrier();
    let story = call(&carrier, "0020", Say::Nothing, 1500).await;
    let events: Vec<&str> =
        story.answer.lines().filter(|line| line.contains("telephone-event")).collect();
    assert_eq!(events, ["a=rtpmap:101 telephone-event/8000"], "{}", story.answer);
    let media = story.answer.lines().find(|line| line.starts_with("m=audio")).expect("audio");
    assert!(media.ends_with(" RTP/AVP 8 101"), "{media}");
    assert!(level_db(&story.heard) > SPOKEN_DB);
    // Other numbers take the type they are offered.
    let other = call(&carrier, "0013", Say::Nothing, 500).await;
    assert!(other.answer.contains("a=rtpmap:96 telephone-event/8000"), "{}", other.answer);
}

/// 0010, by INFO.
#[tokio::test]
async fn a_key_told_by_info_comes_back_as_a_key() {
    let carrier = carrier();
    let story = call(&carrier, "0010", Say::Info('5'), 2500).await;
    assert_eq!(story.keys, ['5']);
}

/// The contract's six seconds are those of the files, in every language.
#[test]
fn the_greeting_of_the_machine_lasts_six_seconds() {
    let sounds = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sounds");
    for language in ["en", "hi"] {
        let file = sounds.join(language).join("carrier_machine_greeting.wav");
        let audio = std::fs::metadata(&file).expect("a prompt").len() - 44;
        let length = Duration::from_secs_f32(audio as f32 / 2.0 / RATE);
        assert_eq!(length, Duration::from_secs(6), "{language}");
    }
}
