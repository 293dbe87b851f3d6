//! Click-to-call.

use crate::{
    problem::Problems,
    shapes::calls::{CallStart, CallStarted},
};

/// Place a call: one's own phone rings first, then the customer's. Idempotent by `call_id`.
#[utoipa::path(
    post,
    path = "/api/v1/calls/start",
    tag = "calls",
    request_body = CallStart,
    responses((status = 202, body = CallStarted), Problems),
)]
pub(crate) async fn call_start() {}
