//! Calls as records.

use crate::{
    problem::Problems,
    shapes::{
        Page,
        calls::{Call, CallQuery},
    },
};

/// Calls, newest first: own for a telecaller, all for managers and administrators.
#[utoipa::path(
    get,
    path = "/api/v1/calls",
    tag = "calls",
    params(CallQuery),
    responses((status = 200, body = Page<Call>), Problems),
)]
pub(crate) async fn call_list() {}

/// One call.
#[utoipa::path(
    get,
    path = "/api/v1/calls/{id}",
    tag = "calls",
    params(("id" = Uuid, Path, description = "Call")),
    responses((status = 200, body = Call), Problems),
)]
pub(crate) async fn call_one() {}
