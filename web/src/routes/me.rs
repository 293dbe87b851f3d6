//! Oneself.

use crate::{
    problem::Problems,
    shapes::session::{Me, MeChange, PasswordChange},
};

/// Who one is.
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "session",
    responses((status = 200, body = Me), Problems),
)]
pub(crate) async fn me() {}

/// Change own name or language.
#[utoipa::path(
    patch,
    path = "/api/v1/me",
    tag = "session",
    request_body = MeChange,
    responses((status = 200, body = Me), Problems),
)]
pub(crate) async fn me_change() {}

/// Change own password; every other session ends.
#[utoipa::path(
    post,
    path = "/api/v1/me/password",
    tag = "session",
    request_body = PasswordChange,
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn me_password() {}
