//! Agent states and, later, queues, campaigns and pacing.
//!
//! [`agent`] is pure: facts in, changes out, time as an argument. [`Dialer`] is its shell: one
//! task that owns the floor, feeds it from the journal and the registrar, and keeps its rows.

#![warn(missing_docs)]

pub mod agent;
mod rows;
mod run;

pub use agent::{Key, State, Wish};
pub use run::{AgentView, Closed, Dialer, Phones};
