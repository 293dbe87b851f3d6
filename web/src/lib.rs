//! The web face: API under `/api/v1`, sign-in, live socket, SIP-over-WebSocket door, embedded desk.

mod access;
mod assets;
mod config;
mod convert;
mod extract;
mod guard;
mod headers;
mod limit;
mod live;
mod names;
mod openapi;
mod origin;
mod page;
mod phone_setup;
mod problem;
mod router;
mod routes;
mod scope;
mod sessions;
pub mod shapes;
mod sip_socket;
mod state;
mod token;
mod views;
mod wrap;

#[cfg(test)]
mod rig;
#[cfg(test)]
mod tests;

pub use config::{Config, Limits};
pub use openapi::{openapi, openapi_text};
pub use router::router;
pub use shapes::system::ComponentState;
pub use state::{
    AppState, DirectoryChange, Inner, LiveFacts, PagePhone, PagePhones, Parts, PhoneDoors,
    PhoneFact, SipSocketAcceptor, TrunkFact, TrunkHealth,
};
