//! Numbers that carriers deliver to us.

use crate::{
    problem::Problems,
    shapes::{
        Page, PageQuery,
        telephony::{Number, NumberChange, NumberNew},
    },
};

/// Numbers of the tenant.
#[utoipa::path(
    get,
    path = "/api/v1/numbers",
    tag = "telephony",
    params(PageQuery),
    responses((status = 200, body = Page<Number>), Problems),
)]
pub(crate) async fn number_list() {}

/// Add a number.
#[utoipa::path(
    post,
    path = "/api/v1/numbers",
    tag = "telephony",
    request_body = NumberNew,
    responses((status = 201, body = Number), Problems),
)]
pub(crate) async fn number_create() {}

/// One number.
#[utoipa::path(
    get,
    path = "/api/v1/numbers/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Number")),
    responses((status = 200, body = Number), Problems),
)]
pub(crate) async fn number_one() {}

/// Change where its calls go.
#[utoipa::path(
    patch,
    path = "/api/v1/numbers/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Number")),
    request_body = NumberChange,
    responses((status = 200, body = Number), Problems),
)]
pub(crate) async fn number_change() {}

/// Remove a number.
#[utoipa::path(
    delete,
    path = "/api/v1/numbers/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Number")),
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn number_delete() {}
