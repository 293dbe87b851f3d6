//! What is looked at a few times a second: RTCP, silent parties, recordings, counters.

use super::Worker;
use crate::MediaEvent;
use crate::counters::Dropped;
use crate::leg::Leg;
use media_proto::rtcp::{self, Report, ReportBlock, SenderInfo};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

impl Worker {
    /// Reports and BYEs of a peer. They measure, they never end anything (C05).
    pub(super) fn handle_rtcp(
        &mut self,
        now: Instant,
        slot: usize,
        length: usize,
        from: SocketAddr,
    ) {
        let middle = (self.ntp(now) >> 16) as u32;
        let Some(leg) = self.legs[slot].as_deref_mut() else { return };
        if !leg.expects_report(from) {
            return self.counts.drop(Dropped::Source);
        }
        let Ok(received) = rtcp::parse(&self.buffer[..length], leg.out.ssrc()) else {
            return self.counts.drop(Dropped::Malformed);
        };
        if leg.learns {
            leg.reports.learned = Some(from);
        }
        if let Some(ntp) = received.sender_ntp_middle {
            leg.reports.last_sender = Some((ntp, now));
        }
        if let Some(block) = received.about_us {
            let (sum, count) = leg.reports.remote_loss;
            leg.reports.remote_loss = (sum + u64::from(block.view.fraction_lost), count + 1);
            if let Some(ms) = rtcp::round_trip_ms(&block, middle) {
                leg.reports.round_trip_ms = Some(ms);
            }
        }
    }

    /// NTP time, 32.32, of a moment on our clock; steps of the wall clock do not touch it.
    fn ntp(&self, now: Instant) -> u64 {
        let elapsed = now.saturating_duration_since(self.started);
        let fraction = (u64::from(elapsed.subsec_nanos()) << 32) / 1_000_000_000;
        self.ntp_started.wrapping_add((elapsed.as_secs() << 32) + fraction)
    }

    /// Everything with a timer that needs no precision.
    pub(super) fn keep_house(&mut self, now: Instant) {
        while let Some(job) = self.owed.pop_front() {
            if let Err(job) = self.setup.writer.send(job) {
                self.owed.push_front(*job);
                break;
            }
        }
        for slot in 0..self.recordings.len() {
            let Some(recording) = &mut self.recordings[slot] else { continue };
            let handed = recording.handle_timeout(now, &self.setup.chunks, &self.setup.writer);
            if handed.is_err() {
                self.report_overflow(slot);
            }
        }
        for slot in 0..self.legs.len() {
            self.look_after(now, slot);
        }
        let ports = self.setup.ports.in_use();
        self.instruments.hand_over(&mut self.counts, self.slots.len(), ports);
    }

    fn look_after(&mut self, now: Instant, slot: usize) {
        let Some(leg) = self.legs[slot].as_deref_mut() else { return };
        let key = leg.key;
        if leg.speech.as_mut().and_then(|s| s.handle_timeout(now)).is_some() {
            (self.setup.events)(MediaEvent::SpeechEnded { leg: key });
        }
        let config = &self.setup.config;
        let held = leg.agreed.as_ref().is_some_and(|a| !a.direction.receives());
        let limit_ms = if held { config.dead_media_hold_ms } else { config.dead_media_ms };
        let silent = now.saturating_duration_since(leg.watch.last_heard);
        let dead = silent >= Duration::from_millis(limit_ms);
        if leg.watch.armed && !leg.watch.reported && dead {
            leg.watch.reported = true;
            (self.setup.events)(MediaEvent::Silent { leg: key });
        }
        if now >= leg.reports.next {
            leg.reports.next = now + Duration::from_millis(config.rtcp_interval_ms);
            let quality = (config.quality_events && leg.agreed.is_some()).then(|| leg.quality());
            self.send_report(now, slot, false);
            if let Some(quality) = quality {
                self.emit(MediaEvent::Quality { leg: key, quality });
            }
        }
    }

    /// One sender or receiver report.
    pub(super) fn send_report(&mut self, now: Instant, slot: usize, bye: bool) {
        let ntp = self.ntp(now);
        let Some(leg) = self.legs[slot].as_deref_mut().filter(|leg| leg.browser.is_none()) else {
            // Browsers' reports are made with their keys.
            return;
        };
        let (packets, octets) = leg.out.sent();
        let view = leg.statistics.report();
        if packets == 0 && view.is_none() {
            return;
        }
        let Some(address) = leg.report_target(now) else { return };
        let (last_report, delay) = leg.reports.last_sender.map_or((0, 0), |(middle, at)| {
            let held = now.saturating_duration_since(at).as_micros() * 65_536 / 1_000_000;
            (middle, u32::try_from(held).unwrap_or(u32::MAX))
        });
        let interval = Duration::from_millis(2 * self.setup.config.rtcp_interval_ms);
        let sends = leg.out.last_sent().is_some_and(|at| now.duration_since(at) < interval);
        let report = Report {
            ssrc: leg.out.ssrc(),
            sender: sends.then(|| SenderInfo {
                ntp,
                rtp_timestamp: leg.out.timestamp_at(now),
                packets: packets as u32,
                octets: octets as u32,
            }),
            block: view.map(|view| ReportBlock { view, last_report, delay }),
            cname: &leg.reports.cname,
            bye,
        };
        let length = report.write(&mut self.report);
        let socket = leg.rtcp.as_ref().unwrap_or(&leg.rtp);
        if socket.send_to(&self.report[..length], address).is_err() {
            self.counts.drop(Dropped::SendFailed);
        }
    }
}

impl Leg {
    /// From where SDP said, or from the host the party's voice comes from where that may differ.
    fn expects_report(&self, from: SocketAddr) -> bool {
        let Some(agreed) = &self.agreed else { return false };
        agreed.remote_rtcp == Some(from) || (self.learns && self.guard.host() == Some(from.ip()))
    }
}
