//! Sign-in, refresh, sign-out (AUT-01, AUT-02).

use crate::{
    problem::Problems,
    shapes::session::{LoginRequest, RefreshRequest, Tokens},
};

/// Sign in. Unknown address and wrong password look the same and take the same time.
#[utoipa::path(
    post,
    path = "/api/v1/auth/login",
    tag = "session",
    request_body = LoginRequest,
    responses((status = 200, body = Tokens), Problems),
    security(()),
)]
pub(crate) async fn auth_login() {}

/// Exchange a refresh token, good once. A second use of the same ends the session.
#[utoipa::path(
    post,
    path = "/api/v1/auth/refresh",
    tag = "session",
    request_body = RefreshRequest,
    responses((status = 200, body = Tokens), Problems),
    security(()),
)]
pub(crate) async fn auth_refresh() {}

/// End this session: its tokens and sockets stop working within 5 s.
#[utoipa::path(
    post,
    path = "/api/v1/auth/logout",
    tag = "session",
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn auth_logout() {}
