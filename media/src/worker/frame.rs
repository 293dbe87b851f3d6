//! Frames of our own making, every 20 ms: tones, prompts, music, keys, silence.

use super::Worker;
use crate::MediaEvent;
use crate::leg::{Leg, Playing};
use crate::sounds::Sounds;
use media_proto::Codec;
use media_proto::dtmf::{EVENT_BYTES, EventStep};
use media_proto::rtp::{FRAME_SAMPLES, HEADER_BYTES};
use std::time::{Duration, Instant};

const FRAME: Duration = Duration::from_millis(20);
/// A worker that is later than this starts the rhythm anew instead of catching up.
const LATE_MAX: Duration = Duration::from_millis(100);

impl Worker {
    /// Starts or ends the rhythm of a leg, after anything that changes what it hears.
    pub(super) fn set_rhythm(&mut self, now: Instant, slot: usize) {
        let Some(leg) = self.legs[slot].as_deref_mut() else { return };
        match (leg.wants_frames(), leg.next_tick) {
            (true, None) => {
                leg.next_tick = Some(now);
                self.ticking.push(slot);
            }
            (false, Some(_)) => {
                leg.next_tick = None;
                self.ticking.retain(|s| *s != slot);
            }
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// Sends every frame that is due.
    pub(super) fn tick(&mut self, now: Instant) {
        let mut index = 0;
        while let Some(slot) = self.ticking.get(index).copied() {
            let due = self.legs[slot].as_ref().and_then(|l| l.next_tick).filter(|t| *t <= now);
            if let Some(due) = due {
                self.contained(Some(slot), |worker| worker.send_frame(now, slot));
                let late = now.saturating_duration_since(due) > LATE_MAX;
                if let Some(leg) = self.legs[slot].as_deref_mut() {
                    leg.next_tick = Some(if late { now + FRAME } else { due + FRAME });
                }
                self.set_rhythm(now, slot);
            }
            // A leg that left the list was replaced by its follower.
            if self.ticking.get(index) == Some(&slot) {
                index += 1;
            }
        }
    }

    fn send_frame(&mut self, now: Instant, slot: usize) {
        let Some(leg) = self.legs[slot].as_deref_mut() else { return };
        if let Some(step) = leg.keys_out.step() {
            return self.send_key(now, slot, step);
        }
        if leg.playing.is_none() && !leg.keys_in_band.are_sounding() && leg.peer.is_some() {
            // A pause between keys: the peer is heard again.
            return;
        }
        let Some(codec) = leg.codec() else {
            return self.pass_frame_unheard(slot);
        };
        let frame = &mut self.buffer[HEADER_BYTES..HEADER_BYTES + FRAME_SAMPLES];
        let finished = fill(leg, &self.setup.sounds, codec, frame);
        let target = leg.agreed.as_ref().filter(|a| a.direction.sends() && a.remote.is_some());
        if let Some(payload_type) = target.map(|a| a.payload_type)
            && let Some(address) = leg.guard.target(now)
        {
            let header = leg.out.generate(now, FRAME_SAMPLES as u32, FRAME_SAMPLES);
            self.buffer[..HEADER_BYTES].copy_from_slice(&header.to_bytes(payload_type));
            self.send(now, slot, 0..HEADER_BYTES + FRAME_SAMPLES, address);
        }
        if finished {
            self.finish_playing(slot);
        }
    }

    /// Before an answer nobody hears it, but a prompt's time passes all the same.
    fn pass_frame_unheard(&mut self, slot: usize) {
        let Some(leg) = self.legs[slot].as_deref_mut() else { return };
        let mut unheard = [0; FRAME_SAMPLES];
        if fill(leg, &self.setup.sounds, Codec::Pcma, &mut unheard) {
            self.finish_playing(slot);
        }
    }

    fn send_key(&mut self, now: Instant, slot: usize, step: EventStep) {
        let Some(leg) = self.legs[slot].as_deref_mut() else { return };
        let Some(agreed) = leg.agreed.as_ref().filter(|a| a.direction.sends()) else { return };
        let (Some(types), Some(_)) = (agreed.telephone_event, agreed.remote) else { return };
        let Some(address) = leg.guard.target(now) else { return };
        if step.first {
            leg.key_timestamp = leg.out.timestamp_at(now);
        }
        let header = leg.out.event(now, leg.key_timestamp, step.first, EVENT_BYTES);
        self.buffer[..HEADER_BYTES].copy_from_slice(&header.to_bytes(types.send));
        self.buffer[HEADER_BYTES..HEADER_BYTES + EVENT_BYTES]
            .copy_from_slice(&step.payload.to_bytes());
        self.send(now, slot, 0..HEADER_BYTES + EVENT_BYTES, address);
    }

    /// Sends keys the way the party understands.
    pub(super) fn send_keys(&mut self, now: Instant, slot: usize, digits: &str) {
        let Some(leg) = self.legs[slot].as_deref_mut() else { return };
        if leg.agreed.as_ref().is_some_and(|a| a.telephone_event.is_some()) {
            leg.keys_out.push(digits);
            self.set_rhythm(now, slot);
        } else {
            self.sound_keys(now, slot, digits);
        }
    }

    /// Keys in band, after those that sound already.
    pub(super) fn sound_keys(&mut self, now: Instant, slot: usize, digits: &str) {
        let Some(leg) = self.legs[slot].as_deref_mut() else { return };
        leg.keys_in_band.push(digits);
        self.set_rhythm(now, slot);
    }

    fn finish_playing(&mut self, slot: usize) {
        let Some(leg) = self.legs[slot].as_deref_mut() else { return };
        let key = leg.key;
        if let Some(Playing { playback, .. }) = leg.playing.take() {
            self.emit(MediaEvent::PlayFinished { leg: key, playback });
        }
    }
}

/// The next frame of what a leg hears; true when a clip ended with it.
fn fill(leg: &mut Leg, sounds: &Sounds, codec: Codec, frame: &mut [u8]) -> bool {
    if leg.keys_in_band.fill(sounds, codec, frame) {
        return false;
    }
    let Some(playing) = &mut leg.playing else {
        frame.fill(codec.silence());
        return false;
    };
    let Playing { sound, position, .. } = playing;
    sound.clip.fill(codec, position, sound.looped, frame);
    !sound.looped && *position >= sound.clip.len()
}
