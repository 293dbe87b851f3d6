//! Promises to call.

use crate::{
    problem::Problems,
    shapes::{
        Page,
        leads::{Callback, CallbackChange, CallbackNew, CallbackQuery},
    },
};

/// Promises, soonest first: own and open ones for a telecaller, all for managers and administrators.
#[utoipa::path(
    get,
    path = "/api/v1/callbacks",
    tag = "leads",
    params(CallbackQuery),
    responses((status = 200, body = Page<Callback>), Problems),
)]
pub(crate) async fn callback_list() {}

/// Promise to call.
#[utoipa::path(
    post,
    path = "/api/v1/callbacks",
    tag = "leads",
    request_body = CallbackNew,
    responses((status = 201, body = Callback), Problems),
)]
pub(crate) async fn callback_create() {}

/// Move, keep or take back a promise.
#[utoipa::path(
    patch,
    path = "/api/v1/callbacks/{id}",
    tag = "leads",
    params(("id" = Uuid, Path, description = "Callback")),
    request_body = CallbackChange,
    responses((status = 200, body = Callback), Problems),
)]
pub(crate) async fn callback_change() {}
