//! One live call: its subscriber between the dialog and the audio.

use crate::behaviour::Behaviour;
use crate::subscriber::{Act, Heard, Refusal, Subscriber};
use bytes::Bytes;
use media::{
    Codec, Engine, GroupKey, LegKey, LegSettings, MediaCommand, MediaDirection, PlaySource,
    PlaybackId, Tone,
};
use signaling_proto::{Body, DialogId, Endpoint, HeaderLine, InvalidUse};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How a call that the carrier placed came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// 200, or the status it was refused with; 487 when the caller gave up.
    pub status: u16,
    /// Time from answer to end.
    pub talked: Option<Duration>,
}

/// Where the audio of a call stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Audio {
    /// Not wanted, or not yet there.
    Down,
    /// Our description exists, theirs does not.
    Half,
    /// Both are known.
    Up,
}

/// What the engine was last asked to settle for this leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    Nothing,
    /// To take ports.
    Open,
    /// To take their answer.
    Answer,
    /// To answer their new offer.
    TheirOffer,
}

/// What the carrier's task shares with every call.
pub(crate) struct Neighbours<'a> {
    pub(crate) endpoint: &'a mut Endpoint,
    pub(crate) engine: &'a Engine,
    pub(crate) language: &'a str,
    pub(crate) now: Instant,
}

impl Neighbours<'_> {
    fn media(&self, command: MediaCommand) {
        if self.engine.submit(command).is_err() {
            tracing::warn!("media engine is full, a command was lost");
        }
    }
}

/// One live call.
pub(crate) struct LiveCall {
    pub(crate) leg: LegKey,
    /// `None` until a call we place has its INVITE out.
    pub(crate) dialog: Option<DialogId>,
    pub(crate) subscriber: Subscriber,
    /// Set once: whoever placed the call waits for it.
    pub(crate) outcome: Option<oneshot::Sender<Outcome>>,
    behaviour: Behaviour,
    ours: Option<Bytes>,
    theirs: Option<Bytes>,
    audio: Audio,
    asked: Asked,
    /// Their ACK to our 200, or their 200, came.
    answered_at: Option<Instant>,
    connected: bool,
    playback: u32,
    refused_with: Option<u16>,
}

impl LiveCall {
    /// A call, in either direction, that has no audio yet.
    pub(crate) fn new(leg: LegKey, dialog: Option<DialogId>, behaviour: Behaviour) -> Self {
        Self {
            leg,
            dialog,
            subscriber: Subscriber::new(behaviour),
            outcome: None,
            behaviour,
            ours: None,
            theirs: None,
            audio: Audio::Down,
            asked: Asked::Nothing,
            answered_at: None,
            connected: false,
            playback: 0,
            refused_with: None,
        }
    }

    /// Somebody calls: take ports where the behaviour speaks.
    pub(crate) fn called(&mut self, with: &mut Neighbours<'_>, offer: Option<Bytes>) {
        if self.behaviour.needs_media() {
            self.theirs.clone_from(&offer);
            return self.open(with, offer);
        }
        self.hear(with, Heard::Called);
    }

    /// Takes ports, with their offer or to make ours.
    pub(crate) fn open(&mut self, with: &mut Neighbours<'_>, offer: Option<Bytes>) {
        self.asked = Asked::Open;
        let codecs = match self.behaviour {
            Behaviour::AlawOnly => vec![Codec::Pcma],
            Behaviour::MulawOnly => vec![Codec::Pcmu],
            Behaviour::Greeting
            | Behaviour::Conversation
            | Behaviour::Busy
            | Behaviour::NoAnswer
            | Behaviour::SwitchedOff
            | Behaviour::NotReachable
            | Behaviour::NotInUse
            | Behaviour::AnsweringMachine
            | Behaviour::Echo
            | Behaviour::RepeatDigits
            | Behaviour::Overloaded
            | Behaviour::DoNotDisturb
            | Behaviour::Silent
            | Behaviour::ShortCall
            | Behaviour::Tone(_)
            | Behaviour::HoldCycle
            | Behaviour::EventsOnly101
            | Behaviour::DeadAir => Vec::new(),
        };
        let own_event_type = self.behaviour == Behaviour::EventsOnly101;
        let settings = LegSettings { codecs, own_event_type, ..LegSettings::default() };
        let (leg, group) = (self.leg, GroupKey(self.leg.0));
        with.media(MediaCommand::Open { leg, group, offer, settings });
    }

    /// Ports are taken. True: a call of ours is ready to be placed with this offer.
    pub(crate) fn opened(&mut self, with: &mut Neighbours<'_>, sdp: Bytes) -> bool {
        self.asked = Asked::Nothing;
        self.ours = Some(sdp);
        let offered = self.theirs.is_some();
        self.audio = if offered { Audio::Up } else { Audio::Half };
        if self.dialog.is_none() {
            return true;
        }
        self.hear(with, Heard::Called);
        false
    }

    /// Our own description.
    pub(crate) fn ours(&self) -> Option<Bytes> {
        self.ours.clone()
    }

    /// The engine took their answer.
    pub(crate) fn established(&mut self, with: &mut Neighbours<'_>) {
        self.asked = Asked::Nothing;
        self.audio = Audio::Up;
        self.try_connected(with);
    }

    /// The engine could not do what it was asked. True: there is no dialog that would end.
    pub(crate) fn media_failed(&mut self, with: &mut Neighbours<'_>) -> bool {
        let asked = std::mem::replace(&mut self.asked, Asked::Nothing);
        let Some(dialog) = self.dialog else {
            self.refused_with = Some(503);
            return true;
        };
        match asked {
            Asked::Open => {
                self.refused_with = Some(488);
                report(with.endpoint.reject(with.now, dialog, 488, &[]));
            }
            Asked::Answer => self.hang_up(with),
            Asked::TheirOffer => {
                report(with.endpoint.refuse_reinvite(with.now, dialog, 488));
            }
            Asked::Nothing => {}
        }
        false
    }

    /// Their description, early or final. The same one twice is one.
    pub(crate) fn take_answer(&mut self, with: &mut Neighbours<'_>, body: Option<Body>) {
        let Some(body) = body.filter(|body| self.theirs.as_ref() != Some(&body.bytes)) else {
            return;
        };
        self.theirs = Some(body.bytes.clone());
        self.asked = Asked::Answer;
        with.media(MediaCommand::SetAnswer { leg: self.leg, sdp: body.bytes });
    }

    /// Both sides agreed to talk: their 200, or their ACK to ours.
    pub(crate) fn answered(&mut self, with: &mut Neighbours<'_>, body: Option<Body>) {
        self.answered_at.get_or_insert(with.now);
        self.take_answer(with, body);
        self.try_connected(with);
    }

    fn try_connected(&mut self, with: &mut Neighbours<'_>) {
        if self.audio == Audio::Up && self.answered_at.is_some() && !self.connected {
            self.connected = true;
            self.hear(with, Heard::Connected);
        }
    }

    /// Their new offer.
    pub(crate) fn reinvited(&mut self, with: &mut Neighbours<'_>, body: Option<Body>) {
        self.asked = Asked::TheirOffer;
        let sdp = body.map(|body| body.bytes);
        with.media(MediaCommand::AnswerReoffer { leg: self.leg, sdp });
    }

    /// The engine answered their new offer.
    pub(crate) fn reanswered(&mut self, with: &mut Neighbours<'_>, sdp: Bytes) {
        self.asked = Asked::Nothing;
        if let Some(dialog) = self.dialog {
            report(with.endpoint.accept_reinvite(with.now, dialog, Some(Body::sdp(sdp))));
        }
    }

    /// The engine made our new offer.
    pub(crate) fn reoffer(&mut self, with: &mut Neighbours<'_>, sdp: Bytes) {
        if let Some(dialog) = self.dialog {
            report(with.endpoint.reinvite(with.now, dialog, Some(Body::sdp(sdp))));
        }
    }

    /// A prompt came to its end.
    pub(crate) fn play_finished(&mut self, with: &mut Neighbours<'_>, finished: PlaybackId) {
        if finished.0 == self.playback {
            self.hear(with, Heard::PlayFinished);
        }
    }

    /// The dialog is over: free the ports, tell who waits.
    pub(crate) fn gone(&mut self, with: &mut Neighbours<'_>, status: Option<u16>) {
        self.hear(with, Heard::Gone);
        with.media(MediaCommand::Close { leg: self.leg });
        let talked = self.answered_at.map(|at| with.now.saturating_duration_since(at));
        let status = match (talked, status.or(self.refused_with)) {
            (Some(_), _) => 200,
            (None, Some(status)) => status,
            (None, None) => 487,
        };
        if let Some(outcome) = self.outcome.take() {
            // Nobody may wait any more; that is their choice.
            let _ = outcome.send(Outcome { status, talked });
        }
    }

    /// The process ends.
    pub(crate) fn hang_up(&mut self, with: &mut Neighbours<'_>) {
        if let Some(dialog) = self.dialog {
            report(with.endpoint.hangup(with.now, dialog, None));
        }
    }

    /// Tells the subscriber, and does what it wants.
    pub(crate) fn hear(&mut self, with: &mut Neighbours<'_>, heard: Heard) {
        self.subscriber.handle_input(with.now, heard);
        self.act(with);
    }

    /// Wakes the subscriber, and does what it wants.
    pub(crate) fn wake(&mut self, with: &mut Neighbours<'_>) {
        self.subscriber.handle_timeout(with.now);
        self.act(with);
    }

    fn act(&mut self, with: &mut Neighbours<'_>) {
        while let Some(act) = self.subscriber.poll_output() {
            let leg = self.leg;
            match act {
                Act::Ring => self.progress(with, 180, None),
                Act::EarlyMedia => {
                    // To a late offer there is no answer that could carry it.
                    let sdp = self.ours.clone().filter(|_| self.audio == Audio::Up);
                    self.progress(with, 183, sdp);
                }
                Act::Answer => self.answer(with),
                Act::Refuse(refusal) => self.refuse(with, refusal),
                Act::Speak(name) => {
                    let language = with.language.to_owned();
                    self.play(with, PlaySource::Prompt { name: name.to_owned(), language });
                }
                Act::Beep => self.play(with, PlaySource::Tone(Tone::Beep)),
                Act::Tone(hertz) => self.play(with, PlaySource::Tone(Tone::Sine(hertz))),
                Act::Echo => with.media(MediaCommand::Loop { leg, looped: true }),
                Act::Listen => with.media(MediaCommand::DetectSpeech { leg, enabled: true }),
                Act::Press(digit) => {
                    with.media(MediaCommand::SendDtmf { leg, digits: digit.to_string() });
                }
                Act::Hold(hold) => {
                    let direction =
                        if hold { MediaDirection::SendOnly } else { MediaDirection::SendRecv };
                    with.media(MediaCommand::MakeReoffer { leg, direction });
                }
                Act::HangUp => self.hang_up(with),
            }
        }
    }

    fn progress(&mut self, with: &mut Neighbours<'_>, status: u16, sdp: Option<Bytes>) {
        if let Some(dialog) = self.dialog {
            let body = sdp.map(Body::sdp);
            report(with.endpoint.progress(with.now, dialog, status, Vec::new(), body));
        }
    }

    fn answer(&mut self, with: &mut Neighbours<'_>) {
        if let (Some(dialog), Some(sdp)) = (self.dialog, self.ours.clone()) {
            let body = Some(Body::sdp(sdp));
            report(with.endpoint.answer(with.now, dialog, Vec::new(), body));
        }
    }

    fn refuse(&mut self, with: &mut Neighbours<'_>, refusal: Refusal) {
        let Some(dialog) = self.dialog else { return };
        let reason = refusal.reason.map(|(cause, text)| {
            HeaderLine::new("Reason", format!("Q.850;cause={cause};text=\"{text}\""))
        });
        let headers: Vec<HeaderLine> = reason.into_iter().collect();
        self.refused_with = Some(refusal.status);
        report(with.endpoint.reject(with.now, dialog, refusal.status, &headers));
    }

    fn play(&mut self, with: &mut Neighbours<'_>, source: PlaySource) {
        self.playback += 1;
        let playback = PlaybackId(self.playback);
        with.media(MediaCommand::Play { leg: self.leg, playback, source });
    }
}

/// The dialog may have ended in the same moment; then there is nothing left to do.
fn report(done: Result<(), InvalidUse>) {
    if let Err(error) = done {
        tracing::debug!(%error, "the dialog did not take it");
    }
}
