//! The switch: SIP transports, call tasks, trunks and the registrar's shell.
//!
//! Imports the pure machines of `signaling-proto` and `call` and drives them with sockets,
//! clocks and tasks. Everything it must ask is in [`Directory`]; everything it is asked comes
//! through [`call::CallControl`]; everything that happens leaves through [`EventOut`].

mod accounts;
mod calls;
mod config;
pub mod directory;
mod dns;
mod measure;
mod runtime;
mod sip;
mod softphone;
mod status;
mod switch;
mod transport;
mod trunk;
mod trunk_settings;
mod vital;

pub use config::{Limits, SwitchConfig, TlsConfig};
pub use directory::Directory;
pub use softphone::Softphone;
pub use status::{
    EventOut, LiveCall, Registration, StampedEvent, SwitchNotice, TrunkHealth, TrunkStatus,
};
pub use switch::{Listening, StartError, Switch};
pub use transport::TlsError;
pub use vital::Part;
