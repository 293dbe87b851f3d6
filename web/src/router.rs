//! All routes with everything around them.

use crate::{AppState, assets, guard, live, openapi, problem::Problem, routes, sip_socket, wrap};
use axum::{
    Router,
    extract::{DefaultBodyLimit, State},
    http::{Method, header},
    middleware,
    response::IntoResponse,
    routing::get,
};
use tower_http::compression::{
    CompressionLayer, Predicate,
    predicate::{DefaultPredicate, NotForContentType},
};
use utoipa_swagger_ui::{Config as SwaggerConfig, SwaggerUi};

/// The whole web face. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`.
pub fn router(state: AppState) -> Router {
    let (documented, document) = openapi::documented().split_for_parts();
    let text = document.to_json().expect("a document of our own types serialises");
    let served = move || {
        let text = text.clone();
        async move { ([(header::CONTENT_TYPE, "application/json")], text) }
    };
    let guarded = documented
        .route("/health", get(routes::health::health))
        .route("/metrics", get(figures))
        .route("/api/v1/openapi.json", get(served))
        .route("/api/v1/live", get(live::live))
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(state.clone(), guard::door));
    let docs = SwaggerUi::new("/docs").config(SwaggerConfig::from("/api/v1/openapi.json"));
    let quiet = DefaultPredicate::new().and(NotForContentType::const_new("audio/"));
    let ws_path = state.config.ws_path.clone();
    Router::new()
        .merge(guarded)
        .merge(docs)
        .route(&ws_path, get(sip_socket::sip))
        .fallback(assets::fallback)
        .layer(DefaultBodyLimit::max(state.config.limits.body_bytes))
        .layer(middleware::from_fn_with_state(state.clone(), wrap::around))
        .layer(CompressionLayer::new().compress_when(quiet))
        .with_state(state)
}

async fn figures(State(state): State<AppState>) -> impl IntoResponse {
    let text = state.metrics.render();
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], text)
}

async fn wrong_method(method: Method) -> Problem {
    guard::method_not_allowed(&method)
}
