//! The carrier's face: starts the task, places calls, stops.

use crate::behaviour::Behaviour;
use crate::config::Config;
use crate::live::Outcome;
use crate::sockets::Sockets;
use crate::switchboard::Switchboard;
use media::{Engine, MediaEvent};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// How many requests may wait for the carrier's task; then `place_call` waits its turn.
const COMMAND_QUEUE: usize = 256;

/// How many offered calls wait for who watches them; then further ones are not told.
const OFFERED_QUEUE: usize = 4_096;

/// How many media events may wait; then further ones are dropped and counted.
const MEDIA_QUEUE: usize = 8_192;

/// Why the carrier did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address is taken or not ours.
    #[error("cannot listen on {address}")]
    Listen {
        /// As configured.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The media engine did not start.
    #[error("cannot start the media engine")]
    Media(#[from] media::StartError),
}

/// A call into the switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaceCall {
    /// Where the switch listens.
    pub switch: SocketAddr,
    /// By TCP instead of UDP.
    pub tcp: bool,
    /// The number called, as the carrier writes it.
    pub did: String,
    /// The number shown.
    pub from: String,
    /// How the caller behaves.
    pub behaviour: Behaviour,
}

/// A call the carrier was asked to place.
#[derive(Debug)]
pub struct PlacedCall(pub(crate) oneshot::Receiver<Outcome>);

/// A call the switch has offered to the carrier.
#[derive(Debug)]
pub struct OfferedCall {
    /// The number called.
    pub number: String,
    /// How it comes out.
    pub outcome: PlacedCall,
}

impl PlacedCall {
    /// Waits for its end. `None` when the carrier stopped before.
    pub async fn outcome(self) -> Option<Outcome> {
        self.0.await.ok()
    }
}

/// What the carrier has seen since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls offered to it.
    pub offered: u64,
    /// Calls it placed.
    pub placed: u64,
    /// Calls of both kinds that were answered.
    pub answered: u64,
    /// Calls of both kinds that are over.
    pub ended: u64,
}

#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) offered: AtomicU64,
    pub(crate) placed: AtomicU64,
    pub(crate) answered: AtomicU64,
    pub(crate) ended: AtomicU64,
}

/// To the carrier's task.
#[derive(Debug)]
pub(crate) enum Command {
    Place { call: PlaceCall, outcome: oneshot::Sender<Outcome> },
    Watch(mpsc::Sender<OfferedCall>),
    Resolved { id: signaling_proto::ResolveId, targets: Vec<signaling_proto::Target> },
}

/// The running carrier. Dropping it stops it at once; [`Carrier::stop`] says goodbye first.
#[derive(Debug)]
pub struct Carrier {
    address: SocketAddr,
    commands: mpsc::Sender<Command>,
    counters: Arc<Counters>,
    shutdown: CancellationToken,
    task: Option<JoinHandle<()>>,
}

impl Carrier {
    /// Binds its sockets and begins to serve. Must be called within a Tokio runtime.
    pub fn start(config: Config) -> Result<Self, StartError> {
        let sockets = Sockets::open(config.listen)
            .map_err(|source| StartError::Listen { address: config.listen, source })?;
        let address = sockets.address();
        let (media_in, media_out) = mpsc::channel(MEDIA_QUEUE);
        let sink = move |event: MediaEvent| {
            if media_in.try_send(event).is_err() {
                tracing::warn!("the carrier is too slow, a media event was lost");
            }
        };
        let engine = Engine::start(media_config(&config), Arc::new(sink))?;
        let (commands, commanded) = mpsc::channel(COMMAND_QUEUE);
        let (counters, shutdown) = (Arc::new(Counters::default()), CancellationToken::new());
        let board =
            Switchboard::new(config, sockets, engine, counters.clone(), commands.downgrade());
        let task = tokio::spawn(board.run(commanded, media_out, shutdown.clone()));
        Ok(Self { address, commands, counters, shutdown, task: Some(task) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Calls into the switch.
    pub async fn place_call(&self, call: PlaceCall) -> PlacedCall {
        let (outcome, waiting) = oneshot::channel();
        // A stopped carrier drops the sender, which the caller sees as no outcome.
        let _ = self.commands.send(Command::Place { call, outcome }).await;
        PlacedCall(waiting)
    }

    /// Every call that is offered from now on. Who reads too slowly misses some.
    pub async fn offered_calls(&self) -> mpsc::Receiver<OfferedCall> {
        let (told, offered) = mpsc::channel(OFFERED_QUEUE);
        // A stopped carrier drops the sender: no call is offered any more.
        let _ = self.commands.send(Command::Watch(told)).await;
        offered
    }

    /// What it has seen.
    pub fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            offered: of(&self.counters.offered),
            placed: of(&self.counters.placed),
            answered: of(&self.counters.answered),
            ended: of(&self.counters.ended),
        }
    }

    /// Hangs up every call and stops.
    pub async fn stop(mut self) {
        self.shutdown.cancel();
        if let Some(task) = self.task.take()
            && let Err(error) = task.await
        {
            tracing::error!(%error, "the carrier's task failed");
        }
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

fn media_config(config: &Config) -> media::Config {
    media::Config {
        listen: config.rtp_listen,
        port_min: config.rtp_port_min,
        port_max: config.rtp_port_max,
        sounds_dir: config.sounds_dir.clone(),
        ..media::Config::default()
    }
}
