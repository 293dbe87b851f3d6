//! Extensions and their SIP secrets.

use crate::{
    problem::Problems,
    shapes::{
        Page,
        telephony::{Extension, ExtensionChange, ExtensionNew, ExtensionQuery, ExtensionSecret},
    },
};

/// Extensions of the tenant.
#[utoipa::path(
    get,
    path = "/api/v1/extensions",
    tag = "telephony",
    params(ExtensionQuery),
    responses((status = 200, body = Page<Extension>), Problems),
)]
pub(crate) async fn extension_list() {}

/// Add an extension; its SIP secret is generated.
#[utoipa::path(
    post,
    path = "/api/v1/extensions",
    tag = "telephony",
    request_body = ExtensionNew,
    responses((status = 201, body = Extension), Problems),
)]
pub(crate) async fn extension_create() {}

/// One extension.
#[utoipa::path(
    get,
    path = "/api/v1/extensions/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Extension")),
    responses((status = 200, body = Extension), Problems),
)]
pub(crate) async fn extension_one() {}

/// Change an extension.
#[utoipa::path(
    patch,
    path = "/api/v1/extensions/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Extension")),
    request_body = ExtensionChange,
    responses((status = 200, body = Extension), Problems),
)]
pub(crate) async fn extension_change() {}

/// Remove an extension; its phones are refused from now.
#[utoipa::path(
    delete,
    path = "/api/v1/extensions/{id}",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Extension")),
    responses((status = 204, description = "Done"), Problems),
)]
pub(crate) async fn extension_delete() {}

/// What to type into a desk phone. Every look is in the audit trail.
#[utoipa::path(
    get,
    path = "/api/v1/extensions/{id}/secret",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Extension")),
    responses((status = 200, body = ExtensionSecret), Problems),
)]
pub(crate) async fn extension_secret() {}

/// Make a new SIP secret; phones with the old one are refused at their next registration.
#[utoipa::path(
    post,
    path = "/api/v1/extensions/{id}/secret/rotate",
    tag = "telephony",
    params(("id" = Uuid, Path, description = "Extension")),
    responses((status = 200, body = ExtensionSecret), Problems),
)]
pub(crate) async fn extension_secret_rotate() {}
