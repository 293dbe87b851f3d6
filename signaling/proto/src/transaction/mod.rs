//! The four transactions of RFC 3261 §17 with the corrections of RFC 6026.
//!
//! Each machine decides only *what* happens next (repeat, deliver, give up); bytes and
//! routing belong to the [`Endpoint`](crate::Endpoint), so a machine is a few words large.

mod client;
mod client_invite;
mod client_non_invite;
mod hop;
mod key;
mod layer;
mod server;
mod server_invite;
mod server_non_invite;
mod targets;
mod timing;
mod wire;

pub(crate) use client_invite::ClientInvite;
pub(crate) use client_non_invite::ClientNonInvite;
pub(crate) use hop::parse_uri;
pub(crate) use key::{ClientKey, ServerKeyParts, Token};
pub(crate) use layer::{Owner, Purpose, TableFull, TransactionLayer, Upcall};
pub(crate) use server::{Answer, Known};
pub(crate) use server_invite::ServerInvite;
pub(crate) use server_non_invite::ServerNonInvite;
#[cfg(test)]
pub(crate) use timing::epoch;
pub use timing::{Timer, Timing};
pub(crate) use wire::{ContactLine, Outgoing};

/// What a received response means to a client transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// Hand it to the user of the transaction.
    Deliver,
    /// Hand it on and acknowledge it (first non-2xx final to INVITE, §17.1.1.3).
    DeliverAndAck,
    /// Acknowledge again, tell nobody.
    AckAgain,
    /// A repetition of no interest.
    Absorb,
}

/// What a request with the key of a server transaction means to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Repeated {
    /// Send the last response again.
    Resend,
    /// Nothing to do.
    Absorb,
    /// The ACK to our non-2xx arrived.
    Acknowledged,
}

/// What the passing of time means to a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expired {
    /// Send the request or the response once more.
    Resend,
    /// Nobody answered: tell the user; the transaction is over.
    TimedOut,
    /// It is over, silently.
    Over,
    /// Too early.
    Nothing,
}
