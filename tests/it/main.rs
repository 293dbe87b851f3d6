//! Stories: the real binary, phoned by software we did not write. What is heard is asserted.

#![allow(clippy::unwrap_used, reason = "a story fails loudly")]

mod access;
mod carriers;
mod cli;
mod crash;
mod desk;
mod doors;
mod dtmf;
mod failover;
mod floor;
mod fraud;
mod holding;
mod inbound;
mod keeping;
mod lockout;
mod media;
mod outage;
mod outbound;
mod passwords;
mod phones;
mod registration;
mod restart;
mod secrets;
mod sockets;
mod transports;
mod trunks;
mod two_steps;
