//! Commands: open, agree, bridge, play, record, close.

use super::{COMMANDS_PER_TURN, Worker};
use crate::leg::{Browsing, Leg, Playing, Surroundings, sdp_address};
use crate::recorder::{Recording, Side};
use crate::{
    FailReason, GroupKey, LegKey, LegQuality, LegSettings, MediaCommand, MediaDirection,
    MediaEvent, PlaySource, PlaybackId, RecordingKey,
};
use bytes::Bytes;
use media_proto::sdp::{self, SdpError};
use mio::{Interest, Token};
use std::path::PathBuf;
use std::time::Instant;

impl Worker {
    pub(super) fn handle_commands(&mut self, now: Instant) {
        for _ in 0..COMMANDS_PER_TURN {
            let Some(command) = self.mailbox.commands.pop() else { return };
            self.handle_command(now, command);
        }
    }

    fn handle_command(&mut self, now: Instant, command: MediaCommand) {
        match command {
            MediaCommand::Open { leg, group, offer, settings } => {
                if let Err(reason) = self.open(now, leg, group, offer, &settings) {
                    self.setup.routes.forget(leg);
                    self.emit(MediaEvent::Failed { leg, reason });
                }
            }
            MediaCommand::SetAnswer { leg, sdp } => self.set_answer(now, leg, &sdp),
            MediaCommand::AnswerReoffer { leg, sdp } => self.answer_reoffer(now, leg, sdp),
            MediaCommand::MakeReoffer { leg, direction } => self.make_reoffer(leg, direction),
            MediaCommand::Bridge { a, b } => self.bridge(now, a, b),
            MediaCommand::Unbridge { leg } => self.unbridge(now, leg),
            MediaCommand::Loop { leg, looped } => self.echo(now, leg, looped),
            MediaCommand::Play { leg, playback, source } => self.play(now, leg, playback, source),
            MediaCommand::StopPlay { leg } => {
                if let Some((slot, leg)) = self.leg(leg) {
                    leg.playing = None;
                    self.set_rhythm(now, slot);
                }
            }
            MediaCommand::Mute { leg, muted } => {
                if let Some((_, leg)) = self.leg(leg) {
                    leg.muted = muted;
                }
            }
            MediaCommand::SendDtmf { leg, digits } => {
                if let Some(slot) = self.slots.get(&leg) {
                    self.send_keys(now, *slot, &digits);
                }
            }
            MediaCommand::DetectSpeech { leg, enabled } => {
                if let Some((_, leg)) = self.leg(leg) {
                    leg.speech = enabled.then(Default::default);
                }
            }
            MediaCommand::Record { recording, left, right, path, silence_ms } => {
                self.record(now, recording, (left, right), path, silence_ms);
            }
            MediaCommand::PauseRecording { recording, paused } => {
                if let Some(recording) = self.recording(recording) {
                    recording.set_paused(paused);
                }
            }
            MediaCommand::StopRecording { recording } => self.stop_recording(now, recording),
            MediaCommand::Close { leg } => self.close(now, leg),
        }
    }

    fn open(
        &mut self,
        now: Instant,
        key: LegKey,
        group: GroupKey,
        offer: Option<Bytes>,
        settings: &LegSettings,
    ) -> Result<(), FailReason> {
        if self.slots.contains_key(&key) {
            return Err(FailReason::InternalError);
        }
        let config = &self.setup.config;
        let browsing = browsing(offer.as_deref(), settings);
        // What a browser writes as its address says nothing of where it is.
        let peer = match browsing {
            None => offer.as_deref().and_then(sdp::peer_address),
            Some(_) => settings.learn_from,
        };
        let address = sdp_address(config, settings, peer);
        let (pool, identity) = (&self.setup.ports, &self.identity);
        let surroundings = Surroundings { config, pool, identity };
        let mut leg = Leg::open(now, key, group, settings, (address, browsing), surroundings)?;
        let sdp = match &offer {
            Some(offer) => {
                let answer = leg.negotiation.answer(offer).map_err(|e| refused(key, &e))?;
                leg.adopt(now, answer.agreed, false)?;
                answer.sdp
            }
            None => leg.negotiation.offer(MediaDirection::SendRecv),
        };
        let slot = self.free_slots.pop().unwrap_or_else(|| {
            self.legs.push(None);
            self.legs.len() - 1
        });
        if let Err(error) = self.register(&mut leg, slot) {
            tracing::error!(leg.id = %key.0, %error, "cannot watch an rtp socket");
            self.free_slots.push(slot);
            return Err(FailReason::InternalError);
        }
        if leg.browser.is_some() {
            self.browsers.push(slot);
        }
        self.legs[slot] = Some(Box::new(leg));
        // A packet can start a rhythm (a key that has to sound in band) and may not allocate.
        self.ticking.reserve(self.legs.len() - self.ticking.len());
        self.slots.insert(key, slot);
        self.emit(MediaEvent::Opened { leg: key, sdp });
        Ok(())
    }

    fn register(&self, leg: &mut Leg, slot: usize) -> std::io::Result<()> {
        let registry = self.poll.registry();
        registry.register(&mut leg.rtp, Token(slot * 2), Interest::READABLE)?;
        if let Some(rtcp) = &mut leg.rtcp {
            registry.register(rtcp, Token(slot * 2 + 1), Interest::READABLE)?;
        }
        Ok(())
    }

    /// Asks to be told again of a socket that was not read to its end.
    pub(super) fn rearm(&mut self, slot: usize, rtcp: bool) {
        let Some(leg) = self.legs[slot].as_deref_mut() else { return };
        let socket = if rtcp { leg.rtcp.as_mut() } else { Some(&mut leg.rtp) };
        let Some(socket) = socket else { return };
        let token = Token(slot * 2 + usize::from(rtcp));
        let _ = self.poll.registry().reregister(socket, token, Interest::READABLE);
    }

    fn set_answer(&mut self, now: Instant, key: LegKey, answer: &Bytes) {
        let Some((slot, leg)) = self.leg(key) else { return self.unknown(key) };
        let agreed = leg.negotiation.accept_answer(answer).map_err(|error| refused(key, &error));
        match agreed.and_then(|agreed| leg.adopt(now, agreed, true)) {
            Ok(()) => {
                self.emit(MediaEvent::Established { leg: key });
                self.set_rhythm(now, slot);
            }
            Err(reason) => self.emit(MediaEvent::Failed { leg: key, reason }),
        }
    }

    fn answer_reoffer(&mut self, now: Instant, key: LegKey, offer: Option<Bytes>) {
        let Some((slot, leg)) = self.leg(key) else { return self.unknown(key) };
        let Some(offer) = offer else {
            // A late offer asks for everything we can (RFC 3261 §14.1).
            let direction = MediaDirection::SendRecv;
            let sdp = leg.negotiation.offer(direction);
            return self.emit(MediaEvent::Reanswered { leg: key, sdp, direction });
        };
        let answer = leg.negotiation.answer(&offer).map_err(|error| refused(key, &error));
        let taken = answer.and_then(|answer| {
            leg.adopt(now, answer.agreed, false)?;
            Ok((answer.sdp, answer.wanted))
        });
        match taken {
            Ok((sdp, direction)) => {
                self.emit(MediaEvent::Reanswered { leg: key, sdp, direction });
                self.set_rhythm(now, slot);
            }
            Err(reason) => self.emit(MediaEvent::Failed { leg: key, reason }),
        }
    }

    fn make_reoffer(&mut self, key: LegKey, direction: MediaDirection) {
        let Some((_, leg)) = self.leg(key) else { return self.unknown(key) };
        let sdp = leg.negotiation.offer(direction);
        self.emit(MediaEvent::Reoffer { leg: key, sdp });
    }

    fn bridge(&mut self, now: Instant, a: LegKey, b: LegKey) {
        let (Some(&slot_a), Some(&slot_b)) = (self.slots.get(&a), self.slots.get(&b)) else {
            tracing::warn!(leg.a = %a.0, leg.b = %b.0, "cannot bridge legs that are not here");
            return;
        };
        for (slot, peer) in [(slot_a, slot_b), (slot_b, slot_a)] {
            if self.legs[slot].as_ref().is_some_and(|l| l.peer != Some(peer)) {
                self.part(now, slot);
            }
        }
        for (slot, peer) in [(slot_a, slot_b), (slot_b, slot_a)] {
            let Some(leg) = self.legs[slot].as_deref_mut() else { continue };
            leg.peer = Some(peer);
            leg.playing = None;
            leg.serve(now);
            self.set_rhythm(now, slot);
        }
    }

    fn unbridge(&mut self, now: Instant, key: LegKey) {
        if let Some(&slot) = self.slots.get(&key) {
            self.part(now, slot);
        }
    }

    /// Ends what a leg is bridged to, for both.
    fn part(&mut self, now: Instant, slot: usize) {
        let Some(peer) = self.legs[slot].as_deref_mut().and_then(|l| l.peer.take()) else { return };
        let other = self.legs[peer].as_deref_mut().filter(|l| l.peer == Some(slot));
        if let Some(other) = other {
            other.peer = None;
            other.out.change_source();
            self.set_rhythm(now, peer);
        }
        if let Some(leg) = self.legs[slot].as_deref_mut() {
            leg.out.change_source();
            self.set_rhythm(now, slot);
        }
    }

    fn echo(&mut self, now: Instant, key: LegKey, looped: bool) {
        let Some(&slot) = self.slots.get(&key) else { return };
        self.part(now, slot);
        let Some(leg) = self.legs[slot].as_deref_mut() else { return };
        if looped {
            leg.peer = Some(slot);
            leg.playing = None;
            leg.serve(now);
        }
        self.set_rhythm(now, slot);
    }

    fn play(&mut self, now: Instant, key: LegKey, playback: PlaybackId, source: PlaySource) {
        let Some(&slot) = self.slots.get(&key) else { return };
        let name = format!("{source:?}");
        match self.setup.sounds.resolve(source).filter(|s| s.looped || !s.clip.is_empty()) {
            Some(sound) => {
                let Some(leg) = self.legs[slot].as_deref_mut() else { return };
                leg.playing = Some(Playing::new(sound, playback));
                leg.served = true;
                self.set_rhythm(now, slot);
            }
            None => {
                tracing::warn!(leg.id = %key.0, source = name, "prompt missing, skipped");
                self.emit(MediaEvent::PlayFinished { leg: key, playback });
            }
        }
    }

    fn recording(&mut self, key: RecordingKey) -> Option<&mut Recording> {
        self.recordings[*self.recording_slots.get(&key)?].as_mut()
    }

    fn record(
        &mut self,
        now: Instant,
        key: RecordingKey,
        (left, right): (LegKey, LegKey),
        path: PathBuf,
        silence_ms: u32,
    ) {
        let slot = match self.recording_slots.get(&key) {
            Some(slot) => *slot,
            None => {
                let (chunks, writer) = (&self.setup.chunks, &self.setup.writer);
                let started = Recording::start(now, silence_ms, key, path, chunks, writer);
                let Ok(recording) = started else {
                    let error = "the recording queue is full".to_owned();
                    return self.emit(MediaEvent::RecordingFailed { recording: key, error });
                };
                let free = self.recordings.iter().position(Option::is_none);
                let slot = free.unwrap_or(self.recordings.len());
                if free.is_none() {
                    self.recordings.push(None);
                }
                self.recordings[slot] = Some(recording);
                self.recording_slots.insert(key, slot);
                slot
            }
        };
        for (side, leg) in [(Side::Left, left), (Side::Right, right)] {
            self.tap(slot, side, leg);
        }
    }

    /// The leg speaks on this side of a recording, whoever did before.
    fn tap(&mut self, recording: usize, side: Side, key: LegKey) {
        let Some(&slot) = self.slots.get(&key) else {
            tracing::warn!(leg.id = %key.0, "cannot record a leg that is not here");
            return;
        };
        let Some(Some(r)) = self.recordings.get_mut(recording) else { return };
        let before = r.legs[side as usize];
        if before == Some(slot) {
            return;
        }
        r.replace_leg(side, slot);
        let former = before.and_then(|b| self.legs[b].as_deref_mut());
        if let Some(former) = former.filter(|l| l.tap == Some((recording, side))) {
            former.tap = None;
        }
        if let Some(leg) = self.legs[slot].as_deref_mut() {
            leg.tap = Some((recording, side));
        }
    }

    pub(super) fn stop_recording(&mut self, now: Instant, key: RecordingKey) {
        let Some(slot) = self.recording_slots.remove(&key) else { return };
        let Some(recording) = self.recordings[slot].take() else { return };
        for leg in recording.legs.into_iter().flatten() {
            let leg = self.legs[leg].as_deref_mut();
            if let Some(leg) = leg.filter(|l| l.tap.is_some_and(|(r, _)| r == slot)) {
                leg.tap = None;
            }
        }
        self.setup.routes.forget_recording(key);
        let job = recording.finish(now, &self.setup.chunks);
        // The end of a file must not be lost: it waits for room.
        if !self.owed.is_empty() {
            self.owed.push_back(job);
        } else if let Err(job) = self.setup.writer.send(job) {
            self.owed.push_back(*job);
        }
    }

    /// Good-bye to the peer, ports back, quality out.
    pub(super) fn close(&mut self, now: Instant, key: LegKey) {
        let Some(slot) = self.slots.remove(&key) else {
            let quality = LegQuality::default();
            return self.emit(MediaEvent::Closed { leg: key, quality });
        };
        self.part(now, slot);
        self.send_report(now, slot, true);
        if let Some(recording) =
            self.legs[slot].as_ref().and_then(|l| l.tap).map(|(recording, _)| recording)
            && let Some(Some(r)) = self.recordings.get_mut(recording)
        {
            for side in r.legs.iter_mut().filter(|s| **s == Some(slot)) {
                *side = None;
            }
        }
        self.ticking.retain(|s| *s != slot);
        self.part_from_browser(now, slot);
        let Some(leg) = self.legs[slot].take() else { return };
        let quality = leg.quality();
        tracing::debug!(leg.id = %key.0, call.id = %leg.group.0, ?quality, "leg closed");
        // Sockets close, and with them their registration; the ports return to the pool.
        drop(leg);
        self.free_slots.push(slot);
        self.emit(MediaEvent::Closed { leg: key, quality });
    }

    fn unknown(&self, leg: LegKey) {
        self.emit(MediaEvent::Failed { leg, reason: FailReason::UnknownLeg });
    }
}

impl Leg {
    /// Somebody is heard from now on.
    fn serve(&mut self, now: Instant) {
        self.served = true;
        self.out.change_source();
        self.watch.armed = true;
        self.watch.last_heard = now;
        self.watch.reported = false;
    }
}

/// Whether the leg is to be a browser's: their offer says so, else we choose.
fn browsing(offer: Option<&[u8]>, settings: &LegSettings) -> Option<Browsing> {
    match offer {
        Some(offer) => sdp::browser_offer(offer)
            .map(|offer| Browsing { telephone_event: offer.telephone_event }),
        None => settings
            .browser
            .then_some(Browsing { telephone_event: Some(sdp::TELEPHONE_EVENT_PAYLOAD_TYPE) }),
    }
}

fn refused(leg: LegKey, error: &SdpError) -> FailReason {
    tracing::debug!(leg.id = %leg.0, %error, "session description refused");
    FailReason::IncompatibleMedia
}
