//! The engine's face: starts the workers, sends each command to the worker of its leg.

use crate::ports::PortPool;
use crate::recorder::{ChunkPool, Writer, WriterQueue};
use crate::sounds::Sounds;
use crate::worker::{self, Mailbox, Setup, Worker};
use crate::{Config, GroupKey, LegKey, MediaCommand, MediaEvent, RecordingKey};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

/// Where events go. Called on media threads: it must not block.
pub type EventSink = Arc<dyn Fn(MediaEvent) + Send + Sync>;

/// The worker's queue is full. The command was not taken: refuse the new call (503), or for
/// a leg that is open try again after a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("media command queue is full")]
pub struct Full;

/// Why the engine did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The port range holds no even port with its odd neighbour.
    #[error("port range {min}-{max} holds no pair of ports")]
    PortRange {
        /// As configured.
        min: u16,
        /// As configured.
        max: u16,
    },
    /// The system refused a poller or a thread.
    #[error("cannot start a media thread")]
    System(#[from] std::io::Error),
}

/// Legs that one worker takes before the next one is put to work: about a tenth of a core.
const LEGS_PER_WORKER: usize = 400;

/// Which worker serves which call. Looked at per command, never per packet.
#[derive(Debug)]
pub(crate) struct Routes {
    inner: Mutex<RouteTable>,
}

#[derive(Debug, Default)]
struct RouteTable {
    legs: HashMap<LegKey, GroupKey>,
    /// Worker and number of legs.
    groups: HashMap<GroupKey, (usize, usize)>,
    recordings: HashMap<RecordingKey, usize>,
    /// Legs per worker.
    load: Vec<usize>,
}

impl Routes {
    fn new(workers: usize) -> Self {
        let table = RouteTable { load: vec![0; workers], ..RouteTable::default() };
        Self { inner: Mutex::new(table) }
    }

    fn lock(&self) -> MutexGuard<'_, RouteTable> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The leg is gone.
    pub(crate) fn forget(&self, leg: LegKey) {
        self.lock().forget(leg);
    }

    /// The recording is over.
    pub(crate) fn forget_recording(&self, recording: RecordingKey) {
        self.lock().recordings.remove(&recording);
    }
}

impl RouteTable {
    /// The worker of a leg's call. A new call goes where calls are already, so that one wake-up
    /// serves many, until that worker has its fill; then to the one with the fewest legs.
    fn place(&mut self, leg: LegKey, group: GroupKey) -> usize {
        let open = self.load.iter().position(|legs| *legs < LEGS_PER_WORKER);
        let least = || self.load.iter().enumerate().min_by_key(|(_, legs)| **legs);
        let least = open.or_else(|| least().map(|(worker, _)| worker)).unwrap_or(0);
        let (worker, legs) = self.groups.entry(group).or_insert((least, 0));
        if self.legs.insert(leg, group).is_none() {
            *legs += 1;
            self.load[*worker] += 1;
        }
        *worker
    }

    fn forget(&mut self, leg: LegKey) {
        let Some(group) = self.legs.remove(&leg) else { return };
        let Some((worker, legs)) = self.groups.get_mut(&group) else { return };
        self.load[*worker] -= 1;
        *legs -= 1;
        if *legs == 0 {
            self.groups.remove(&group);
        }
    }

    /// A leg nobody knows is worker 0's to answer for.
    fn worker_of(&self, leg: LegKey) -> usize {
        let group = self.legs.get(&leg).and_then(|g| self.groups.get(g));
        group.map_or(0, |(worker, _)| *worker)
    }

    fn worker_for(&mut self, command: &MediaCommand) -> usize {
        match command {
            MediaCommand::Open { leg, group, .. } => self.place(*leg, *group),
            MediaCommand::Bridge { a: leg, .. }
            | MediaCommand::SetAnswer { leg, .. }
            | MediaCommand::AnswerReoffer { leg, .. }
            | MediaCommand::MakeReoffer { leg, .. }
            | MediaCommand::Unbridge { leg }
            | MediaCommand::Loop { leg, .. }
            | MediaCommand::Play { leg, .. }
            | MediaCommand::StopPlay { leg }
            | MediaCommand::Mute { leg, .. }
            | MediaCommand::SendDtmf { leg, .. }
            | MediaCommand::DetectSpeech { leg, .. }
            | MediaCommand::Close { leg } => self.worker_of(*leg),
            MediaCommand::Record { recording, left, .. } => {
                let worker = self.worker_of(*left);
                *self.recordings.entry(*recording).or_insert(worker)
            }
            MediaCommand::PauseRecording { recording, .. }
            | MediaCommand::StopRecording { recording } => {
                self.recordings.get(recording).copied().unwrap_or(0)
            }
        }
    }
}

struct Thread {
    mailbox: Arc<Mailbox>,
    handle: Option<JoinHandle<()>>,
}

/// The running engine. Dropping it ends the threads like [`Engine::shutdown`].
pub struct Engine {
    routes: Arc<Routes>,
    workers: Vec<Thread>,
    /// The writer ends when this and the workers' handles are gone.
    queue: Option<WriterQueue>,
    writer: Option<Writer>,
    ports: Arc<PortPool>,
}

impl Engine {
    /// Starts worker and writer threads and loads the prompts. Install the metrics recorder
    /// before: the workers take their counters now.
    pub fn start(config: Config, events: EventSink) -> Result<Self, StartError> {
        let ports = PortPool::new(config.port_min, config.port_max)?;
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        let count = if config.workers == 0 { cores } else { config.workers };
        let sounds = Arc::new(Sounds::load(config.sounds_dir.as_deref()));
        let chunks = Arc::new(ChunkPool::new());
        let routes = Arc::new(Routes::new(count));
        let (writer, queue) = Writer::start(Arc::clone(&events), Arc::clone(&chunks))?;
        let mut engine =
            Self { routes, workers: Vec::new(), queue: None, writer: Some(writer), ports };
        let queue = engine.queue.insert(queue).clone();
        for index in 0..count {
            let (mailbox, poll) = worker::mailbox(config.queue_capacity)?;
            let setup = Setup {
                index,
                config: config.clone(),
                events: Arc::clone(&events),
                ports: Arc::clone(&engine.ports),
                sounds: Arc::clone(&sounds),
                chunks: Arc::clone(&chunks),
                writer: queue.clone(),
                routes: Arc::clone(&engine.routes),
            };
            let worker = Worker::new(setup, Arc::clone(&mailbox), poll);
            let builder = std::thread::Builder::new().name(format!("media-{index}"));
            let handle = Some(builder.spawn(move || worker.run())?);
            engine.workers.push(Thread { mailbox, handle });
        }
        Ok(engine)
    }

    /// Hands a command to the worker of its leg. `Full` for a new leg comes when three quarters
    /// of the queue are taken; the rest is for legs that are open.
    pub fn submit(&self, command: MediaCommand) -> Result<(), Full> {
        let opened = if let MediaCommand::Open { leg, .. } = &command { Some(*leg) } else { None };
        let closed = if let MediaCommand::Close { leg } = &command { Some(*leg) } else { None };
        let worker = self.routes.lock().worker_for(&command);
        let mailbox = &self.workers[worker].mailbox;
        let queue = &mailbox.commands;
        let crowded = opened.is_some() && queue.len() >= queue.capacity() / 4 * 3;
        if crowded || queue.push(command).is_err() {
            if let Some(leg) = opened {
                self.routes.forget(leg);
            }
            return Err(Full);
        }
        if let Some(leg) = closed {
            self.routes.forget(leg);
        }
        // Whoever is called already and has not looked yet finds this command as well.
        if !mailbox.called.swap(true, Ordering::AcqRel)
            && let Err(error) = mailbox.waker.wake()
        {
            tracing::error!(%error, "cannot wake a media thread");
        }
        Ok(())
    }

    /// Whether every thread runs. One that ended takes its calls, or every recording, with it.
    pub fn runs(&self) -> bool {
        let ended = |thread: &Thread| thread.handle.as_ref().is_none_or(JoinHandle::is_finished);
        let writer_ended = self.writer.as_ref().is_none_or(Writer::is_finished);
        !writer_ended && !self.workers.iter().any(ended)
    }

    /// Pairs of ports taken now.
    pub fn ports_in_use(&self) -> usize {
        self.ports.in_use()
    }

    /// Closes every leg, completes every recording and ends the threads.
    pub fn shutdown(mut self) {
        self.stop();
    }

    fn stop(&mut self) {
        for worker in &self.workers {
            worker.mailbox.stopping.store(true, Ordering::Release);
            let _ = worker.mailbox.waker.wake();
        }
        for worker in &mut self.workers {
            if worker.handle.take().is_some_and(|h| h.join().is_err()) {
                tracing::error!("a media thread panicked");
            }
        }
        self.queue = None;
        if let Some(writer) = self.writer.take() {
            writer.join();
        }
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop();
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Engine({} workers)", self.workers.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};
    use uuid::Uuid;

    fn leg(n: u128) -> LegKey {
        LegKey(Uuid::from_u128(n))
    }

    #[test]
    fn legs_of_a_call_share_a_worker_and_full_workers_share_the_rest() {
        let routes = Routes::new(2);
        let mut table = routes.lock();
        let calls = LEGS_PER_WORKER as u128 * 2;
        for call in 0..calls {
            let group = GroupKey(Uuid::from_u128(call));
            let a = table.place(leg(call * 2), group);
            assert_eq!(table.place(leg(call * 2 + 1), group), a);
            assert_eq!(table.worker_of(leg(call * 2 + 1)), a);
            let first_is_full = call * 2 >= LEGS_PER_WORKER as u128;
            assert!(first_is_full || a == 0, "call {call}");
        }
        assert_eq!(table.load, [calls as usize, calls as usize]);
        for n in 0..calls * 2 {
            table.forget(leg(n));
            table.forget(leg(n));
        }
        assert_eq!(table.load, [0, 0]);
        assert!(table.groups.is_empty() && table.legs.is_empty());
    }

    #[test]
    fn the_end_of_any_thread_is_seen() {
        let config = Config { workers: 2, ..Config::default() };
        let engine = Engine::start(config, Arc::new(|_| {})).expect("an engine");
        assert!(engine.runs());
        let mailbox = &engine.workers[1].mailbox;
        mailbox.stopping.store(true, Ordering::Release);
        mailbox.waker.wake().expect("woken");
        let deadline = Instant::now() + Duration::from_secs(10);
        while engine.runs() {
            assert!(Instant::now() < deadline, "a worker ended and nobody sees it");
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_range_without_a_pair_is_refused() {
        let config = Config { port_min: 3001, port_max: 3002, ..Config::default() };
        let started = Engine::start(config, Arc::new(|_| {}));
        assert!(matches!(started, Err(StartError::PortRange { min: 3001, max: 3002 })));
    }
}
