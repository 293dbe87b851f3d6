//! The simulated carrier: a PSTN in a box that speaks real SIP and RTP on real sockets.
//!
//! The last four digits of the number called decide what happens ([`Behaviour`]); every other
//! number draws from a seeded [`Mix`]. What one far end does is the pure [`Subscriber`].

mod behaviour;
mod subscriber;

pub use behaviour::{Behaviour, Mix, UnknownBehaviour};
pub use subscriber::{Act, Heard, Refusal, Subscriber, Wake};
