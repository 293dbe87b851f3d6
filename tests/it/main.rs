//! Stories: the real binary, phoned by software we did not write. What is heard is asserted.

#![allow(clippy::unwrap_used, reason = "a story fails loudly")]

mod access;
mod carriers;
mod cli;
mod consent;
mod crash;
mod demo_floor;
mod desk;
mod doors;
mod dtmf;
mod emergency;
mod failover;
mod floor;
mod fraud;
mod guessing;
mod holding;
mod inbound;
mod keeping;
mod lists;
mod lockout;
mod media;
mod outage;
mod outbound;
mod passwords;
mod phones;
mod registrars;
mod registration;
mod restart;
mod routing;
mod saved_views;
mod script;
mod secrets;
mod settings;
mod sockets;
mod softphone;
mod takeovers;
mod teams;
mod tenants;
mod transfers;
mod transports;
mod trunks;
mod two_steps;
mod unanswered;
mod websocket;
mod widening;
