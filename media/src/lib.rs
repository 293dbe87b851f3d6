//! RTP engine: worker threads, port pool, recorder, prompts.
//!
//! [`Engine::start`] spawns fixed worker threads, each with its own poller, sockets and
//! buffers. [`MediaCommand`]s go in through a bounded queue per worker, [`MediaEvent`]s come
//! out through the [`EventSink`]. All legs of one [`GroupKey`] (one call) live on one worker,
//! so a packet is received, rewritten in place and sent by the same thread.
//!
//! The crate knows sockets, clocks and threads; what the bytes mean is `media-proto`'s work.

#![warn(missing_docs)]

mod browser;
mod command;
mod config;
mod counters;
mod engine;
mod event;
mod key;
mod leg;
mod ports;
pub mod recorder;
mod sounds;
mod worker;

pub use command::{LegSettings, MediaCommand, MediaDirection, PlaySource, PlaybackId, Tone};
pub use config::Config;
pub use engine::{Engine, EventSink, Full, StartError};
pub use event::{FailReason, LegQuality, MediaEvent};
pub use key::{GroupKey, LegKey, RecordingKey};
pub use media_proto::sdp::is_for_browsers;
pub use media_proto::{Clip, Codec};
pub use sounds::{SoundError, read_wav};
