//! A worker thread: one poller over the sockets of its legs, one buffer, no channel between legs.
//!
//! A wake-up drains every ready socket. Under load the next wake-up waits for the rest of a
//! millisecond, so that it serves many calls instead of one. Packets go through
//! [`packet`], those of browsers by way of [`browser`]; frames of our own making come from [`frame`]; [`command`] changes legs;
//! [`report`] is RTCP and everything that is looked at a few times a second.

mod browser;
mod command;
mod frame;
mod packet;
mod report;

use crate::browser::Identity;
use crate::counters::{Counts, Dropped, Instruments};
use crate::engine::Routes;
use crate::leg::Leg;
use crate::ports::PortPool;
use crate::recorder::{ChunkPool, Recording, WriterJob, WriterQueue};
use crate::sounds::Sounds;
use crate::{Config, EventSink, FailReason, LegKey, MediaCommand, MediaEvent, RecordingKey};
use crossbeam_queue::ArrayQueue;
use media_proto::rtcp::REPORT_BYTES_MAX;
use mio::{Events, Poll, Token, Waker};
use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The waker's token; legs use twice their slot, plus one for RTCP.
const WAKER: Token = Token(usize::MAX);
/// Readiness events per wake-up.
const EVENTS_MAX: usize = 1024;
/// Commands between two looks at the sockets, so that a burst of calls does not jitter audio.
const COMMANDS_PER_TURN: usize = 32;
/// Datagrams longer than this are no voice.
const DATAGRAM_BYTES_MAX: usize = 2048;
/// From this many legs on wake-ups are spaced.
const LEGS_UNDER_LOAD: usize = 8;
/// Least time between two wake-ups under load.
const TICK: Duration = Duration::from_millis(1);
/// How often timers that need no precision are looked at.
const HOUSEKEEPING: Duration = Duration::from_millis(100);
/// Seconds from 1900 (NTP) to 1970.
const NTP_EPOCH_OFFSET: u64 = 2_208_988_800;

/// What a worker shares with the engine.
pub(crate) struct Mailbox {
    pub(crate) commands: ArrayQueue<MediaCommand>,
    pub(crate) waker: Waker,
    /// Woken since it last looked.
    pub(crate) called: AtomicBool,
    pub(crate) stopping: AtomicBool,
}

/// What a worker is started with.
pub(crate) struct Setup {
    pub(crate) index: usize,
    pub(crate) config: Config,
    pub(crate) events: EventSink,
    pub(crate) ports: Arc<PortPool>,
    pub(crate) sounds: Arc<Sounds>,
    pub(crate) chunks: Arc<ChunkPool>,
    pub(crate) writer: WriterQueue,
    pub(crate) routes: Arc<Routes>,
}

/// One thread's world.
pub(crate) struct Worker {
    setup: Setup,
    mailbox: Arc<Mailbox>,
    poll: Poll,
    legs: Vec<Option<Box<Leg>>>,
    free_slots: Vec<usize>,
    slots: HashMap<LegKey, usize>,
    recordings: Vec<Option<Recording>>,
    recording_slots: HashMap<RecordingKey, usize>,
    /// Slots of legs that get frames of our making.
    ticking: Vec<usize>,
    /// Slots of browsers' legs.
    browsers: Vec<usize>,
    /// The certificate of browsers' legs.
    identity: Identity,
    /// Jobs the writer's queue had no room for.
    owed: VecDeque<WriterJob>,
    buffer: Box<[u8; DATAGRAM_BYTES_MAX]>,
    report: [u8; REPORT_BYTES_MAX],
    counts: Counts,
    instruments: Instruments,
    started: Instant,
    /// NTP time of `started`, 32.32.
    ntp_started: u64,
    next_housekeeping: Instant,
}

/// The queue and waker of a worker, and its poller.
pub(crate) fn mailbox(capacity: usize) -> io::Result<(Arc<Mailbox>, Poll)> {
    let poll = Poll::new()?;
    let waker = Waker::new(poll.registry(), WAKER)?;
    let commands = ArrayQueue::new(capacity.max(4));
    let (called, stopping) = (AtomicBool::new(false), AtomicBool::new(false));
    Ok((Arc::new(Mailbox { commands, waker, called, stopping }), poll))
}

impl Worker {
    pub(crate) fn new(setup: Setup, mailbox: Arc<Mailbox>, poll: Poll) -> Self {
        let started = Instant::now();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            instruments: Instruments::new(setup.index),
            setup,
            mailbox,
            poll,
            legs: Vec::new(),
            free_slots: Vec::new(),
            slots: HashMap::new(),
            recordings: Vec::new(),
            recording_slots: HashMap::new(),
            ticking: Vec::new(),
            browsers: Vec::new(),
            identity: Identity::new(),
            owed: VecDeque::new(),
            buffer: Box::new([0; DATAGRAM_BYTES_MAX]),
            report: [0; REPORT_BYTES_MAX],
            counts: Counts::default(),
            started,
            ntp_started: ((wall.as_secs() + NTP_EPOCH_OFFSET) << 32)
                | ((u64::from(wall.subsec_nanos()) << 32) / 1_000_000_000),
            next_housekeeping: started + HOUSEKEEPING,
        }
    }

    /// Runs until the engine stops.
    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(EVENTS_MAX);
        while !self.mailbox.stopping.load(Ordering::Acquire) {
            let timeout = self.time_to_next(Instant::now());
            if let Err(error) = self.poll.poll(&mut events, Some(timeout)) {
                if error.kind() != io::ErrorKind::Interrupted {
                    tracing::error!(%error, "media poller failed");
                }
                continue;
            }
            let now = Instant::now();
            self.counts.wake_ups += 1;
            let mut packets = false;
            for event in &events {
                if event.token() != WAKER {
                    let (slot, rtcp) = (event.token().0 / 2, event.token().0 % 2 == 1);
                    packets |= self.contained(Some(slot), |worker| worker.drain(now, slot, rtcp));
                }
            }
            self.mailbox.called.swap(false, Ordering::AcqRel);
            self.contained(None, |worker| worker.handle_commands(now));
            self.tick(now);
            self.serve_browsers(now);
            if now >= self.next_housekeeping {
                self.next_housekeeping = now + HOUSEKEEPING;
                self.contained(None, |worker| worker.keep_house(now));
            }
            if packets && self.slots.len() >= LEGS_UNDER_LOAD {
                // The only wait here: one wake-up then serves every packet of a millisecond.
                std::thread::sleep(TICK.saturating_sub(now.elapsed()));
            }
        }
        self.stop();
    }

    /// Runs one step so that a panic in it costs the leg it was for, not the thread with all its
    /// calls (A06). The state of that leg is not looked at again but to drop it.
    fn contained<T: Default>(
        &mut self,
        slot: Option<usize>,
        step: impl FnOnce(&mut Self) -> T,
    ) -> T {
        match catch_unwind(AssertUnwindSafe(|| step(self))) {
            Ok(done) => done,
            Err(_) => {
                metrics::counter!("media_panics_total").increment(1);
                if catch_unwind(AssertUnwindSafe(|| self.abandon(slot))).is_err() {
                    tracing::error!(?slot, "cannot even drop the leg of a panic");
                }
                T::default()
            }
        }
    }

    fn abandon(&mut self, slot: Option<usize>) {
        let leg = slot.and_then(|s| self.legs.get(s)?.as_ref()).map(|leg| leg.key);
        tracing::error!(leg.id = ?leg.map(|l| l.0), "panic on a media thread");
        let Some(leg) = leg else { return };
        self.emit(MediaEvent::Failed { leg, reason: FailReason::InternalError });
        self.close(Instant::now(), leg);
    }

    fn time_to_next(&self, now: Instant) -> Duration {
        if !self.mailbox.commands.is_empty() {
            return Duration::ZERO;
        }
        let ticks = self.ticking.iter().filter_map(|slot| self.legs[*slot].as_ref()?.next_tick);
        let browser = |slot: &usize| self.legs[*slot].as_ref()?.browser.as_ref()?.next();
        let browsers = self.browsers.iter().filter_map(browser);
        let next = ticks.chain(browsers).fold(self.next_housekeeping, Instant::min);
        next.saturating_duration_since(now)
    }

    fn stop(&mut self) {
        let now = Instant::now();
        let recordings: Vec<RecordingKey> = self.recording_slots.keys().copied().collect();
        for recording in recordings {
            self.stop_recording(now, recording);
        }
        let legs: Vec<LegKey> = self.slots.keys().copied().collect();
        for leg in legs {
            self.close(now, leg);
        }
        // The writer is still there: what is owed now may be waited for.
        while let Some(job) = self.owed.pop_front() {
            if let Err(job) = self.setup.writer.send(job) {
                self.owed.push_front(*job);
                std::thread::sleep(TICK);
            }
        }
        self.instruments.hand_over(&mut self.counts, 0, self.setup.ports.in_use());
    }

    fn emit(&self, event: MediaEvent) {
        (self.setup.events)(event);
    }

    fn leg(&mut self, key: LegKey) -> Option<(usize, &mut Leg)> {
        let slot = *self.slots.get(&key)?;
        Some((slot, self.legs[slot].as_deref_mut()?))
    }

    /// Sends bytes of the shared buffer.
    #[inline]
    fn send(&mut self, now: Instant, slot: usize, range: std::ops::Range<usize>, to: SocketAddr) {
        let Some(leg) = self.legs[slot].as_mut() else { return };
        if let Some(browser) = leg.browser.as_deref_mut() {
            self.counts.sent += u64::from(browser.send(now, &self.buffer[range]));
            return;
        }
        match leg.rtp.send_to(&self.buffer[range], to) {
            Ok(_) => self.counts.sent += 1,
            Err(_) => self.counts.drop(Dropped::SendFailed),
        }
    }
}
