//! Health for people, probes and balancers (API-07).

use crate::{problem::Problems, shapes::system::Health};

/// State of the server and its parts; 503 when a part that calls need is down.
#[utoipa::path(
    get,
    path = "/api/v1/health",
    tag = "system",
    responses((status = 200, body = Health), Problems),
    security(()),
)]
pub(crate) async fn health() {}
