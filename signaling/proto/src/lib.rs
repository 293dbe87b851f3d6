//! Pure SIP machines: messages, transactions, dialogs, digest, registrar.
//!
//! Nothing here knows a clock, a socket or a thread: bytes, `Instant`s and seeds come in as arguments, outputs are
//! polled. A body is bytes; SDP is another crate's business.
#![warn(missing_docs)]

pub mod brute_force;
mod dialog;
pub mod digest;
pub mod endpoint;
pub mod framer;
pub mod health;
pub mod registrar;
pub mod registration;
mod session_timer;
pub mod source_limit;
mod transaction;

pub mod header_name;
pub mod headers;
pub mod message;
pub mod method;
pub mod status;
pub mod stun;
#[cfg(test)]
mod test_clock;
pub mod text;
pub mod uri;

pub use dialog::{ALLOW, Named};
pub use endpoint::{
    Advertised, AdvertisedSet, Body, Counters, Destination, DialogEvent, DialogId, DialogRequest,
    EndCause, Endpoint, EndpointConfig, Event, Failure, FlowId, HeaderLine, InvalidUse,
    InviteRequest, OutgoingRequest, Path, Reach, Reply, RequestFailure, ResolveId, ResolveQuery,
    Source, Target, TimeoutReason, TransactionId, Transmit, TransmitId,
};
pub use session_timer::SessionTimerConfig;
pub use transaction::{Timer, Timing};

pub use header_name::HeaderName;
pub use headers::{Reason, Transport, Via};
pub use message::{Message, MessageBuilder, ParseOutcome};
pub use method::Method;
pub use status::StatusCode;
pub use text::Text;
pub use uri::{NameAddr, SipUri, Uri};
