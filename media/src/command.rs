//! What may be asked of the engine.

use crate::{GroupKey, LegKey, RecordingKey};
use bytes::Bytes;
use media_proto::Codec;
pub use media_proto::sdp::MediaDirection;
use std::net::IpAddr;
use std::path::PathBuf;

/// How the media of a leg is to be treated, settled once at `Open`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LegSettings {
    /// Codecs we accept, best first. Empty means PCMA, PCMU.
    pub codecs: Vec<Codec>,
    /// Offer and accept RFC 4733 telephone events.
    pub telephone_event: bool,
    /// Answer with our own payload type for them (101) instead of echoing theirs.
    pub own_event_type: bool,
    /// Packet time we ask for, milliseconds.
    pub ptime_ms: u8,
    /// The party may sit behind a NAT: its address may be learned from its first packets
    /// (design rule 4). Off for trunks.
    pub learn_address: bool,
    /// With `learn_address`: only this source (where its SIP comes from) may be learned.
    pub learn_from: Option<IpAddr>,
    /// Offer ICE and DTLS-SRTP, as browsers want it. What they offer decides for itself.
    pub browser: bool,
    /// Our address to write into SDP. `None`: the configured external address for public
    /// peers, else the local address that leads to the peer.
    pub address: Option<IpAddr>,
}

impl Default for LegSettings {
    fn default() -> Self {
        Self {
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            telephone_event: true,
            own_event_type: false,
            ptime_ms: 20,
            learn_address: false,
            learn_from: None,
            browser: false,
            address: None,
        }
    }
}

/// Chosen by the caller, echoed in `PlayFinished`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PlaybackId(pub u32);

/// Call progress tones, generated (ITU-T E.180, India).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Tone {
    /// The called side rings.
    Ringback,
    /// It is busy.
    Busy,
    /// Congestion or failure.
    Congestion,
    /// One short tone.
    Beep,
    /// A steady sine of this frequency until stopped.
    Sine(u16),
}

/// What a leg hears instead of its peer.
#[derive(Clone, Debug)]
pub enum PlaySource {
    /// Until stopped or bridged (`Beep`: once).
    Tone(Tone),
    /// `sounds/<language>/<name>.wav`, once.
    Prompt {
        /// File stem.
        name: String,
        /// Folder; falls back to `en`.
        language: String,
    },
    /// Music until stopped.
    HoldMusic,
    /// Ready-made audio.
    Clip {
        /// The audio.
        clip: std::sync::Arc<media_proto::Clip>,
        /// From the start again at its end.
        looped: bool,
    },
}

/// To the engine.
#[derive(Clone, Debug)]
pub enum MediaCommand {
    /// Take ports. With an offer: answer it. Without: make an offer. Reply: `Opened` or `Failed`.
    Open {
        /// Which leg.
        leg: LegKey,
        /// The call it belongs to.
        group: GroupKey,
        /// Their offer.
        offer: Option<Bytes>,
        /// How to treat it.
        settings: LegSettings,
    },
    /// Their answer to our offer (also early). Reply: `Established` or `Failed`.
    SetAnswer {
        /// Which leg.
        leg: LegKey,
        /// Their answer.
        sdp: Bytes,
    },
    /// Their new offer. Reply: `Reanswered` or `Failed`.
    AnswerReoffer {
        /// Which leg.
        leg: LegKey,
        /// Their offer; `None`: make an offer for the 200 (late).
        sdp: Option<Bytes>,
    },
    /// Make a new offer of ours. Reply: `Reoffer`.
    MakeReoffer {
        /// Which leg.
        leg: LegKey,
        /// Direction seen from us.
        direction: MediaDirection,
    },
    /// The two hear each other; ends what either was playing. Also after hold.
    Bridge {
        /// One leg.
        a: LegKey,
        /// The other, of the same group.
        b: LegKey,
    },
    /// The leg hears and reaches nobody.
    Unbridge {
        /// Which leg (its peer is unbridged with it).
        leg: LegKey,
    },
    /// The party hears itself (or no longer), for echo tests.
    Loop {
        /// Which leg.
        leg: LegKey,
        /// Echo now.
        looped: bool,
    },
    /// Play to the leg, replacing what it was playing.
    Play {
        /// Which leg.
        leg: LegKey,
        /// Echoed at the end.
        playback: PlaybackId,
        /// What.
        source: PlaySource,
    },
    /// Stop playing to the leg.
    StopPlay {
        /// Which leg.
        leg: LegKey,
    },
    /// Drop what the party says (mute) or not. Its keys still pass.
    Mute {
        /// Which leg.
        leg: LegKey,
        /// Muted.
        muted: bool,
    },
    /// Send digits to the party by RFC 4733 (or in-band where not negotiated).
    SendDtmf {
        /// Which leg.
        leg: LegKey,
        /// `0-9*#A-D`.
        digits: String,
    },
    /// Report `SpeechStarted` and `SpeechEnded` of this party, or no longer.
    DetectSpeech {
        /// Which leg.
        leg: LegKey,
        /// Report now.
        enabled: bool,
    },
    /// Record: left what `left` says, right what `right` says, aligned to now. With the key of
    /// a running recording: go on in the same file with these legs.
    Record {
        /// Which recording.
        recording: RecordingKey,
        /// The customer (or the caller of an internal call).
        left: LegKey,
        /// Our side.
        right: LegKey,
        /// File to write: WAV, PCM16, 8 kHz, two channels. Its folder is made where missing.
        path: PathBuf,
        /// Silence that a new file begins with; a running one has its beginning.
        silence_ms: u32,
    },
    /// Silence in both channels while paused (C15).
    PauseRecording {
        /// Which recording.
        recording: RecordingKey,
        /// Paused.
        paused: bool,
    },
    /// End the recording. Reply: `RecordingStopped`, unless it failed before.
    StopRecording {
        /// Which recording.
        recording: RecordingKey,
    },
    /// Give the ports back. Reply: `Closed`, also for a leg that is not open.
    Close {
        /// Which leg.
        leg: LegKey,
    },
}
