//! Health for people, probes and balancers (API-07).

use crate::{
    AppState,
    problem::Problems,
    shapes::system::{Component, ComponentState, Health},
};
use axum::{Json, extract::State, http::StatusCode};

/// State of the server and its parts; 503 when a part that calls need is down.
#[utoipa::path(
    get,
    path = "/api/v1/health",
    tag = "system",
    responses(
        (status = 200, body = Health),
        (status = 503, description = "A part that calls need is down", body = Health),
        Problems
    ),
    security(()),
)]
pub(crate) async fn health(State(state): State<AppState>) -> (StatusCode, Json<Health>) {
    let facts = state.facts();
    let mut components = facts.component_list();
    let database = match state.store.ping().await {
        Ok(()) => up(None),
        Err(error) => down(error.to_string()),
    };
    components.insert("database".to_owned(), database);
    let journal = if state.journal.is_degraded() {
        let detail = Some(format!("{} ms behind", state.journal.lag_ms()));
        Component { state: ComponentState::Degraded, detail, required: true }
    } else {
        up(None)
    };
    components.insert("journal".to_owned(), journal);
    let any = |state| components.values().any(|c: &Component| c.state == state);
    let required_down = components.values().any(|c| c.required && c.state == ComponentState::Down);
    let status = if required_down {
        ComponentState::Down
    } else if any(ComponentState::Degraded) || any(ComponentState::Down) {
        ComponentState::Degraded
    } else {
        ComponentState::Up
    };
    let code = if required_down { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK };
    let version = state.config.version.clone();
    (code, Json(Health { status, draining: facts.draining, version, components }))
}

fn up(detail: Option<String>) -> Component {
    Component { state: ComponentState::Up, detail, required: true }
}

fn down(detail: String) -> Component {
    Component { state: ComponentState::Down, detail: Some(detail), required: true }
}
