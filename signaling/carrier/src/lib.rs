//! The simulated carrier: a PSTN in a box that speaks real SIP and RTP on real sockets.
//!
//! The last four digits of the number called decide what happens ([`Behaviour`]); every other
//! number draws from a seeded [`Mix`]. What one far end does is the pure [`Subscriber`]; around
//! it stand our own endpoint, transports and media engine.

#![warn(missing_docs)]

mod args;
mod behaviour;
mod carrier;
mod config;
mod dtmf_info;
mod live;
mod sockets;
mod subscriber;
mod switchboard;

pub use args::Args;
pub use behaviour::{Behaviour, Mix, UnknownBehaviour};
pub use carrier::{Carrier, Counts, OfferedCall, PlaceCall, PlacedCall, StartError};
pub use config::Config;
pub use live::Outcome;
pub use subscriber::{Act, Heard, Refusal, Subscriber, Wake};
