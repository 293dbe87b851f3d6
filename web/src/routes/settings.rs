//! Settings of the tenant.

use crate::{
    problem::Problems,
    shapes::compliance::{Settings, SettingsChange},
};

/// Settings of the tenant.
#[utoipa::path(
    get,
    path = "/api/v1/settings",
    tag = "settings",
    responses((status = 200, body = Settings), Problems),
)]
pub(crate) async fn settings() {}

/// Change settings; calls that run keep theirs.
#[utoipa::path(
    patch,
    path = "/api/v1/settings",
    tag = "settings",
    request_body = SettingsChange,
    responses((status = 200, body = Settings), Problems),
)]
pub(crate) async fn settings_change() {}
