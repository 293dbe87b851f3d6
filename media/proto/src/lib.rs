//! Pure media machines: RTP, RTCP, SDP offer/answer, codecs, DTMF, tones, quality.
//!
//! Nothing in here knows a clock, a socket or a thread: time comes in as an argument.

#![warn(missing_docs)]

mod clip;
pub mod g711;
pub mod sdp;

pub use clip::Clip;
pub use g711::Codec;
