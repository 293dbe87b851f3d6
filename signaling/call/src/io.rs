//! Everything that goes into the call core and everything that comes out.

use crate::{
    CallEventKind, Control, HangupCause, LegEndpoint, LegId, LegQuality, Originate, Plan,
    RecordingId, Target, TenantId, TrunkId,
};
use crate::{ExtensionId, UserId};
use bytes::Bytes;

/// Where an incoming leg comes from, established by authentication, never by a header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A carrier, known by its source address, certificate or our registration.
    Trunk(TrunkId),
    /// A phone that proved its digest secret.
    Extension {
        /// Which extension.
        extension: ExtensionId,
        /// Whose it is.
        user: Option<UserId>,
        /// Its number, shown to others.
        number: String,
    },
}

/// Facts and answers handed to the core.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// First input of a call somebody placed to us.
    LegOffered {
        /// Its leg id, `LegId::of(call, 0)`.
        leg: LegId,
        /// Owner, by origin.
        tenant: TenantId,
        /// Who offers.
        origin: Origin,
        /// Caller as claimed by the carrier, or the extension's number.
        from: String,
        /// User part dialled.
        to: String,
        /// SDP offer; `None` is a late offer (RFC 3261 §13.2.1).
        sdp: Option<Bytes>,
        /// Carrier references to keep.
        carrier_refs: Vec<(String, String)>,
    },
    /// First input of a click-to-call.
    Originate(Box<Originate>),
    /// The phones of an extension are let in no more: they stop ringing; a talk goes on.
    PhonesOut(ExtensionId),
    /// Answer to `Output::NeedRoute`.
    Routed(Result<Box<Plan>, HangupCause>),
    /// Answer to the latest `Output::NeedWritten`: it and everything emitted before it would
    /// outlive the process. Also given when nobody can tell any more.
    Written,
    /// 18x on a leg we placed.
    LegProgressed {
        /// Which leg.
        leg: LegId,
        /// 180, 181, 182 or 183.
        status: u16,
        /// Early media description.
        sdp: Option<Bytes>,
    },
    /// 2xx on a leg we placed.
    LegAnswered {
        /// Which leg.
        leg: LegId,
        /// The answer, or the offer if ours was late.
        sdp: Option<Bytes>,
    },
    /// A leg we placed ended before answer.
    LegFailed {
        /// Which leg.
        leg: LegId,
        /// Why.
        cause: HangupCause,
        /// True until any 18x (but 100) arrived: another trunk may be tried.
        before_ringing: bool,
    },
    /// An answered leg, or an offered one its caller gave up, ended.
    LegEnded {
        /// Which leg.
        leg: LegId,
        /// Why.
        cause: HangupCause,
    },
    /// The party sent a new offer in the dialog (re-INVITE or UPDATE); `None` is late.
    LegReoffered {
        /// Which leg.
        leg: LegId,
        /// The offer.
        sdp: Option<Bytes>,
    },
    /// The party answered our offer in the dialog, or the ACK brought the answer to our late one.
    LegReanswered {
        /// Which leg.
        leg: LegId,
        /// The answer, or why there is none (the dialog goes on as it was).
        sdp: Result<Option<Bytes>, u16>,
    },
    /// The party wants the other one handed on (REFER).
    LegReferred {
        /// Which leg.
        leg: LegId,
        /// Where to.
        to: ReferTo,
    },
    /// A phone wants the place of another leg (INVITE with Replaces).
    LegReplaces {
        /// Its leg id, [`crate::Call::next_leg`].
        leg: LegId,
        /// Whose place, and for whom.
        replacing: Replacing,
    },
    /// Answer to `Output::NeedTransferRoute`.
    TransferRouted(Result<Box<Plan>, HangupCause>),
    /// Answer to `Output::NeedPartner`.
    PartnerFound(Result<Partner, HangupCause>),
    /// Another call waits for this party, which rings for a leg of the asker: it is handed over once it answers.
    LegPromised {
        /// The party's leg.
        leg: LegId,
    },
    /// Nobody waits for a promised party any more.
    PromiseOver,
    /// Another call has taken this leg over; its dialog goes on there.
    LegTaken {
        /// Which leg.
        leg: LegId,
    },
    /// The party sent a digit by INFO.
    LegDtmf {
        /// Which leg.
        leg: LegId,
        /// `0-9*#A-D`.
        digit: char,
    },
    /// From the media engine.
    Media(MediaNotice),
    /// From API, HUD, dialer.
    Control(Control),
    /// The process ends now: hang up everything.
    Shutdown,
}

/// What the core wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Answer with `Input::Routed`.
    NeedRoute {
        /// Owner.
        tenant: TenantId,
        /// Who calls.
        origin: Origin,
        /// Caller as claimed.
        from: String,
        /// Dialled.
        to: String,
    },
    /// A phone sends its party elsewhere: answer with `Input::TransferRouted`.
    NeedTransferRoute {
        /// The phone's leg.
        by: LegId,
        /// Dialled.
        to: String,
    },
    /// A phone joins its two calls: find the far party of the other one and answer with `Input::PartnerFound`.
    NeedPartner {
        /// The phone's leg in this call.
        by: LegId,
    },
    /// To the journal, and answer with `Input::Written` once it is on disk. What depends on it
    /// waits, but not for long ([`crate::CallConfig::written_limit`]).
    NeedWritten(CallEventKind),
    /// To the signalling of one leg.
    Leg {
        /// Which leg.
        leg: LegId,
        /// What to do.
        action: LegAction,
    },
    /// To the media engine.
    Media(MediaAction),
    /// To the journal.
    Emit(CallEventKind),
    /// All legs and media are closed: the task may end.
    Finished,
}

/// Where a phone wants its party handed on to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReferTo {
    /// What it would dial.
    Number(String),
    /// The far party of its other call.
    Partner,
}

/// A phone that wants the place of a leg, and may have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacing {
    /// Whose place.
    pub old: LegId,
    /// The phone's extension.
    pub extension: ExtensionId,
    /// Whose it is.
    pub user: Option<UserId>,
    /// SDP offer; `None` is a late one.
    pub sdp: Option<Bytes>,
    /// Only while the old leg has not answered.
    pub early_only: bool,
}

/// The far party of another call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partner {
    /// Where its leg leads.
    pub endpoint: LegEndpoint,
    /// It has not answered yet.
    pub rings: bool,
}

/// To the signalling of one leg.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LegAction {
    /// Place it (INVITE).
    Originate {
        /// Where.
        target: Target,
        /// Our offer.
        sdp: Bytes,
        /// Caller ID shown: E.164 or extension number.
        caller_id: String,
        /// Display name shown.
        caller_name: Option<String>,
        /// Ask the phone to answer by itself (our click-to-call agent leg).
        auto_answer: bool,
    },
    /// 180 without, 183 with SDP.
    Ring {
        /// Early media answer.
        sdp: Option<Bytes>,
    },
    /// 200 with the answer (or the offer if theirs was late).
    Answer {
        /// Session description.
        sdp: Bytes,
    },
    /// Final refusal of an offered leg.
    Reject {
        /// Why; `status_to_send` gives the status.
        cause: HangupCause,
    },
    /// 200 to their re-INVITE or UPDATE.
    AcceptReoffer {
        /// Session description.
        sdp: Bytes,
    },
    /// 488 (or other) to their re-INVITE or UPDATE.
    RefuseReoffer {
        /// Status.
        status: u16,
    },
    /// Take the dialog over from the call it belongs to, and offer it our media. Replies as to `Originate`.
    Adopt {
        /// Our offer.
        sdp: Bytes,
    },
    /// The promised party answered: it goes to the call that waits for it. Reply: `LegTaken`, or `LegEnded`.
    HandOver,
    /// The promised party is not to be had: the call that waits for it is told.
    PromiseFailed {
        /// Why.
        cause: HangupCause,
    },
    /// 202 to their REFER; how it fares follows.
    AcceptRefer,
    /// Final refusal of their REFER.
    RefuseRefer {
        /// Status.
        status: u16,
    },
    /// Final refusal of an INVITE that wanted the place of another leg; it is no leg of this call.
    RefuseReplace {
        /// Status.
        status: u16,
    },
    /// How their REFER fares (NOTIFY); 200 and above is the last word.
    ReferProgress {
        /// Status.
        status: u16,
    },
    /// re-INVITE with our new offer.
    Reoffer {
        /// Session description.
        sdp: Bytes,
    },
    /// End it: CANCEL before answer, BYE after (sent at once, acknowledged or not as fits).
    Hangup {
        /// Goes into a Reason header.
        cause: HangupCause,
    },
}

/// Direction of a media stream, seen from us (RFC 3264 §5.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaDirection {
    /// Both ways.
    SendRecv,
    /// We only send.
    SendOnly,
    /// We only receive.
    RecvOnly,
    /// Nothing flows.
    Inactive,
}

/// How the media of a leg is to be treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MediaProfile {
    /// A carrier: codecs of the trunk, no address learning (design rule 4).
    Trunk(TrunkId),
    /// A phone of ours: NAT learning by the extension's flag.
    Extension(ExtensionId),
}

impl MediaProfile {
    /// That of a leg that leads there.
    pub fn of(endpoint: &LegEndpoint) -> Self {
        match endpoint {
            LegEndpoint::Trunk { trunk } => Self::Trunk(*trunk),
            LegEndpoint::Extension { extension, .. } => Self::Extension(*extension),
        }
    }
}

/// Chosen by the core, echoed in `PlayFinished`.
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
}

/// What a leg hears instead of its peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PlaySource {
    /// Until stopped or bridged.
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
}

/// To the media engine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaAction {
    /// Take ports. With an offer: answer it. Without: make an offer. Reply: `Opened` or `Failed`.
    Open {
        /// Which leg.
        leg: LegId,
        /// Their offer.
        offer: Option<Bytes>,
        /// How to treat it.
        profile: MediaProfile,
    },
    /// Their answer to our offer (also early). Reply: `Established` or `Failed`.
    SetAnswer {
        /// Which leg.
        leg: LegId,
        /// Their answer.
        sdp: Bytes,
    },
    /// Their new offer. Reply: `Reanswered` or `Failed`.
    AnswerReoffer {
        /// Which leg.
        leg: LegId,
        /// Their offer; `None`: make an offer for the 200 (late).
        sdp: Option<Bytes>,
    },
    /// Make a new offer of ours. Reply: `Reoffer`.
    MakeReoffer {
        /// Which leg.
        leg: LegId,
        /// Direction seen from us.
        direction: MediaDirection,
    },
    /// The two hear each other; ends what either was playing. Also after hold.
    Bridge {
        /// One leg.
        a: LegId,
        /// The other.
        b: LegId,
    },
    /// The leg hears and reaches nobody.
    Unbridge {
        /// Which leg (its peer is unbridged with it).
        leg: LegId,
    },
    /// Play to the leg, replacing what it was playing.
    Play {
        /// Which leg.
        leg: LegId,
        /// Echoed at the end.
        playback: PlaybackId,
        /// What.
        source: PlaySource,
    },
    /// Stop playing to the leg.
    StopPlay {
        /// Which leg.
        leg: LegId,
    },
    /// Drop what the party says (mute) or not.
    Mute {
        /// Which leg.
        leg: LegId,
        /// Muted.
        muted: bool,
    },
    /// Send digits to the party by RFC 4733 (or in-band where not negotiated).
    SendDtmf {
        /// Which leg.
        leg: LegId,
        /// `0-9*#A-D`.
        digits: String,
    },
    /// Record: left what `left` says, right what `right` says, aligned to now.
    /// With the id of a running recording: go on in the same file with these legs.
    Record {
        /// Which recording.
        recording: RecordingId,
        /// The customer (or the caller of an internal call).
        left: LegId,
        /// Our side.
        right: LegId,
        /// Silence that a new file begins with: the time since the answer.
        silence_ms: u32,
    },
    /// Silence in both channels while paused (C15).
    PauseRecording {
        /// Which recording.
        recording: RecordingId,
        /// Paused.
        paused: bool,
    },
    /// End the recording. Reply: `RecordingStopped`.
    StopRecording {
        /// Which recording.
        recording: RecordingId,
    },
    /// Give the ports back. Reply: `Closed`.
    Close {
        /// Which leg.
        leg: LegId,
    },
}

/// From the media engine.
#[derive(Clone, Debug, PartialEq)]
pub enum MediaNotice {
    /// Ports are taken; our offer or answer.
    Opened {
        /// Which leg.
        leg: LegId,
        /// Session description to send.
        sdp: Bytes,
    },
    /// Their answer was taken; media may flow.
    Established {
        /// Which leg.
        leg: LegId,
    },
    /// Their new offer was taken; our answer.
    Reanswered {
        /// Which leg.
        leg: LegId,
        /// Session description to send.
        sdp: Bytes,
        /// What they want, as their offer said it (RFC 3264 §8.4): `SendOnly` and `Inactive`
        /// mean that they hold us.
        direction: MediaDirection,
    },
    /// Our new offer.
    Reoffer {
        /// Which leg.
        leg: LegId,
        /// Session description to send.
        sdp: Bytes,
    },
    /// An action on this leg cannot be done; the leg keeps its former state (none, for `Open`).
    Failed {
        /// Which leg.
        leg: LegId,
        /// Why: `IncompatibleMedia` (no common codec, bad SDP) or `InternalError` (no ports).
        cause: HangupCause,
    },
    /// A key was pressed (once per press).
    Dtmf {
        /// Which leg.
        leg: LegId,
        /// `0-9*#A-D`.
        digit: char,
    },
    /// Nothing was received for the allowed time (C13).
    Silent {
        /// Which leg.
        leg: LegId,
    },
    /// A prompt came to its end (not sent when stopped or replaced).
    PlayFinished {
        /// Which leg.
        leg: LegId,
        /// As given.
        playback: PlaybackId,
    },
    /// The file is complete on disk.
    RecordingStopped {
        /// Which recording.
        recording: RecordingId,
        /// Length.
        duration_ms: u64,
    },
    /// The file could not be written (disk full, queue full).
    RecordingFailed {
        /// Which recording.
        recording: RecordingId,
        /// For an administrator.
        error: String,
    },
    /// Ports are free again.
    Closed {
        /// Which leg.
        leg: LegId,
        /// How it fared.
        quality: LegQuality,
    },
}
