//! Pure media machines: RTP, RTCP, SDP offer/answer, codecs, DTMF, tones, quality.
//!
//! Nothing in here knows a clock, a socket or a thread: time comes in as an argument.

#![warn(missing_docs)]

mod clip;
pub mod conceal;
pub mod dtmf;
pub mod e_model;
pub mod g711;
pub mod jitter;
pub mod mixer;
mod pitch;
pub mod playout;
pub mod resample;
pub mod rtcp;
pub mod rtp;
pub mod sdp;
pub mod source;
pub mod speech;
pub mod statistics;
mod stretch;
pub mod tone;

pub use clip::Clip;
pub use dtmf::{DtmfReceiver, DtmfSender};
pub use g711::Codec;
pub use rtp::OutStream;
pub use source::{SourceGuard, SourceRules};
pub use speech::SpeechDetector;
pub use statistics::ReceiveStatistics;
