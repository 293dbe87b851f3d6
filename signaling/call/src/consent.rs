//! The recording announcement and what the customer decides about it (SEC-02, I09).

use crate::bridge::Pair;
use crate::call::{Call, Stage};
use crate::timers::TimeoutReason;
use crate::{CallEventKind, ConsentMode, LegId, MediaAction, PlaybackId};
use std::time::Instant;

/// What the customer was asked and said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Consent {
    /// Nothing depends on it.
    NotAsked,
    /// A key may still decide.
    Asked {
        mode: ConsentMode,
        until: Instant,
    },
    Agreed,
    Refused,
}

/// The announcement that plays to the customer while the agent hears it too.
#[derive(Debug)]
pub(crate) struct Announcing {
    pub(crate) pair: Pair,
    mode: ConsentMode,
    prompt: &'static str,
    playback: PlaybackId,
    /// What a key decided before its end; what plays since is the answer to that.
    decided: Option<bool>,
}

impl Call {
    /// Both sides answered: announce first where the plan says so.
    pub(crate) fn announce_or_talk(&mut self, now: Instant, pair: Pair) {
        let record = self.plan.as_deref().map(|plan| plan.record.clone()).unwrap_or_default();
        let prompt = match record.consent {
            ConsentMode::Silent => None,
            ConsentMode::Announce => Some("recording_announcement"),
            ConsentMode::AnnounceOptOut => Some("recording_opt_out"),
            ConsentMode::OptIn => Some("recording_opt_in"),
        };
        let Some(prompt) = prompt.filter(|_| record.enabled) else {
            return self.talk(now, pair, record.enabled);
        };
        if matches!(record.consent, ConsentMode::AnnounceOptOut | ConsentMode::OptIn) {
            let until = now + self.config.consent_window;
            self.consent = Consent::Asked { mode: record.consent, until };
        }
        self.media(MediaAction::Unbridge { leg: pair.far.leg() });
        let playback = self.announce(now, pair, prompt);
        let mode = record.consent;
        self.stage = Stage::Announcing(Announcing { pair, mode, prompt, playback, decided: None });
    }

    /// To both; the end of what the far side hears counts.
    fn announce(&mut self, now: Instant, pair: Pair, prompt: &str) -> PlaybackId {
        let source = self.prompt(prompt);
        self.play(pair.ours.leg(), source.clone());
        let playback = self.play(pair.far.leg(), source);
        self.timers.set(now + self.config.announcement_limit, TimeoutReason::Announcement);
        playback
    }

    pub(crate) fn announcement_finished(&mut self, now: Instant, leg: LegId, finished: PlaybackId) {
        let Stage::Announcing(announcing) = &self.stage else { return };
        if announcing.playback != finished || announcing.pair.far.leg() != leg {
            return;
        }
        let (pair, mode, prompt) = (announcing.pair, announcing.mode, announcing.prompt);
        if let Some(agreed) = announcing.decided {
            return self.talk(now, pair, agreed);
        }
        self.emit(CallEventKind::Announced { leg, prompt: prompt.to_owned() });
        self.talk(now, pair, mode != ConsentMode::OptIn);
    }

    /// The announcement cannot be proved to have been heard: talk, but keep no audio.
    pub(crate) fn announcement_failed(&mut self, now: Instant) {
        if let Stage::Announcing(announcing) = &self.stage {
            let (pair, decided) = (announcing.pair, announcing.decided);
            self.talk(now, pair, decided == Some(true));
            if decided.is_none() {
                self.recording_was_refused("the announcement did not come to its end");
            }
        }
    }

    /// A key of the customer may decide about the recording, and the customer hears that it has.
    pub(crate) fn consent_key(&mut self, now: Instant, digit: char) {
        let Consent::Asked { mode, until } = self.consent else { return };
        if now > until {
            self.consent = Consent::NotAsked;
            return;
        }
        let agreed = match (mode, digit) {
            (ConsentMode::OptIn, '1') => true,
            (ConsentMode::AnnounceOptOut, '9') => false,
            (
                ConsentMode::Silent
                | ConsentMode::Announce
                | ConsentMode::AnnounceOptOut
                | ConsentMode::OptIn,
                _,
            ) => return,
        };
        self.consent = if agreed { Consent::Agreed } else { Consent::Refused };
        self.emit(CallEventKind::ConsentDecided { agreed });
        let answer = if agreed { "consent_thanks" } else { "recording_stopped" };
        if let Stage::Announcing(announcing) = &self.stage {
            let pair = announcing.pair;
            let playback = self.announce(now, pair, answer);
            if let Stage::Announcing(announcing) = &mut self.stage {
                (announcing.playback, announcing.decided) = (playback, Some(agreed));
            }
        } else if let Stage::Talking(talk) = &self.stage {
            let pair = talk.pair;
            if agreed {
                self.record_agreed(now, pair)
            } else {
                self.stop_recording(now)
            }
            // Who hears music or ringback is not to lose it; the agent goes on being heard after it.
            if self.joined_peer_of(pair.far.leg()).is_some() {
                let answer = self.prompt(answer);
                self.play(pair.far.leg(), answer);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rig::{self, Rig, emit, leg, media, play};
    use crate::*;
    use std::time::Duration;

    fn announcing(consent: ConsentMode) -> (Rig, Vec<Output>) {
        let mut rig = Rig::dialling(rig::recorded(consent));
        rig.answered(1, "answer 1");
        let out = rig.established(1);
        (rig, out)
    }

    fn finished(playback: u32) -> MediaNotice {
        MediaNotice::PlayFinished { leg: leg(1), playback: PlaybackId(playback) }
    }

    fn record() -> [Output; 2] {
        let (left, right) = (leg(1), leg(0));
        let recording = rig::recording();
        [
            media(MediaAction::Record { recording, left, right, silence_ms: 0 }),
            emit(CallEventKind::RecordingStarted { recording, silence_ms: 0 }),
        ]
    }

    fn joined() -> [Output; 2] {
        [
            media(MediaAction::Bridge { a: leg(0), b: leg(1) }),
            emit(CallEventKind::Bridged { a: leg(0), b: leg(1) }),
        ]
    }

    fn announced(name: &str) -> Output {
        emit(CallEventKind::Announced { leg: leg(1), prompt: name.into() })
    }

    fn pressed(digit: char) -> Output {
        emit(CallEventKind::DtmfReceived { leg: leg(1), digit })
    }

    /// SEC-02, I09.
    #[test]
    fn the_announcement_is_heard_to_its_end_before_anything_is_recorded() {
        let (mut rig, out) = announcing(ConsentMode::Announce);
        assert_eq!(
            out[1..],
            [
                media(MediaAction::Unbridge { leg: leg(1) }),
                play(0, 2, rig::prompt("recording_announcement")),
                play(1, 3, rig::prompt("recording_announcement")),
            ]
        );
        let [bridge, bridged] = joined();
        let [record, started] = record();
        assert_eq!(rig.media(finished(2)), [], "only the customer's hearing counts");
        assert_eq!(
            rig.media(finished(3)),
            [announced("recording_announcement"), bridge, bridged, record, started]
        );
    }

    /// The file begins at the answer: what passed before anything may be kept is silence in it.
    #[test]
    fn the_recording_begins_with_the_time_since_the_answer_as_silence() {
        let (left, right, recording) = (leg(1), leg(0), rig::recording());
        let begins = |silence_ms| {
            [
                media(MediaAction::Record { recording, left, right, silence_ms }),
                emit(CallEventKind::RecordingStarted { recording, silence_ms }),
            ]
        };
        let (mut rig, _) = announcing(ConsentMode::Announce);
        rig.pass(Duration::from_millis(4250));
        assert_eq!(rig.media(finished(3))[3..], begins(4250));

        // Who agrees late has the whole time before it silent.
        let (mut rig, _) = announcing(ConsentMode::OptIn);
        rig.pass(Duration::from_secs(5));
        rig.media(finished(3));
        rig.pass(Duration::from_secs(7));
        let one = MediaNotice::Dtmf { leg: leg(1), digit: '1' };
        assert_eq!(rig.media(one)[2..4], begins(12_000));
    }

    #[test]
    fn nine_within_the_window_stops_the_recording_and_later_it_is_a_key_like_any() {
        let (mut rig, _) = announcing(ConsentMode::AnnounceOptOut);
        rig.media(finished(3));
        let nine = MediaNotice::Dtmf { leg: leg(1), digit: '9' };
        let refused = emit(CallEventKind::ConsentDecided { agreed: false });
        let stop = media(MediaAction::StopRecording { recording: rig::recording() });
        let told = play(1, 4, rig::prompt("recording_stopped"));
        assert_eq!(rig.media(nine.clone()), [pressed('9'), refused, stop, told]);
        assert_eq!(rig.media(finished(4)), [], "the talk has gone on meanwhile");
        assert_eq!(rig.media(nine.clone()), [pressed('9')]);

        let (mut rig, _) = announcing(ConsentMode::AnnounceOptOut);
        rig.media(finished(3));
        rig.pass(Duration::from_secs(31));
        assert_eq!(rig.media(nine), [pressed('9')]);
    }

    #[test]
    fn nine_during_the_announcement_is_answered_and_joins_both_unrecorded() {
        let (mut rig, _) = announcing(ConsentMode::AnnounceOptOut);
        let refused = emit(CallEventKind::ConsentDecided { agreed: false });
        let nine = MediaNotice::Dtmf { leg: leg(1), digit: '9' };
        let told = |n, playback| play(n, playback, rig::prompt("recording_stopped"));
        assert_eq!(rig.media(nine.clone()), [pressed('9'), refused, told(0, 4), told(1, 5)]);
        assert_eq!(rig.media(nine), [pressed('9')], "it is decided");
        assert_eq!(rig.media(finished(3)), [], "the announcement was cut short");
        assert_eq!(rig.media(finished(5)), joined());
    }

    #[test]
    fn one_during_the_question_is_thanked_for_before_anything_is_recorded() {
        for thanked in [true, false] {
            let (mut rig, _) = announcing(ConsentMode::OptIn);
            rig.pass(Duration::from_secs(20));
            let agreed = emit(CallEventKind::ConsentDecided { agreed: true });
            let thanks = |n, playback| play(n, playback, rig::prompt("consent_thanks"));
            let out = rig.media(MediaNotice::Dtmf { leg: leg(1), digit: '1' });
            assert_eq!(out, [pressed('1'), agreed, thanks(0, 4), thanks(1, 5)]);
            assert_eq!(
                rig.pass(Duration::from_secs(11)),
                [],
                "the thanks have a time of their own"
            );
            // Whoever agreed did, though the thanks never end.
            let out = match thanked {
                true => rig.media(finished(5)),
                false => rig.pass(Duration::from_secs(19)),
            };
            let (left, right, recording) = (leg(1), leg(0), rig::recording());
            let silence_ms = if thanked { 31_000 } else { 50_000 };
            assert_eq!(out[..2], joined());
            assert_eq!(out[2], media(MediaAction::Record { recording, left, right, silence_ms }));
            assert_eq!(out.len(), 4);
        }
    }

    #[test]
    fn a_key_of_a_customer_on_hold_leaves_the_music() {
        let (mut rig, _) = announcing(ConsentMode::AnnounceOptOut);
        rig.media(finished(3));
        rig.control(Control::Hold);
        let refused = emit(CallEventKind::ConsentDecided { agreed: false });
        let stop = media(MediaAction::StopRecording { recording: rig::recording() });
        let out = rig.media(MediaNotice::Dtmf { leg: leg(1), digit: '9' });
        assert_eq!(out, [pressed('9'), refused, stop]);
    }

    #[test]
    fn without_one_pressed_an_opt_in_call_goes_on_unrecorded() {
        let (mut rig, _) = announcing(ConsentMode::OptIn);
        let [bridge, bridged] = joined();
        assert_eq!(rig.media(finished(3)), [announced("recording_opt_in"), bridge, bridged]);
        let agreed = emit(CallEventKind::ConsentDecided { agreed: true });
        let [record, started] = record();
        assert_eq!(
            rig.media(MediaNotice::Dtmf { leg: leg(1), digit: '1' }),
            [pressed('1'), agreed, record, started, play(1, 4, rig::prompt("consent_thanks"))]
        );
    }

    #[test]
    fn the_agents_keys_decide_nothing() {
        let (mut rig, _) = announcing(ConsentMode::OptIn);
        let out = rig.media(MediaNotice::Dtmf { leg: leg(0), digit: '1' });
        assert_eq!(out, [emit(CallEventKind::DtmfReceived { leg: leg(0), digit: '1' })]);
    }

    #[test]
    fn an_announcement_that_never_ends_leaves_the_call_unrecorded() {
        let (mut rig, _) = announcing(ConsentMode::Announce);
        let out = rig.pass(Duration::from_secs(30));
        let [bridge, bridged] = joined();
        assert_eq!(out[..2], [bridge, bridged]);
        assert!(matches!(&out[2], Output::Emit(CallEventKind::RecordingFailed { .. })));
        assert_eq!(out.len(), 3);
    }
}
