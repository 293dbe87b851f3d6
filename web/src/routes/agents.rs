//! Agents and their states.

use crate::{
    problem::Problems,
    shapes::{
        Page,
        accounts::{Agent, AgentStateChange},
    },
};

/// The floor: everybody for managers and administrators, oneself for a telecaller.
#[utoipa::path(
    get,
    path = "/api/v1/agents",
    tag = "agents",
    responses((status = 200, body = Page<Agent>), Problems),
)]
pub(crate) async fn agent_list() {}

/// Ask for a state. During a call it comes after it; 409 while outcomes are missing.
#[utoipa::path(
    post,
    path = "/api/v1/agents/me/state",
    tag = "agents",
    request_body = AgentStateChange,
    responses((status = 200, body = Agent), Problems),
)]
pub(crate) async fn agent_me_state() {}
