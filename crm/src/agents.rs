//! What agents do through the day.

use crate::words::words;
use call::{CallId, UserId};
use chrono::{DateTime, Utc};

words! {
    /// The state of an agent as shown and kept.
    AgentStateKind {
        /// Not at work.
        Offline = "offline",
        /// Takes calls.
        Ready = "ready",
        /// A call is about to be offered.
        Reserved = "reserved",
        /// A call is offered.
        Ringing = "ringing",
        /// Talks.
        OnCall = "on_call",
        /// Writes down the outcome.
        WrapUp = "wrap_up",
        /// Away for a reason.
        Paused = "paused",
        /// Would take calls, but no phone of theirs answers.
        Unreachable = "unreachable",
    }
}

/// The state of an agent now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentState {
    /// Who.
    pub user: UserId,
    /// What.
    pub state: AgentStateKind,
    /// Why paused.
    pub reason: Option<String>,
    /// The call it is about.
    pub call: Option<CallId>,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// A past stretch of one state; the stretches of a day tile it (H21).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentStateSpan {
    /// What.
    pub state: AgentStateKind,
    /// Why paused.
    pub reason: Option<String>,
    /// From.
    pub started_at: DateTime<Utc>,
    /// Until.
    pub ended_at: DateTime<Utc>,
}

/// What an agent did in a stretch of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AgentDay {
    /// Calls had.
    pub calls: u32,
    /// Of these, answered.
    pub answered: u32,
    /// Talk time.
    pub talk_ms: u64,
    /// Outcomes saved.
    pub dispositions: u32,
    /// Of these, interested.
    pub interested: u32,
    /// Milliseconds per state, the present one up to now.
    pub in_state_ms: Vec<(AgentStateKind, u64)>,
}
