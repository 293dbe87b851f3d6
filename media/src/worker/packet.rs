//! The packet path: receive, check, count, tap, rewrite in place, send. No allocation, no lock,
//! no log above `trace`.

use super::Worker;
use crate::MediaEvent;
use crate::counters::Dropped;
use crate::leg::{Leg, arrival_units};
use media_proto::Codec;
use media_proto::rtp::{Datagram, FRAME_SAMPLES, HEADER_BYTES, Packet};
use media_proto::sdp::Agreed;
use media_proto::speech::Turn;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;

/// Datagrams taken from one socket per wake-up, so that a flood on one leg starves nobody.
const DATAGRAMS_PER_TURN: usize = 64;

/// RFC 3389: says nothing, but that the party is there.
const COMFORT_NOISE: u8 = 13;

/// What a payload type means on a leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Voice(Codec),
    Keys,
}

/// A checked packet on its way to the other leg.
pub(super) struct Accepted {
    packet: Packet,
    meaning: Meaning,
    /// Digit that begins with this packet.
    digit: Option<char>,
    muted: bool,
    peer: Option<usize>,
    on_time: bool,
}

impl Worker {
    /// Takes what a ready socket holds; true if there was anything. One system call is saved per
    /// packet: when voice came on time nothing can wait behind it, so emptiness is not asked for.
    pub(super) fn drain(&mut self, now: Instant, slot: usize, rtcp: bool) -> bool {
        for taken in 0..DATAGRAMS_PER_TURN {
            let Some(Some(leg)) = self.legs.get_mut(slot) else { return taken > 0 };
            let socket = if rtcp { leg.rtcp.as_ref() } else { Some(&leg.rtp) };
            let Some(socket) = socket else { return taken > 0 };
            match socket.recv_from(&mut self.buffer[..]) {
                Ok((length, from)) if leg.browser.is_some() => {
                    self.handle_secured(now, slot, length, from);
                }
                Ok((length, from)) if rtcp => self.handle_rtcp(now, slot, length, from),
                Ok((length, from)) => {
                    if taken > 0 {
                        leg.statistics.something_waited();
                    }
                    if self.handle_datagram(now, slot, length, from) {
                        return true;
                    }
                }
                // A refused port is reported on the next receive; the party may come back.
                Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {}
                Err(_) => {
                    if taken > 0 && !rtcp {
                        leg.statistics.nothing_waited();
                    }
                    return taken > 0;
                }
            }
        }
        // Edge-triggered: what is left is announced again only if asked for.
        self.rearm(slot, rtcp);
        true
    }

    /// True when no other datagram can be waiting behind this one.
    fn handle_datagram(
        &mut self,
        now: Instant,
        slot: usize,
        length: usize,
        from: SocketAddr,
    ) -> bool {
        self.counts.received += 1;
        match Datagram::of(&self.buffer[..length]) {
            Datagram::Rtp => match self.accept(now, slot, length, from) {
                Ok(accepted) => {
                    let on_time = accepted.on_time;
                    self.pass_on(now, slot, accepted);
                    return on_time;
                }
                Err(reason) => self.counts.drop(reason),
            },
            Datagram::Rtcp => self.handle_rtcp(now, slot, length, from),
            Datagram::Stun | Datagram::Dtls => self.counts.drop(Dropped::NotMedia),
            Datagram::Unknown => self.counts.drop(Dropped::Malformed),
        }
        false
    }

    /// Everything that is checked and noted before a packet may go anywhere.
    #[inline]
    pub(super) fn accept(
        &mut self,
        now: Instant,
        slot: usize,
        length: usize,
        from: SocketAddr,
    ) -> Result<Accepted, Dropped> {
        let bytes = &self.buffer[..length];
        let packet = Packet::parse(bytes).map_err(|_| Dropped::Malformed)?;
        let leg = self.legs[slot].as_deref_mut().ok_or(Dropped::Source)?;
        let agreed = leg.agreed.as_ref().ok_or(Dropped::Source)?;
        // Only an agreed payload type is evidence of anything (C10).
        let Some(meaning) = meaning(agreed, packet.payload_type) else {
            if packet.payload_type == COMFORT_NOISE && leg.guard.is_party(from) {
                leg.watch.last_heard = now;
                leg.watch.reported = false;
            }
            return Err(Dropped::PayloadType);
        };
        let receives = agreed.direction.receives();
        if !leg.guard.accepts(now, from, packet.ssrc, packet.sequence) {
            return Err(Dropped::Source);
        }
        let arrival = arrival_units(now.saturating_duration_since(self.started));
        let timed = meaning != Meaning::Keys;
        let Packet { ssrc, sequence, timestamp, .. } = packet;
        leg.statistics.handle_packet(ssrc, sequence, timestamp, arrival, timed);
        let on_time = timed && leg.statistics.is_on_time();
        leg.watch.last_heard = now;
        leg.watch.reported = false;
        if !receives {
            return Err(Dropped::Direction);
        }
        let payload = &bytes[packet.payload.clone()];
        let (muted, peer) = (leg.muted, leg.peer);
        let mut digit = None;
        match meaning {
            Meaning::Keys => digit = leg.keys_in.handle_packet(&packet, payload),
            Meaning::Voice(codec) => {
                if !muted && let Some((recording, side)) = leg.tap {
                    let ends = (&*self.setup.chunks, &self.setup.writer);
                    if let Some(Some(r)) = self.recordings.get_mut(recording)
                        && r.append(now, side, &packet, codec, payload, ends).is_err()
                    {
                        self.report_overflow(recording);
                    }
                }
            }
        }
        self.notice(now, slot, meaning, digit, packet.payload.clone());
        Ok(Accepted { packet, meaning, digit, muted, peer, on_time })
    }

    /// Events that a packet gives rise to.
    fn notice(
        &mut self,
        now: Instant,
        slot: usize,
        meaning: Meaning,
        digit: Option<char>,
        payload: Range<usize>,
    ) {
        let Some(leg) = self.legs[slot].as_deref_mut() else { return };
        if let Some(digit) = digit {
            (self.setup.events)(MediaEvent::Dtmf { leg: leg.key, digit });
        }
        if let (Some(speech), Meaning::Voice(codec)) = (&mut leg.speech, meaning) {
            let event = match speech.handle_frame(now, codec, &self.buffer[payload]) {
                Some(Turn::Began) => MediaEvent::SpeechStarted { leg: leg.key },
                Some(Turn::Ended) => MediaEvent::SpeechEnded { leg: leg.key },
                None => return,
            };
            (self.setup.events)(event);
        }
    }

    /// To the leg's peer, if there is one and it is free to listen.
    pub(super) fn pass_on(&mut self, now: Instant, slot: usize, accepted: Accepted) {
        let Some(target) = accepted.peer else { return };
        let Some(Some(to)) = self.legs.get_mut(target) else { return };
        if target != slot && to.peer != Some(slot) {
            return;
        }
        let agreed = match &to.agreed {
            Some(agreed) if agreed.direction.sends() && agreed.remote.is_some() => agreed,
            _ => return self.counts.drop(Dropped::Direction),
        };
        if to.is_occupied() {
            return;
        }
        let payload = accepted.packet.payload.clone();
        let length = payload.len();
        let (payload_type, samples) = match (accepted.meaning, agreed.telephone_event) {
            (Meaning::Keys, Some(types)) => (types.send, 0),
            (Meaning::Keys, None) => {
                if let Some(digit) = accepted.digit {
                    self.sound_keys(now, target, digit.encode_utf8(&mut [0; 4]));
                }
                return;
            }
            (Meaning::Voice(codec), _) => {
                let words = &mut self.buffer[payload.clone()];
                if accepted.muted {
                    words.fill(agreed.codec.silence());
                } else if codec != agreed.codec {
                    let table = codec.to_other_law();
                    words.iter_mut().for_each(|w| *w = table[usize::from(*w)]);
                }
                (agreed.payload_type, length)
            }
        };
        if samples > usize::from(agreed.ptime_ms_max) * 8 {
            return self.pass_on_in_parts(now, target, accepted.packet, payload_type);
        }
        let Some(address) = to.guard.target(now) else { return };
        match to.out.forward(now, &accepted.packet, samples as u32, length) {
            Some(header) => {
                let start = payload.start - HEADER_BYTES;
                self.buffer[start..payload.start].copy_from_slice(&header.to_bytes(payload_type));
                self.send(now, target, start..payload.end, address);
            }
            None => self.counts.drop(Dropped::Late),
        }
    }

    /// A packet longer than the peer takes: cut into frames of 20 ms. Each part's header is
    /// written over the end of the part sent before.
    fn pass_on_in_parts(&mut self, now: Instant, target: usize, packet: Packet, payload_type: u8) {
        let payload = packet.payload.clone();
        for (n, start) in payload.clone().step_by(FRAME_SAMPLES).enumerate() {
            let Some(to) = self.legs[target].as_deref_mut() else { return };
            let end = (start + FRAME_SAMPLES).min(payload.end);
            let samples = (end - start) as u32;
            let Some(address) = to.guard.target(now) else { return };
            let header = if n == 0 {
                to.out.forward(now, &packet, samples, end - start)
            } else {
                Some(to.out.split(now, samples, end - start))
            };
            let Some(header) = header else { return self.counts.drop(Dropped::Late) };
            let at = start - HEADER_BYTES;
            self.buffer[at..start].copy_from_slice(&header.to_bytes(payload_type));
            self.send(now, target, at..end, address);
        }
    }

    pub(super) fn report_overflow(&self, recording: usize) {
        let Some(Some(r)) = self.recordings.get(recording) else { return };
        let error = "the disk is slower than the calls".to_owned();
        self.emit(MediaEvent::RecordingFailed { recording: r.key(), error });
    }
}

/// What the peer means by a payload type.
#[inline]
fn meaning(agreed: &Agreed, payload_type: u8) -> Option<Meaning> {
    let voice = agreed.receive.iter().find(|(pt, _)| *pt == payload_type);
    if let Some((_, codec)) = voice {
        return Some(Meaning::Voice(*codec));
    }
    let events = agreed.telephone_event?;
    (payload_type == events.receive || payload_type == events.send).then_some(Meaning::Keys)
}

impl Leg {
    /// Where our RTCP goes.
    pub(super) fn report_target(&mut self, now: Instant) -> Option<SocketAddr> {
        let agreed = self.agreed.as_ref()?;
        if agreed.rtcp_mux {
            return self.guard.target(now);
        }
        self.reports.learned.or(agreed.remote_rtcp)
    }
}
