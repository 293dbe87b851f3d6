//! Health.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// How a part fares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ComponentState {
    /// Works.
    Up,
    /// Works worse than it should.
    Degraded,
    /// Does not work.
    Down,
    /// Not configured.
    Off,
}

/// A part of the server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Component {
    /// How it fares.
    pub state: ComponentState,
    /// In plain words, where there is something to say.
    pub detail: Option<String>,
    /// Calls need it: when it is down, so is the answer (503).
    pub required: bool,
}

/// The server as a whole.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Health {
    /// `up`, `degraded` or `down`.
    pub status: ComponentState,
    /// No new calls: shutting down.
    pub draining: bool,
    /// Version running.
    pub version: String,
    /// Its parts.
    pub components: BTreeMap<String, Component>,
}
