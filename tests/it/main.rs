//! Stories: the real binary, phoned by software we did not write. What is heard is asserted.

#![allow(clippy::unwrap_used, reason = "a story fails loudly")]

mod cli;
mod crash;
mod desk;
mod floor;
mod inbound;
mod keeping;
mod outage;
mod outbound;
mod restart;
