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
        let source = self.prompt(prompt);
        self.play(pair.ours.leg(), source.clone());
        let playback = self.play(pair.far.leg(), source);
        self.timers.set(now + self.config.announcement_limit, TimeoutReason::Announcement);
        let mode = record.consent;
        self.stage = Stage::Announcing(Announcing { pair, mode, prompt, playback });
    }

    pub(crate) fn announcement_finished(&mut self, now: Instant, leg: LegId, finished: PlaybackId) {
        let Stage::Announcing(announcing) = &self.stage else { return };
        if announcing.playback != finished || announcing.pair.far.leg() != leg {
            return;
        }
        let (pair, mode, prompt) = (announcing.pair, announcing.mode, announcing.prompt);
        self.emit(CallEventKind::Announced { leg, prompt: prompt.to_owned() });
        self.talk(now, pair, mode != ConsentMode::OptIn);
    }

    /// The announcement cannot be proved to have been heard: talk, but keep no audio.
    pub(crate) fn announcement_failed(&mut self, now: Instant) {
        if let Stage::Announcing(announcing) = &self.stage {
            let pair = announcing.pair;
            self.talk(now, pair, false);
            self.recording_was_refused("the announcement did not come to its end");
        }
    }

    /// A key of the customer may decide about the recording.
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
        match &self.stage {
            Stage::Announcing(announcing) => {
                let pair = announcing.pair;
                self.talk(now, pair, agreed);
            }
            Stage::Talking(talk) if agreed => {
                let pair = talk.pair;
                self.start_recording(pair);
            }
            Stage::Talking(_) => self.stop_recording(now),
            Stage::New
            | Stage::Routing(_)
            | Stage::Admitting(_)
            | Stage::CallingAgent(_)
            | Stage::Hunting(_)
            | Stage::Connecting(_)
            | Stage::Toning { .. }
            | Stage::Over(_) => {}
        }
    }
}
