//! Browsers' legs on their worker: datagrams in, packets out, and the time in between.

use super::Worker;
use crate::browser::Outcome;
use crate::counters::Dropped;
use crate::leg::Leg;
use crate::{FailReason, MediaEvent};
use std::net::SocketAddr;
use std::time::Instant;
use str0m::stats::PeerStats;

impl Worker {
    /// A datagram on a browser's socket: a check, a handshake, or encrypted media.
    pub(super) fn handle_secured(
        &mut self,
        now: Instant,
        slot: usize,
        length: usize,
        from: SocketAddr,
    ) {
        self.counts.received += 1;
        let Some(browser) = self.legs[slot].as_mut().and_then(|leg| leg.browser.as_deref_mut())
        else {
            return;
        };
        match browser.receive(now, from, &self.buffer[..length]) {
            Ok(true) => self.serve_browser(now, slot),
            Ok(false) => self.counts.drop(Dropped::Source),
            Err(error) => self.lose_browser(slot, &error),
        }
    }

    /// Every browser's leg whose time has come.
    pub(super) fn serve_browsers(&mut self, now: Instant) {
        for index in 0..self.browsers.len() {
            let Some(&slot) = self.browsers.get(index) else { return };
            self.contained(Some(slot), |worker| worker.browser_turn(now, slot));
        }
    }

    fn browser_turn(&mut self, now: Instant, slot: usize) {
        let Some(leg) = self.legs[slot].as_deref_mut() else { return };
        let Some(browser) = leg.browser.as_deref_mut().filter(|b| b.is_due(now)) else { return };
        match browser.handle_timeout(now) {
            Ok(()) => self.serve_browser(now, slot),
            Err(error) => self.lose_browser(slot, &error),
        }
    }

    /// Takes out everything there is.
    fn serve_browser(&mut self, now: Instant, slot: usize) {
        loop {
            let Some(leg) = self.legs[slot].as_deref_mut() else { return };
            let Some(browser) = leg.browser.as_deref_mut() else { return };
            match browser.poll(&mut self.buffer[..]) {
                Outcome::Idle => return,
                Outcome::Send(datagram) => {
                    if leg.rtp.send_to(&datagram.contents, datagram.destination).is_err() {
                        self.counts.drop(Dropped::SendFailed);
                    }
                }
                Outcome::Packet(length) => self.handle_decrypted(now, slot, length),
                Outcome::Statistics(statistics) => leg.note_statistics(&statistics),
                Outcome::Failed(error) => return self.lose_browser(slot, &error),
            }
        }
    }

    /// Its key says whose it is, so it stands for the address that was agreed.
    fn handle_decrypted(&mut self, now: Instant, slot: usize, length: usize) {
        let agreed = self.legs[slot].as_ref().and_then(|leg| leg.agreed.as_ref());
        let Some(from) = agreed.and_then(|agreed| agreed.remote) else {
            return self.counts.drop(Dropped::Source);
        };
        match self.accept(now, slot, length, from) {
            Ok(accepted) => self.pass_on(now, slot, accepted),
            Err(reason) => self.counts.drop(reason),
        }
    }

    /// The leg is heard no more; its call decides what that means.
    fn lose_browser(&mut self, slot: usize, error: &str) {
        self.browsers.retain(|s| *s != slot);
        let Some(leg) = self.legs[slot].as_deref_mut() else { return };
        // It stays a browser's: nothing of it may ever go or come unencrypted.
        if let Some(browser) = leg.browser.as_deref_mut() {
            browser.lose();
        }
        let key = leg.key;
        tracing::warn!(leg.id = %key.0, error, "the secure connection to a browser is lost");
        self.emit(MediaEvent::Failed { leg: key, reason: FailReason::Insecure });
    }

    /// Good-bye before the sockets close.
    pub(super) fn part_from_browser(&mut self, now: Instant, slot: usize) {
        self.browsers.retain(|s| *s != slot);
        let Some(leg) = self.legs[slot].as_deref_mut() else { return };
        let Some(mut browser) = leg.browser.take() else { return };
        browser.close();
        if browser.handle_timeout(now).is_err() {
            return;
        }
        while let Outcome::Send(datagram) = browser.poll(&mut self.buffer[..]) {
            let _ = leg.rtp.send_to(&datagram.contents, datagram.destination);
        }
    }
}

impl Leg {
    /// What its reports said of our packets.
    fn note_statistics(&mut self, statistics: &PeerStats) {
        if let Some(round_trip) = statistics.rtt {
            self.reports.round_trip_ms = Some(round_trip.as_secs_f32() * 1000.0);
        }
        if let Some(lost) = statistics.egress_loss_fraction {
            let (sum, count) = self.reports.remote_loss;
            self.reports.remote_loss = (sum + (lost * 256.0) as u64, count + 1);
        }
    }
}
