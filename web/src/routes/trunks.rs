//! Carrier trunks.

use crate::{
    problem::Problems,
    shapes::{
        Page, PageQuery,
        calls::CallStarted,
        telephony::{TestCallRequest, Trunk, TrunkChange, TrunkNew, TrunkPreset, TrunkStatus},
    },
};

/// Trunks with their live state.
#[utoipa::path(
    get,
    path = "/api/v1/trunks",
    tag = "telephony",
    params(PageQuery),
    responses((status = 200, body = Page<Trunk>), Problems),
)]
pub(crate) async fn trunk_list() {}

/// Add a trunk. Secrets are written, never read.
#[utoipa::path(
    post,
    path = "/api/v1/trunks",
    tag = "telephony",
    request_body = TrunkNew,
    responses((status = 201, body = Trunk), Problems),
)]
pub(crate) async fn trunk_create() {}

/// Carriers we know the ways of.
#[utoipa::path(
    get,
    path = "/api/v1/trunks/presets",
    tag = "telephony",
    responses((status = 200, body = Vec<TrunkPreset>), Problems),
)]
pub(crate) async fn trunk_presets() {}

/// One trunk.
#[utoipa::path(
    get,
    path = "/api/v1/trunks/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Trunk")),
    responses((status = 200, body = Trunk), Problems),
)]
pub(crate) async fn trunk_one() {}

/// Change a trunk; running calls are untouched.
#[utoipa::path(
    patch,
    path = "/api/v1/trunks/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Trunk")),
    request_body = TrunkChange,
    responses((status = 200, body = Trunk), Problems),
)]
pub(crate) async fn trunk_change() {}

/// Remove a trunk.
#[utoipa::path(
    delete,
    path = "/api/v1/trunks/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Trunk")),
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn trunk_delete() {}

/// Live state of a trunk.
#[utoipa::path(
    get,
    path = "/api/v1/trunks/{id}/status",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Trunk")),
    responses((status = 200, body = TrunkStatus), Problems),
)]
pub(crate) async fn trunk_status() {}

/// Place a call over this trunk only: the extension rings first, then the number.
#[utoipa::path(
    post,
    path = "/api/v1/trunks/{id}/test-call",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Trunk")),
    request_body = TestCallRequest,
    responses((status = 202, body = CallStarted), Problems),
)]
pub(crate) async fn trunk_test_call() {}
