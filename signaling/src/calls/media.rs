//! Between the call core and the media engine: the same words in two crates' types.

use super::{CallDoor, CallTaskEvent};
use ::media::{
    Codec, Engine, EventSink, FailReason, GroupKey, LegKey, LegSettings, MediaCommand, MediaEvent,
    RecordingKey,
};
use call::{
    CallId, CauseKind, EndedBy, HangupCause, LegId, LegQuality, MediaAction, MediaDirection,
    MediaNotice, PlaySource, PlaybackId, RecordingId, Tone,
};
use dashmap::DashMap;
use std::{path::PathBuf, sync::Arc};
use uuid::Uuid;

/// The media engine, and which call each of its legs and recordings belongs to.
pub(crate) struct MediaPort {
    engine: Engine,
    routes: Arc<DashMap<Uuid, CallDoor>>,
}

impl MediaPort {
    /// Starts the engine; its events go to the mailboxes of the calls.
    pub(crate) fn start(config: ::media::Config) -> Result<Self, ::media::StartError> {
        let routes: Arc<DashMap<Uuid, CallDoor>> = Arc::default();
        let seen = routes.clone();
        let sink: EventSink = Arc::new(move |event| {
            let door = seen.get(&subject(&event)).map(|door| door.clone());
            if let Some(door) = door {
                door.put(CallTaskEvent::Media(event));
            }
        });
        Ok(Self { engine: Engine::start(config, sink)?, routes })
    }

    /// Whether every thread of the engine still runs.
    pub(crate) fn runs(&self) -> bool {
        self.engine.runs()
    }

    /// Events about this leg or recording go there.
    pub(super) fn route(&self, subject: Uuid, door: &CallDoor) {
        self.routes.insert(subject, door.clone());
    }

    /// Events about it go nowhere any more.
    pub(super) fn unroute(&self, subject: Uuid) {
        self.routes.remove(&subject);
    }

    pub(super) fn submit(&self, command: MediaCommand) -> Result<(), ::media::Full> {
        self.engine.submit(command)
    }
}

fn subject(event: &MediaEvent) -> Uuid {
    match event {
        MediaEvent::Opened { leg, .. }
        | MediaEvent::Established { leg }
        | MediaEvent::Reanswered { leg, .. }
        | MediaEvent::Reoffer { leg, .. }
        | MediaEvent::Failed { leg, .. }
        | MediaEvent::Dtmf { leg, .. }
        | MediaEvent::Silent { leg }
        | MediaEvent::PlayFinished { leg, .. }
        | MediaEvent::SpeechStarted { leg }
        | MediaEvent::SpeechEnded { leg }
        | MediaEvent::Quality { leg, .. }
        | MediaEvent::Closed { leg, .. } => leg.0,
        MediaEvent::RecordingStopped { recording, .. }
        | MediaEvent::RecordingFailed { recording, .. } => recording.0,
    }
}

/// What a translation needs beside the action itself.
pub(super) struct MediaTerms {
    pub(super) call: CallId,
    /// For `Open`.
    pub(super) settings: LegSettings,
    /// For `Record`.
    pub(super) recording_path: PathBuf,
}

/// The core's action in the engine's words.
pub(super) fn command(action: MediaAction, terms: MediaTerms) -> MediaCommand {
    let MediaTerms { call, settings, recording_path } = terms;
    match action {
        MediaAction::Open { leg, offer, profile: _ } => {
            MediaCommand::Open { leg: key(leg), group: GroupKey(call.uuid()), offer, settings }
        }
        MediaAction::SetAnswer { leg, sdp } => MediaCommand::SetAnswer { leg: key(leg), sdp },
        MediaAction::AnswerReoffer { leg, sdp } => {
            MediaCommand::AnswerReoffer { leg: key(leg), sdp }
        }
        MediaAction::MakeReoffer { leg, direction } => {
            MediaCommand::MakeReoffer { leg: key(leg), direction: direction_out(direction) }
        }
        MediaAction::Bridge { a, b } => MediaCommand::Bridge { a: key(a), b: key(b) },
        MediaAction::Unbridge { leg } => MediaCommand::Unbridge { leg: key(leg) },
        MediaAction::Play { leg, playback, source } => MediaCommand::Play {
            leg: key(leg),
            playback: ::media::PlaybackId(playback.0),
            source: source_out(source),
        },
        MediaAction::StopPlay { leg } => MediaCommand::StopPlay { leg: key(leg) },
        MediaAction::Mute { leg, muted } => MediaCommand::Mute { leg: key(leg), muted },
        MediaAction::SendDtmf { leg, digits } => MediaCommand::SendDtmf { leg: key(leg), digits },
        MediaAction::Record { recording, left, right, silence_ms } => MediaCommand::Record {
            recording: recording_key(recording),
            left: key(left),
            right: key(right),
            path: recording_path,
            silence_ms,
        },
        MediaAction::PauseRecording { recording, paused } => {
            MediaCommand::PauseRecording { recording: recording_key(recording), paused }
        }
        MediaAction::StopRecording { recording } => {
            MediaCommand::StopRecording { recording: recording_key(recording) }
        }
        MediaAction::Close { leg } => MediaCommand::Close { leg: key(leg) },
    }
}

/// The engine's event in the core's words; `None` for what the core does not use.
pub(super) fn notice(event: MediaEvent) -> Option<MediaNotice> {
    let leg_of = |leg: LegKey| LegId(leg.0);
    Some(match event {
        MediaEvent::Opened { leg, sdp } => MediaNotice::Opened { leg: leg_of(leg), sdp },
        MediaEvent::Established { leg } => MediaNotice::Established { leg: leg_of(leg) },
        MediaEvent::Reanswered { leg, sdp, direction } => {
            MediaNotice::Reanswered { leg: leg_of(leg), sdp, direction: direction_in(direction) }
        }
        MediaEvent::Reoffer { leg, sdp } => MediaNotice::Reoffer { leg: leg_of(leg), sdp },
        MediaEvent::Failed { leg, reason } => {
            MediaNotice::Failed { leg: leg_of(leg), cause: failure(reason) }
        }
        MediaEvent::Dtmf { leg, digit } => MediaNotice::Dtmf { leg: leg_of(leg), digit },
        MediaEvent::Silent { leg } => MediaNotice::Silent { leg: leg_of(leg) },
        MediaEvent::PlayFinished { leg, playback } => {
            MediaNotice::PlayFinished { leg: leg_of(leg), playback: PlaybackId(playback.0) }
        }
        MediaEvent::RecordingStopped { recording, duration_ms } => {
            MediaNotice::RecordingStopped { recording: RecordingId(recording.0), duration_ms }
        }
        MediaEvent::RecordingFailed { recording, error } => {
            MediaNotice::RecordingFailed { recording: RecordingId(recording.0), error }
        }
        MediaEvent::Closed { leg, quality } => {
            MediaNotice::Closed { leg: leg_of(leg), quality: quality_in(quality) }
        }
        MediaEvent::SpeechStarted { .. }
        | MediaEvent::SpeechEnded { .. }
        | MediaEvent::Quality { .. } => return None,
    })
}

/// SDP codec names in the engine's type; names it does not know are left out.
pub(super) fn codecs(names: &[String]) -> Vec<Codec> {
    let known = |name: &String| match name.to_ascii_uppercase().as_str() {
        "PCMA" => Some(Codec::Pcma),
        "PCMU" => Some(Codec::Pcmu),
        _ => None,
    };
    names.iter().filter_map(known).collect()
}

fn failure(reason: FailReason) -> HangupCause {
    let (kind, status) = match reason {
        FailReason::IncompatibleMedia => (CauseKind::IncompatibleMedia, 488),
        FailReason::NoPorts => (CauseKind::InternalError, 503),
        FailReason::UnknownLeg | FailReason::Insecure | FailReason::InternalError => {
            (CauseKind::InternalError, 500)
        }
    };
    HangupCause { sip_status: Some(status), ..HangupCause::new(EndedBy::System, kind) }
}

fn key(leg: LegId) -> LegKey {
    LegKey(leg.uuid())
}

fn recording_key(recording: RecordingId) -> RecordingKey {
    RecordingKey(recording.uuid())
}

fn direction_out(direction: MediaDirection) -> ::media::MediaDirection {
    match direction {
        MediaDirection::SendRecv => ::media::MediaDirection::SendRecv,
        MediaDirection::SendOnly => ::media::MediaDirection::SendOnly,
        MediaDirection::RecvOnly => ::media::MediaDirection::RecvOnly,
        MediaDirection::Inactive => ::media::MediaDirection::Inactive,
    }
}

fn direction_in(direction: ::media::MediaDirection) -> MediaDirection {
    match direction {
        ::media::MediaDirection::SendRecv => MediaDirection::SendRecv,
        ::media::MediaDirection::SendOnly => MediaDirection::SendOnly,
        ::media::MediaDirection::RecvOnly => MediaDirection::RecvOnly,
        ::media::MediaDirection::Inactive => MediaDirection::Inactive,
    }
}

fn source_out(source: PlaySource) -> ::media::PlaySource {
    match source {
        PlaySource::Tone(tone) => ::media::PlaySource::Tone(match tone {
            Tone::Ringback => ::media::Tone::Ringback,
            Tone::Busy => ::media::Tone::Busy,
            Tone::Congestion => ::media::Tone::Congestion,
            Tone::Beep => ::media::Tone::Beep,
        }),
        PlaySource::Prompt { name, language } => ::media::PlaySource::Prompt { name, language },
        PlaySource::HoldMusic => ::media::PlaySource::HoldMusic,
    }
}

fn quality_in(quality: ::media::LegQuality) -> LegQuality {
    LegQuality {
        codec: quality.codec.to_owned(),
        packets_received: quality.packets_received,
        packets_lost: quality.packets_lost,
        packets_sent: quality.packets_sent,
        jitter_ms: quality.jitter_ms,
        round_trip_ms: quality.round_trip_ms,
        remote_loss_percent: quality.remote_loss_percent,
        mos: quality.mos,
    }
}
