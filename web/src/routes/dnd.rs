//! Numbers never to be called (SEC-01).

use crate::{
    problem::Problems,
    shapes::{
        Page, PageQuery,
        compliance::{DndEntry, DndNew},
    },
};

/// The do-not-call list.
#[utoipa::path(
    get,
    path = "/api/v1/dnd",
    tag = "compliance",
    params(PageQuery),
    responses((status = 200, body = Page<DndEntry>), Problems),
)]
pub(crate) async fn dnd_list() {}

/// Put a number on the list.
#[utoipa::path(
    post,
    path = "/api/v1/dnd",
    tag = "compliance",
    request_body = DndNew,
    responses((status = 201, body = DndEntry), Problems),
)]
pub(crate) async fn dnd_add() {}

/// Take a number off the list; audited.
#[utoipa::path(
    delete,
    path = "/api/v1/dnd/{phone}",
    tag = "compliance",
    params(("phone" = String, Path, description = "E.164, the plus sign percent-encoded or not")),
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn dnd_remove() {}
