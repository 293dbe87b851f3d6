//! Users (AUT-10).

use crate::{
    problem::Problems,
    shapes::{
        Page,
        accounts::{User, UserChange, UserCreated, UserNew, UserQuery},
    },
};

/// Users of the tenant.
#[utoipa::path(
    get,
    path = "/api/v1/users",
    tag = "users",
    params(UserQuery),
    responses((status = 200, body = Page<User>), Problems),
)]
pub(crate) async fn user_list() {}

/// Add a user.
#[utoipa::path(
    post,
    path = "/api/v1/users",
    tag = "users",
    request_body = UserNew,
    responses((status = 201, body = UserCreated), Problems),
)]
pub(crate) async fn user_create() {}

/// One user.
#[utoipa::path(
    get,
    path = "/api/v1/users/{id}",
    tag = "users",
    params(("id" = Uuid, Path, description = "User")),
    responses((status = 200, body = User), Problems),
)]
pub(crate) async fn user_one() {}

/// Change a user. Deactivation, a new role or a new password cuts sessions and sockets within 5 s.
#[utoipa::path(
    patch,
    path = "/api/v1/users/{id}",
    tag = "users",
    params(("id" = Uuid, Path, description = "User")),
    request_body = UserChange,
    responses((status = 200, body = User), Problems),
)]
pub(crate) async fn user_change() {}

/// Deactivate a user; history stays.
#[utoipa::path(
    delete,
    path = "/api/v1/users/{id}",
    tag = "users",
    params(("id" = Uuid, Path, description = "User")),
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn user_deactivate() {}
