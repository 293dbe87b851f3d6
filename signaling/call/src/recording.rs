//! The recording of a call: started at most once, stopped exactly when it was started.

use crate::bridge::Pair;
use crate::call::Call;
use crate::consent::Consent;
use crate::timers::TimeoutReason;
use crate::{CallEventKind, LegId, LegRole, MediaAction, RecordingId, RecordingStatus};
use std::time::Instant;

/// Where the recording of a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Recording {
    /// Not started.
    Off,
    /// Writes what is said, or silence.
    Running { paused: bool },
    /// Told to stop; the last byte is not on disk yet.
    Stopping,
    /// Complete.
    Stopped,
    /// Could not be written, or must not be.
    Failed,
}

impl Recording {
    pub(crate) fn status(self) -> Option<RecordingStatus> {
        match self {
            Self::Off => None,
            Self::Running { paused: false } | Self::Stopping => Some(RecordingStatus::Recording),
            Self::Running { paused: true } => Some(RecordingStatus::Paused),
            Self::Stopped => Some(RecordingStatus::Stopped),
            Self::Failed => Some(RecordingStatus::Failed),
        }
    }

    /// Nothing more will be heard of it.
    pub(crate) fn is_settled(self) -> bool {
        match self {
            Self::Off | Self::Stopped | Self::Failed => true,
            Self::Running { .. } | Self::Stopping => false,
        }
    }
}

impl Call {
    /// The file begins at the answer, with silence up to now: nothing was kept before (I09).
    pub(crate) fn start_recording(&mut self, now: Instant, pair: Pair) {
        if self.recording != Recording::Off {
            return;
        }
        self.recording = Recording::Running { paused: false };
        let recording = RecordingId::of(self.id);
        let silence_ms = self.answered_ms_ago(now);
        self.record(now, pair);
        self.emit(CallEventKind::RecordingStarted { recording, silence_ms });
    }

    /// The customer agreed. With a transferor who is gone already it has to wait for the one who comes.
    pub(crate) fn record_agreed(&mut self, now: Instant, pair: Pair) {
        let stands = |leg: LegId| self.leg(leg).is_some_and(|leg| leg.answered().is_some());
        if stands(pair.ours.leg()) && stands(pair.far.leg()) {
            self.start_recording(now, pair);
        }
    }

    /// Another party of the same call: the file goes on.
    pub(crate) fn go_on_recording(&mut self, now: Instant, pair: Pair) {
        if self.consent == Consent::Agreed && self.recording == Recording::Off {
            return self.start_recording(now, pair);
        }
        if let Recording::Running { .. } = self.recording {
            self.record(now, pair);
        }
    }

    fn record(&mut self, now: Instant, pair: Pair) {
        let (left, right) = self.channels(pair);
        let silence_ms = self.answered_ms_ago(now);
        let recording = RecordingId::of(self.id);
        self.media(MediaAction::Record { recording, left, right, silence_ms });
    }

    fn answered_ms_ago(&self, now: Instant) -> u32 {
        let since = self.answered_at.map(|at| now.saturating_duration_since(at));
        since.map_or(0, |time| u32::try_from(time.as_millis()).unwrap_or(u32::MAX))
    }

    /// Left is the customer; of an internal call, who dialled.
    fn channels(&self, pair: Pair) -> (LegId, LegId) {
        let (ours, far) = (pair.ours.leg(), pair.far.leg());
        let caller_is_ours = self.leg(ours).is_some_and(|leg| leg.role == LegRole::Caller);
        if caller_is_ours { (ours, far) } else { (far, ours) }
    }

    pub(crate) fn pause_recording(&mut self, paused: bool) {
        let Recording::Running { paused: now_paused } = self.recording else { return };
        if now_paused == paused {
            return;
        }
        self.recording = Recording::Running { paused };
        let recording = RecordingId::of(self.id);
        self.media(MediaAction::PauseRecording { recording, paused });
        self.emit(CallEventKind::RecordingPaused { recording, paused });
    }

    pub(crate) fn stop_recording(&mut self, now: Instant) {
        if let Recording::Running { .. } = self.recording {
            self.recording = Recording::Stopping;
            let limit = now + self.config.recorder_close_limit;
            self.timers.set(limit, TimeoutReason::RecorderClose);
            self.media(MediaAction::StopRecording { recording: RecordingId::of(self.id) });
        }
    }

    pub(crate) fn recording_stopped(&mut self, recording: RecordingId, duration_ms: u64) {
        if recording != RecordingId::of(self.id) || self.recording.is_settled() {
            return;
        }
        self.recording = Recording::Stopped;
        self.timers.clear(TimeoutReason::RecorderClose);
        self.emit(CallEventKind::RecordingStopped { recording, duration_ms });
    }

    pub(crate) fn recording_failed(&mut self, recording: RecordingId, error: String) {
        if recording != RecordingId::of(self.id) || self.recording.is_settled() {
            return;
        }
        self.recording = Recording::Failed;
        self.timers.clear(TimeoutReason::RecorderClose);
        self.emit(CallEventKind::RecordingFailed { recording, error });
    }

    /// It must not run, for a reason an administrator should read.
    pub(crate) fn recording_was_refused(&mut self, why: &str) {
        if self.recording == Recording::Off {
            self.recording = Recording::Failed;
            let recording = RecordingId::of(self.id);
            self.emit(CallEventKind::RecordingFailed { recording, error: why.to_owned() });
        }
    }

    pub(crate) fn recorder_is_stuck(&mut self) {
        let error = "the recorder did not confirm the end of the file".to_owned();
        self.recording_failed(RecordingId::of(self.id), error);
    }
}
