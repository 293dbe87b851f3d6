//! Around every request: an id, a span, a limit of time, a net under panics, problems for every
//! refusal, headers, figures.

use crate::{AppState, headers, problem::Problem};
use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};
use tracing::Instrument;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub(crate) async fn around(
    State(state): State<AppState>,
    request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let id = Uuid::now_v7().to_string();
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let route = request.extensions().get::<MatchedPath>().map(|p| p.as_str().to_owned());
    let span = tracing::info_span!("http", request.id = %id, %method, path);
    let limit = Duration::from_secs(state.config.limits.handler_s);
    let mut response = async {
        let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(response)) => response,
            Ok(Err(panic)) => {
                metrics::counter!("http_panics_total").increment(1);
                tracing::error!(panic = said(panic.as_ref()), "a handler panicked");
                Problem::internal().into_response()
            }
            Err(_) => {
                tracing::error!("a handler took too long");
                Problem::unavailable("this takes too long now", 5).into_response()
            }
        }
    }
    .instrument(span)
    .await;
    response = as_problem(response, &id);
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    headers::secure(response.headers_mut(), &path, &state.config);
    let route = route.unwrap_or_else(|| "desk".to_owned());
    let status = response.status().as_u16().to_string();
    metrics::counter!("http_requests_total", "route" => route.clone(), "status" => status)
        .increment(1);
    metrics::histogram!("http_request_seconds", "route" => route)
        .record(started.elapsed().as_secs_f64());
    response
}

/// Every refusal is a problem document with the request's id in it.
fn as_problem(response: Response, id: &str) -> Response {
    let status = response.status();
    if !(status.is_client_error() || status.is_server_error()) {
        return response;
    }
    let id = Some(id.to_owned());
    if let Some(problem) = response.extensions().get::<Problem>() {
        let problem = problem.clone().request_id(id);
        let mut made = problem.into_response();
        for (name, value) in response.headers() {
            if !made.headers().contains_key(name) && *name != header::CONTENT_LENGTH {
                made.headers_mut().insert(name, value.clone());
            }
        }
        return made;
    }
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("application/json")) {
        return response;
    }
    let title = status.canonical_reason().unwrap_or("Refused");
    let slug = title.to_lowercase().replace(' ', "-");
    let mut made = Problem::new(status, &slug, title, title).request_id(id).into_response();
    for name in [header::ALLOW, header::UPGRADE, header::SEC_WEBSOCKET_VERSION] {
        if let Some(value) = response.headers().get(&name) {
            made.headers_mut().insert(name, value.clone());
        }
    }
    if status == StatusCode::UPGRADE_REQUIRED {
        made.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    }
    made
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
