//! What the engine reports.

use crate::{LegKey, MediaDirection, PlaybackId, RecordingKey};
use bytes::Bytes;

/// Media quality of a leg over its life (TEL-17).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LegQuality {
    /// Codec as in SDP: `PCMA`, `PCMU`; empty where none was agreed.
    pub codec: &'static str,
    /// Packets received from the party.
    pub packets_received: u64,
    /// Packets expected and not received.
    pub packets_lost: u64,
    /// Packets sent to the party.
    pub packets_sent: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1), mean, milliseconds.
    pub jitter_ms: f32,
    /// Round trip by RTCP, where the party reports.
    pub round_trip_ms: Option<f32>,
    /// Loss the party reported of our packets, percent.
    pub remote_loss_percent: Option<f32>,
    /// E-model estimate (ITU-T G.107), 1.0 to 4.5.
    pub mos: f32,
}

/// Why a command on a leg could not be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum FailReason {
    /// No common codec, or a session description that makes no sense: 488.
    #[error("incompatible media")]
    IncompatibleMedia,
    /// Every port of the range is taken: 503.
    #[error("no free port")]
    NoPorts,
    /// The leg is not open (any more).
    #[error("unknown leg")]
    UnknownLeg,
    /// The secure connection to a browser could not be made or kept: 500.
    #[error("no secure connection")]
    Insecure,
    /// The system refused a socket.
    #[error("internal error")]
    InternalError,
}

/// From the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaEvent {
    /// Ports are taken; our offer or answer.
    Opened {
        /// Which leg.
        leg: LegKey,
        /// Session description to send.
        sdp: Bytes,
    },
    /// Their answer was taken; media may flow.
    Established {
        /// Which leg.
        leg: LegKey,
    },
    /// Their new offer was taken; our answer.
    Reanswered {
        /// Which leg.
        leg: LegKey,
        /// Session description to send.
        sdp: Bytes,
        /// What they want, as their offer said it: `SendOnly`/`Inactive` means they hold us
        /// (also for the old `c=0.0.0.0`); `SendRecv` means they are back.
        direction: MediaDirection,
    },
    /// Our new offer.
    Reoffer {
        /// Which leg.
        leg: LegKey,
        /// Session description to send.
        sdp: Bytes,
    },
    /// A command on this leg cannot be done; the leg keeps its former state (none, for `Open`).
    Failed {
        /// Which leg.
        leg: LegKey,
        /// Why.
        reason: FailReason,
    },
    /// A key was pressed (once per press).
    Dtmf {
        /// Which leg.
        leg: LegKey,
        /// `0-9*#A-D`.
        digit: char,
    },
    /// Nothing was received for the allowed time (C13).
    Silent {
        /// Which leg.
        leg: LegKey,
    },
    /// A clip or prompt came to its end (not sent when stopped or replaced).
    PlayFinished {
        /// Which leg.
        leg: LegKey,
        /// As given.
        playback: PlaybackId,
    },
    /// The party began to talk (only with `DetectSpeech`).
    SpeechStarted {
        /// Which leg.
        leg: LegKey,
    },
    /// The party fell silent after talking (only with `DetectSpeech`).
    SpeechEnded {
        /// Which leg.
        leg: LegKey,
    },
    /// The file is complete on disk.
    RecordingStopped {
        /// Which recording.
        recording: RecordingKey,
        /// Length.
        duration_ms: u64,
    },
    /// The file could not be written (disk full, queue full). The call goes on.
    RecordingFailed {
        /// Which recording.
        recording: RecordingKey,
        /// For an administrator.
        error: String,
    },
    /// How a leg fares, with every RTCP report (only with `Config::quality_events`).
    Quality {
        /// Which leg.
        leg: LegKey,
        /// Since it was opened.
        quality: LegQuality,
    },
    /// Ports are free again.
    Closed {
        /// Which leg.
        leg: LegKey,
        /// How it fared.
        quality: LegQuality,
    },
}
