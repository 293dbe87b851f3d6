//! Outcomes that can be chosen.

use crate::{
    problem::Problems,
    shapes::{
        Page,
        calls::{Disposition, DispositionChange},
    },
};

/// Outcome codes of the tenant, in the order of the grid.
#[utoipa::path(
    get,
    path = "/api/v1/dispositions",
    tag = "leads",
    responses((status = 200, body = Page<Disposition>), Problems),
)]
pub(crate) async fn disposition_list() {}

/// Change an outcome code.
#[utoipa::path(
    put,
    path = "/api/v1/dispositions/{code}",
    tag = "leads",
    params(("code" = String, Path, description = "Outcome code")),
    request_body = DispositionChange,
    responses((status = 200, body = Disposition), Problems),
)]
pub(crate) async fn disposition_change() {}
